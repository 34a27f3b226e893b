"""Ends that move at random, over a wire that loses: they always find each other again."""

import random

import pytest

from ikecore.actions import Closed
from ikev2.exchanges.update_addresses import ProbeMapping

from .movers import LTE, MOON, SUN, WLAN, Pair
from .wire import Nat

MOONS = (MOON, LTE, "198.51.100.8", "198.51.100.9")
OUTSIDE = "203.0.113.9"
PAUSES = (0.005, 0.02, 0.2, 1.0, 5.0)
RUNS = 1000  # ten times as many with --soak
GROUPS = 10


@pytest.mark.parametrize("group", range(GROUPS))
def test_they_find_each_other_again(group: int, times: int) -> None:
    """Each group has seeds of its own."""
    for seed in range(group, RUNS * times, GROUPS):
        try:
            _live(seed)
        except AssertionError as wrong:
            wrong.add_note(f"seed {seed}")
            raise


def _live(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    pair = Pair()
    pair.tell_addresses("moon", MOON)
    pair.tell_addresses("sun", SUN, WLAN)
    rate = [dice.choice((0.0, 0.1, 0.3))]
    pair.lose = lambda _name, _path: dice.random() < rate[0]
    pair.ends["sun"].addresses = {SUN, WLAN}
    for _ in range(12):
        _something(pair, dice)
        pair.sleep(dice.choice(PAUSES))
    pair.move("sun", SUN, WLAN)
    rate[0] = 0.0
    pair.sleep(40)
    pair.act("moon", lambda sa: sa.start(ProbeMapping(), pair.now))  # as after any silence
    pair.sleep(1)
    _assert_found(pair)


def _something(pair: Pair, dice: random.Random) -> None:
    match dice.randrange(6):
        case 0 | 1:
            pair.move("moon", *dice.sample(MOONS, dice.randint(1, 3)))
        case 2:
            pair.move("sun", *dice.choice(((SUN,), (WLAN,), (SUN, WLAN), (WLAN, SUN))))
        case 3:
            pair.act("moon", lambda sa: sa.start(ProbeMapping(), pair.now))
        case 4:
            pair.act("sun", lambda sa: sa.start(ProbeMapping(), pair.now))
        case 5 if pair.nats:
            pair.nats.clear()
        case 5:
            ports = {500: dice.randint(20000, 29999), 4500: dice.randint(30000, 39999)}
            pair.nats["moon"] = Nat(OUTSIDE, ports)
            pair.move("moon", dice.choice(MOONS))


def _assert_found(pair: Pair) -> None:
    assert pair.seen(Closed, "moon") == []
    assert pair.seen(Closed, "sun") == []
    mine, theirs = pair.child_paths()
    assert (mine, theirs) == (pair.moon.path, pair.sun.path)
    seen = pair.nats["moon"].outwards(mine.local) if pair.nats else mine.local
    assert (theirs.local, theirs.remote) == (mine.remote, seen)
    assert mine.local[0] in pair.ends["moon"].addresses
    assert mine.remote[0] in pair.ends["sun"].addresses
    assert mine.esp_in_udp is theirs.esp_in_udp is bool(pair.nats)
    assert pair.moon.mobility.moves == []
    assert pair.sun.mobility.moves == []
