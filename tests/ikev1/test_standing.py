"""What the table is told of an SA's state."""

import pytest

from ikecore.table import Standing
from ikev1.standing import standing
from ikev1.state import State

from .alone import lone


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_a_standing(state: State) -> None:
    sa = lone()
    sa.state = state
    assert (standing(sa) is Standing.UP) == (state is State.ESTABLISHED)
    assert (standing(sa) is Standing.CLOSED) == (state is State.CLOSED)
