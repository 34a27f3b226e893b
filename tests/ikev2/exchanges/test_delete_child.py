"""A child deleted by us: what is said, what stays for late packets, and what crosses it."""

import pytest

from ikecore.actions import ChildClosed, InstallChild, Reason, RemoveChild, RetireChild, UseChild
from ikecore.diagnosis import Code
from ikecore.events import ChildCloseWanted, ChildExpired
from ikev2.message import Exchange
from tests.ikev2.asking import spec_of, tunnel
from tests.ikev2.network import OTHER, Network
from tests.ikev2.races.scene import rekey, said
from tests.ikev2.wire import request

BOTH = pytest.mark.parametrize("who", ["moon", "sun"])
INFORM = Exchange.INFORMATIONAL


def ended(net: Network, name: str) -> list[tuple[int, Reason]]:
    """Return which children of one end ended, and why."""
    return [(gone.inbound_spi, gone.reason) for gone in net.seen(ChildClosed, name)]


@BOTH
def test_a_child_that_is_closed_stops_at_once_and_the_peer_is_told(who: str) -> None:
    # INFORMATIONAL { D(our inbound SPI) } ──►  ◄── INFORMATIONAL { D(theirs) }
    net = tunnel()
    mine, theirs = spec_of(net, who).inbound_spi, spec_of(net, OTHER[who]).inbound_spi
    net.tell(who, ChildCloseWanted(mine))
    assert net.hosts[who].children == {}
    net.settle()
    assert said(net, who, INFORM) == ["> D(1)"]
    assert said(net, OTHER[who], INFORM) == ["< D(1)"]
    assert ended(net, who) == [(mine, Reason.DELETED)]
    assert ended(net, OTHER[who]) == [(theirs, Reason.PEER_DELETED)]
    assert all(len(net.up(name)) == 1 for name in ("moon", "sun"))
    net.sleep(100)
    net.assert_mirrored()


@BOTH
def test_a_child_at_its_hard_limit_goes_in_the_same_way(who: str) -> None:
    net = tunnel()
    spi = spec_of(net, who).inbound_spi
    net.tell(who, ChildExpired(spi))
    net.settle()
    assert ended(net, who) == [(spi, Reason.LIFETIME)]
    assert ended(net, OTHER[who])[0][1] is Reason.PEER_DELETED
    net.assert_mirrored()


def test_closing_it_twice_says_it_once() -> None:
    net = tunnel()
    spi = spec_of(net, "moon").inbound_spi
    for _ in range(2):
        net.tell("moon", ChildCloseWanted(spi))
    net.settle()
    assert said(net, "moon", INFORM) == ["> D(1)"]


def test_deletes_of_the_same_child_may_cross() -> None:
    net = tunnel()
    for name in ("moon", "sun"):
        net.tell(name, ChildCloseWanted(spec_of(net, name).inbound_spi))
    net.sleep(10)
    for name in ("moon", "sun"):
        assert [reason for _, reason in ended(net, name)] == [Reason.DELETED]
        assert said(net, name, INFORM) == ["> D(1)", "<"]
        assert len(net.up(name)) == 1
    net.assert_mirrored()


def test_a_delete_that_is_lost_is_said_again() -> None:
    net = tunnel()
    net.lose_when(request("moon", INFORM), 2)
    net.tell("moon", ChildCloseWanted(spec_of(net, "moon").inbound_spi))
    net.sleep(10)
    assert [reason for _, reason in ended(net, "sun")] == [Reason.PEER_DELETED]
    net.assert_mirrored()


def test_a_delete_that_nobody_answers_shows_that_the_peer_is_dead() -> None:
    net = tunnel()
    net.lose = lambda _: True
    net.tell("moon", ChildCloseWanted(spec_of(net, "moon").inbound_spi))
    net.sleep(31)
    assert net.codes("moon") == [Code.DPD_TIMEOUT]
    assert net.up("moon") == []


def test_the_old_child_lingers_5_s_after_its_delete_was_answered() -> None:
    net = tunnel()
    old = spec_of(net, "moon").inbound_spi
    net.lose_when(request("moon", INFORM), 3)
    rekey(net, "moon")
    net.sleep(6)
    assert net.seen(RemoveChild, "moon") == []  # not answered yet
    net.sleep(20)
    assert [action.spi for action in net.seen(RetireChild, "moon")] == [old]
    assert [action.spi for action in net.seen(RemoveChild, "moon")] == [old]
    assert ended(net, "moon") == [(old, Reason.REKEYED)]
    net.assert_connected()


def test_an_old_child_closed_in_its_last_seconds_is_not_deleted_twice() -> None:
    net = tunnel()
    old = spec_of(net, "moon").inbound_spi
    rekey(net, "moon")
    net.sleep(1)
    net.tell("moon", ChildCloseWanted(old))
    net.sleep(10)
    assert said(net, "moon", INFORM) == ["> D(1)"]
    assert ended(net, "moon") == [(old, Reason.REKEYED)]
    net.assert_connected()


def test_closing_a_child_that_the_peer_renewed_turns_its_heir_on() -> None:
    net = tunnel()
    old = spec_of(net, "moon").inbound_spi
    net.lose_when(request("sun", INFORM), 100)  # sun's Delete of the old one
    rekey(net, "sun")
    net.settle()
    heir = net.seen(InstallChild, "moon")[-1].spec
    assert heir.standby
    net.tell("moon", ChildCloseWanted(old))
    assert [action.spi for action in net.seen(UseChild, "moon")] == [heir.inbound_spi]
    assert ended(net, "moon") == [(old, Reason.REKEYED)]
