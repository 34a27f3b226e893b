"""What is told of our addresses, and when, on a clock that moves when told."""

import pytest

from ikebana.daemon.roaming import SETTLE, Roaming, usable
from ikebana.daemon.sockets import EVERYWHERE
from ikecore.events import AddressesChanged

from .clock import Clock

WLAN, LTE, PEER = "192.168.1.7", "10.64.0.9", "203.0.113.1"


class Place:
    """A host with one way out, and what was told of it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.address = WLAN
        self.told: list[tuple[float, AddressesChanged]] = []
        self.roaming = Roaming(
            lambda: frozenset((self.address,)),
            lambda _remote: self.address,
            lambda: (PEER, PEER),
            self.clock.call_later,
            lambda event: self.told.append((self.clock.now, event)),
        )


@pytest.fixture
def place() -> Place:
    return Place()


def test_a_change_is_told_when_it_has_settled(place: Place) -> None:
    begun = place.clock.now
    place.roaming.changed()
    place.address = LTE
    place.clock.sleep(SETTLE / 2)
    assert place.told == []
    place.clock.sleep(1)
    event = AddressesChanged(frozenset((LTE,)), {PEER: LTE})
    assert place.told == [(begun + SETTLE, event)]


def test_many_changes_are_told_once(place: Place) -> None:
    for _ in range(4):
        place.roaming.changed()
        place.clock.sleep(SETTLE / 2)
    place.clock.sleep(5)
    assert len(place.told) == 1
    place.roaming.changed()
    place.clock.sleep(5)
    assert len(place.told) == 2


def test_a_network_that_never_rests_is_looked_at_all_the_same(place: Place) -> None:
    for _ in range(100):
        place.roaming.changed()
        place.clock.sleep(0.1)
    assert 4 <= len(place.told) <= 6


def test_nothing_is_looked_at_while_nothing_changes(place: Place) -> None:
    assert place.clock.next_timer() == float("inf")
    place.roaming.look()
    assert place.told == [(place.clock.now, AddressesChanged(frozenset((WLAN,)), {PEER: WLAN}))]
    assert place.clock.next_timer() == float("inf")


@pytest.mark.parametrize(
    ("listening", "expected"),
    [
        (EVERYWHERE, {WLAN, LTE, "2001:db8::7"}),
        (EVERYWHERE[:1], {WLAN, LTE}),
        ((LTE, "10.64.0.10"), {LTE}),
        (("::",), {"2001:db8::7"}),
        ((), set()),
    ],
)
def test_what_is_usable_is_what_is_listened_on(
    listening: tuple[str, ...], expected: set[str]
) -> None:
    local = ("127.0.0.1", "::1", "169.254.3.4", "fe80::1", WLAN, LTE, "2001:db8::7")
    assert usable(listening, local) == expected
