"""Which exchanges a peer may begin, and when."""

from ikev1.handlers import HANDLERS
from ikev1.message import Exchange
from ikev1.state import State


def test_a_quick_mode_begins_only_under_an_sa_that_is_up() -> None:
    states = {state for state, exchange in HANDLERS if exchange == Exchange.QUICK}
    assert states == {State.ESTABLISHED, State.REPLACED}


def test_a_transaction_begins_only_once_the_peer_is_authenticated() -> None:
    states = {state for state, exchange in HANDLERS if exchange == Exchange.TRANSACTION}
    assert State.NEGOTIATING not in states


def test_nothing_begins_under_a_closed_sa_and_no_second_phase_1_under_any() -> None:
    assert State.CLOSED not in {state for state, _ in HANDLERS}
    assert not {Exchange.MAIN, Exchange.AGGRESSIVE} & {exchange for _, exchange in HANDLERS}
