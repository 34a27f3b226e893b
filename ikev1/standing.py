"""Where an ISAKMP SA stands, as the table of all of them sees it."""

from typing import Final

from ikecore.table import Standing
from ikev1.sa import IkeSa
from ikev1.state import State

_STANDINGS: Final = {
    State.NEGOTIATING: Standing.BEING_MADE,
    State.CONFIGURING: Standing.BEING_MADE,
    State.ESTABLISHED: Standing.UP,
    State.REPLACED: Standing.LIVING_ON,
    State.CLOSED: Standing.CLOSED,
}


def standing(sa: IkeSa) -> Standing:
    """Return where an SA stands."""
    return _STANDINGS[sa.state]
