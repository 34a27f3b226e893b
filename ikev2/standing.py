"""Where an IKE SA stands, as the table of all of them sees it."""

from typing import Final

from ikecore.table import Standing
from ikev2.sa import IkeSa, State

_STANDINGS: Final = {
    State.ESTABLISHED: Standing.UP,
    State.REKEYED: Standing.LIVING_ON,
    State.DELETING: Standing.ENDING,
    State.CLOSED: Standing.CLOSED,
}


def standing(sa: IkeSa) -> Standing:
    """Return where an SA stands."""
    return _STANDINGS.get(sa.state, Standing.BEING_MADE)
