"""So many a second, so many at once, and never more than what was saved up."""

from ikebana.rate import Rate


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    rate = Rate(2.0, 3.0)
    assert [rate.takes(0.0) for _ in range(4)] == [True, True, True, False]
    assert rate.takes(0.5)
    assert not rate.takes(0.6)


def test_what_is_saved_up_never_exceeds_the_burst() -> None:
    rate = Rate(100.0, 2.0)
    assert rate.takes(1000.0)
    assert [rate.takes(2000.0) for _ in range(3)] == [True, True, False]
