"""What the worker gets of a child, and what its owner hears of it."""

import pytest

from ikecore.actions import ChildEstablished, InstallChild
from ikecore.child import UNLIMITED, ChildLimits, Mode
from ikecore.events import ChildWanted

from .asking import spec_of, tunnel
from .network import Network, profile, selectors
from .races.scene import connect_with_one_of_two, quiet, rekey, second


def test_both_ends_have_the_same_child_from_either_side() -> None:
    net = tunnel()
    net.assert_mirrored()
    for name in ("moon", "sun"):
        (made,), spec = net.seen(ChildEstablished, name), spec_of(net, name)
        assert (made.inbound_spi, made.outbound_spi) == (spec.inbound_spi, spec.outbound_spi)
        assert (made.local_ts, made.remote_ts, made.mode) == (
            spec.local_ts,
            spec.remote_ts,
            spec.mode,
        )
        assert made.child == profile(name).children[0]
        assert (made.narrowed, made.rekey_at) == (False, 0.0)
        assert (spec.connection, spec.sa) == ("net", net.up(name)[0])
        assert (spec.mode, spec.standby, spec.limits) == (Mode.TUNNEL, False, UNLIMITED)


def test_the_keys_of_both_directions_and_of_all_children_differ() -> None:
    net = connect_with_one_of_two("moon")
    net.tell("moon", ChildWanted(net.up("moon")[0], second("moon")))
    net.settle()
    rekey(net, "moon", next(iter(net.hosts["moon"].children)))
    net.settle()
    specs = [action.spec for action in net.seen(InstallChild, "moon")]
    keys = [half.encr.reveal() for spec in specs for half in (spec.inbound, spec.outbound)]
    assert len(keys) == 6
    assert len(set(keys)) == 6


@pytest.mark.parametrize(("who", "least", "most"), [("moon", 0.85, 0.9), ("sun", 0.9, 0.95)])
def test_soft_limits_come_of_the_hard_ones_and_who_began_is_first(
    who: str, least: float, most: float
) -> None:
    hard = ChildLimits(hard_octets=1_000_000, hard_packets=10_000)
    net = tunnel(child_limits=hard)
    limits = spec_of(net, who).limits
    assert (limits.hard_octets, limits.hard_packets) == (1_000_000, 10_000)
    assert least * 1_000_000 <= limits.soft_octets <= most * 1_000_000
    assert least * 10_000 <= limits.soft_packets <= most * 10_000


def test_no_limit_stays_none_beside_another() -> None:
    net = tunnel(child_limits=ChildLimits(hard_packets=10_000))
    limits = spec_of(net, "moon").limits
    assert (limits.soft_octets, limits.hard_octets) == (0, 0)


@pytest.mark.parametrize(("who", "least", "most"), [("moon", 510, 541), ("sun", 540, 571)])
def test_who_began_renews_first(who: str, least: float, most: float) -> None:
    net = tunnel(child_lifetime=600.0)
    assert least <= net.seen(ChildEstablished, who)[0].rekey_at <= most


def test_a_child_that_would_outlive_its_authentication_is_told_to_end_with_it() -> None:
    net = tunnel(child_lifetime=6000.0, ike_lifetime=600.0, reauth=True)
    assert 510 <= net.seen(ChildEstablished, "moon")[0].rekey_at <= 541


def test_less_than_was_wanted_is_told() -> None:
    net = Network(quiet("moon", remote_ts=selectors("10.2.0.0/16")), quiet("sun"))
    net.initiate("moon")
    assert net.seen(ChildEstablished, "moon")[0].narrowed
    assert not net.seen(ChildEstablished, "sun")[0].narrowed


def test_what_both_want_of_fragments_and_padding_goes_to_the_worker() -> None:
    net = tunnel(later_fragments=True)
    for name in ("moon", "sun"):
        assert spec_of(net, name).later_fragments
        assert spec_of(net, name).tfc
