"""Several IKE SAs of one connection: exactly one stays, the same on both ends."""

from collections.abc import Callable
from itertools import product

import pytest

from ikecore.actions import Closed, InstallChild, Reason, RemoveChild, Send
from ikecore.events import ChildWanted, CloseWanted
from ikecore.profile import ChildProfile
from ikev2.message import Exchange

from .network import MOON, OTHER, Network, profile, selectors


def is_moons(exchange: Exchange) -> Callable[[Send], bool]:
    """Return whether a datagram is moon's and of this exchange."""
    return lambda send: send.path.local[0] == MOON and send.data[18] == exchange


def both_start(seed: int, later: float, delay: Callable[[Send], float]) -> Network:
    net = Network(seed=seed)
    net.delay = delay
    net.initiate("moon", settle=False)
    net.sleep(later)
    net.initiate("sun", settle=False)
    net.sleep(60)
    return net


SLOW = {
    "nothing": lambda _: 0.01,
    "moon's IKE_SA_INIT": lambda s: 0.3 if s.path.local[0] == MOON and s.data[18] == 34 else 0.01,
    "moon's IKE_AUTH": lambda s: 0.3 if s.path.local[0] == MOON and s.data[18] == 35 else 0.01,
    "sun's IKE_SA_INIT": lambda s: 0.3 if s.path.local[0] != MOON and s.data[18] == 34 else 0.01,
    "sun's IKE_AUTH": lambda s: 0.3 if s.path.local[0] != MOON and s.data[18] == 35 else 0.01,
    "requests": lambda s: 0.01 if s.data[19] & 0x20 else 0.2,
    "responses": lambda s: 0.2 if s.data[19] & 0x20 else 0.01,
    "moon's direction": lambda s: 0.25 if s.path.local[0] == MOON else 0.01,
}
LATER = [0.0, 0.005, 0.015, 0.025, 0.035, 0.1, 0.25, 0.35]


@pytest.mark.parametrize("slow", SLOW)
@pytest.mark.parametrize("later", LATER)
def test_both_start_at_once_and_one_sa_stays(slow: str, later: float) -> None:
    """Every order of nonces (seeds) and of arrival."""
    for seed in range(6):
        net = both_start(seed, later, SLOW[slow])
        net.assert_connected()
        assert net.codes("moon") == net.codes("sun") == []


def test_both_nonce_orders_occur_and_the_lowest_loses() -> None:
    losers = set()
    for seed in range(12):
        net = both_start(seed, 0.0, SLOW["nothing"])
        (lost,) = [c for c in net.seen(Closed, "moon") if c.reason is Reason.REDUNDANT] or [
            c for c in net.seen(Closed, "sun") if c.reason is Reason.REDUNDANT
        ]
        losers.add(lost in net.seen(Closed, "moon"))
        assert lost.initiator  # it is deleted by who started it
    assert losers == {True, False}


def test_traffic_has_a_child_at_every_moment_once_one_is_up() -> None:
    for seed, later in product(range(4), LATER):
        net = both_start(seed, later, SLOW["nothing"])
        for name in ("moon", "sun"):
            count, was_up = 0, False
            for action in net.hosts[name].log:
                count += isinstance(action, InstallChild)
                count -= isinstance(action, RemoveChild)
                was_up |= count > 0
                assert count > 0 or not was_up


def test_reauthentication_makes_the_new_sa_before_it_breaks_the_old() -> None:
    # IKE_SA_INIT, IKE_AUTH (new SA) ──►     then INFORMATIONAL { D(IKE) } on the old one
    net = Network()
    net.initiate("moon")
    (old,) = net.up("moon")
    net.sleep(5)
    net.initiate("moon")
    assert net.up("moon") != [old]
    net.sleep(6)  # what was on its way through the old child is still taken
    net.assert_connected()
    assert [c.reason for c in net.seen(Closed, "moon")] == [Reason.REPLACED]
    assert [c.reason for c in net.seen(Closed, "sun")] == [Reason.PEER_DELETED]
    assert not any("INITIAL_CONTACT" in line for line in net.story("moon")[4:])
    kinds = [a for a in net.hosts["moon"].log if isinstance(a, InstallChild | RemoveChild)]
    assert [type(a) for a in kinds] == [InstallChild, InstallChild, RemoveChild]


def test_the_former_responder_may_reauthenticate_too() -> None:
    net = Network()
    net.initiate("moon")
    net.sleep(5)
    net.initiate("sun")
    net.sleep(6)
    net.assert_connected()
    assert [c.reason for c in net.seen(Closed, "sun")] == [Reason.REPLACED]


def test_a_peer_that_does_not_delete_the_old_sa_is_helped_after_a_while() -> None:
    net = Network()
    net.initiate("moon")
    net.sleep(5)
    net.lose = is_moons(Exchange.INFORMATIONAL)  # moon's Deletes
    net.initiate("moon")
    net.sleep(9)
    assert len(net.up("sun")) == 2
    net.lose = lambda _: False
    net.sleep(9)  # 10 s after it came up, and late packets are still taken then
    net.assert_connected()
    assert [c.reason for c in net.seen(Closed, "sun")] == [Reason.REPLACED]


def test_a_new_sa_without_a_child_does_not_take_the_old_one_with_it() -> None:
    net = Network()
    net.initiate("moon")
    before = net.up("moon")
    net.sleep(5)
    net.hosts["moon"].profile = profile("moon", remote_ts=selectors("10.99.0.0/24"))
    net.initiate("moon")
    net.sleep(30)
    assert len(net.up("moon")) == 2  # the new one stays too: its child may be tried again
    assert net.up("moon")[0] == before[0]
    assert len(net.hosts["moon"].children) == 1
    net.assert_mirrored()


def test_initial_contact_replaces_the_stale_sa_and_its_child_without_a_word() -> None:
    net = Network()
    net.initiate("moon")
    (stale,) = net.up("sun")
    net.restart("moon")
    net.hosts["moon"].children.clear()
    net.sleep(1)
    count = len(net.wire)
    net.initiate("moon")
    assert len(net.wire) == count + 4
    assert "INITIAL_CONTACT" in net.story("moon")[2]
    assert [(c.sa, c.reason) for c in net.seen(Closed, "sun")] == [(stale, Reason.REPLACED)]
    net.assert_connected()


def test_initial_contact_is_not_said_beside_an_sa_or_an_attempt() -> None:
    net = Network()
    net.initiate("moon", settle=False)
    net.initiate("moon", settle=False)
    net.settle()
    assert not any("INITIAL_CONTACT" in line for line in net.story("moon"))


def test_a_responder_that_lost_its_state_says_initial_contact_when_it_starts() -> None:
    net = Network()
    net.initiate("moon")
    net.restart("sun")
    net.sleep(1)
    net.initiate("sun")
    assert [c.reason for c in net.seen(Closed, "moon")] == [Reason.REPLACED]
    net.assert_connected()


def test_an_sa_that_was_to_go_stays_when_the_other_goes_first() -> None:
    # the ends may disagree which was first: each would take down another one
    net = Network()
    net.initiate("moon")
    (old,) = net.up("sun")
    net.sleep(5)
    net.lose = is_moons(Exchange.INFORMATIONAL)  # moon's Delete of the old
    net.initiate("moon")
    (new,) = [sa for sa in net.up("sun") if sa != old]
    net.tell("sun", CloseWanted(new))
    net.sleep(15)
    assert net.up("sun") == [old]


def test_connections_do_not_replace_each_other() -> None:
    net = Network()
    net.initiate("moon")
    net.sleep(1)
    other = profile("moon", name="other")
    net.configure("sun", profile("sun", name="theirs"))
    net.hosts["moon"].profile = other
    net.initiate("moon")
    net.sleep(20)
    assert len(net.up("moon")) == len(net.up("sun")) == 2
    net.assert_mirrored()


def test_an_old_sa_stays_until_the_new_one_has_all_its_children() -> None:
    nets = {
        name: selectors(f"10.{n}.0.0/24", f"10.{n}.1.0/24") for n, name in enumerate(OTHER, start=1)
    }
    both = {
        name: profile(
            name,
            children=tuple(
                ChildProfile((a,), (b,)) for a, b in zip(nets[name], nets[OTHER[name]], strict=True)
            ),
        )
        for name in nets
    }
    net = Network(both["moon"], both["sun"])
    second = both["moon"].children[1]
    net.initiate("moon")
    net.tell("moon", ChildWanted(net.up("moon")[0], second))
    net.sleep(2)
    (old,) = net.up("moon")
    net.initiate("moon")
    net.sleep(2)
    assert len(net.up("moon")) == 2  # the second child is still on the old one alone
    net.tell("moon", ChildWanted(next(sa for sa in net.up("moon") if sa != old), second))
    net.sleep(6)
    assert old not in net.up("moon")
    assert len(net.up("sun")) == 1
    assert len(net.hosts["moon"].children) == len(net.hosts["sun"].children) == 2
