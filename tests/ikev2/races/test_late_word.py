"""What comes so late that the world has moved on: found by random lives, told here one by one."""

import pytest

from ikecore.actions import Closed, Reason
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from tests.ikev2.network import OTHER
from tests.ikev2.wire import request, response
from tests.pair.worker_model import Use

from .scene import (
    CREATE,
    INFORM,
    LATE,
    PEER,
    US,
    answer_instead,
    child_of,
    close,
    close_child,
    conclude,
    connect,
    groups_asked_with,
    quiet,
    reasons,
    rekey,
    rekey_ike,
    rekeyed,
    said,
)

BOTH = (US, PEER)
WHO = pytest.mark.parametrize("who", BOTH, ids=["we rekey", "the peer rekeys"])


@WHO
def test_who_answered_renews_the_child_before_its_answer_came(initiator: str, who: str) -> None:
    """Race 4 meets 12: the new SPI is not known yet where it is to be renewed."""
    # REKEY_SA(A) ──►
    #              ◄── A' (lost)
    #              ◄── REKEY_SA(A')
    # TEMPORARY_FAILURE ──►         for A' may be what our request will bring
    net = connect(initiator)
    other = OTHER[who]
    net.lose_when(response(other, CREATE, 1))
    rekey(net, who)
    net.sleep(0.1)
    rekey(net, other, child_of(net, other))
    net.sleep(0.1)
    assert said(net, who, CREATE)[-1] == "< N(TEMPORARY_FAILURE)"
    net.sleep(8)
    assert len(rekeyed(net, who)) == len(rekeyed(net, other)) == 2
    conclude(net)


@WHO
def test_who_answered_deletes_the_child_before_its_answer_came(initiator: str, who: str) -> None:
    """Race 4 meets 20: the late answer brings a child that is gone."""
    net = connect(initiator)
    other = OTHER[who]
    net.lose_when(response(other, CREATE, 1))
    rekey(net, who)
    net.sleep(0.1)
    close_child(net, other, child_of(net, other))
    net.sleep(3)
    net.traffic.streams.clear()
    conclude(net, gap=5.0, children=(0, 1))


@WHO
def test_a_late_delete_wakes_no_child_that_was_deleted_meanwhile(initiator: str, who: str) -> None:
    """Race 12 over three generations: A's Delete comes when B, its heir, has gone, too."""
    net = connect(initiator)
    other = OTHER[who]
    net.lose_when(request(who, INFORM, 1), 2)  # the Delete of A, for 1.4 s
    rekey(net, who)
    net.sleep(0.2)
    middle = child_of(net, other)
    rekey(net, other, middle)
    net.sleep(0.5)
    assert net.hosts[other].worker.uses[middle] is Use.RETIRED
    net.sleep(2)
    assert net.hosts[other].worker.uses[middle] is Use.RETIRED
    conclude(net)


@WHO
@pytest.mark.parametrize("lost", ["the old SA's Delete", "its answer"])
@pytest.mark.parametrize("rekeys", ["who rekeyed", "the other"])
def test_a_child_on_standby_waits_though_the_old_ike_sa_goes(
    initiator: str, who: str, lost: str, rekeys: str
) -> None:
    """Race 43 meets 4: the end of the old IKE SA says nothing of who has the new child."""
    net = connect(initiator)
    name = who if rekeys == "who rekeyed" else OTHER[who]
    kind = (
        request(who, INFORM, 1)
        if lost == "the old SA's Delete"
        else response(OTHER[who], INFORM, 1)
    )
    net.lose_when(kind, 2)
    rekey_ike(net, who)
    net.sleep(0.1)
    net.lose_when(response(OTHER[name], CREATE), 3)
    rekey(net, name)
    conclude(net)


@WHO
@pytest.mark.parametrize("late", [None, request, response])
def test_who_rekeys_the_ike_sa_wants_it_closed_at_the_same_time(
    initiator: str, who: str, late: object
) -> None:
    """Race 41 at one end: the heir has to go, too."""
    net = connect(initiator)
    if late is request:
        net.delay_when(request(who, CREATE, 1), LATE)
    elif late is response:
        net.delay_when(response(OTHER[who], CREATE, 1), LATE)
    rekey_ike(net, who)
    close(net, who)
    net.sleep(20)
    net.assert_gone()
    assert {closed.reason for closed in net.seen(Closed, who)} <= {Reason.DELETED, Reason.REKEYED}


def test_a_peer_that_never_agrees_on_a_group_is_not_asked_for_ever(initiator: str) -> None:
    """Race 32 without an end."""
    both = {"ike": ("aes128gcm16-prfsha256-x25519-ecp256",)}
    net = connect(initiator, quiet("moon", **both), quiet("sun", **both))
    for number in range(1, 20):
        group = (19, 31)[number % 2 == 0]
        refusal = Notify(NotifyType.INVALID_KE_PAYLOAD, group.to_bytes(2, "big"))
        answer_instead(net, request(US, CREATE, number), refusal)
    rekey_ike(net, US)
    net.sleep(2)
    assert len(groups_asked_with(net, US)) <= 3
    assert len(net.codes(US)) == 1
    conclude(net)


@pytest.mark.parametrize("who", BOTH)
def test_reasons_are_told_on_both_ends(initiator: str, who: str) -> None:
    """Race 18, without the other end's Delete."""
    net = connect(initiator)
    close_child(net, who)
    net.sleep(1)
    net.traffic.streams.clear()
    assert reasons(net, who) == ["DELETED"]
    assert reasons(net, OTHER[who]) == ["PEER_DELETED"]
    conclude(net, gap=5.0, children=(0,))


@pytest.mark.parametrize("kind", ["children", "IKE SAs", "one of each"])
@pytest.mark.parametrize("later", [0.0, 0.015, 0.4])
def test_what_is_said_twice_is_done_once(initiator: str, kind: str, later: float) -> None:
    """Races 8 and 33 where every datagram comes twice."""
    net = connect(initiator)
    net.double_when(lambda _: True, later)
    ways = {"children": (rekey, rekey), "IKE SAs": (rekey_ike, rekey_ike)}
    for name, ask_for in zip(BOTH, ways.get(kind, (rekey, rekey_ike)), strict=True):
        ask_for(net, name)
    net.sleep(10)
    assert net.codes(US) == net.codes(PEER) == []
    conclude(net)
