"""Deletes of the peer: what they take down, what they pass over."""

import pytest

from ikecore.actions import (
    ChildClosed,
    Closed,
    Established,
    Failed,
    Reason,
    RemoveChild,
    UseChild,
)
from ikecore.diagnosis import Code
from ikecore.proposals import Protocol
from ikev1.child import ChildState
from ikev1.payloads.delete import Delete
from ikev1.payloads.types import ProtocolId
from ikev1.state import State

from .told import BYE, SPI, add_child, beside, half_open, hear, said, up

ESP, AH = ProtocolId.ESP, ProtocolId.AH


def test_a_delete_of_a_child_removes_the_pair() -> None:
    sa = up()
    child, other = add_child(sa), add_child(sa, 0x1002, 0x2002)
    actions = hear(sa, Delete.of_children(ESP, (0x2001,)))
    gone = ChildClosed(sa.sa, "net", 0x1001, Reason.PEER_DELETED, child.wanted)
    assert actions == [RemoveChild(0x1001), gone]
    assert list(sa.children.values()) == [other]
    assert sa.state is State.ESTABLISHED


def test_one_message_may_delete_many() -> None:
    sa = up()
    for n in range(4):
        add_child(sa, 0x1000 + n, 0x2000 + n)
    hear(sa, Delete.of_children(ESP, (0x2000, 0x2001)), Delete.of_children(ESP, (0x2003,)))
    assert list(sa.children) == [0x1002]


@pytest.mark.parametrize(
    "odd",
    [
        Delete.of_children(ESP, (0x1001,)),  # our SPI, which is not the peer's to delete
        Delete.of_children(ESP, (0x9999,)),
        Delete.of_children(AH, (0x2001,)),
        Delete.of_children(ESP, ()),
        Delete(ProtocolId.IPCOMP, (b"\x20\x01",)),
        Delete(7, (b"\0\0\x20\x01",)),
        Delete(ProtocolId.ISAKMP, (SPI[::-1],)),
        Delete(ProtocolId.ISAKMP, ()),
    ],
)
def test_what_is_not_the_peers_to_delete_stays(odd: Delete) -> None:
    sa = up()
    add_child(sa)
    assert hear(sa, odd) == []
    assert list(sa.children) == [0x1001]
    assert sa.state is State.ESTABLISHED


def test_an_spi_belongs_to_its_protocol() -> None:
    sa = up()
    add_child(sa, 0x1001, 0x2001)
    add_child(sa, 0x1002, 0x2001, keywords="sha256", protocol=Protocol.AH)
    hear(sa, Delete.of_children(AH, (0x2001,)))
    assert list(sa.children) == [0x1001]


def test_a_delete_of_the_sa_ends_it_and_its_children() -> None:
    sa = up()
    add_child(sa)
    actions = hear(sa, BYE)
    assert sa.state is State.CLOSED
    assert said(actions) == []
    assert [one for one in actions if isinstance(one, RemoveChild)] == [RemoveChild(0x1001)]
    assert actions[-1] == Closed(sa.sa, "net", True, Reason.PEER_DELETED)


def test_children_go_over_to_another_sa_with_the_peer() -> None:
    older, newer = up(), up()
    beside(older, newer)
    add_child(older)
    actions = hear(older, BYE)
    assert older.state is State.CLOSED
    assert list(newer.children) == [0x1001]
    assert [one.replaces for one in actions if isinstance(one, Established)] == [older.sa]
    assert not any(isinstance(one, RemoveChild | ChildClosed | Closed) for one in actions)


def test_a_delete_under_an_sa_that_was_replaced_meets_the_one_in_its_place() -> None:
    older, newer = up(), up()
    older.home = newer
    older.become(State.REPLACED, "a test wants it")
    add_child(newer)
    hear(older, Delete.of_children(ESP, (0x2001,)))
    assert newer.children == {}
    hear(older, BYE)
    assert (older.state, newer.state) == (State.CLOSED, State.ESTABLISHED)


def test_a_delete_while_the_peer_configures_fails_the_connection() -> None:
    sa = up()
    sa.become(State.CONFIGURING, "a test wants it")
    (failed, *_, closed) = hear(sa, BYE)
    assert isinstance(failed, Failed)
    assert failed.diagnosis.code is Code.PEER_DELETED
    assert isinstance(closed, Closed)
    assert closed.reason is Reason.FAILED


def test_a_delete_while_phase_1_is_under_way_is_nothing() -> None:
    sa = half_open()
    assert hear(sa, BYE) == []
    assert sa.state is State.NEGOTIATING


def test_who_deletes_the_old_child_uses_the_new_one() -> None:
    # QM1 ──►, ◄── QM2, QM3 lost: D(old) tells as well that the new one is in use
    sa = up()
    old = add_child(sa)
    heir = add_child(sa, 0x1002, 0x2002, state=ChildState.PENDING, standby=True, like=old)
    actions = hear(sa, Delete.of_children(ESP, (0x2001,)))
    assert UseChild(0x1002) in actions
    assert heir.state is ChildState.LIVE


def test_a_delete_of_both_takes_both() -> None:
    sa = up()
    old = add_child(sa)
    add_child(sa, 0x1002, 0x2002, state=ChildState.PENDING, standby=True, like=old)
    hear(sa, Delete.of_children(ESP, (0x2001, 0x2002)))
    assert [one for one in sa.children.values() if one.is_live] == []
