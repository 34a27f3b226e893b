"""Headers that lie, from the kernel or from a peer, end no lane and are the same to both."""

import random
from collections.abc import Callable

import pytest

from esp.checksum import Octets
from esp.inward import Inward
from esp.outward import Outward
from esp.vnet import NEEDS_CSUM, VNET, VNET_NONE
from tests.esp import rounds
from tests.esp.flows import ACK, Stream, any_stream, blurred, cut_apart, seeded, v6
from tests.esp.rounds import Read, Told, left_to_us, single, super_packet
from tests.esp.tunnel import MOON

LIES: dict[str, tuple[int, int, int, int, int, int]] = {
    "a checksum beyond the packet": (NEEDS_CSUM, 0, 0, 0, 60000, 16),
    "a checksum across the end": (NEEDS_CSUM, 0, 0, 0, 20, 119),
    "a checksum at an odd place": (NEEDS_CSUM, 0, 0, 0, 20, 5),
    "a checksum of everything": (NEEDS_CSUM, 0, 0, 0, 0, 0),
    "a checksum in the IP header": (NEEDS_CSUM, 0, 0, 0, 0, 16),
    "the largest numbers": (255, 255, 65535, 65535, 65535, 65535),
    "segments of nothing": (NEEDS_CSUM, 1, 40, 0, 20, 16),
    "segments larger than the packet": (NEEDS_CSUM, 1, 40, 65535, 20, 16),
    "segments of one octet": (NEEDS_CSUM, 1, 40, 1, 20, 16),
    "UDP that is TCP": (NEEDS_CSUM, 5, 28, 10, 20, 6),
    "IPv6 that is IPv4": (NEEDS_CSUM, 4, 60, 10, 40, 16),
    "TCP elsewhere": (NEEDS_CSUM, 1, 40, 10, 24, 16),
    "headers longer than the packet": (NEEDS_CSUM, 1, 60000, 10, 20, 16),
    "fragments of UDP, which nobody makes any more": (NEEDS_CSUM, 3, 28, 10, 20, 6),
}


def both(bursts: list[list[Read]]) -> Told:
    """Let both lanes take the reads; return what they agree on."""
    told = []
    for vectors in (False, True):
        engine = rounds.moon("gcm")
        told.append((rounds.lane_out(engine, bursts, vectors=vectors), rounds.state(engine)))
    assert told[0] == told[1]
    return told[0][0]


@pytest.mark.parametrize("name", LIES)
@pytest.mark.parametrize("count", [1, 6])
def test_a_virtio_header_that_lies_harms_no_other_packet(name: str, count: int) -> None:
    stream, good = Stream(), Stream(ports=(7, 7))
    lies = [
        Read(VNET.pack(*LIES[name]), stream.packet(bytes(100)), ()) for _ in range(count)
    ]  # fmt: skip
    known = [single(stream.packet(b"")), single(good.packet(b""))]
    around = [left_to_us(good, bytes(64)) for _ in range(8)]
    sent, _ = both([known, [*around[:4], *lies, *around[4:]]])
    inside = rounds.plaintexts("gcm", sent, begin=0, esn=False)
    packets = [one[3] for one in inside if isinstance(one, tuple)]
    assert [one for one in packets if one[20:24] == b"\0\7\0\7"] == [
        packet for read in (known[1], *around) for packet in read.packets
    ]


@pytest.mark.parametrize("offset", range(16))
def test_a_data_offset_that_lies_in_a_super_packet(offset: int) -> None:
    stream = Stream()
    read = super_packet(stream.copy(), bytes(900), 100)
    octets = bytearray(read.octets)
    octets[32] = offset << 4
    both([[single(stream.packet(b""))], [Read(read.header, bytes(octets), ())]])


@pytest.mark.parametrize("octets", [0, 1, 9, 10, 11, 29, 30])
def test_reads_too_short_for_anything(octets: int) -> None:
    """Even shorter than a virtio header: what is in the slot from before is nobody's."""
    before = single(Stream().packet(bytes(64)))
    for vectors in (False, True):
        lane = Outward(rounds.moon("gcm"), rounds.Sent().send, vnet=True, vectors=vectors)
        whole = before.header + before.octets
        for slot in range(8):
            lane.arena.places[slot][: len(whole)] = whole
        slot = 0
        for _ in range(8):
            slot = lane.take(slot, octets)
        batch = lane.finish()
        assert (batch.sealed, batch.inward) == ([], [])


def noise(rng: random.Random) -> Read:
    """Draw a read of which anything may be wrong."""
    stream = any_stream(rng)
    make: list[Callable[[], Read]] = [
        lambda: single(stream.packet(rng.randbytes(rng.randrange(200)))),
        lambda: left_to_us(stream, rng.randbytes(rng.randrange(200))),
        lambda: super_packet(stream, rng.randbytes(2000), rng.randrange(80, 500), ACK),
    ]
    read = rng.choice(make)()
    header, octets = bytearray(read.header), bytearray(read.octets)
    for _ in range(rng.randrange(3)):
        header[rng.randrange(10)] = rng.choice([0, 1, 4, 5, 20, 40, 255, rng.randrange(256)])
    for _ in range(rng.randrange(3)):
        octets[rng.randrange(min(len(octets), 64))] = rng.randrange(256)
    if rng.random() < 0.1:
        del octets[rng.randrange(len(octets)) :]
    return Read(bytes(header), bytes(octets), ())


def test_noise_from_the_kernel(times: int) -> None:
    for number in range(100 * times):
        rng = seeded(number)
        first = noise(rng)
        both([[noise(rng), first] + [first] * rng.randrange(9) for _ in range(3)])


@pytest.mark.parametrize("stream", [Stream(), v6()], ids=["IPv4", "IPv6"])
def test_without_a_virtio_header_packets_are_rows_all_the_same(stream: Stream) -> None:
    packets = [stream.packet(bytes(64)) for _ in range(20)]
    told = []
    for vectors in (False, True):
        sent = rounds.Sent()
        lane = Outward(rounds.moon("gcm"), sent.send, vnet=False, vectors=vectors)
        for burst in (packets[:2], packets[2:]):
            slot = 0
            for packet in burst:
                lane.arena.places[slot][: len(packet)] = packet
                slot = lane.take(slot, len(packet))
            lane.finish()
        told.append(sent.packets)
    assert told[0] == told[1]
    inside = rounds.plaintexts("gcm", told[0], begin=0, esn=False)
    assert [one[3] for one in inside if isinstance(one, tuple)] == packets


@pytest.mark.parametrize("vectors", [False, True])
def test_nothing_is_joined_where_that_is_off(vectors: bool) -> None:
    """Also what an engine without rows would write: each as it came."""
    stream, half = Stream(), rounds.moon("gcm").children[0x1000].outbound
    packets = [stream.packet(bytes(200)) for _ in range(20)]
    flat = b"".join(half.protect(packet, 4) for packet in packets)
    written: list[list[bytes]] = []

    def write(buffers: list[Octets]) -> None:
        written.append([bytes(one) for one in buffers])

    lane = Inward(rounds.sun("gcm"), write, vectors=vectors, merge=False)
    lane.received[: len(flat)] = flat
    size = len(flat) // 20
    all_ = [(flat[at : at + size], MOON) for at in range(0, len(flat), size)]
    lane.take_rows(20, size, MOON, 0, lambda begin, end: lane.take(all_[begin:end], 0))
    lane.finish()
    assert written == [[VNET_NONE, packet] for packet in packets]


def test_two_buffers_take_turns_and_none_is_overwritten_too_early() -> None:
    """A run may go on over many receives: what it holds must still be what was opened."""
    stream, half = Stream(), rounds.moon("gcm").children[0x1000].outbound
    rng, bursts, packets = seeded(5), [], []
    for count in (5, 4, 9, 6, 7, 4, 5, 12):
        some = [stream.packet(rng.randbytes(100)) for _ in range(count)]
        packets += some
        bursts.append([rounds.Datagram(half.protect(one, 4), one) for one in some])
    engine = rounds.sun("gcm")
    written: list[bytes] = []

    def write(buffers: list[Octets]) -> None:
        written.extend(cut_apart(buffers))

    def none(begin: int, end: int) -> None:
        raise AssertionError((begin, end))

    lane = Inward(engine, write)
    for burst in bursts:
        flat = b"".join(one.octets for one in burst)
        lane.received[: len(flat)] = flat
        lane.take_rows(len(burst), len(burst[0].octets), MOON, 0, none)
        lane.received[: len(flat)] = bytes(len(flat))
    lane.finish()
    assert [blurred(one) for one in written] == [blurred(one) for one in packets]
