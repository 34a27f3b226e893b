"""XAUTH: users, wrong passwords, and what either end does with a peer that plays it wrong."""

from dataclasses import replace

import pytest

from ikecore.actions import (
    AskCredentials,
    CheckUser,
    Closed,
    Dropped,
    Established,
    Failed,
    Noted,
    Reason,
    Send,
)
from ikecore.diagnosis import Code
from ikecore.profile import Phase1Mode, Role
from ikev1.exchanges.xauth import MOST_TRIES, PERSON
from ikev1.message import Exchange
from ikev1.payloads.attributes import Attribute
from ikev1.payloads.attrs import ConfigAttributes
from ikev1.payloads.delete import Delete
from ikev1.state import State
from suites.secret import Secret
from tests.ikev1.access import (
    ACK,
    REPLY,
    REQUEST,
    SET,
    Kind,
    OneEnd,
    client,
    named,
    network,
    only,
    server,
    status,
    terms,
    who,
)
from tests.ikev1.network import Network, said
from tests.ikev1.tunnel import INFORM, heard

ASKED = named(Kind.XAUTH_USER_NAME, Kind.XAUTH_USER_PASSWORD)
OK, FAIL = 1, 0


def users(*, aggressive: bool = False) -> Network:
    """Return a client and a server that only have a user between them."""
    moon, sun = (
        replace(one, children=own.children)
        for one, own in (
            (client(terms(Role.CLIENT, addresses=False, aggressive=aggressive)), server()),
            (server(terms(Role.SERVER, addresses=False, aggressive=aggressive)), server()),
        )
    )
    turned = tuple(replace(c, local_ts=c.remote_ts, remote_ts=c.local_ts) for c in moon.children)
    return network(replace(moon, children=turned), sun)


def as_client() -> OneEnd:
    return OneEnd(client(terms(Role.CLIENT, addresses=False), children=()))


def as_server() -> OneEnd:
    return OneEnd(server(terms(Role.SERVER, addresses=False)))


def diagnosis(end: OneEnd) -> tuple[Code, str]:
    (failed,) = (action for action in end.log if isinstance(action, Failed))
    return failed.diagnosis.code, failed.diagnosis.evidence


def answered(end: OneEnd) -> None:
    """Let a client say who it is, as alice."""
    end.peer(REQUEST, *ASKED)
    end.carry_out(end.sa.waiting.credentials(end.sa, "alice", Secret(b"pw"), end.now))


# -- conversations --------------------------------------------------------------------------------
@pytest.mark.parametrize("aggressive", [False, True])
def test_a_user_is_let_in_after_phase_1(aggressive: bool) -> None:
    """
    moon (client)                          sun (server)
                        ◄─ ATTR(REQUEST: user, password)
    ATTR(REPLY: alice)  ─►
                        ◄─ ATTR(SET: status)               another message ID
    ATTR(ACK: status)   ─►
    quick mode          ─►
    """
    net = users(aggressive=aggressive)
    net.initiate("moon")
    net.assert_connected()
    assert [e.user for e in net.seen(Established, "sun")] == ["alice"]
    assert [e.user for e in net.seen(Established, "moon")] == [""]
    story = [line.split() for line in net.story("moon") if "TRANSACTION" in line]
    assert [(way, label) for way, _, _, _, label in story] == [
        ("<", "ATTR(REQUEST)"),
        (">", "ATTR(REPLY)"),
        ("<", "ATTR(SET)"),
        (">", "ATTR(ACK)"),
    ]
    ids = [number for _, _, number, _, _ in story]
    assert ids[0] == ids[1] != ids[2] == ids[3]
    mode = Phase1Mode.AGGRESSIVE if aggressive else Phase1Mode.MAIN
    assert net.hosts["moon"].profile.legacy.mode is mode


@pytest.mark.parametrize("who_says", ["moon", "sun"])
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("times", [1, 3])
def test_a_lost_message_of_xauth_is_said_again(who_says: str, number: int, times: int) -> None:
    net = users()
    net.lose_when(said(who_says, Exchange.TRANSACTION, number), times)
    net.initiate("moon")
    net.sleep(15)
    net.assert_connected()
    assert net.codes("moon") == net.codes("sun") == []


def test_a_wrong_password_ends_the_sa_at_both_ends() -> None:
    net = users()
    net.hosts["moon"].password = b"forgotten"
    net.initiate("moon")
    net.sleep(10)
    assert net.codes("moon") == ["USER_REFUSED"]
    assert "USER_REFUSED" in net.codes("sun") or net.codes("sun") == ["PEER_DELETED"]
    assert len(net.seen(CheckUser, "sun")) == 1  # moon does not try the same again
    for name in ("moon", "sun"):
        assert [closed.reason for closed in net.seen(Closed, name)] == [Reason.FAILED]
        assert net.seen(Established, name) == []


def test_a_client_that_is_nobody_says_so() -> None:
    net = users()
    net.hosts["moon"].user = ""
    net.initiate("moon")
    net.sleep(10)
    assert net.codes("moon") == ["USER_REFUSED"]
    assert net.seen(CheckUser, "sun") == []
    assert any(isinstance(one, Delete) for line in heard(net, "moon", INFORM) for one in line)


def test_a_new_phase_1_asks_for_the_user_again_and_keeps_the_children() -> None:
    moon = client(terms(Role.CLIENT), ike_lifetime=100.0)
    net = network(moon, server())
    net.initiate("moon")
    net.stream(0.5, moon="10.9.0.5", sun="10.2.0.9")
    net.sleep(150)
    assert len(net.seen(AskCredentials, "moon")) >= 2
    assert len(net.seen(CheckUser, "sun")) >= 2
    assert [e.user for e in net.seen(Established, "sun")][:2] == ["alice", "alice"]
    assert all(e.replaces for e in net.seen(Established, "moon")[1:])
    assert len(net.hosts["moon"].children) == 1
    net.traffic.streams.clear()
    net.sleep(1)
    assert net.traffic.arrived == net.traffic.sent


# -- the client, and a server that plays it wrong -------------------------------------------------
def test_nothing_is_said_before_the_server_asks() -> None:
    end = as_client()
    assert only(Send, end.begun) == []
    assert only(AskCredentials, end.begun) == []


def test_the_client_says_what_it_is_asked_under_the_same_identifier() -> None:
    end = as_client()
    words = (Attribute(Kind.XAUTH_TYPE, 0), *ASKED)
    asked = end.peer(REQUEST, *words, identifier=77)
    assert len(only(AskCredentials, asked)) == 1
    assert end.said() == []
    end.carry_out(end.sa.waiting.credentials(end.sa, "alice", Secret(b"pw"), 0.0))
    ((_, reply),) = end.said()
    assert (reply.type, reply.identifier) == (REPLY, 77)
    assert reply.attributes == (Attribute(Kind.XAUTH_TYPE, 0), *who())


def test_the_name_may_be_asked_first_and_the_password_then() -> None:
    end = as_client()
    for kind in (Kind.XAUTH_USER_NAME, Kind.XAUTH_USER_PASSWORD):
        end.peer(REQUEST, *named(kind))
        end.carry_out(end.sa.waiting.credentials(end.sa, "alice", Secret(b"pw"), 0.0))
    first, second = (reply.attributes for _, reply in end.said())
    assert (*first, *second) == who()


def test_the_status_may_come_under_the_id_of_the_request() -> None:
    """Nothing forbids it; the chain of IVs goes on."""
    end = as_client()
    end.peer(REQUEST, *ASKED, message_id=0x77)
    end.carry_out(end.sa.waiting.credentials(end.sa, "alice", Secret(b"pw"), 0.0))
    end.peer(SET, status(OK), message_id=0x77)
    assert end.stands(State.ESTABLISHED)
    assert [one.type for _, one in end.said()] == [REPLY, ACK]


def test_a_status_before_the_request_is_not_believed() -> None:
    end = as_client()
    told = end.peer(SET, status(OK))
    assert only(Dropped, told)
    assert end.said() == []
    assert end.stands(State.CONFIGURING)
    answered(end)
    end.peer(SET, status(OK))
    assert end.stands(State.ESTABLISHED)


@pytest.mark.parametrize("value", [0, 2, b"", b"\0\0\0\1\0", b"\xff" * 15000])
def test_any_other_status_is_a_refusal(value: int | bytes) -> None:
    end = as_client()
    answered(end)
    end.peer(SET, Attribute(Kind.XAUTH_STATUS, value))
    assert diagnosis(end) == (Code.USER_REFUSED, "the server says so")
    assert end.stands(State.CLOSED)
    assert end.said()[-1][1].type == ACK


def test_a_status_in_octets_counts_as_well() -> None:
    end = as_client()
    answered(end)
    end.peer(SET, Attribute(Kind.XAUTH_STATUS, b"\0\1"))
    assert end.stands(State.ESTABLISHED)


@pytest.mark.parametrize(
    "word",
    [
        Attribute(Kind.XAUTH_TYPE, 1),
        Attribute(Kind.XAUTH_TYPE, b"\2" * 9),
        Attribute(Kind.XAUTH_CHALLENGE, b"challenge"),
        Attribute(Kind.XAUTH_NEXT_PIN, b""),
        Attribute(Kind.XAUTH_ANSWER, b""),
    ],
)
def test_what_only_a_person_knows_is_declined_and_no_password_is_said(word: Attribute) -> None:
    end = as_client()
    asked = end.peer(REQUEST, word, *ASKED)
    assert only(AskCredentials, asked) == []
    assert [reply.attributes for _, reply in end.said()] == [(status(FAIL),)]
    assert diagnosis(end)[0] is Code.USER_REFUSED


def test_the_password_is_said_once() -> None:
    end = as_client()
    answered(end)
    asked = end.peer(REQUEST, *ASKED)
    assert only(AskCredentials, asked) == []
    assert end.said()[-1][1].attributes == (status(FAIL),)
    assert diagnosis(end) == (Code.USER_REFUSED, "the server asks once more")


def test_a_repeated_request_gets_the_same_answer() -> None:
    end = as_client()
    asked = end.sealed(ConfigAttributes(REQUEST, 3, ASKED))
    end.hear(asked)
    assert [type(action) for action in end.hear(asked)] == [Dropped]  # no answer is known yet
    (first,) = only(
        Send, end.carry_out(end.sa.waiting.credentials(end.sa, "alice", Secret(b"pw"), 0.0))
    )
    assert end.hear(asked) == [first]


def test_a_server_s_words_are_shown_in_one_line() -> None:
    end = as_client()
    asked = end.peer(REQUEST, Attribute(Kind.XAUTH_MESSAGE, b"Enter\r\n\x1b[1mname"), *ASKED)
    assert [a.text for a in asked if isinstance(a, Noted)] == [
        "XAUTH: the server says: Enter [1mname"
    ]


def test_a_server_that_never_asks_or_never_judges_is_given_up() -> None:
    end = as_client()
    end.sleep(40)
    assert diagnosis(end) == (Code.PEER_NO_RESPONSE, "no XAUTH request")
    end = as_client()
    answered(end)
    end.sleep(40)
    assert diagnosis(end) == (Code.PEER_NO_RESPONSE, "no XAUTH status")
    assert end.stands(State.CLOSED)


def test_who_is_no_client_tells_no_server_who_it_is() -> None:
    for profile in (
        client(terms(Role.CLIENT, xauth=False)),
        server(),
        server(terms(Role.SERVER, xauth=False)),
    ):
        end = OneEnd(profile)
        asked = end.peer(REQUEST, *ASKED)
        assert only(AskCredentials, asked) == []
        assert end.said(asked)[-1][1].attributes == (status(FAIL),)


def test_answers_that_nobody_waits_for_are_dropped() -> None:
    end = as_client()
    for dropped in (
        end.sa.waiting.credentials(end.sa, "alice", Secret(b"pw"), 0.0),
        end.sa.waiting.refused(end.sa, 0.0),
        end.sa.waiting.accepted(end.sa, 0.0),
    ):
        assert dropped == [Dropped("not_waiting")]
    end = as_server()
    for dropped in (
        end.sa.waiting.refused(end.sa, 0.0),
        end.sa.waiting.accepted(end.sa, 0.0),
        end.sa.waiting.credentials(end.sa, "alice", Secret(b"pw"), 0.0),
    ):
        assert dropped == [Dropped("not_waiting")]


def test_an_sa_in_use_may_be_asked_again_who_it_is() -> None:
    end = as_client()
    answered(end)
    end.peer(SET, status(OK))
    asked = end.peer(REQUEST, *ASKED)
    assert len(only(AskCredentials, asked)) == 1
    end.carry_out(end.sa.waiting.credentials(end.sa, "alice", Secret(b"pw"), 0.0))
    end.peer(SET, status(OK))
    assert end.stands(State.ESTABLISHED)
    end.peer(REQUEST, *ASKED)
    end.carry_out(end.sa.waiting.credentials(end.sa, "alice", Secret(b"pw"), 0.0))
    end.sleep(60)
    assert end.stands(State.ESTABLISHED)  # no status this time: the SA lives on
    end.peer(REQUEST, *ASKED)
    end.carry_out(end.sa.waiting.credentials(end.sa, "alice", Secret(b"pw"), 0.0))
    end.peer(SET, status(FAIL))
    assert end.stands(State.CLOSED)


# -- the server, and a client that plays it wrong -------------------------------------------------
def test_the_server_asks_for_both_as_strongswan_does() -> None:
    end = as_server()
    ((_, request),) = end.said()
    assert (request.type, request.attributes) == (REQUEST, ASKED)


def test_passwords_are_tried_three_times_and_no_more() -> None:
    end = as_server()
    for tried in range(MOST_TRIES):
        found = end.answers(*who(password=b"try %d" % tried))
        assert len(only(CheckUser, found)) == 1
        end.carry_out(end.sa.waiting.refused(end.sa, end.now))
    _, told = end.said()[-1]
    assert (told.type, told.attributes) == (SET, (status(FAIL),))
    assert end.stands(State.CONFIGURING)
    end.answers(*named(Kind.XAUTH_STATUS))
    assert diagnosis(end)[0] is Code.USER_REFUSED
    assert end.stands(State.CLOSED)
    assert end.sa.user == ""


def test_the_same_password_once_more_is_not_checked_again() -> None:
    end = as_server()
    end.answers(*who())
    end.carry_out(end.sa.waiting.refused(end.sa, end.now))
    assert only(CheckUser, end.answers(*who())) == []
    assert end.said()[-1][1].attributes == (status(FAIL),)


def test_the_sa_ends_although_the_client_does_not_acknowledge_that_it_failed() -> None:
    end = as_server()
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
    end = as_server()
    assert only(CheckUser, end.answers(*words)) == []
    asked_again = end.said()[-1][1]
    assert asked_again.type == REQUEST
    assert only(CheckUser, end.answers(*words)) == []
    assert end.said()[-1][1].attributes == (status(FAIL),)


def test_the_message_id_says_which_request_is_answered() -> None:
    end = as_server()
    message_id, request = end.said()[-1]
    found = end.peer(REPLY, *who(), identifier=request.identifier)
    assert only(CheckUser, found) == []
    assert only(Dropped, found)
    assert request.identifier
    found = end.peer(REPLY, *who(), message_id=message_id, identifier=0)  # strongSwan's habit
    assert len(only(CheckUser, found)) == 1


def test_a_client_that_never_answers_is_given_up() -> None:
    end = as_server()
    end.sleep(PERSON + 1)
    assert diagnosis(end) == (Code.USER_REFUSED, "no XAUTH reply")


def test_neither_an_ack_nor_a_set_is_a_reply() -> None:
    for kind in (ACK, SET, REQUEST):
        end = as_server()
        message_id, request = end.said()[-1]
        found = end.peer(kind, *who(), message_id=message_id, identifier=request.identifier)
        assert only(CheckUser, found) == []
        assert end.sa.user == ""
        assert end.stands(State.CONFIGURING)


def test_a_client_cannot_let_itself_in() -> None:
    """Nobody but the daemon says that a password is right, and only when it was asked."""
    end = as_server()
    for words in ((status(OK),), who(), ()):
        end.peer(SET, *words)
        end.peer(REPLY, *words)
        end.peer(ACK, *words)
    assert end.carry_out(end.sa.waiting.accepted(end.sa, 0.0)) == [Dropped("not_waiting")]
    assert end.stands(State.CONFIGURING)
    assert end.sa.user == ""


def test_quick_mode_waits_until_the_user_is_known() -> None:
    end = as_server()
    data = end.sealed(ConfigAttributes(REQUEST, 0), exchange=Exchange.QUICK)
    assert [a.reason for a in end.hear(data) if isinstance(a, Dropped)] == ["unexpected"]


def test_a_person_has_time_to_type() -> None:
    end = as_server()
    end.sleep(PERSON - 5)
    assert end.stands(State.CONFIGURING)
    assert len(only(CheckUser, end.answers(*who()))) == 1
    end.carry_out(end.sa.waiting.accepted(end.sa, end.now))
    end.answers(*named(Kind.XAUTH_STATUS))
    assert end.sa.user == "alice"
    assert end.stands(State.ESTABLISHED)


def test_who_is_let_in_need_not_acknowledge_it() -> None:
    end = as_server()
    end.answers(*who())
    end.carry_out(end.sa.waiting.accepted(end.sa, end.now))
    end.sleep(10)
    assert end.sa.user == "alice"
    assert end.stands(State.ESTABLISHED)
    assert len(only(Send, end.log)) >= 3  # it was told several times


def test_a_check_that_takes_for_ever_is_given_up() -> None:
    end = as_server()
    end.answers(*who())
    end.sleep(60)
    assert diagnosis(end) == (Code.USER_REFUSED, "the password is still being checked")
