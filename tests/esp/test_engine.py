"""Two engines, a packet's way from TUN to wire and back, and every fork on it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6

from esp.batch import Acquire, Batch, Reached
from esp.child import ChildSa
from esp.counters import Counters
from esp.engine import Engine
from esp.limit import Limit
from esp.sa import HEADER
from policy.flow import flow_of
from policy.path import Path
from policy.selectors import TrafficSelector
from policy.spd import Action, Policy, SelectorPair, Spd
from tests.esp.tunnel import (
    MOON,
    SUN,
    child_pair,
    dropped,
    engines,
    site_policy,
    syn4,
    udp4,
    udp6,
)

NOISE = (
    st.binary(max_size=120)
    | st.builds(
        lambda first, tail: first + bytes(tail),
        st.sampled_from([b"\x45", b"\x46", b"\x60", b"\x00\x00\x10\x00", b"\x00\x00\x10\x01"]),
        st.lists(st.sampled_from([0, 1, 2, 6, 10, 17, 60, 255]), max_size=120),
    )
    | st.sampled_from([udp4(), udp6(), udp4(1400), udp6(1400), udp4(1400, flags="DF"), syn4(9000)])
)


def wire(batch: Batch) -> list[tuple[bytes, object]]:
    """Carry a batch to the other end."""
    return [(datagram, child.path.local) for child, datagram, _ in batch.sealed]


def nets_policy(name: str, action: Action, remote: str) -> Policy:
    pair = SelectorPair(TrafficSelector.from_cidr("10.1.0.0/24"), TrafficSelector.from_cidr(remote))
    return Policy(name, action, (pair,), name if action is Action.PROTECT else "")


@pytest.mark.parametrize("esn", [False, True])
def test_packets_of_both_versions_arrive_in_order(esn: bool) -> None:
    moon, sun = engines(esn=esn)
    packets = [udp4(1), udp6(2), udp4(3), udp4(1300), udp6(1300)]
    for _ in range(2):  # the second time from memory
        batch = moon.seal_batch(packets)
        assert {child for child, *_ in batch.sealed} == set(moon.children.values())
        opened = sun.open_batch(wire(batch))
        assert opened.inner == packets
        assert opened.moved == []
    assert dropped(moon) == dropped(sun) == {}
    octets = 2 * sum(map(len, packets))
    assert moon.counters.counts["packets_out"] == sun.counters.counts["packets_in"] == 10
    assert moon.counters.counts["octets_out"] == sun.counters.counts["octets_in"] == octets
    child = moon.children[0x1000]
    assert (child.outbound.packets, child.outbound.octets) == (10, octets)


def test_policies_that_do_not_protect_drop_by_name() -> None:
    spd = Spd(
        (
            nets_policy("clear", Action.BYPASS, "10.3.0.0/24"),
            nets_policy("never", Action.DISCARD, "10.4.0.0/24"),
        )
    )
    engine = Engine(spd, Counters())
    batch = engine.seal_batch([udp4(target=f"10.{net}.0.1") for net in (3, 4, 5)] + [b"\x45"])
    assert (batch.sealed, batch.inward, batch.acquires) == ([], [], [])
    assert dropped(engine) == {"bypass": 1, "policy": 2, "malformed": 1}


def test_a_tunnel_without_sa_tells_the_sender() -> None:
    engine = Engine(Spd((site_policy(),)), Counters())
    batch = engine.seal_batch([udp4(), udp6()])
    assert dropped(engine) == {"no_sa": 2}
    assert IP(batch.inward[0])[ICMP].code == 13
    assert IPv6(batch.inward[1]).dst == "fd01::1"


def test_icmp_errors_of_a_batch_are_bounded() -> None:
    engine = Engine(Spd((site_policy(),)), Counters())
    assert len(engine.seal_batch([udp4()] * 500).inward) == 32
    assert dropped(engine) == {"no_sa": 500}


def test_an_armed_tunnel_hands_the_packet_back_and_it_is_not_lost() -> None:
    moon, sun = Engine(Spd((site_policy(),)), Counters()), Engine(Spd(), Counters())
    moon.arm("net")
    packet = udp4()
    batch = moon.seal_batch([packet])
    assert batch.acquires == [Acquire("net", flow_of(packet), site_policy().selectors[0], packet)]
    assert batch.inward == []
    ours, theirs = child_pair()
    moon.install(ours)
    sun.install(theirs)
    batch = moon.seal_batch([acquire.packet for acquire in batch.acquires])
    assert sun.open_batch(wire(batch)).inner == [packet]


def test_a_disarmed_tunnel_drops() -> None:
    engine = Engine(Spd((site_policy(),)), Counters())
    engine.arm("net")
    engine.disarm("net")
    engine.disarm("net")
    assert engine.seal_batch([udp4()]).acquires == []
    assert dropped(engine) == {"no_sa": 1}


def test_after_a_rekey_the_newest_child_seals_and_both_open() -> None:
    moon, sun = engines()
    before = moon.seal_batch([udp4()])
    ours, theirs = child_pair(0x2000)
    sun.install(theirs)
    moon.install(ours)
    after = moon.seal_batch([udp4()])
    assert after.sealed[0][0] is ours
    assert len(sun.open_batch(wire(before) + wire(after)).inner) == 2
    assert moon.remove(0x2000) is ours
    assert moon.seal_batch([udp4()]).sealed[0][0] is moon.children[0x1000]


def test_of_several_children_the_one_with_the_flows_selectors_seals() -> None:
    moon = Engine(Spd((site_policy(),)), Counters())
    both, _ = child_pair(0x1000)
    only4, _ = child_pair(0x2000, nets=1)
    moon.install(both)
    moon.install(only4)
    batch = moon.seal_batch([udp4(), udp6()])
    assert [child for child, *_ in batch.sealed] == [only4, both]


def test_a_flow_outside_what_was_negotiated_is_not_sent() -> None:
    moon = Engine(Spd((site_policy(),)), Counters())
    moon.install(child_pair(nets=1)[0])
    batch = moon.seal_batch([udp6()])
    assert (batch.sealed, batch.acquires, batch.inward) == ([], [], [])
    assert dropped(moon) == {"selectors": 1}


def test_an_armed_tunnel_hands_back_what_none_of_its_children_seals() -> None:
    moon = Engine(Spd((site_policy(),)), Counters())
    moon.install(child_pair(nets=1)[0])
    moon.arm("net")
    batch = moon.seal_batch([udp4(), udp6()])
    pair = site_policy().selectors[1]
    assert batch.acquires == [Acquire("net", flow_of(udp6()), pair, udp6())]
    assert len(batch.sealed) == 1
    moon.install(child_pair(0x2000)[0])
    assert len(moon.seal_batch([udp4(), udp6()]).sealed) == 2
    assert dropped(moon) == {"acquires": 1}


def test_removed_children_neither_seal_nor_open() -> None:
    moon, sun = engines()
    batch = moon.seal_batch([udp4()])
    assert sun.remove(0x1001) is not None
    assert sun.remove(0x1001) is None
    assert sun.open_batch(wire(batch)).inner == []
    assert dropped(sun) == {"no_sa": 1}
    moon.remove(0x1000)
    assert moon.seal_batch([udp4()]).sealed == []
    assert dict(moon.children) == {}


def test_an_spi_installed_twice_is_replaced() -> None:
    moon, _ = engines()
    again, _ = child_pair()
    moon.install(again)
    assert dict(moon.children) == {0x1000: again}
    assert moon.seal_batch([udp4()]).sealed[0][0] is again
    moon.remove(0x1000)
    assert moon.seal_batch([udp4()]).sealed == []


def test_new_policies_count_from_the_next_batch() -> None:
    moon, _ = engines()
    assert moon.seal_batch([udp4()]).sealed
    moon.spd.replace(())
    assert moon.seal_batch([udp4()]).sealed == []
    assert dropped(moon) == {"policy": 1}


def test_too_big_is_answered_and_the_rest_is_sealed() -> None:
    moon, sun = engines(mtu=1300)
    batch = moon.seal_batch([udp4(1400, flags="DF"), udp6(1400), udp4(5)])
    assert sun.open_batch(wire(batch)).inner == [udp4(5)]
    assert IP(batch.inward[0])[ICMP].nexthopmtu == 1300
    assert IPv6(batch.inward[1])[ICMPv6PacketTooBig].mtu == 1300
    assert dropped(moon) == {"too_big": 2}


def test_a_large_packet_that_may_be_fragmented_is_sealed_whole() -> None:
    moon, sun = engines(mtu=1300)
    batch = moon.seal_batch([udp4(1400)])
    assert sun.open_batch(wire(batch)).inner == [udp4(1400)]
    assert dropped(moon) == {"fragments": 1}


def test_segment_size_is_lowered_on_both_ways() -> None:
    moon, sun = engines(mtu=1300)
    moon.children[0x1000].mtu = 1350
    opened = sun.open_batch(wire(moon.seal_batch([syn4(1460), syn4(500)])))
    assert [dict(IP(one)[TCP].options)["MSS"] for one in opened.inner] == [1260, 500]
    assert dropped(moon) == dropped(sun) == {"mss_clamped": 1}


class TestLimits:
    """RFC 4301 section 4.4.2.1: a soft limit is told of, a hard one ends the child."""

    THREE = pytest.mark.parametrize("limit", [Limit(packets=3), Limit(octets=3 * len(udp4()))])

    def setup_method(self) -> None:
        self.moon, self.sun = engines()
        self.child: ChildSa = self.moon.children[0x1000]
        self.far: ChildSa = self.sun.children[0x1001]

    @THREE
    def test_a_soft_one_is_told_once(self, limit: Limit) -> None:
        self.child.soft = limit
        told = [self.moon.seal_batch([udp4()]).limits for _ in range(5)]
        assert told == [[], [], [Reached(self.child, hard=False)], [], []]
        assert dropped(self.moon) == {"soft_limits": 1}

    @THREE
    def test_a_hard_one_is_told_once_and_nothing_passes_any_more(self, limit: Limit) -> None:
        back = self.far.outbound.protect(udp4(source="10.2.0.1", target="10.1.0.1"), 4)
        self.child.hard = limit
        told = [self.moon.seal_batch([udp4()]).limits for _ in range(5)]
        assert told == [[], [], [Reached(self.child, hard=True)], [], []]
        assert self.moon.open_batch([(back, SUN)]).inner == []
        assert dropped(self.moon) == {"hard_limits": 1, "no_key": 3}

    def test_a_child_that_ended_stays_ended_when_it_moves(self) -> None:
        self.child.hard = Limit(packets=1)
        assert len(self.moon.seal_batch([udp4()]).sealed) == 1
        self.child.path = Path(MOON, ("192.0.2.9", 1024), encapsulated=True)
        assert self.moon.seal_batch([udp4()]).sealed == []

    def test_both_at_once_are_told_as_the_hard_one(self) -> None:
        self.child.soft = self.child.hard = Limit(packets=2)
        told = [self.moon.seal_batch([udp4()] * 3).limits for _ in range(2)]
        assert told == [[Reached(self.child, hard=True)], []]

    @THREE
    def test_the_way_in_has_its_own(self, limit: Limit) -> None:
        self.far.soft, self.far.hard = limit, Limit(packets=4)
        told = []
        for _ in range(5):
            opened = self.sun.open_batch(wire(self.moon.seal_batch([udp4()]))).inner
            told.append((len(opened), self.sun.check_inbound(self.far)))
        soft, hard = Reached(self.far, hard=False), Reached(self.far, hard=True)
        assert told == [(1, []), (1, []), (1, [soft]), (1, [hard]), (0, [])]
        assert dropped(self.sun) == {"soft_limits": 1, "hard_limits": 1, "no_key": 1}


def test_used_up_numbers_drop() -> None:
    moon, _ = engines()
    moon.children[0x1000].outbound.seq = 2**32 - 2
    assert len(moon.seal_batch([udp4()] * 3).sealed) == 1
    assert dropped(moon) == {"sequence_exhausted": 2}


class TestMoving:
    """RFC 7296 section 2.23: only the newest authenticated packet tells where the peer is."""

    ELSEWHERE = ("192.0.2.9", 1024)

    def setup_method(self) -> None:
        self.moon, self.sun = engines()
        self.child: ChildSa = self.sun.children[0x1001]
        self.sealed = [datagram for _, datagram, _ in self.moon.seal_batch([udp4()] * 4).sealed]

    def test_the_newest_packet_moves_the_peer(self) -> None:
        opened = self.sun.open_batch([(self.sealed[0], MOON), (self.sealed[1], self.ELSEWHERE)])
        assert opened.moved == [(self.child, self.ELSEWHERE)]
        self.child.path = Path(SUN, self.ELSEWHERE, encapsulated=True)
        assert self.sun.open_batch([(self.sealed[2], self.ELSEWHERE)]).moved == []

    def test_a_late_packet_does_not(self) -> None:
        opened = self.sun.open_batch([(self.sealed[2], MOON), (self.sealed[1], self.ELSEWHERE)])
        assert len(opened.inner) == 2
        assert opened.moved == []

    def test_a_replayed_or_forged_packet_does_not(self) -> None:
        forged = self.sealed[1][:-1] + bytes([self.sealed[1][-1] ^ 1])
        opened = self.sun.open_batch(
            [(self.sealed[0], MOON), (self.sealed[0], self.ELSEWHERE), (forged, self.ELSEWHERE)]
        )
        assert opened.moved == []

    def test_the_last_of_several_moves_counts(self) -> None:
        back = [(self.sealed[0], self.ELSEWHERE), (self.sealed[1], MOON)]
        assert self.sun.open_batch(back).moved == []
        twice = [(self.sealed[2], ("192.0.2.1", 1)), (self.sealed[3], self.ELSEWHERE)]
        assert self.sun.open_batch(twice).moved == [(self.child, self.ELSEWHERE)]

    def test_without_encapsulation_nothing_moves(self) -> None:
        self.child.path = Path(SUN, MOON)
        opened = self.sun.open_batch([(self.sealed[0], self.ELSEWHERE)])
        assert len(opened.inner) == 1
        assert opened.moved == []


def test_dummies_are_counted_and_dropped() -> None:
    moon, sun = engines()
    outbound = moon.children[0x1000].outbound
    dummies = [outbound.protect(packet, 59) for packet in (b"", bytes(100), udp4())]
    assert sun.open_batch([(dummy, MOON) for dummy in dummies]).inner == []
    assert dropped(sun) == {"dummy": 3}


@settings(max_examples=200)
@given(st.lists(NOISE, max_size=8))
def test_noise_from_the_device_never_raises(noise: list[bytes]) -> None:
    moon, _ = engines(mtu=1300)
    batch = moon.seal_batch([*noise, udp4(7)])
    assert batch.sealed[-1][1][:8] == HEADER.pack(0x1001, len(batch.sealed))


@settings(max_examples=200)
@given(st.lists(NOISE, max_size=8))
def test_noise_from_the_network_never_raises(noise: list[bytes]) -> None:
    moon, sun = engines()
    good = wire(moon.seal_batch([udp4(7)]))
    opened = sun.open_batch([*((one, MOON) for one in noise), *good])
    assert opened.inner == [udp4(7)]
    assert sum(dropped(sun).values()) == len(noise)


@settings(max_examples=200)
@given(st.lists(st.tuples(NOISE, st.sampled_from([4, 41, 59, 6])), max_size=8))
def test_noise_from_an_authenticated_peer_never_raises(noise: list[tuple[bytes, int]]) -> None:
    moon, sun = engines()
    outbound = moon.children[0x1000].outbound
    datagrams = [outbound.protect(inner, next_header) for inner, next_header in noise]
    opened = sun.open_batch([(one, MOON) for one in [*datagrams, outbound.protect(udp4(7), 4)]])
    assert opened.inner[-1] == udp4(7)
    assert sun.counters.counts["packets_in"] == len(opened.inner)


def test_a_child_for_pings_carries_pings() -> None:
    """RFC 7296 section 3.13.1: the type is the upper half of what are ports elsewhere."""
    moon, sun = child_pair(nets=1)
    here, there = (
        (TrafficSelector(4, one.start, one.end, 1, 0x800, 0x8FF),)
        for one in (*moon.local, *moon.remote)
    )
    moon.local, moon.remote, sun.local, sun.remote = here, there, there, here
    ours, theirs = Engine(Spd((site_policy(),)), Counters()), Engine(Spd(), Counters())
    ours.install(moon)
    theirs.install(sun)
    ping, pong = (bytes(IP(src="10.1.0.1", dst="10.2.0.1") / ICMP(type=kind)) for kind in (8, 0))
    batch = ours.seal_batch([ping, pong, udp4()])
    assert theirs.open_batch(wire(batch)).inner == [ping]
    foreign = [(moon.outbound.protect(pong, 4), MOON)]
    assert theirs.open_batch(foreign).inner == []
    assert dropped(ours) == {"selectors": 2}
    assert dropped(theirs) == {"selectors": 1}
