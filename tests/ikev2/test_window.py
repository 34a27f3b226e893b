"""Windows of both directions: IDs, retransmission, repeats (RFC 7296 sections 2.1 to 2.3)."""

import pytest

from ikecore.retry import RetryPlan
from ikev2.window import NEVER, WIDEST, Flight, RequestWindow, ResponseWindow

PLAN = RetryPlan(first=1.0, factor=2.0, longest=5.0)


def start(
    window: RequestWindow[str], text: str, now: float = 0.0, patience: float = 30.0
) -> Flight[str]:
    """Let a request fly; return it."""
    number = window.next_id
    window.start(text, (), (text.encode(),), now, patience)
    flight = window.get(number)
    assert flight is not None
    return flight


def test_one_request_at_a_time() -> None:
    window = RequestWindow[str](PLAN)
    assert window.is_open
    start(window, "one")
    assert not window.is_open
    with pytest.raises(RuntimeError, match="full"):
        start(window, "two")


def test_only_the_request_under_way_expects_an_answer() -> None:
    window = RequestWindow[str](PLAN)
    assert window.get(0) is None
    start(window, "one")
    assert window.get(0) is not None
    assert window.get(1) is None
    window.finish(0)
    assert window.get(0) is None
    assert window.get(1) is None
    start(window, "two")
    assert window.get(1) is not None


def test_a_wider_window_is_measured_from_the_oldest_request_not_answered() -> None:
    window = RequestWindow[str](PLAN, size=3)
    for text in ("zero", "one", "two"):
        assert window.is_open
        start(window, text)
    assert not window.is_open
    window.finish(1)  # 0 may still be unknown to the peer: 3 would be outside of its window
    window.finish(2)
    assert not window.is_open
    window.finish(0)
    assert window.is_open
    assert start(window, "three").message_id == 3


def test_finishing_what_was_answered_before_is_no_error() -> None:
    window = RequestWindow[str](PLAN)
    start(window, "one")
    window.finish(7)
    assert len(window) == 1


def test_waits_double_until_the_longest_and_end_at_the_deadline() -> None:
    window = RequestWindow[str](PLAN)
    flight = start(window, "one", 100.0, 15.0)
    times = [window.due]
    while flight.due < flight.deadline:
        assert window.again(flight, window.due) == (b"one",)
        times.append(window.due)
    assert times == [101.0, 103.0, 107.0, 112.0, 115.0]


def test_the_first_due_of_all_counts_and_the_first_started() -> None:
    window = RequestWindow[str](PLAN, size=2)
    first, second = start(window, "one", 10.0), start(window, "two", 10.5)
    assert (window.started, window.due) == (10.0, 11.0)
    window.again(first, 11.0)
    assert window.due == second.due == 11.5
    window.finish(0)
    assert window.started == 10.5


def test_the_id_stays_when_the_first_request_is_sent_anew() -> None:
    window = RequestWindow[str](PLAN)
    start(window, "without cookie")
    window.rewind()
    flight = start(window, "with cookie", 1.0)
    assert flight.message_id == 0
    assert (flight.due, flight.deadline) == (2.0, 31.0)


def test_an_idle_window_is_never_due() -> None:
    window = RequestWindow[str](PLAN)
    assert (window.due, window.started) == (NEVER, NEVER)
    start(window, "one")
    window.stop()
    assert (window.due, window.started, list(window)) == (NEVER, NEVER, [])


def test_bad_news_brings_every_deadline_forward_and_never_back() -> None:
    window = RequestWindow[str](PLAN, size=2)
    flights = [start(window, "one"), start(window, "two")]
    window.hurry(0.5)
    assert {(flight.due, flight.deadline) for flight in flights} == {(0.5, 0.5)}
    window.hurry(20.0)
    assert {flight.deadline for flight in flights} == {0.5}


def test_good_news_puts_every_deadline_off_and_never_forward() -> None:
    window = RequestWindow[str](PLAN)
    flight = start(window, "one", patience=30.0)
    window.extend(40.0)
    window.extend(20.0)
    assert flight.deadline == 40.0


def test_the_same_octets_are_a_repeat_and_others_are_not() -> None:
    window = ResponseWindow()
    assert not window.is_repeat(0, b"")
    assert not window.is_repeat(0, b"request")
    window.accept(0, b"request")
    assert window.expected == 1
    assert window.is_repeat(0, b"request")
    assert not window.is_repeat(1, b"request")
    assert not window.is_repeat(0, b"request?")
    assert window.response(0) == ()
    window.answer(0, b"response", b"in two pieces")
    assert window.response(0) == (b"response", b"in two pieces")
    window.accept(1, b"next")
    assert window.response(1) == ()
    assert not window.is_repeat(0, b"request?")


def test_of_a_fragmented_request_the_first_piece_counts_for_the_whole() -> None:
    window = ResponseWindow()
    window.accept(0, b"first piece", b"second piece")
    assert window.is_repeat(0, b"first piece")
    assert not window.is_repeat(0, b"second piece")


def test_only_new_ids_inside_the_window_are_admitted() -> None:
    window = ResponseWindow(size=3)
    assert [window.admits(number) for number in (0, 1, 2, 3)] == [True, True, True, False]
    window.accept(1, b"one")
    assert (window.expected, window.admits(1), window.admits(3)) == (0, False, False)
    window.accept(0, b"zero")
    assert window.expected == 2
    assert [number for number in range(8) if window.admits(number)] == [2, 3, 4]


@pytest.mark.parametrize("size", [1, WIDEST])
def test_what_the_peer_can_still_ask_for_is_kept_and_no_more(size: int) -> None:
    window = ResponseWindow(size=size)
    for number in range(100):
        window.accept(number, b"request")
        window.answer(number, b"response")
    assert [number for number in range(101) if window.has_taken(number)] == list(
        range(100 - size, 100)
    )


def test_a_request_in_other_words_keeps_its_answer() -> None:
    window = ResponseWindow()
    window.accept(0, b"first")
    window.answer(0, b"response")
    window.reword(0, b"with cookie")
    assert not window.is_repeat(0, b"first")
    assert window.is_repeat(0, b"with cookie")
    assert window.response(0) == (b"response",)


def test_an_answer_to_what_was_forgotten_is_not_kept() -> None:
    window = ResponseWindow()
    window.answer(4, b"response")
    assert window.response(4) == ()
