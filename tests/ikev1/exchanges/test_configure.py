"""Mode config, one end alone: what it makes of a peer that plays it right, or wrong."""

import pytest

from ikecore.actions import (
    AskLease,
    Assigned,
    Dropped,
)
from ikecore.diagnosis import Code
from ikecore.lease import Lease
from ikecore.profile import ConfigMode, Role
from ikev1.payloads.attributes import Attribute
from ikev1.state import State
from suites.secret import Secret
from tests.ikev1.access import (
    ACK,
    LEASE,
    REPLY,
    REQUEST,
    SET,
    Kind,
    OneEnd,
    client,
    named,
    only,
    server,
    status,
    terms,
)

PULL, PUSH = ConfigMode
ASKED = named(Kind.INTERNAL_IP4_ADDRESS)
ADDRESS = Attribute(Kind.INTERNAL_IP4_ADDRESS, bytes((10, 9, 0, 5)))


def as_client(mode: ConfigMode = PULL) -> OneEnd:
    return OneEnd(client(terms(Role.CLIENT, mode, xauth=False), children=()))


def as_server(mode: ConfigMode = PULL, *, unity: bool = True) -> OneEnd:
    return OneEnd(server(terms(Role.SERVER, mode, xauth=False)), unity=unity)


def lease(end: OneEnd, given: Lease = LEASE) -> None:
    end.carry_out(end.sa.waiting.leased(end.sa, given, end.now))


# -- the server, and what clients do
def test_a_client_that_asks_gets_what_it_asks_for() -> None:
    end = as_server(unity=False)
    end.peer(REQUEST, *ASKED, *named(Kind.INTERNAL_IP4_DNS), identifier=20)
    lease(end)
    ((_, reply),) = end.said()
    assert (reply.type, reply.identifier) == (REPLY, 20)
    assert [one.type for one in reply.attributes] == [
        Kind.INTERNAL_IP4_ADDRESS,
        Kind.INTERNAL_IP4_NETMASK,
        Kind.INTERNAL_IP4_DNS,
    ]
    assert end.stands(State.ESTABLISHED)


def test_a_client_that_asks_for_cisco_s_attributes_knows_unity() -> None:
    """strongSwan's has no vendor ID of Unity in aggressive mode, and asks all the same."""
    end = as_server(unity=False)
    end.peer(REQUEST, *ASKED, *named(Kind.UNITY_SPLIT_INCLUDE))
    lease(end)
    assert {one.type for one in end.said()[-1][1].attributes} >= {
        Kind.UNITY_SPLIT_INCLUDE,
        Kind.UNITY_BANNER,
    }
    assert end.sa.vendors.unity


def test_a_client_that_asks_for_something_else_has_not_asked() -> None:
    end = as_server()
    found = end.peer(REQUEST, *named(Kind.APPLICATION_VERSION, Kind.UNITY_BANNER))
    assert only(AskLease, found) == []
    assert end.said()[-1][1].attributes == ()
    assert end.stands(State.CONFIGURING)


def test_a_client_that_asks_for_a_certain_address_gets_its_own() -> None:
    end = as_server()
    for wanted in (bytes((10, 9, 0, 1)), b"\xff" * 4, b"", bytes(15000)):
        end.peer(REQUEST, Attribute(Kind.INTERNAL_IP4_ADDRESS, wanted))
    lease(end)
    assert end.said()[-1][1].attributes[0] == ADDRESS
    assert len(only(AskLease, end.log)) == 1


def test_a_client_that_asks_although_it_is_to_be_told_is_answered() -> None:
    end = as_server(PUSH)
    lease(end)
    assert end.said()[-1][1].type == SET
    end.peer(REQUEST, *ASKED)
    lease(end)
    assert end.said()[-1][1].type == REPLY
    assert end.stands(State.ESTABLISHED)


def test_a_client_that_neither_asks_nor_takes_is_given_up() -> None:
    end = as_server()
    end.sleep(4)
    assert len(only(AskLease, end.log)) == 1
    lease(end)
    assert end.said()[-1][1].type == SET
    end.sleep(20)
    assert end.failure()[0] is Code.ADDRESS_MISSING
    assert end.stands(State.CLOSED)


def test_a_client_that_asks_later_gets_the_same_again() -> None:
    end = as_server()
    end.peer(REQUEST, *ASKED)
    lease(end)
    before = end.sa.profile
    found = end.peer(REQUEST, *ASKED)
    assert len(only(AskLease, found)) == 1
    lease(end)
    assert end.said()[-1][1].attributes[0] == ADDRESS
    end.peer(REQUEST, *ASKED)
    end.carry_out(end.sa.waiting.refused(end.sa, end.now))
    assert end.said()[-1][1].attributes == ()
    assert end.sa.profile == before
    assert end.stands(State.ESTABLISHED)


def test_an_sa_that_was_replaced_gives_no_address_any_more() -> None:
    """Nobody is told of its end: the address would never come back."""
    end = as_server()
    end.peer(REQUEST, *ASKED)
    lease(end)
    end.sa.become(State.REPLACED, "a test wants it")
    assert only(AskLease, end.peer(REQUEST, *ASKED)) == []
    assert end.said()[-1][1].attributes == ()


def test_a_client_gives_the_server_no_address() -> None:
    for end in (as_server(), as_server(PUSH)):
        end.peer(SET, ADDRESS)
        assert end.said()[-1][1].type == ACK
        assert end.said()[-1][1].attributes == ()
        assert only(Assigned, end.log) == []
        assert end.stands(State.CONFIGURING)


def test_leases_that_nobody_asked_for_are_dropped() -> None:
    end = as_server()
    assert end.sa.waiting.leased(end.sa, LEASE, 0.0) == [Dropped("not_waiting")]
    assert end.sa.waiting.refused(end.sa, 0.0) == [Dropped("not_waiting")]
    end = as_client()
    assert end.sa.waiting.leased(end.sa, LEASE, 0.0) == [Dropped("not_waiting")]


# -- the client, and what servers do
def test_a_server_that_tells_is_heard_although_we_asked() -> None:
    end = as_client()
    assert end.said()[-1][1].type == REQUEST
    end.peer(SET, ADDRESS, Attribute(Kind.UNITY_PFS, 1), identifier=9)
    _, told = end.said()[-1]
    assert (told.type, told.identifier, told.attributes) == (ACK, 9, ASKED)
    assert end.stands(State.ESTABLISHED)


def test_a_server_that_does_not_tell_is_asked() -> None:
    end = as_client(PUSH)
    assert end.said() == []
    end.sleep(4)
    assert end.said()[-1][1].type == REQUEST
    end.answers(ADDRESS)
    assert end.stands(State.ESTABLISHED)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ASKED,
        (Attribute(Kind.INTERNAL_IP4_ADDRESS, bytes(4)),),
        (Attribute(Kind.INTERNAL_IP4_ADDRESS, b"\x7f\0\0\1"),),
        (Attribute(Kind.INTERNAL_IP4_ADDRESS, b"\xe0\0\0\1"),),
        (Attribute(Kind.INTERNAL_IP4_ADDRESS, bytes(15000)),),
        (Attribute(Kind.INTERNAL_IP4_ADDRESS, 0x0A09),),
        (Attribute(Kind.INTERNAL_IP6_ADDRESS, bytes(17)),),
    ],
)
def test_a_reply_without_an_address_that_a_host_can_have(words: tuple[Attribute, ...]) -> None:
    end = as_client()
    end.answers(*words)
    assert end.failure()[0] is Code.ADDRESS_MISSING
    assert only(Assigned, end.log) == []
    end = as_client(PUSH)
    end.peer(SET, *words)  # told so, there may come something better
    assert end.said()[-1][1].attributes == ()
    assert end.stands(State.CONFIGURING)
    end.peer(SET, ADDRESS)
    assert end.stands(State.ESTABLISHED)


def test_a_server_that_gives_no_address_is_given_up() -> None:
    for mode in (PULL, PUSH):
        end = as_client(mode)
        end.sleep(30)
        assert end.failure()[0] is Code.ADDRESS_MISSING
        assert end.stands(State.CLOSED)


def test_an_address_once_taken_stays() -> None:
    end = as_client()
    end.answers(ADDRESS)
    end.peer(SET, Attribute(Kind.INTERNAL_IP4_ADDRESS, bytes((10, 9, 0, 66))))
    assert end.said()[-1][1].attributes == ()
    assert [one.lease.address for one in end.log if isinstance(one, Assigned)] == ["10.9.0.5"]


def test_an_address_told_in_the_middle_of_xauth_counts_after_it() -> None:
    """NetScreen does so, and waits for the ACK before it says the status."""

    end = OneEnd(client(terms(Role.CLIENT), children=()))
    end.peer(REQUEST, *named(Kind.XAUTH_USER_NAME, Kind.XAUTH_USER_PASSWORD))
    end.carry_out(end.sa.waiting.credentials(end.sa, "alice", Secret(b"pw"), 0.0))
    end.peer(SET, ADDRESS)
    assert end.said()[-1][1].attributes == ASKED
    assert only(Assigned, end.log) == []
    end.peer(SET, status(1))
    assert len(only(Assigned, end.log)) == 1
    assert end.stands(State.ESTABLISHED)
