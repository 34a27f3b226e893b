from ikebana.daemon.orders import Ended, RouteState


def test_routes_are_in_one_of_three_states_and_none_lets_a_packet_leave_in_clear() -> None:
    assert {state.value for state in RouteState} == {"active", "trap", "blocked"}


def test_a_try_that_came_through_has_no_diagnosis() -> None:
    assert Ended(ok=True).diagnosis is None
