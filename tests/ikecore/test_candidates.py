"""A peer's address finds its connections, in the operator's order."""

from dataclasses import replace

from ikecore.candidates import Candidates
from policy.path import Path
from tests.ikev2.network import MOON, SUN, profile

HERE = Path((MOON, 500), (SUN, 500))
FIRST = replace(profile(), name="first")
ANYBODY = replace(profile(), name="anybody", remote=frozenset())
LAST = replace(profile(), name="last")
ELSEWHERE = replace(profile(), name="elsewhere", remote=frozenset(("203.0.113.9",)))
OTHER_ADDRESS = replace(profile(), name="other", local=frozenset(("192.0.2.77",)))


def names(*profiles: object) -> list[str]:
    found = Candidates(profiles).at(HERE)  # type: ignore[arg-type]  # a test's tuple of profiles
    return [one.name for one in found]


def test_connections_come_in_the_operators_order_wherever_their_peer_may_be() -> None:
    assert names(FIRST, ANYBODY, LAST) == ["first", "anybody", "last"]
    assert names(ANYBODY, LAST) == ["anybody", "last"]


def test_other_peers_and_other_addresses_of_ours_are_left_out() -> None:
    assert names(ELSEWHERE, OTHER_ADDRESS) == []


def test_an_unknown_address_may_only_be_anybody() -> None:
    stranger = Path((MOON, 500), ("198.51.100.1", 500))
    assert [p.name for p in Candidates((FIRST, ANYBODY)).at(stranger)] == ["anybody"]


def test_an_address_is_known_when_some_connection_admits_it() -> None:
    named = profile("moon", remote=frozenset((SUN,)))
    assert Candidates((named,)).knows(SUN)
    assert not Candidates((named,)).knows("203.0.113.1")
    assert Candidates((named, profile("moon", remote=frozenset()))).knows("203.0.113.1")
    assert not Candidates().knows(SUN)
