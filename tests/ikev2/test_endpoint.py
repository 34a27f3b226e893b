"""All IKEv2 SAs of one process behind three calls: limits, timers, and one bug at a time."""

import pytest

from ikecore.actions import (
    Action,
    Authorize,
    Broken,
    ChildClosed,
    Closed,
    Dropped,
    Established,
    Failed,
    InstallChild,
    Reason,
    RemoveChild,
    Send,
)
from ikecore.diagnosis import Code
from ikecore.events import (
    Authorized,
    ChildrenHeard,
    CloseAllWanted,
    CloseWanted,
    Configured,
    DatagramReceived,
    Initiate,
    InstallFailed,
    PathChanged,
    ProbeWanted,
    Refused,
    Unreachable,
)
from ikecore.profile import Limits
from ikecore.spipool import SpiPool
from ikev2.endpoint import Endpoint
from policy.path import Path
from suites.secret import Secret

from .forger import init_request
from .network import MOON, SUN, Dice, Network, WatchedPool, only, profile

PATH = Path((MOON, 500), (SUN, 500))
NOBODY = b"nobody!!"


def test_a_new_endpoint_waits_for_nothing() -> None:
    dice = Dice(1)
    endpoint = Endpoint(dice, SpiPool(dice))
    assert endpoint.next_timeout() is None
    assert endpoint.handle_timeout(1e9) == []
    assert endpoint.half_open == 0
    assert endpoint.handle(Configured((profile("moon"),)), 0.0) == []


@pytest.mark.parametrize(
    "event",
    [
        Authorized(NOBODY, Secret(b"x")),
        Refused(NOBODY),
        ProbeWanted(NOBODY),
        CloseWanted(NOBODY),
        ChildrenHeard(frozenset((1, 2))),
        PathChanged(7, (MOON, 4500)),
        InstallFailed(7),
        Unreachable(MOON, "no route"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_event_for_an_sa_that_is_gone_does_nothing(event: ProbeWanted) -> None:
    net = Network()
    net.initiate("moon")
    assert net.tell("moon", event) in ([], [Dropped("no_sa")])
    net.assert_connected()


def test_a_child_that_the_worker_did_not_take_goes_and_the_ike_sa_stays() -> None:
    net = Network()
    net.initiate("moon")
    (child,) = net.hosts["moon"].children
    net.tell("moon", InstallFailed(child))
    net.settle()
    (failed,) = net.seen(Failed, "moon")
    assert (failed.diagnosis.code, failed.diagnosis.stage) == (Code.CHILD_INSTALL_FAILED, 2)
    assert failed.child == profile("moon").children[0]
    assert [gone.spi for gone in net.seen(RemoveChild, "moon")] == [child]
    assert [gone.reason for gone in net.seen(ChildClosed, "moon")] == [Reason.FAILED]
    assert [gone.reason for gone in net.seen(ChildClosed, "sun")] == [Reason.PEER_DELETED]
    assert all(len(net.up(name)) == 1 for name in ("moon", "sun"))
    net.assert_mirrored()  # nothing is left, nothing is owed


def test_children_are_removed_before_anybody_hears_that_they_are_gone() -> None:
    net = Network()
    net.initiate("moon")
    net.tell("moon", CloseWanted(net.up("moon")[0]))
    net.settle()
    for name in ("moon", "sun"):
        kinds = [type(action) for action in net.hosts[name].log]
        assert kinds.index(RemoveChild) < kinds.index(ChildClosed) < kinds.index(Closed)


def test_at_the_limit_of_sas_nobody_is_let_in_and_the_running_ones_stay() -> None:
    limits = Limits(ike_sas=1)
    net = Network(limits={"moon": limits, "sun": limits})
    net.initiate("moon")
    assert only(Send, net.inject("sun", init_request())) == []
    assert net.drops("sun") == ["sa_limit"]
    net.initiate("moon")
    (failed,) = net.seen(Failed, "moon")
    assert (failed.connection, failed.diagnosis.code) == ("net", Code.LIMIT_REACHED)
    net.assert_connected()


def test_half_open_sas_are_counted_until_they_are_authenticated() -> None:
    net = Network()
    sun = net.hosts["sun"].endpoint
    net.lose = lambda _: len(net.wire) == 3
    net.initiate("moon")
    assert sun.half_open == 1
    net.sleep(2)
    net.assert_connected()
    assert sun.half_open == 0


def test_a_refused_peer_is_not_half_open_any_more() -> None:
    net = Network()
    net.hosts["sun"].psk = b"another"
    net.initiate("moon")
    assert net.hosts["sun"].endpoint.half_open == 0


def test_each_sa_has_an_spi_of_its_own() -> None:
    net = Network(limits={"sun": Limits(10**6, 10**6, 10**6, 10**6)})
    answers = set()
    for number in range(1, 300):
        spi = number.to_bytes(8, "big")
        (sent,) = only(Send, net.inject("sun", init_request(spi=spi)))
        answers.add(sent.data[8:16])
    assert len(answers) == 299
    assert bytes(8) not in answers


class Cursed(Dice):
    """Entropy that fails when a test wants it to."""

    broken = False

    def octets(self, count: int) -> bytes:
        if self.broken:
            raise RuntimeError("out of luck")
        return super().octets(count)


def cursed() -> tuple[Network, Cursed]:
    """Return a network with an SA, and the means to break sun."""
    net = Network()
    dice = Cursed(5)
    sun = net.hosts["sun"]
    sun.spis = WatchedPool(dice)
    sun.endpoint = Endpoint(dice, sun.spis)
    net.tell("sun", Configured((sun.profile,)))
    net.initiate("moon")
    return net, dice


def test_a_bug_ends_one_sa_with_its_traceback_and_no_other() -> None:
    net, dice = cursed()
    (running,) = net.up("sun")
    net.hosts["sun"].answers_authorize = False
    net.hosts["moon"].profile = profile("moon", name="other")
    net.sleep(1)
    net.initiate("moon")
    waiting = net.seen(Authorize, "sun")[-1].sa
    dice.broken = True
    actions = net.hosts["sun"].endpoint.handle(Authorized(waiting, Secret(b"?")), net.now)
    assert only(Broken, actions) == []  # a wrong key is no bug
    dice.broken = False
    net.initiate("moon")
    waiting = net.seen(Authorize, "sun")[-1].sa
    dice.broken = True
    key = Secret(net.hosts["sun"].psk)
    actions = net.hosts["sun"].endpoint.handle(Authorized(waiting, key), net.now)
    (broken,) = only(Broken, actions)
    assert broken.sa == waiting
    assert "out of luck" in broken.traceback
    assert [f.diagnosis.code for f in only(Failed, actions)] == [Code.INTERNAL_ERROR]
    assert [c.reason for c in only(Closed, actions)] == [Reason.INTERNAL_ERROR]
    assert only(InstallChild, actions) == []
    dice.broken = False
    net.tell("sun", ProbeWanted(running))
    net.settle()
    assert running in net.up("sun")
    assert net.drops("moon") == []


def test_a_bug_while_answering_a_stranger_leaves_nothing() -> None:
    net, dice = cursed()
    dice.broken = True
    event = DatagramReceived(init_request(), PATH.reversed)
    actions: list[Action] = net.hosts["sun"].endpoint.handle(event, net.now)
    (broken,) = only(Broken, actions)
    assert broken.sa == b""
    dice.broken = False
    assert net.hosts["sun"].endpoint.half_open == 0
    net.assert_connected()


def test_a_changed_configuration_leaves_running_sas_alone() -> None:
    net = Network()
    net.initiate("moon")
    net.tell("sun", Configured(()))
    net.tell("moon", ProbeWanted(net.up("moon")[0]))
    net.settle()
    net.assert_connected()
    assert len(only(Send, net.inject("sun", init_request()))) == 1
    assert net.drops("sun") == ["no_connection"]


def test_what_cannot_be_initiated_does_not_stay() -> None:
    net = Network()
    net.lose = lambda _: True
    for _ in range(100):
        net.tell("moon", Initiate(net.hosts["moon"].profile, PATH))
    net.sleep(60)
    assert net.codes("moon") == [Code.PEER_NO_RESPONSE] * 100
    assert net.hosts["moon"].endpoint.next_timeout() is None


# -- the operator, while the peer is half-way ------------------------------------------------------
def test_closing_a_connection_ends_its_attempts_too() -> None:
    net = Network()
    net.initiate("moon", settle=False)
    net.tell("moon", CloseAllWanted("net"))
    assert [closed.reason for closed in net.seen(Closed, "moon")] == [Reason.DELETED]
    net.settle()
    assert net.seen(Established, "sun") == []


def test_closing_a_connection_tells_the_peer_of_what_was_established() -> None:
    net = Network()
    net.initiate("moon")
    net.assert_connected()
    net.tell("moon", CloseAllWanted("net"))
    net.settle()
    net.assert_gone()


def test_closing_one_connection_leaves_the_others() -> None:
    net = Network()
    net.initiate("moon")
    net.tell("moon", CloseAllWanted("other"))
    net.settle()
    net.assert_connected()


def test_a_peer_half_way_into_a_connection_that_changed_has_to_start_anew() -> None:
    net = Network()
    net.lose = lambda _: len(net.wire) > 2  # IKE_AUTH does not get there
    net.initiate("moon")
    net.lose = lambda _: False
    net.tell("sun", Configured((profile("sun", dpd_interval=9.0),)))
    assert [closed.reason for closed in net.seen(Closed, "sun")] == [Reason.RECONFIGURED]
    net.sleep(5)
    assert net.up("sun") == []


def test_a_peer_half_way_into_a_connection_that_stayed_as_it_was_goes_on() -> None:
    net = Network()
    net.lose = lambda _: len(net.wire) > 2
    net.initiate("moon")
    net.lose = lambda _: False
    net.tell("sun", Configured((profile("sun"), profile("sun", name="other"))))
    net.sleep(5)
    net.assert_connected()


def test_where_a_peer_is_now_can_be_asked() -> None:
    net = Network()
    net.initiate("moon")
    (sa,) = net.up("moon")
    endpoint = net.hosts["moon"].endpoint
    path = endpoint.path_of(sa)
    assert path is not None
    assert path.remote == (SUN, 4500)  # where MOBIKE goes at once (RFC 4555 section 3.3)
    assert endpoint.path_of(b"nobody's") is None
