import pytest

from ikebana.config.connection import CloseAction, DpdAction, Initiation
from ikebana.daemon.aftermath import AGAIN, ARM, WAIT, Aftermath, after_death, after_delete
from ikebana.daemon.orders import RouteState

ACTIVE, ON_DEMAND, PASSIVE = Initiation.ACTIVE, Initiation.ON_DEMAND, Initiation.PASSIVE


@pytest.mark.parametrize(
    ("action", "initiation", "after"),
    [
        (CloseAction.RESTART, ACTIVE, AGAIN),
        (CloseAction.RESTART, ON_DEMAND, ARM),
        (CloseAction.RESTART, PASSIVE, WAIT),
        *((CloseAction.HOLD, one, ARM) for one in Initiation),
        *((CloseAction.CLEAR, one, WAIT) for one in Initiation),
    ],
)
def test_after_a_delete(action: CloseAction, initiation: Initiation, after: Aftermath) -> None:
    assert after_delete(action, initiation) == after


@pytest.mark.parametrize(
    ("action", "initiation", "after"),
    [
        (DpdAction.RESTART, ACTIVE, AGAIN),
        (DpdAction.RESTART, ON_DEMAND, AGAIN),
        (DpdAction.RESTART, PASSIVE, WAIT),
        *((DpdAction.HOLD, one, ARM) for one in Initiation),
        *((DpdAction.CLEAR, one, WAIT) for one in Initiation),
    ],
)
def test_after_a_death(action: DpdAction, initiation: Initiation, after: Aftermath) -> None:
    assert after_death(action, initiation) == after


def test_nothing_leaves_in_clear_whatever_comes_after() -> None:
    assert {one.routes for one in (ARM, WAIT, AGAIN)} == {RouteState.TRAP, RouteState.BLOCKED}
