"""XAUTH as a server: who is let in, and what clients do that play it wrong."""

import pytest

from ikecore.actions import CheckUser, Dropped, Send
from ikecore.diagnosis import Code
from ikev1.exchanges.xauth import MOST_TRIES, PERSON
from ikev1.message import Exchange
from ikev1.payloads.attributes import Attribute
from ikev1.payloads.attrs import ConfigAttributes
from ikev1.state import State
from tests.ikev1.access import (
    ACK,
    REPLY,
    REQUEST,
    SET,
    Kind,
    asking_end,
    named,
    only,
    status,
    who,
)

ASKED = named(Kind.XAUTH_USER_NAME, Kind.XAUTH_USER_PASSWORD)
OK, FAIL = 1, 0


def test_the_server_asks_for_both_as_strongswan_does() -> None:
    end = asking_end()
    ((_, request),) = end.said()
    assert (request.type, request.attributes) == (REQUEST, ASKED)


def test_passwords_are_tried_three_times_and_no_more() -> None:
    end = asking_end()
    for tried in range(MOST_TRIES):
        found = end.answers(*who(password=b"try %d" % tried))
        assert len(only(CheckUser, found)) == 1
        end.carry_out(end.sa.waiting.refused(end.sa, end.now))
    _, told = end.said()[-1]
    assert (told.type, told.attributes) == (SET, (status(FAIL),))
    assert end.stands(State.CONFIGURING)
    end.answers(*named(Kind.XAUTH_STATUS))
    assert end.failure()[0] is Code.USER_REFUSED
    assert end.stands(State.CLOSED)
    assert end.sa.user == ""


def test_the_same_password_once_more_is_not_checked_again() -> None:
    end = asking_end()
    end.answers(*who())
    end.carry_out(end.sa.waiting.refused(end.sa, end.now))
    assert only(CheckUser, end.answers(*who())) == []
    assert end.said()[-1][1].attributes == (status(FAIL),)


def test_the_sa_ends_although_the_client_does_not_acknowledge_that_it_failed() -> None:
    end = asking_end()
    end.answers(status(FAIL))  # it says itself that it is nobody
    end.sleep(10)
    assert end.stands(State.CLOSED)


@pytest.mark.parametrize(
    "words",
    [
        (),
        named(Kind.XAUTH_USER_NAME, Kind.XAUTH_USER_PASSWORD),
        who(user=b"\x1b]0;root\x07"),
        who(user=bytes.fromhex("30820100310b")),
        who(user=b"x" * 15000),
        who(password=b"x" * 15000),
        (Attribute(Kind.XAUTH_USER_NAME, 0x6161), Attribute(Kind.XAUTH_USER_PASSWORD, 0x6161)),
    ],
)
def test_nobody_is_not_looked_up_and_counts_as_a_try(words: tuple[Attribute, ...]) -> None:
    end = asking_end()
    assert only(CheckUser, end.answers(*words)) == []
    asked_again = end.said()[-1][1]
    assert asked_again.type == REQUEST
    assert only(CheckUser, end.answers(*words)) == []
    assert end.said()[-1][1].attributes == (status(FAIL),)


def test_the_message_id_says_which_request_is_answered() -> None:
    end = asking_end()
    message_id, request = end.said()[-1]
    found = end.peer(REPLY, *who(), identifier=request.identifier)
    assert only(CheckUser, found) == []
    assert only(Dropped, found)
    assert request.identifier
    found = end.peer(REPLY, *who(), message_id=message_id, identifier=0)  # strongSwan's habit
    assert len(only(CheckUser, found)) == 1


def test_a_client_that_never_answers_is_given_up() -> None:
    end = asking_end()
    end.sleep(PERSON + 1)
    assert end.failure() == (Code.USER_REFUSED, "no XAUTH reply")


def test_neither_an_ack_nor_a_set_is_a_reply() -> None:
    for kind in (ACK, SET, REQUEST):
        end = asking_end()
        message_id, request = end.said()[-1]
        found = end.peer(kind, *who(), message_id=message_id, identifier=request.identifier)
        assert only(CheckUser, found) == []
        assert end.sa.user == ""
        assert end.stands(State.CONFIGURING)


def test_a_client_cannot_let_itself_in() -> None:
    """Nobody but the daemon says that a password is right, and only when it was asked."""
    end = asking_end()
    for words in ((status(OK),), who(), ()):
        end.peer(SET, *words)
        end.peer(REPLY, *words)
        end.peer(ACK, *words)
    assert end.carry_out(end.sa.waiting.accepted(end.sa, 0.0)) == [Dropped("not_waiting")]
    assert end.stands(State.CONFIGURING)
    assert end.sa.user == ""


def test_quick_mode_waits_until_the_user_is_known() -> None:
    end = asking_end()
    data = end.sealed(ConfigAttributes(REQUEST, 0), exchange=Exchange.QUICK)
    assert [a.reason for a in end.hear(data) if isinstance(a, Dropped)] == ["unexpected"]


def test_a_person_has_time_to_type() -> None:
    end = asking_end()
    end.sleep(PERSON - 5)
    assert end.stands(State.CONFIGURING)
    assert len(only(CheckUser, end.answers(*who()))) == 1
    end.carry_out(end.sa.waiting.accepted(end.sa, end.now))
    end.answers(*named(Kind.XAUTH_STATUS))
    assert end.sa.user == "alice"
    assert end.stands(State.ESTABLISHED)


def test_who_is_let_in_need_not_acknowledge_it() -> None:
    end = asking_end()
    end.answers(*who())
    end.carry_out(end.sa.waiting.accepted(end.sa, end.now))
    end.sleep(10)
    assert end.sa.user == "alice"
    assert end.stands(State.ESTABLISHED)
    assert len(only(Send, end.log)) >= 3  # it was told several times


def test_a_check_that_takes_for_ever_is_given_up() -> None:
    end = asking_end()
    end.answers(*who())
    end.sleep(60)
    assert end.failure() == (Code.USER_REFUSED, "the password is still being checked")
