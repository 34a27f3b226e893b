"""A child that was agreed on: its keys, its lifetime, its limits, its place."""

import pytest

from ikecore.actions import ChildEstablished
from ikecore.child import ChildLimits
from ikecore.keywords import parse_proposal
from ikecore.proposals import Protocol
from ikev1.child import ChildState
from ikev1.install import Agreed, Made, announce, home_of, install, life_notify, our_life, shorter
from ikev1.keys import child_keys
from ikev1.phase2_offer import Chosen2, choose_phase2
from ikev1.proposals import Life
from ikev1.sa import IkeSa
from ikev1.state import State

from .hosts import quiet
from .network import Network
from .quick import KEYS, NETS, Asking, ready

NONCES = (b"i" * 32, b"r" * 32)


def chosen(sa: IkeSa) -> Chosen2:
    found = choose_phase2(sa.profile, Asking(sa).offer(), 0x1234, 1)
    assert found is not None
    return found


def made(initiator: bool = True) -> Made:
    return Made(NONCES, b"", initiator, 9, 2.0, "why")


def agreed(sa: IkeSa, life: Life | None = None) -> Agreed:
    return Agreed(chosen(sa), NETS, life or Life())


def test_each_direction_has_the_keys_of_its_own_spi() -> None:
    sa = ready()
    terms = agreed(sa)
    child, action = install(sa, terms, made(), NETS, 0x1234, 3.0, standby=False)
    spec = action.spec
    expected = child_keys(KEYS, terms.chosen.suite, (0x1234, terms.chosen.outbound_spi), NONCES)
    assert (spec.inbound, spec.outbound) == expected
    assert (spec.connection, spec.sa, spec.path, spec.tfc) == ("net", sa.sa, sa.path, False)
    assert sa.children == {0x1234: child}
    assert (child.nonce, child.initiator, child.began_at) == (b"i" * 32, True, 2.0)


@pytest.mark.parametrize("initiator", [True, False])
def test_a_child_of_the_peers_is_for_the_peer_to_confirm(initiator: bool) -> None:
    sa = ready()
    terms = agreed(sa, Life(1000, 0))
    child, _ = install(sa, terms, made(initiator), NETS, 0x1234, 3.0, standby=True)
    if initiator:
        assert child.state is ChildState.LIVE
        assert child.ends_at == 1003.0
        assert 850.0 <= child.rekey_at - 3.0 <= 900.0
    else:
        assert child.state is ChildState.PENDING
        assert child.ends_at == 3.0 + sa.patience + 5.0
        assert 900.0 <= child.soft_lifetime <= 950.0


@pytest.mark.parametrize(
    ("ours", "kilobytes", "hard"),
    [(0, 0, 0), (1_000_000, 0, 1_000_000), (0, 2, 2048), (5000, 3, 3072), (1000, 3, 1000)],
)
def test_the_fewer_octets_count(ours: int, kilobytes: int, hard: int) -> None:
    sa = ready(child_limits=ChildLimits(hard_octets=ours, hard_packets=99))
    terms = agreed(sa, Life(0, kilobytes))
    _, action = install(sa, terms, made(), NETS, 0x1234, 3.0, standby=False)
    limits = action.spec.limits
    assert (limits.hard_octets, limits.hard_packets) == (hard, 99)
    assert 0.84 * hard <= limits.soft_octets <= 0.9 * hard


def test_the_place_is_in_the_sa_that_has_replaced_this_one() -> None:
    old, newer, newest = ready(), ready(), ready()
    newest.sa = b"newest!!"
    old.home, newer.home = newer, newest
    old.become(State.REPLACED, "a test wants it")
    _, action = install(old, agreed(old), made(), NETS, 0x1234, 3.0, standby=False)
    assert home_of(old) is newest
    assert (list(newest.children), list(newer.children), list(old.children)) == ([0x1234], [], [])
    assert action.spec.sa == newest.sa


def test_what_is_told_of_it() -> None:
    sa = ready()
    child, _ = install(sa, agreed(sa), made(), NETS, 0x1234, 3.0, standby=False)
    told = announce(child, 77, 5.0)
    assert isinstance(told, ChildEstablished)
    assert (told.inbound_spi, told.replaces, told.why, told.took) == (0x1234, 77, "why", 3.0)
    assert (told.rekey_at, told.narrowed, child.is_told) == (0.0, False, True)


def test_our_lifetime_is_what_is_configured() -> None:
    limits = ChildLimits(hard_octets=10_000)
    assert our_life(quiet("moon", child_lifetime=60.5, child_limits=limits)) == Life(60, 9)
    assert our_life(quiet("moon")) == Life(0, 0)


def test_of_two_lifetimes_the_shorter_counts() -> None:
    assert shorter(Life(60, 0), Life(90, 5)) == Life(60, 5)
    assert shorter(Life(0, 7), Life(0, 9)) == Life(0, 7)


def test_only_what_is_shorter_is_told() -> None:
    sa = ready()
    assert life_notify(Life(60, 5), Life(60, 5), chosen(sa), 7) == ()
    (notify,) = life_notify(Life(60, 5), Life(60, 4), chosen(sa), 7)
    assert (notify.type, notify.protocol, notify.spi) == (24576, 3, bytes((0, 0, 0, 7)))
    assert notify.data == bytes.fromhex("80010002 80020004")


def test_ah_is_installed_as_well() -> None:
    ah = (parse_proposal("sha256", Protocol.AH),)
    net = Network(quiet("moon", esp_proposals=ah), quiet("sun", esp_proposals=ah))
    net.initiate("moon")
    net.assert_connected()
    assert [spec.suite.protocol for spec in net.hosts["sun"].children.values()] == [Protocol.AH]
