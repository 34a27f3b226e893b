"""Waits grow, and never beyond the longest."""

from hypothesis import given
from hypothesis import strategies as st

from ikecore.retry import RetryPlan


def test_each_wait_is_a_factor_longer_than_the_one_before() -> None:
    plan = RetryPlan(first=0.5, factor=2.0, longest=3.0)
    assert [plan.wait(attempt) for attempt in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


@given(st.floats(0.05, 60), st.floats(1, 10), st.integers(0, 2**40))
def test_no_attempt_number_overflows(first: float, factor: float, attempt: int) -> None:
    assert 0 < RetryPlan(first, factor).wait(attempt) <= 20.0
