import pytest

from ikecore.retry import RetryPlan
from ikev2.window import NEVER, RequestWindow, ResponseWindow

PLAN = RetryPlan(first=1.0, factor=2.0, longest=5.0)


def test_one_request_at_a_time() -> None:
    window = RequestWindow(PLAN)
    assert window.open
    window.start(b"one", 0.0, 30.0)
    assert not window.open
    with pytest.raises(RuntimeError, match="under way"):
        window.start(b"two", 0.0, 30.0)


def test_only_the_request_under_way_expects_an_answer() -> None:
    window = RequestWindow(PLAN)
    assert not window.expects(0)
    window.start(b"one", 0.0, 30.0)
    assert window.expects(0)
    assert not window.expects(1)
    window.finish()
    assert not window.expects(0)
    assert not window.expects(1)
    window.start(b"two", 0.0, 30.0)
    assert window.expects(1)


def test_waits_double_until_the_longest_and_end_at_the_deadline() -> None:
    window = RequestWindow(PLAN)
    window.start(b"one", 100.0, 15.0)
    times = [window.due]
    while window.due < window.deadline:
        assert window.again(window.due) == b"one"
        times.append(window.due)
    assert times == [101.0, 103.0, 107.0, 112.0, 115.0]


def test_the_id_stays_when_the_first_request_is_sent_anew() -> None:
    window = RequestWindow(PLAN)
    window.start(b"without cookie", 0.0, 30.0)
    window.stop()
    window.start(b"with cookie", 1.0, 30.0)
    assert window.expects(0)
    assert (window.due, window.deadline) == (2.0, 31.0)


def test_an_idle_window_is_never_due() -> None:
    window = RequestWindow(PLAN)
    assert window.due == NEVER
    window.start(b"one", 0.0, 30.0)
    window.finish()
    assert (window.due, window.deadline) == (NEVER, NEVER)


def test_bad_news_brings_the_deadline_forward_and_never_back() -> None:
    window = RequestWindow(PLAN)
    window.start(b"one", 0.0, 30.0)
    window.hurry(0.5)
    assert (window.due, window.deadline) == (0.5, 0.5)
    window.hurry(20.0)
    assert window.deadline == 0.5


def test_the_same_octets_are_a_repeat_and_others_are_not() -> None:
    window = ResponseWindow()
    assert not window.is_repeat(b"")
    assert not window.is_repeat(b"request")
    window.accept(b"request")
    assert window.expected == 1
    assert window.is_repeat(b"request")
    assert not window.is_repeat(b"request?")
    assert window.response == b""
    window.answer(b"response")
    assert window.response == b"response"
    window.accept(b"next")
    assert window.response == b""
    assert not window.is_repeat(b"request")
