"""One exchange on the wire: when it is sent again, what is a repeat, and which IV follows."""

import pytest

from ikecore.retry import RetryPlan
from ikecore.timetable import NEVER
from ikev1.flight import Flight, digest

from .alone import Scripted

SAID = (b"what we said",)
PLAN = RetryPlan(first=0.5, factor=2.0, longest=3.0)


@pytest.fixture
def flight() -> Flight:
    return Flight(7, Scripted(), PLAN, 0.0)


def took(flight: Flight, datagram: bytes, iv: bytes = b"iv") -> None:
    flight.look_at(datagram, iv)
    flight.take()


def test_what_is_said_goes_out_again_with_longer_and_longer_waits(flight: Flight) -> None:
    flight.say(SAID, 10.0, 10.0)
    dues = []
    while flight.due < flight.deadline:
        dues.append(flight.due)
        assert flight.again(flight.due) == SAID
    assert dues == [10.5, 11.5, 13.5, 16.5, 19.5]
    assert flight.deadline == 20.0


def test_what_is_said_once_waits_for_the_peer_to_repeat_itself(flight: Flight) -> None:
    flight.say_once(SAID, 10.0, 10.0)
    assert flight.due == flight.deadline == 20.0
    assert flight.sent == SAID


def test_an_answer_ends_the_waiting(flight: Flight) -> None:
    flight.say(SAID, 0.0, 10.0)
    flight.again(0.5)
    took(flight, b"the answer")
    assert (flight.due, flight.deadline, flight.attempt) == (NEVER, NEVER, 0)


def test_only_a_message_that_was_taken_moves_the_iv_on(flight: Flight) -> None:
    flight.iv = b"the first"
    flight.look_at(b"forged", b"the forged one's")
    assert flight.iv == b"the first"
    flight.look_at(b"true", b"the true one's")
    flight.take()
    assert flight.iv == b"the true one's"


def test_a_message_in_clear_leaves_the_iv(flight: Flight) -> None:
    flight.iv = b"the first"
    took(flight, b"in clear", b"")
    assert flight.iv == b"the first"


def test_the_same_octets_are_a_repeat_and_no_others(flight: Flight) -> None:
    assert not flight.is_repeat(b"")
    took(flight, b"a message")
    assert flight.is_repeat(b"a message")
    assert not flight.is_repeat(b"a message!")
    took(flight, b"the next one")
    assert not flight.is_repeat(b"a message")


def test_a_message_looked_at_and_not_taken_is_no_repeat(flight: Flight) -> None:
    flight.look_at(b"forged", b"iv")
    assert not flight.is_repeat(b"forged")


def test_repeats_are_answered_twenty_times(flight: Flight) -> None:
    flight.say_once(SAID, 0.0, 10.0)
    took(flight, b"a message")
    assert [flight.may_repeat() for _ in range(22)] == [True] * 20 + [False] * 2
    took(flight, b"the next one")
    assert flight.may_repeat()


def test_there_is_no_answer_to_repeat_before_there_was_one(flight: Flight) -> None:
    took(flight, b"a message")
    assert not flight.may_repeat()


def test_little_hope_brings_the_end_forward_but_never_puts_it_off(flight: Flight) -> None:
    flight.say(SAID, 0.0, 10.0)
    flight.hurry(12.0)
    assert (flight.due, flight.deadline) == (0.5, 10.0)
    flight.hurry(0.3)
    assert (flight.due, flight.deadline) == (0.3, 0.3)


def test_what_is_over_is_kept_for_repeats(flight: Flight) -> None:
    flight.say(SAID, 0.0, 10.0)
    flight.end(60.0)
    assert flight.is_over
    assert (flight.due, flight.deadline, flight.forget_at) == (NEVER, NEVER, 60.0)
    assert flight.sent == SAID


def test_octets_and_ivs_do_not_show(flight: Flight) -> None:
    flight.say(SAID, 0.0, 10.0)
    flight.look_at(b"secret octets", b"secret iv")
    assert "secret" not in repr(flight)
    assert "said" not in repr(flight)


def test_a_message_is_known_by_its_digest() -> None:
    assert digest(b"a") != digest(b"b")
    assert len(digest(b"")) == 32
