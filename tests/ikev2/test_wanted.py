"""What the owner of a connection may want, and what is not done twice or too late."""

import pytest

from ikecore.actions import ChildClosed, ChildEstablished, Dropped, Failed, Reason, Send
from ikecore.diagnosis import Code
from ikecore.events import (
    ChildCloseWanted,
    ChildExpired,
    ChildWanted,
    CloseWanted,
    Event,
    InstallFailed,
    ProbeWanted,
    RekeyIkeWanted,
    RekeyWanted,
)
from ikecore.profile import NO_CHILD
from ikev2.message import Exchange

from .asking import spec_of, tunnel
from .network import OTHER, Network, only
from .races.scene import connect_with_one_of_two, quiet, rekey, said, second, want

BOTH = pytest.mark.parametrize("who", ["moon", "sun"])
NOBODY = b"no such!"


@pytest.mark.parametrize(
    "event",
    [
        ChildWanted(NOBODY, NO_CHILD),
        RekeyIkeWanted(NOBODY, "why not"),
        RekeyWanted(7, "why not"),
        ChildCloseWanted(7),
        ChildExpired(7),
        InstallFailed(7),
        ProbeWanted(NOBODY),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_is_gone_is_not_touched(event: Event) -> None:
    net = tunnel()
    assert net.tell("moon", event) == [Dropped("no_sa")]
    net.assert_connected()


@BOTH
def test_either_end_may_want_a_child(who: str) -> None:
    net = connect_with_one_of_two("moon")
    want(net, who, second(who))
    net.settle()
    assert net.seen(ChildEstablished, who)[-1].child == second(who)
    assert len(net.hosts[OTHER[who]].children) == 2
    net.assert_mirrored()


def test_nothing_is_wanted_of_an_ike_sa_that_is_not_up() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.hosts["moon"].answers_authorize = False
    net.initiate("moon")
    sa = net.wire[0].data[:8]
    for event in (ChildWanted(sa, second("moon")), RekeyIkeWanted(sa, "?"), ProbeWanted(sa)):
        assert only(Send, net.tell("moon", event)) == []
    assert net.drops("moon") == ["not_wanted", "not_wanted", "no_probe"]


def test_a_child_on_its_way_out_is_not_renewed() -> None:
    net = tunnel()
    old = spec_of(net, "moon").inbound_spi
    rekey(net, "moon")
    net.sleep(1)
    assert net.tell("moon", RekeyWanted(old, "again"))[0] == Dropped(
        "not_wanted", f"{old:08x} is on its way out"
    )
    net.sleep(10)
    net.assert_connected()


@BOTH
def test_a_child_the_worker_does_not_take_goes_alone(who: str) -> None:
    net = connect_with_one_of_two("moon")
    want(net, who, second(who))
    net.settle()
    spi = net.seen(ChildEstablished, who)[-1].inbound_spi
    net.tell(who, InstallFailed(spi))
    net.settle()
    (failed,) = net.seen(Failed, who)
    assert failed.child == second(who)
    assert (failed.diagnosis.stage, failed.diagnosis.code) == (2, Code.CHILD_INSTALL_FAILED)
    assert [(c.inbound_spi, c.reason) for c in net.seen(ChildClosed, who)] == [(spi, Reason.FAILED)]
    assert [c.reason for c in net.seen(ChildClosed, OTHER[who])] == [Reason.PEER_DELETED]
    assert len(net.hosts[who].children) == 1
    assert len(net.up(who)) == 1
    net.assert_mirrored()


@pytest.mark.parametrize(
    ("event", "reason"), [(ChildExpired, Reason.LIFETIME), (ChildCloseWanted, Reason.DELETED)]
)
def test_a_child_that_was_replaced_ends_as_rekeyed_whoever_ends_it(
    event: type[ChildExpired], reason: Reason
) -> None:
    net = tunnel()
    old = spec_of(net, "moon").inbound_spi
    rekey(net, "moon")
    net.sleep(1)
    net.tell("moon", event(old))
    assert [c.reason for c in net.seen(ChildClosed, "moon")] == [Reason.REKEYED]
    net.tell("moon", event(spec_of(net, "moon").inbound_spi))
    assert [c.reason for c in net.seen(ChildClosed, "moon")] == [Reason.REKEYED, reason]


def test_a_probe_is_not_sent_beside_another_request() -> None:
    net = tunnel()
    (sa,) = net.up("moon")
    rekey(net, "moon")
    net.tell("moon", ProbeWanted(sa))
    assert net.drops("moon") == ["no_probe"]
    net.sleep(10)
    net.tell("moon", ProbeWanted(sa))
    net.settle()
    assert len(said(net, "moon", Exchange.INFORMATIONAL)) == 2  # a Delete, and the probe


def test_what_waits_is_forgotten_with_the_ike_sa() -> None:
    net = connect_with_one_of_two("moon")
    net.lose = lambda _: True
    rekey(net, "moon")
    want(net, "moon", second("moon"))
    net.lose = lambda _: False
    net.tell("moon", CloseWanted(net.up("moon")[0]))
    net.traffic.streams.clear()
    net.sleep(10)
    assert len(net.seen(ChildEstablished, "moon")) == 1
    net.assert_gone()
