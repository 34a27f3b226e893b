"""The way out in both lanes; that they differ in nothing is test_differential's."""

import pytest

from esp.arena import SLOTS
from tests.esp import rounds
from tests.esp.flows import SYN, stream
from tests.esp.rounds import Read, lane_out, left_to_us, moon, single, super_packet

LANES = pytest.mark.parametrize("vectors", [False, True], ids=["plain", "numpy"])


def inside(sent: list[tuple[str, bytes, int]]) -> list[bytes]:
    halves = {"net": rounds.sun("gcm").children[rounds.SPIS["net"]].inbound}
    return [halves[name].unprotect(packet)[1] for name, packet, _ in sent]


@LANES
def test_the_first_packet_of_a_flow_and_what_follows_leave_in_their_order(vectors: bool) -> None:
    tcp, udp = stream("tcp4"), stream("udp4")
    burst = [
        super_packet(tcp, bytes(20_000), 1000),
        *(left_to_us(udp, bytes(100)) for _ in range(9)),
        super_packet(tcp, bytes(20_300), 1000),
        single(tcp.packet(b"end")),
    ]
    engine = moon("gcm")
    sent, inward = lane_out(engine, [burst, burst], vectors=vectors)
    expected = [packet for read in burst for packet in read.packets] * 2
    assert inside(sent) == expected
    assert inward == []
    assert engine.counters.counts["packets_out"] == len(expected)
    assert engine.counters.counts["octets_out"] == sum(map(len, expected))


@LANES
def test_more_packets_than_slots_and_jumbo_frames_all_leave(vectors: bool) -> None:
    udp = stream("udp4")
    burst = [left_to_us(udp, bytes(100)) for _ in range(3 * SLOTS + 5)]
    burst.insert(70, single(udp.packet(bytes(5000))))  # larger than a slot: too big, and told
    sent, _ = lane_out(moon("gcm"), [burst], vectors=vectors)
    assert len(sent) == 3 * SLOTS + 5


@LANES
def test_a_super_packet_above_the_path_is_told_about_not_sealed(vectors: bool) -> None:
    tcp = stream("tcp4")
    warm = single(tcp.packet(b"first"))
    burst = [warm, super_packet(tcp, bytes(9000), 1450)]
    sent, inward = lane_out(moon("gcm"), [burst], vectors=vectors)
    assert len(sent) == 1 + 1  # and the last segment, which is short enough
    assert len(inward) == 6


@LANES
def test_a_syn_among_alike_packets_gets_its_segment_size_clamped(vectors: bool) -> None:
    tcp = stream("tcp4")
    tcp.options = bytes.fromhex("020405b4")
    burst = [single(tcp.packet(b"", SYN)) for _ in range(6)]
    engine = moon("gcm")
    sent, _ = lane_out(engine, [burst, burst], vectors=vectors)
    assert engine.counters.counts["mss_clamped"] == 12
    assert len(sent) == 12


@LANES
def test_the_numbers_end_with_the_last_that_may_be_used(vectors: bool) -> None:
    engine = moon("gcm")
    (child, _) = engine.children.values()
    child.outbound.limit = 25
    tcp = stream("tcp4")
    burst = [super_packet(tcp, bytes(10_000), 1000) for _ in range(4)]
    sent, _ = lane_out(engine, [burst], vectors=vectors)
    assert len(sent) == 25
    assert engine.counters.counts["sequence_exhausted"] == child.drops["sequence_exhausted"] == 15


@LANES
def test_a_header_that_lies_costs_only_its_packet(vectors: bool) -> None:
    tcp = stream("tcp4")
    good = super_packet(tcp, bytes(9000), 1000)
    bad = Read(good.header[:8] + b"\xff\xff", good.octets, ())
    lost = Read(b"\x00\x01\x00\x00\x00\x00\xff\xff\x10\x00", good.octets, ())
    sent, _ = lane_out(moon("gcm"), [[good, lost, bad]], vectors=vectors)
    assert len(sent) >= 9
