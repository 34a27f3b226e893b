import pytest

from ikebana.config.compile import Tries
from ikebana.daemon.tries import AT_ONCE, Attempts
from ikecore.timetable import NEVER
from tests.ikebana.daemon.lives import Fixed


def test_nothing_is_planned_before_something_failed() -> None:
    attempts = Attempts(Tries(), Fixed())
    assert (attempts.is_planned, attempts.has_failed, attempts.at) == (False, False, NEVER)
    assert AT_ONCE < 1.0


def test_three_retries_follow_two_seconds_apart_and_then_the_long_pause() -> None:
    attempts = Attempts(Tries(), Fixed(0))
    pauses = []
    for _ in range(5):
        attempts.fail(0.0)
        pauses.append((round(attempts.at, 3), attempts.has_failed))
    assert pauses[:3] == [(2.0, False)] * 3
    assert pauses[3:] == [(10.8, True)] * 2


@pytest.mark.parametrize(("octet", "pause"), [(0, 10.8), (255, 13.2)])
def test_what_is_put_off_counts_no_failure(octet: int, pause: float) -> None:
    attempts = Attempts(Tries(), Fixed(octet))
    attempts.put_off(100.0)
    assert attempts.at == pytest.approx(100.0 + pause)
    assert attempts.failures == 0


def test_rest_keeps_the_count_and_success_forgets_it() -> None:
    attempts = Attempts(Tries(), Fixed())
    attempts.fail(100.0)
    attempts.rest()
    assert (attempts.failures, attempts.is_planned) == (1, False)
    attempts.forget()
    assert attempts.failures == 0
