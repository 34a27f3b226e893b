"""A rekey in the packet path (RFC 7296 section 2.8): the new child opens before it seals.

moon                                   sun
install(new)                           install(new, standby)
seals on new ───────────────────────►  the first packet puts new into use
             ◄───────────────────────  seals on new
"""

import pytest

from esp.batch import Batch
from esp.child import ChildSa
from esp.counters import Counters
from esp.engine import Engine
from esp.limit import Limit
from policy.spd import Action, Policy, SelectorPair, Spd
from tests.esp.tunnel import (
    MOON_NETS,
    SUN_NETS,
    child_pair,
    dropped,
    engines,
    site_policy,
    udp4,
    udp6,
)

BACK = udp4(source="10.2.0.1", target="10.1.0.1")


class Handover:
    """Old children in use on both ends; the new ones are there, sun's on standby."""

    def __init__(self) -> None:
        self.moon, self.sun = engines()
        pairs = tuple(SelectorPair(*pair) for pair in zip(SUN_NETS, MOON_NETS, strict=True))
        self.sun.spd.replace((Policy("net", Action.PROTECT, pairs, "net"),))
        self.old = self.sun.children[0x1001]
        ours, self.new = child_pair(0x2000)
        self.sun.install(self.new, standby=True)
        self.before = self.moon.seal_batch([udp4(1), udp4(2)])
        self.moon.install(ours)
        self.after = self.moon.seal_batch([udp4(3)])

    def sun_opens(self, batch: Batch) -> int:
        sealed = [(data, child.path.local) for child, data, _ in batch.sealed]
        return len(self.sun.open_batch(sealed).inner)

    @property
    def sun_seals_on(self) -> ChildSa:
        ((child, *_),) = self.sun.seal_batch([BACK]).sealed
        return child


@pytest.fixture
def handover() -> Handover:
    return Handover()


def test_on_standby_the_old_one_seals_and_both_open(handover: Handover) -> None:
    assert handover.sun_seals_on is handover.old
    assert handover.sun_opens(handover.before) == 2
    assert handover.sun_seals_on is handover.old


def test_the_peers_first_packet_puts_the_new_one_into_use(handover: Handover) -> None:
    assert handover.sun_opens(handover.after) == 1
    assert handover.sun_seals_on is handover.new
    assert handover.sun_opens(handover.before) == 2  # late ones
    assert handover.sun_seals_on is handover.new
    assert dropped(handover.sun) == {}


def test_a_forged_packet_does_not(handover: Handover) -> None:
    data = handover.after.sealed[0][1]
    forged = data[:-1] + bytes((data[-1] ^ 1,))
    assert handover.sun.open_batch([(forged, handover.new.source)]).inner == []
    assert handover.sun_seals_on is handover.old


def test_told_to_the_new_one_is_used(handover: Handover) -> None:
    handover.sun.use(0x2001)
    assert handover.sun_seals_on is handover.new


def test_told_late_nothing_changes(handover: Handover) -> None:
    newest = child_pair(0x3000)[1]
    handover.sun.install(newest)
    handover.sun_opens(handover.after)
    handover.sun.install(third := child_pair(0x4000)[1])
    handover.sun.use(0x2001)
    assert handover.sun_seals_on is third


def test_retired_the_old_one_still_opens(handover: Handover) -> None:
    handover.sun.use(0x2001)
    handover.sun.retire(0x1001)
    handover.sun.remove(0x2001)
    assert handover.sun_opens(handover.before) == 2
    assert handover.sun.seal_batch([BACK]).sealed == []
    assert dropped(handover.sun) == {"no_sa": 1}
    assert handover.sun.remove(0x1001) is handover.old


def test_a_retired_child_can_be_used_again(handover: Handover) -> None:
    handover.sun.use(0x2001)
    handover.sun.retire(0x2001)
    assert handover.sun_seals_on is handover.old
    handover.sun.use(0x2001)
    assert handover.sun_seals_on is handover.new


@pytest.mark.parametrize("end", ["retire", "remove"])
def test_without_the_old_one_the_new_one_does_not_wait(handover: Handover, end: str) -> None:
    getattr(handover.sun, end)(0x1001)
    assert handover.sun_seals_on is handover.new
    assert dropped(handover.sun) == {}


def test_where_the_old_one_wears_out_the_new_one_steps_in(handover: Handover) -> None:
    handover.old.hard = Limit(packets=2)
    assert [handover.sun_seals_on for _ in range(3)] == [handover.old, handover.old, handover.new]
    assert dropped(handover.sun) == {"hard_limits": 1}


def test_a_standby_child_that_is_removed_leaves_the_old_one(handover: Handover) -> None:
    handover.sun.remove(0x2001)
    handover.sun.use(0x2001)
    handover.sun.retire(0x2001)
    assert handover.sun_seals_on is handover.old
    assert handover.sun_opens(handover.after) == 0


def test_a_standby_child_steps_in_only_for_its_own_flows() -> None:
    engine = Engine(Spd((site_policy(),)), Counters())
    engine.install(child_pair(0x1000, nets=1)[0], standby=True)
    engine.install(child_pair(0x2000, "other")[0], standby=True)
    assert engine.seal_batch([udp6()]).sealed == []
    assert [child.inbound.spi for child, *_ in engine.seal_batch([udp4()]).sealed] == [0x1000]
