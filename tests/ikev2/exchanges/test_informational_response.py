"""INFORMATIONAL answered: a Delete takes what it names, and nothing else takes anything."""

import pytest

from ikecore.actions import (
    ChildClosed,
    ChildEstablished,
    Closed,
    Established,
    Reason,
    RemoveChild,
    RetireChild,
    Send,
    UseChild,
)
from ikecore.diagnosis import Code
from ikecore.events import ChildCloseWanted
from ikecore.proposals import Protocol
from ikev2.message import Exchange
from ikev2.payloads.chain import Payload
from ikev2.payloads.delete import Delete
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from tests.ikev2.forger import Forger
from tests.ikev2.network import OTHER, Network, only
from tests.ikev2.races.scene import quiet, rekey, rekey_ike
from tests.ikev2.wire import request

BOTH = pytest.mark.parametrize("who", ["moon", "sun"])


@pytest.fixture
def net() -> Network:
    net = Network(quiet("moon"), quiet("sun"))
    net.initiate("moon")
    return net


def forger(net: Network, who: str) -> Forger:
    """Return a forger who speaks as ``who``; moon initiated."""
    return Forger(net, who, initiator=who == "moon")


def first_id(who: str) -> int:
    """Return the next message ID that ``who`` would use: moon has used 0 and 1."""
    return 2 if who == "moon" else 0


def said(net: Network, listener: str, datagram: bytes) -> tuple[Payload, ...]:
    """Let ``listener`` receive a request; return the payloads of its one answer."""
    (sent,) = [send for send in only(Send, net.inject(listener, datagram)) if send.data[19] & 0x20]
    return forger(net, OTHER[listener]).hear(sent.data).payloads


@BOTH
def test_a_deleted_child_takes_its_other_half_and_the_ike_sa_stays(net: Network, who: str) -> None:
    # INFORMATIONAL { D(their inbound SPI) } ──►
    # ◄── INFORMATIONAL { D(our inbound SPI) }
    listener = OTHER[who]
    (spec,) = net.hosts[listener].children.values()
    deletion = Delete(Protocol.ESP, (spec.outbound_spi,))
    told = said(net, listener, forger(net, who).say(first_id(who), deletion))
    assert told == (Delete(Protocol.ESP, (spec.inbound_spi,)),)
    assert [gone.spi for gone in net.seen(RemoveChild, listener)] == [spec.inbound_spi]
    (gone,) = net.seen(ChildClosed, listener)
    assert (gone.inbound_spi, gone.reason) == (spec.inbound_spi, Reason.PEER_DELETED)
    net.sleep(100)
    assert net.seen(Closed, listener) == []
    assert len(net.up(listener)) == 1
    assert net.hosts[listener].spis.owed == set()


@BOTH
def test_a_delete_in_two_payloads_counts_once(net: Network, who: str) -> None:
    listener = OTHER[who]
    (spec,) = net.hosts[listener].children.values()
    twice = (Delete(Protocol.ESP, (1000, spec.outbound_spi)), Delete(Protocol.ESP))
    datagram = forger(net, who).say(first_id(who), *twice, twice[0])
    assert said(net, listener, datagram) == (Delete(Protocol.ESP, (spec.inbound_spi,)),)
    assert len(net.seen(RemoveChild, listener)) == 1


def test_a_delete_of_a_rekeyed_child_turns_the_new_one_on_and_late_packets_are_taken(
    net: Network,
) -> None:
    rekey(net, "moon")
    net.sleep(4)
    (old, new) = (made.inbound_spi for made in net.seen(ChildEstablished, "sun"))
    assert [action.spi for action in net.seen(UseChild, "sun")] == [new]
    assert [action.spi for action in net.seen(RetireChild, "sun")] == [old]
    assert net.seen(RemoveChild, "sun") == []
    net.sleep(2)
    assert [action.spi for action in net.seen(RemoveChild, "sun")] == [old]
    assert [gone.reason for gone in net.seen(ChildClosed, "sun")] == [Reason.REKEYED]
    net.assert_connected()


def test_deletes_of_one_child_that_cross_are_both_answered_with_nothing(net: Network) -> None:
    # section 1.4.1: who has asked for it already does not name its half once more
    (moon,) = net.hosts["moon"].children.values()
    net.lose_when(request("moon", Exchange.INFORMATIONAL))
    net.tell("moon", ChildCloseWanted(moon.inbound_spi))
    datagram = forger(net, "sun").say(0, Delete(Protocol.ESP, (moon.outbound_spi,)))
    assert said(net, "moon", datagram) == ()
    assert len(net.seen(RemoveChild, "moon")) == 1


def test_a_delete_of_the_ike_sa_takes_children_that_are_being_rekeyed(net: Network) -> None:
    net.lose_when(request("moon", Exchange.CREATE_CHILD_SA), 100)
    rekey(net, "moon")
    assert said(net, "moon", forger(net, "sun").say(0, Delete(Protocol.IKE))) == ()
    assert net.up("moon") == []
    assert net.hosts["moon"].children == {}
    assert net.hosts["moon"].spis.owed == set()
    net.sleep(100)
    assert net.codes("moon") == []


def test_children_are_deleted_through_the_ike_sa_they_came_from(net: Network) -> None:
    # the peer sent it before it knew of the new IKE SA
    old = forger(net, "moon")
    (spec,) = net.hosts["sun"].children.values()
    net.lose_when(request("moon", Exchange.INFORMATIONAL), 100)  # the Delete of the old IKE SA
    rekey_ike(net, "moon")
    net.sleep(0.1)
    assert len(net.seen(Established, "sun")) == 2
    (sent,) = only(Send, net.inject("sun", old.say(3, Delete(3, (spec.outbound_spi,)))))
    assert old.hear(sent.data).payloads == (Delete(Protocol.ESP, (spec.inbound_spi,)),)
    assert net.hosts["sun"].children == {}


@BOTH
def test_of_several_spis_only_the_known_one_is_answered(net: Network, who: str) -> None:
    listener = OTHER[who]
    (spec,) = net.hosts[listener].children.values()
    spis = (0x11111111, spec.outbound_spi, 0x22222222, spec.outbound_spi)
    told = said(net, listener, forger(net, who).say(first_id(who), Delete(Protocol.ESP, spis)))
    assert told == (Delete(Protocol.ESP, (spec.inbound_spi,)),)


@pytest.mark.parametrize(
    "case", ["unknown", "inbound instead of outbound", "AH", "empty", "empty AH", "REKEY notify"]
)
@BOTH
def test_a_delete_that_names_none_of_ours_changes_nothing(
    net: Network, who: str, case: str
) -> None:
    listener = OTHER[who]
    (spec,) = net.hosts[listener].children.values()
    payloads: dict[str, Payload] = {
        "unknown": Delete(Protocol.ESP, (0x11111111,)),
        "inbound instead of outbound": Delete(Protocol.ESP, (spec.inbound_spi,)),
        "AH": Delete(Protocol.AH, (spec.outbound_spi,)),
        "empty": Delete(Protocol.ESP),
        "empty AH": Delete(Protocol.AH),
        "REKEY notify": Notify(NotifyType.REKEY_SA, b"", 0, bytes(4)),
    }
    assert said(net, listener, forger(net, who).say(first_id(who), payloads[case])) == ()
    net.settle()
    net.assert_connected()


@BOTH
def test_a_delete_followed_by_more_about_the_same_sa_counts_once(net: Network, who: str) -> None:
    """libreswan CVE-2023-38712: what came after the Delete acted on an SA that was gone."""
    listener = OTHER[who]
    (spec,) = net.hosts[listener].children.values()
    child, whole = Delete(Protocol.ESP, (spec.outbound_spi,)), Delete(Protocol.IKE)
    rest = (Notify(NotifyType.AUTHENTICATION_FAILED), Notify(NotifyType.INVALID_SPI, bytes(4)))
    said(net, listener, forger(net, who).say(first_id(who), whole, whole, child, *rest, child))
    assert [closed.reason for closed in net.seen(Closed, listener)] == [Reason.PEER_DELETED]
    assert len(net.seen(RemoveChild, listener)) == 1
    assert net.hosts[listener].spis.owed == set()


@BOTH
def test_a_delete_with_notifies_beside_it_still_counts(net: Network, who: str) -> None:
    beside = Notify(40_960, b"private status")
    again = Notify(NotifyType.INVALID_SPI, bytes(4))
    datagram = forger(net, who).say(first_id(who), beside, Delete(Protocol.IKE), again)
    assert said(net, OTHER[who], datagram) == ()
    assert net.seen(Closed, OTHER[who])[0].reason is Reason.PEER_DELETED


def test_what_follows_a_delete_of_the_same_sa_is_ignored(net: Network) -> None:
    moon = forger(net, "moon")
    said(net, "sun", moon.say(2, Delete(Protocol.IKE)))
    count = len(net.wire)
    more: tuple[Payload, ...] = (Notify(NotifyType.INVALID_SPI), Delete(Protocol.IKE))
    for number, payload in enumerate(more, 3):
        net.inject("sun", moon.say(number, payload))
    assert net.drops("sun") == ["closed", "closed"]
    assert len(net.wire) == count
    net.sleep(100)
    net.inject("sun", moon.say(3))
    assert net.drops("sun")[-1] == "no_sa"


@BOTH
def test_a_late_refusal_of_our_auth_ends_the_sa(net: Network, who: str) -> None:
    listener = OTHER[who]
    refusal = Notify(NotifyType.AUTHENTICATION_FAILED)
    assert said(net, listener, forger(net, who).say(first_id(who), refusal)) == ()
    (diagnosis,) = net.failures(listener)
    assert diagnosis.code == Code.AUTH_REFUSED_BY_PEER
    assert [f.code for f in diagnosis.findings] == [
        Code.PSK_MISMATCH,
        Code.PEER_IDENTITY_MISMATCH,
    ]
    assert net.up(listener) == []
    assert net.hosts[listener].children == {}
