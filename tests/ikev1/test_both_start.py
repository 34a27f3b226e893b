"""Both ends start at once, or one starts again: what is made twice collapses to one."""

import pytest

from ikecore.actions import Closed, Reason
from ikecore.events import CloseWanted
from ikecore.profile import ChildProfile, Uniqueness
from ikev1.message import Exchange
from ikev1.payloads.notify import Notify
from ikev1.payloads.types import NotifyType
from tests.pair.scene import LOW, US, assert_sound, want

from .network import NETS, OTHER, Network, quiet, said, selectors
from .tunnel import MAIN, MODES, QUICK, connect, heard

EACH_MODE = pytest.mark.parametrize("mode", MODES)
BOTH = pytest.mark.parametrize("name", ["moon", "sun"])


def network(mode: str = "main", **changes: object) -> Network:
    moon, sun = (quiet(name, legacy=MODES[mode], **changes) for name in ("moon", "sun"))
    return Network(moon, sun)


def start_both(net: Network, later: float = 0.0) -> None:
    net.stream(0.05)
    net.initiate("moon", settle=False)
    net.sleep(later)
    net.initiate("sun", settle=False)


def conclude(net: Network) -> None:
    """One ISAKMP SA, one child of it, and packets that all get through.

    Each end may leave it to the other to delete what is redundant, for a minute.
    """
    net.sleep(75)
    net.assert_connected()
    assert_sound(net)
    assert net.codes("moon") == net.codes("sun") == []
    net.traffic.lost.clear()
    net.traffic.blocked.clear()
    net.sleep(2)
    net.traffic.streams.clear()
    net.sleep(2)
    assert net.traffic.lost == []
    assert net.traffic.blocked == []
    net.tell("moon", CloseWanted(net.up("moon")[0]))
    net.sleep(20)
    net.assert_gone()


@EACH_MODE
@BOTH
def test_both_start_at_once(mode: str, name: str) -> None:
    net = network(mode)
    net.hosts[name].dice.nonces.append(LOW)
    start_both(net)
    conclude(net)


@EACH_MODE
@pytest.mark.parametrize("later", [0.005, 0.015, 0.025, 0.035, 0.045, 0.055, 0.065, 0.075])
def test_one_starts_while_the_other_is_at_it(mode: str, later: float) -> None:
    for first in ("moon", "sun"):
        net = network(mode)
        net.stream(0.05)
        net.initiate(first, settle=False)
        net.sleep(later)
        net.initiate(OTHER[first], settle=False)
        conclude(net)


@EACH_MODE
@pytest.mark.parametrize("seed", range(20))
def test_both_start_on_a_bad_wire(mode: str, seed: int) -> None:
    net = network(mode)
    net.random.seed(seed)
    net.delay = lambda _: net.random.random() * 0.4
    net.copies = lambda _: net.random.choice((1, 1, 2))
    net.lose = lambda send: send.data[18] != Exchange.INFORMATIONAL and net.random.random() < 0.2
    start_both(net, net.random.random() * 0.5)
    net.sleep(8)
    net.lose = lambda _: False
    net.copies = lambda _: 1
    net.delay = lambda _: 0.01
    conclude(net)


@EACH_MODE
@pytest.mark.parametrize("number", [1, 2, 3])
def test_one_end_s_messages_are_held_up_until_the_other_s_are_through(
    mode: str, number: int
) -> None:
    for slow in ("moon", "sun"):
        net = network(mode)
        net.delay_when(said(slow, MAIN, number), 0.3)
        net.delay_when(said(slow, Exchange.AGGRESSIVE, number), 0.3)
        start_both(net)
        conclude(net)


@BOTH
def test_both_want_the_same_second_child_at_once(name: str) -> None:
    theirs = {"moon": selectors("10.1.7.0/24"), "sun": selectors("10.2.7.0/24")}
    both = {
        end: (*quiet(end).children, ChildProfile(theirs[end], theirs[OTHER[end]])) for end in NETS
    }
    moon, sun = (quiet(end, children=both[end]) for end in ("moon", "sun"))
    net = connect("moon", moon, sun)
    net.stream(0.05, "10.1.7.9", "10.2.7.9")
    net.hosts[name].dice.nonces.append(LOW)
    for end in ("moon", "sun"):
        want(net, end, both[end][1])
    net.sleep(30)
    assert len(net.hosts[US].children) == 2
    assert_sound(net)
    assert net.codes("moon") == net.codes("sun") == []


def test_who_has_an_sa_and_is_told_to_start_makes_another_and_one_stays() -> None:
    net = connect("moon")
    net.initiate("moon")
    net.sleep(30)
    net.assert_connected()
    assert net.traffic.lost == []
    assert net.traffic.blocked == []


# -- INITIAL-CONTACT and lost state ---------------------------------------------------------------
@EACH_MODE
@BOTH
def test_an_end_that_lost_everything_starts_anew_and_the_old_goes(mode: str, name: str) -> None:
    moon, sun = (quiet(end, legacy=MODES[mode]) for end in ("moon", "sun"))
    net = connect("moon", moon, sun)
    old = net.up(OTHER[name])
    net.restart(name)
    net.initiate(name)
    net.sleep(5)
    net.assert_connected()
    assert [c.reason for c in net.seen(Closed, OTHER[name])] == [Reason.REPLACED]
    assert net.up(OTHER[name]) != old


def test_initial_contact_is_said_only_by_who_has_nothing_else() -> None:
    net = network()
    net.initiate("moon")
    (first,) = [p for p in heard(net, "moon", MAIN)[2] if isinstance(p, Notify)]
    assert first.type == NotifyType.INITIAL_CONTACT
    net.initiate("moon")
    assert not [p for p in heard(net, "moon", MAIN)[5] if isinstance(p, Notify)]


@pytest.mark.parametrize(
    ("kept", "first", "second"),
    [
        (Uniqueness.NEVER, True, True),
        (Uniqueness.KEEP, True, False),
        (Uniqueness.REPLACE, False, True),
    ],
)
def test_a_second_sa_of_the_same_peer_stays_or_goes_as_configured(
    kept: Uniqueness, first: bool, second: bool
) -> None:
    net = network(uniqueness=kept)
    net.initiate("moon")
    (old,) = net.pairs("sun")
    net.initiate("moon")
    net.sleep(10)
    now = net.pairs("sun")
    assert net.pairs("moon") == now
    assert (old in now, bool(now - {old})) == (first, second)


def test_a_quick_mode_of_each_end_at_once_leaves_one_child() -> None:
    for loser in ("moon", "sun"):
        net = connect("moon", every=0.05)
        net.hosts[loser].dice.nonces.append(LOW)
        for name in ("moon", "sun"):
            want(net, name, quiet(name).children[0])
        net.sleep(10)
        net.assert_connected()
        assert len(heard(net, "moon", QUICK)) >= 2
