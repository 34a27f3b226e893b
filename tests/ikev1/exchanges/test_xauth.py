"""XAUTH: users, wrong passwords, and what either end does with a peer that plays it wrong."""

import pytest

from ikecore.actions import (
    AskCredentials,
    CheckUser,
    Closed,
    Dropped,
    Established,
    Noted,
    Reason,
    Send,
)
from ikecore.diagnosis import Code
from ikecore.profile import ChildProfile, Role
from ikev1.message import Exchange
from ikev1.payloads.attributes import Attribute
from ikev1.payloads.attrs import ConfigAttributes
from ikev1.payloads.delete import Delete
from ikev1.state import State
from suites.secret import Secret
from tests.ikev1.access import (
    ACK,
    LAN,
    POOL,
    REPLY,
    REQUEST,
    SET,
    Kind,
    OneEnd,
    asking_end,
    client,
    named,
    network,
    only,
    server,
    status,
    terms,
    user_end,
    who,
)
from tests.ikev1.network import Network, said
from tests.ikev1.tunnel import INFORM, heard

ASKED = named(Kind.XAUTH_USER_NAME, Kind.XAUTH_USER_PASSWORD)
OK, FAIL = 1, 0


def users(*, aggressive: bool = False) -> Network:
    """Return a client and a server that only have a user between them."""
    return network(
        client(
            terms(Role.CLIENT, addresses=False, aggressive=aggressive),
            children=(ChildProfile(POOL, LAN),),
        ),
        server(terms(Role.SERVER, addresses=False, aggressive=aggressive)),
    )


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
    assert net.codes("sun")[0] in ("USER_REFUSED", "PEER_DELETED")
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
    end = user_end()
    assert only(Send, end.begun) == []
    assert only(AskCredentials, end.begun) == []


def test_the_client_says_what_it_is_asked_under_the_same_identifier() -> None:
    end = user_end()
    words = (Attribute(Kind.XAUTH_TYPE, 0), *ASKED)
    asked = end.peer(REQUEST, *words, identifier=77)
    assert len(only(AskCredentials, asked)) == 1
    assert end.said() == []
    end.carry_out(end.sa.waiting.credentials(end.sa, "alice", Secret(b"pw"), 0.0))
    ((_, reply),) = end.said()
    assert (reply.type, reply.identifier) == (REPLY, 77)
    assert reply.attributes == (Attribute(Kind.XAUTH_TYPE, 0), *who())


def test_the_name_may_be_asked_first_and_the_password_then() -> None:
    end = user_end()
    for kind in (Kind.XAUTH_USER_NAME, Kind.XAUTH_USER_PASSWORD):
        end.peer(REQUEST, *named(kind))
        end.carry_out(end.sa.waiting.credentials(end.sa, "alice", Secret(b"pw"), 0.0))
    first, second = (reply.attributes for _, reply in end.said())
    assert (*first, *second) == who()


def test_the_status_may_come_under_the_id_of_the_request() -> None:
    """Nothing forbids it; the chain of IVs goes on."""
    end = user_end()
    end.peer(REQUEST, *ASKED, message_id=0x77)
    end.carry_out(end.sa.waiting.credentials(end.sa, "alice", Secret(b"pw"), 0.0))
    end.peer(SET, status(OK), message_id=0x77)
    assert end.stands(State.ESTABLISHED)
    assert [one.type for _, one in end.said()] == [REPLY, ACK]


def test_a_status_before_the_request_is_not_believed() -> None:
    end = user_end()
    told = end.peer(SET, status(OK))
    assert only(Dropped, told)
    assert end.said() == []
    assert end.stands(State.CONFIGURING)
    answered(end)
    end.peer(SET, status(OK))
    assert end.stands(State.ESTABLISHED)


@pytest.mark.parametrize("value", [0, 2, b"", b"\0\0\0\1\0", b"\xff" * 15000])
def test_any_other_status_is_a_refusal(value: int | bytes) -> None:
    end = user_end()
    answered(end)
    end.peer(SET, Attribute(Kind.XAUTH_STATUS, value))
    assert end.failure() == (Code.USER_REFUSED, "the server says so")
    assert end.stands(State.CLOSED)
    assert end.said()[-1][1].type == ACK


def test_a_status_in_octets_counts_as_well() -> None:
    end = user_end()
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
    end = user_end()
    asked = end.peer(REQUEST, word, *ASKED)
    assert only(AskCredentials, asked) == []
    assert [reply.attributes for _, reply in end.said()] == [(status(FAIL),)]
    assert end.failure()[0] is Code.USER_REFUSED


def test_the_password_is_said_once() -> None:
    end = user_end()
    answered(end)
    asked = end.peer(REQUEST, *ASKED)
    assert only(AskCredentials, asked) == []
    assert end.said()[-1][1].attributes == (status(FAIL),)
    assert end.failure() == (Code.USER_REFUSED, "the server asks once more")


def test_a_repeated_request_gets_the_same_answer() -> None:
    end = user_end()
    asked = end.sealed(ConfigAttributes(REQUEST, 3, ASKED))
    end.hear(asked)
    assert [type(action) for action in end.hear(asked)] == [Dropped]  # no answer is known yet
    (first,) = only(
        Send, end.carry_out(end.sa.waiting.credentials(end.sa, "alice", Secret(b"pw"), 0.0))
    )
    assert end.hear(asked) == [first]


def test_a_server_s_words_are_shown_in_one_line() -> None:
    end = user_end()
    asked = end.peer(REQUEST, Attribute(Kind.XAUTH_MESSAGE, b"Enter\r\n\x1b[1mname"), *ASKED)
    assert [a.text for a in asked if isinstance(a, Noted)] == [
        "XAUTH: the server says: Enter [1mname"
    ]


def test_a_server_that_never_asks_or_never_judges_is_given_up() -> None:
    end = user_end()
    end.sleep(40)
    assert end.failure() == (Code.PEER_NO_RESPONSE, "no XAUTH request")
    end = user_end()
    answered(end)
    end.sleep(40)
    assert end.failure() == (Code.PEER_NO_RESPONSE, "no XAUTH status")
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
    end = user_end()
    for dropped in (
        end.sa.waiting.credentials(end.sa, "alice", Secret(b"pw"), 0.0),
        end.sa.waiting.refused(end.sa, 0.0),
        end.sa.waiting.accepted(end.sa, 0.0),
    ):
        assert dropped == [Dropped("not_waiting")]
    end = asking_end()
    for dropped in (
        end.sa.waiting.refused(end.sa, 0.0),
        end.sa.waiting.accepted(end.sa, 0.0),
        end.sa.waiting.credentials(end.sa, "alice", Secret(b"pw"), 0.0),
    ):
        assert dropped == [Dropped("not_waiting")]


def test_an_sa_in_use_may_be_asked_again_who_it_is() -> None:
    end = user_end()
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
