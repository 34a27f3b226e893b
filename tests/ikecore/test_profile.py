"""Whom a connection admits, by address."""

from ikecore.identities import Identity
from ikecore.profile import ChildProfile, Profile
from policy.selectors import TrafficSelector


def made(remote: frozenset[str], local: frozenset[str]) -> Profile:
    name = Identity.parse("a.lab")
    return Profile("net", name, (), (), (), name, remote=remote, local=local)


def test_a_named_peer_is_admitted_from_its_addresses_only() -> None:
    profile = made(frozenset(("192.0.2.2", "2001:db8::2")), frozenset())
    assert profile.admits("192.0.2.1", "192.0.2.2")
    assert profile.admits("2001:db8::1", "2001:db8::2")
    assert not profile.admits("192.0.2.1", "192.0.2.3")


def test_any_peer_is_admitted_from_anywhere_but_only_to_our_address() -> None:
    profile = made(frozenset(), frozenset(("192.0.2.1",)))
    assert profile.admits("192.0.2.1", "198.51.100.7")
    assert not profile.admits("192.0.2.9", "198.51.100.7")


def test_what_is_wanted_may_be_more_than_a_child_carries() -> None:
    one, two, both = (
        TrafficSelector.from_cidr(cidr) for cidr in ("10.1.0.0/24", "10.1.1.0/24", "10.1.0.0/23")
    )
    wanted = ChildProfile((one, two), (one,))
    assert not wanted.exceeds((both,), (one,))
    assert wanted.exceeds((one,), (one,))
    assert wanted.exceeds((both,), (two,))
