"""What the table is told of an SA's state."""

import pytest

from ikecore.profile import Limits
from ikecore.spipool import SpiPool
from ikecore.table import Standing
from ikev2.handlers import HANDLERS
from ikev2.sa import IkeSa, Resources, State
from ikev2.standing import standing
from policy.path import Path
from tests.ikev2.network import MOON, SUN, Dice, profile


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State.INIT_SENT, Standing.BEING_MADE),
        (State.AUTH_SENT, Standing.BEING_MADE),
        (State.ESTABLISHED, Standing.UP),
        (State.REKEYED, Standing.LIVING_ON),
        (State.DELETING, Standing.ENDING),
        (State.CLOSED, Standing.CLOSED),
    ],
)
def test_every_state_has_a_standing(state: State, expected: Standing) -> None:
    dice = Dice(1)
    resources = Resources(dice, SpiPool(dice), Limits(), HANDLERS, lambda _: [])
    path = Path((SUN, 500), (MOON, 500))
    sa = IkeSa(resources, (b"i" * 8, b"r" * 8), path, profile("sun"), 0.0, initiator=True)
    sa.state = state
    assert standing(sa) is expected
