"""What attackers, hostile peers and odd hosts make of rows: packets that are handled together."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from esp.arena import SLOTS
from esp.inward import Inward
from esp.outward import Outward
from esp.sa import OutboundSa
from esp.vnet import GSO_TCP6, NEEDS_CSUM, VNET
from policy.spd import Action, Policy, SelectorPair
from suites.sealers import CounterAead, Octets
from tests.esp import rounds
from tests.esp.flows import Device, Stream, stream, v6
from tests.esp.rounds import Read, Sent, lane_out, left_to_us, moon, single, super_packet
from tests.esp.tunnel import MOON

LANES = pytest.mark.parametrize("vectors", [False, True], ids=["plain", "numpy"])


# -- a host behind us -------------------------------------------------------------------------
@LANES
@pytest.mark.parametrize("size", [1500, 1540, 1700, 1940])
def test_sends_more_octets_of_jumbo_frames_than_one_send_holds(size: int, vectors: bool) -> None:
    engine, udp = moon("gcm"), stream("udp4")
    for child in engine.children.values():
        child.mtu = 8900
    reads = [single(udp.packet(b"")), *(left_to_us(udp, bytes(size)) for _ in range(3 * SLOTS))]
    sent, _ = lane_out(engine, [reads[:1], reads[1:]], vectors=vectors)
    inside = rounds.plaintexts("gcm", sent, begin=0, esn=False)
    assert [one[3] for one in inside if isinstance(one, tuple)] == [
        packet for read in reads for packet in read.packets
    ]


@LANES
def test_hides_a_port_behind_extension_headers_and_a_fragment(vectors: bool) -> None:
    """The headers that are looked at first end before the port, as in a later fragment."""
    engine = moon("gcm")
    source, target = (side[1] for side in rounds.NETS["net"])
    ssh = replace(target, protocol=6, start_port=22, end_port=22)
    deny = Policy("ssh", Action.DISCARD, (SelectorPair(source, ssh),))
    engine.spd.replace((deny, *engine.spd.policies))
    fragment = extended(v6().packet(bytes(64)), 44, bytes((6, 0, 0, 8, 0, 0, 0, 1)))
    options = bytes((6, 2, 1, 20)) + bytes(20)
    read = super_packet(v6(ports=(40000, 22)), bytes(6000), 1000)
    header = VNET.pack(NEEDS_CSUM, GSO_TCP6, 84, 1000, 64, 16)
    forbidden = Read(header, extended(read.octets, 60, options), ())
    sent, _ = lane_out(engine, [[single(fragment)], [forbidden]], vectors=vectors)
    assert len(sent) == 1
    assert engine.counters.counts["policy"] == 6


def extended(packet: bytes, number: int, extension: bytes) -> bytes:
    """Put an extension header into an IPv6 packet."""
    length = int.from_bytes(packet[4:6], "big") + len(extension)
    head = packet[:4] + length.to_bytes(2, "big") + bytes((number,)) + packet[7:40]
    return head + extension + packet[40:]


@LANES
def test_asks_for_sixty_thousand_segments_of_one_octet(vectors: bool) -> None:
    engine, tcp = moon("gcm"), Stream()
    read = super_packet(tcp.copy(), bytes(60_000), 60_000)
    tiny = Read(read.header[:4] + b"\1\0" + read.header[6:], read.octets, ())
    sent, _ = lane_out(engine, [[single(tcp.packet(b""))], [tiny]], vectors=vectors)
    assert len(sent) == 1
    assert engine.counters.counts["malformed"] == 1


class Failing(CounterAead):
    """A sealer that fails once in the middle of rows, as one without memory does."""

    failures = 1

    def seal_rows(
        self,
        nonces: Iterable[bytes],
        plains: Iterable[Octets],
        heads: Iterable[bytes],
        outs: Iterable[memoryview],
    ) -> None:
        if not self.failures:
            super().seal_rows(nonces, plains, heads, outs)
            return
        self.failures -= 1
        super().seal_rows(nonces, [*plains][:3], heads, outs)
        raise MemoryError


@pytest.mark.parametrize("kind", ["singles", "super-packet"])
def test_rows_that_could_not_all_be_sealed_are_not_sent_and_cost_no_other(kind: str) -> None:
    engine, udp, sent = moon("gcm"), stream("udp4"), Sent()
    child = engine.children[0x1000]
    half = child.rows_out
    assert half is not None
    half.sealer = Failing(AESGCM(b"k" * 16), b"salt")
    lane = Outward(engine, sent.send, vnet=True)

    def burst(reads: list[Read]) -> None:
        slot = 0
        for read in reads:
            octets = read.header + read.octets
            lane.arena.places[slot][: len(octets)] = octets
            slot = lane.take(slot, len(octets))
        lane.finish()

    def some() -> list[Read]:
        if kind == "singles":
            return [left_to_us(udp, bytes(100)) for _ in range(8)]
        return [super_packet(udp, bytes(800), 100)]

    burst([single(udp.packet(b""))])
    with pytest.raises(MemoryError):
        burst(some())
    burst(some())
    assert [len(packet) for _, packet, _ in sent.packets] == [64] + [164] * 8
    numbers = [int.from_bytes(packet[4:8], "big") for _, packet, _ in sent.packets]
    assert numbers == [1, *range(10, 18)]  # what was reserved is never used again


# -- a peer -----------------------------------------------------------------------------------
@pytest.mark.parametrize("version", [4, 6])
def test_sends_datagrams_without_a_checksum_whose_sum_is_right_by_chance(version: int) -> None:
    """Joined they would get a checksum: what is in them would then count as verified."""
    base = stream("udp4" if version == 4 else "udp6")
    half = OutboundSa(rounds.SPIS["net"], rounds.make_sealer("gcm", rounds.SPIS["net"]))
    packets = []
    for number in range(8):
        body = bytes((number,)) * 60
        at = base.l4 + 6
        draft = base.copy().packet(body + b"\0\0")
        right = base.packet(body + draft[at : at + 2])
        assert right[at : at + 2] == b"\xff\xff"
        packets.append(right[:at] + b"\0\0" + right[at + 2 :] if number else right)
    flat = b"".join(half.protect(packet, base.next_header) for packet in packets)
    device = Device()
    lane = Inward(rounds.sun("gcm"), device.write)
    lane.received[: len(flat)] = flat
    left: list[int] = []
    lane.take_rows(8, len(flat) // 8, MOON, 0, lambda *at: left.extend(at))
    assert not left
    lane.finish()
    assert device.packets == packets
