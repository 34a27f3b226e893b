"""The lanes differ in nothing but speed: packets one by one, plain rows, rows by numpy.

Each round draws its traffic from a seed, and a failure names it: the round can be had again.
"""

import random
from dataclasses import replace

import pytest

from esp.sa import OutboundSa
from policy.treatment import PLAIN, DontFragment, Treatment
from tests.esp import rounds
from tests.esp.flows import (
    ACK,
    CWR,
    ECE,
    FIN,
    PSH,
    SYN,
    TCP,
    UDP,
    Stream,
    any_stream,
    blurred,
    seeded,
)
from tests.esp.rounds import Datagram, Read, left_to_us, single, super_packet

ROUNDS = 20
SIZES = (1, 20, 64, 101, 536, 1000, 1300)
SEGMENTS = (48, 99, 536, 1000, 1300, 1336)


def host(rng: random.Random) -> Stream:
    """Draw a stream that one of the two tunnels carries, or seldom none."""
    stream = any_stream(rng)
    net = rng.choice([1] * 6 + [3] * 3 + [9])
    source = bytearray(stream.source)
    source[1] = net
    return replace(stream, source=bytes(source))


def some_reads(rng: random.Random, streams: list[Stream]) -> list[Read]:
    """Draw a few reads in a row: of one kind, as traffic has it."""
    stream = rng.choice(streams)
    flags = rng.choice([ACK] * 6 + [ACK | PSH, ACK | FIN | PSH, ACK | CWR, ACK | ECE | CWR | PSH])
    match rng.randrange(9):
        case 0 | 1 | 2:
            mss = rng.choice(SEGMENTS)
            count = rng.choice([1, 3, 5, 22, 46, 99, 2000 if rng.random() < 0.1 else 4])
            size = min(mss * count + rng.randrange(mss), 65000)
            return [super_packet(stream, rng.randbytes(size), mss, flags)]
        case 3 | 4 | 5:
            size, count = rng.choice(SIZES), rng.randrange(1, 30)
            make = left_to_us if rng.random() < 0.6 else whole
            return [make(stream, rng.randbytes(size), ACK) for _ in range(count)]
        case 6:
            both = rng.choice(streams), rng.choice(streams)
            return [whole(rng.choice(both), rng.randbytes(64), flags) for _ in range(9)]
        case 7:
            return [whole(stream, b"", flags) for _ in range(rng.randrange(1, 7))]
        case _:
            return [odd_one(rng, stream)]


def whole(stream: Stream, payload: bytes, flags: int) -> Read:
    return single(stream.packet(payload, flags))


def odd_one(rng: random.Random, stream: Stream) -> Read:
    """Draw what needs a look at it."""
    size = rng.choice(SIZES)
    match rng.randrange(8):
        case 0:
            wide = replace(stream, options=bytes.fromhex("020405b4"))
            return whole(wide, b"", SYN)
        case 1:
            return single(rng.randbytes(rng.randrange(1, 70)))
        case 2:
            return single(stream.packet(rng.randbytes(size))[: rng.randrange(1, 60)])
        case 3:  # larger than the path
            return whole(stream, rng.randbytes(rng.choice([1381, 1500, 2500])), ACK)
        case 4:
            return whole(replace(stream, fragment=0x2000), rng.randbytes(size), ACK)
        case 5:
            return whole(replace(stream, fragment=0x00B9), rng.randbytes(size), ACK)
        case 6:
            return whole(
                replace(stream, protocol=58 if stream.is_v6 else 1), rng.randbytes(size), 8
            )
        case _:
            return whole(replace(stream, ip_options=b"\x94\x04\0\0"), rng.randbytes(size), ACK)


def some_bursts(rng: random.Random) -> list[list[Read]]:
    streams = [host(rng) for _ in range(rng.randrange(1, 4))]
    return [
        [read for _ in range(rng.randrange(1, 8)) for read in some_reads(rng, streams)]
        for _ in range(rng.randrange(1, 5))
    ]


def any_treatment(rng: random.Random) -> Treatment:
    return rng.choice(
        [PLAIN] * 4
        + [Treatment(dscp=46), Treatment(df=DontFragment.COPY), Treatment(df=DontFragment.SET)]
        + [Treatment(tfc=256)]
    )


def out_round(number: int, transform: str) -> None:
    rng = seeded(number)
    esn, treatment, bursts = rng.random() < 0.3, any_treatment(rng), some_bursts(rng)
    begin = rng.choice([0, 0, (1 << 32) - 100]) if esn else 0
    left = rng.choice([1 << 30, 1 << 30, rng.randrange(1, 300)])
    told = []
    for lane in (None, False, True):
        engine = rounds.moon(transform, esn=esn, treatment=treatment)
        for child in engine.children.values():
            child.outbound.seq, child.outbound.limit = begin, begin + left
        if lane is None:
            sent, inward = rounds.one_by_one(engine, bursts)
        else:
            sent, inward = rounds.lane_out(engine, bursts, vectors=lane)
        inside = rounds.plaintexts(transform, sent, begin=begin, esn=esn)
        on_wire = [] if transform in rounds.IS_RANDOM else sent
        told.append((inside, on_wire, inward, rounds.state(engine)))
    by_hand, plain, vectors = told
    same(number, plain, by_hand)
    same(number, vectors, by_hand)


def same(number: int, lane: tuple[object, ...], by_hand: tuple[object, ...]) -> None:
    """Say where lanes part, and in which round."""
    for ours, expected in zip(lane, by_hand, strict=True):
        if ours == expected:
            continue
        if isinstance(ours, list) and isinstance(expected, list):
            pairs = enumerate(zip(ours, expected, strict=False))
            at = next((at for at, (one, other) in pairs if one != other), -1)
            assert ours[at] == expected[at], f"round {number}, item {at}"
            assert len(ours) == len(expected), f"round {number}"
        assert ours == expected, f"round {number}"


@pytest.mark.parametrize("transform", rounds.TRANSFORMS)
def test_the_way_out(transform: str, times: int) -> None:
    for number in range(ROUNDS * times):
        out_round(number * 100 + len(transform), transform)


# -- the way in -------------------------------------------------------------------------------


class Network:
    """Seals what streams say, by hand, and does to it what networks and attackers do."""

    def __init__(self, rng: random.Random, transform: str, *, esn: bool, begin: int) -> None:
        self.rng = rng
        self.halves: list[OutboundSa] = []
        for spi in rounds.SPIS.values():
            half = OutboundSa(spi, rounds.make_sealer(transform, spi), esn=esn)
            half.seq = begin
            self.halves.append(half)
        self.past: list[Datagram] = []

    def half(self, stream: Stream) -> OutboundSa:
        return self.halves[stream.source[1] == 3]

    def burst(self, streams: list[Stream]) -> list[Datagram]:
        """Send a few packets of nearly one kind."""
        rng = self.rng
        stream, size = rng.choice(streams), rng.choice(SIZES)
        calm = rng.random() < 0.4
        more = rng.choice([0, 0, 0, 1, 3])
        found: list[Datagram] = []
        for _ in range(rng.choice([1, 3, 4, 5, 20, 45, 70])):
            if not calm and rng.random() < 0.05:
                stream = rng.choice(streams)
            if not calm and rng.random() < 0.1:
                self.vary(stream)
            flags = (
                ACK if calm else rng.choice([ACK] * 30 + [ACK | PSH, ACK | FIN, SYN, 4, 80, 144])
            )
            inner = stream.packet(rng.randbytes(size), flags)
            if not calm and rng.random() < 0.02:
                inner = inner[:-1] + bytes((inner[-1] ^ 1,))  # has to come out as damaged
            sent = rounds.sealed(self.half(stream), inner, stream.next_header, more)
            found += self.carried(Datagram(sent, inner if stream.source[1] != 9 else None), calm)
        self.past += found
        return found

    def vary(self, stream: Stream) -> None:
        """Let what follows in a stream be unlike what came before."""
        rng = self.rng
        match rng.randrange(7):
            case 0:
                stream.sequence += 1
            case 1 | 2:
                stream.fragment ^= 0x4000
            case 3:
                stream.ident = rng.randrange(1 << 16)
            case 4:
                stream.protocol = TCP if stream.protocol == UDP else UDP
            case 5:
                stream.ip_options = b"" if stream.ip_options or stream.is_v6 else bytes(4)
            case _:
                stream.tos ^= 2

    def carried(self, one: Datagram, calm: bool) -> list[Datagram]:
        """Carry a datagram, or not, or with others."""
        rng = self.rng
        if calm or rng.random() < 0.9:
            return [one]
        size = len(one.octets)
        match rng.randrange(8):
            case 0:
                return []
            case 1:
                wrong = bytearray(one.octets)
                wrong[rng.randrange(8, size)] ^= 1 << rng.randrange(8)
                return [Datagram(bytes(wrong))]
            case 2:
                again = [old for old in self.past if len(old.octets) == size]
                return [one, replace(rng.choice([one, *again]), inner=None)]
            case 3:
                return [Datagram(rounds.MARKER + rng.randbytes(size - 4)), one]
            case 4:
                return [one, Datagram(b"\xff")]
            case 5:
                return [Datagram(rng.randbytes(rng.choice([3, 20, size]))), one]
            case 6:
                dummy = rounds.sealed(rng.choice(self.halves), one.inner or b"", 59)
                return [Datagram(dummy), one]
            case _:
                return [replace(one, inner=None, octets=one.octets[:-1]), one]


def hostile(rng: random.Random, half: OutboundSa, stream: Stream) -> list[Datagram]:
    """Seal a few alike packets that lie, as a peer with the keys can."""
    inner = bytearray(stream.packet(rng.randbytes(rng.choice(SIZES))))
    next_header, more, trailer = stream.next_header, 0, b""
    match rng.randrange(9):
        case 0:  # version, header length, total length, flags: whatever stands there
            for _ in range(rng.randrange(1, 4)):
                inner[rng.randrange(10)] = rng.randrange(256)
        case 1:
            inner[stream.l4 + rng.randrange(8)] = rng.randrange(256)
        case 2:
            next_header = rng.choice([4, 41, 59, 6, 0])
        case 3:
            trailer = bytes((rng.choice([255, 17, 3]), next_header))
        case 4:
            trailer = bytes((0, 0, 0, 3, next_header))
        case 5:  # octets after the packet (RFC 4303 section 2.7)
            inner += bytes(rng.choice([1, 8, 100]))
        case 6:
            inner = inner[: rng.randrange(len(inner) + 1)]
        case 7:
            stream = replace(stream, fragment=rng.choice([0, 0x2000, 0x4001, 0x8000]))
            inner = bytearray(stream.packet(rng.randbytes(100)))
        case _:
            more = rng.choice([1, 60 if half.sealer.block == 4 else 7])
    sent: list[Datagram] = []
    for _ in range(rng.choice([1, 2, 5, 9])):
        sent.append(Datagram(rounds.sealed(half, bytes(inner), next_header, more, trailer)))
        if rng.random() < 0.2:
            inner = bytearray(stream.packet(rng.randbytes(max(len(inner) - stream.head_len, 1))))
    return sent


def drawn_bursts(rng: random.Random, network: Network, *, lies: bool) -> list[list[Datagram]]:
    streams = [host(rng) for _ in range(rng.randrange(1, 4))]
    bursts: list[list[Datagram]] = []
    for _ in range(rng.randrange(1, 7)):
        burst = [one for _ in range(rng.randrange(1, 4)) for one in network.burst(streams)]
        if lies:
            stream = rng.choice(streams)
            at = rng.randrange(len(burst) + 1)
            burst[at:at] = hostile(rng, network.half(stream), stream)
            if rng.random() < 0.3:
                tos, source = rng.randrange(4), (rng.choice(["10.99.0.1", "10.99.0.7"]), 4500)
                burst = [replace(one, tos=tos, source=source) for one in burst]
        if burst and rng.random() < 0.2:
            at = rng.randrange(len(burst))
            burst[at : at + 2] = burst[at : at + 2][::-1]
        if rng.random() < 0.2:
            rng.choice(streams).fragment ^= 0x4000
        bursts.append(burst)
    return bursts


def in_round(number: int, transform: str, *, lies: bool) -> None:
    rng = seeded(number)
    esn = rng.random() < 0.3
    begin = rng.choice([0, (1 << 32) - 100]) if esn else 0
    window = rng.choice([64, 1024, 4096, 0 if lies else 1024])
    network = Network(rng, transform, esn=esn, begin=begin)
    bursts = drawn_bursts(rng, network, lies=lies)
    told = []
    for lane in (None, False, True):
        engine = rounds.sun(transform, esn=esn, window=window)
        for child in engine.children.values():
            if begin:
                child.inbound.replay.accept(begin)
        if lane is None:
            came = rounds.opened_singly(engine, bursts)
        else:
            came, _ = rounds.lane_in(engine, bursts, vectors=lane)
        packets, ike, moved = came
        told.append(([blurred(one) for one in packets], ike, moved, rounds.state(engine)))
    by_engine, plain, vectors = told
    same(number, plain, by_engine)
    same(number, vectors, by_engine)
    if not lies:
        wanted = [one.inner for burst in bursts for one in burst if one.inner is not None]
        same(number, (by_engine[0],), ([blurred(one) for one in wanted],))


@pytest.mark.parametrize("transform", rounds.TRANSFORMS)
def test_the_way_in(transform: str, times: int) -> None:
    for number in range(ROUNDS * times):
        in_round(number * 100 + len(transform), transform, lies=False)


@pytest.mark.parametrize("transform", rounds.TRANSFORMS)
def test_the_way_in_of_lies(transform: str, times: int) -> None:
    for number in range(ROUNDS * times):
        in_round(number * 100 + len(transform), transform, lies=True)


ROWS = 12
"""Packets that arrive together, the first of which are a plain stream."""
CHANGES: dict[str, dict[str, object]] = {
    "DF is clear from here on": {"fragment": 0, "ident": 9},
    "fragments": {"fragment": 0x2000},
    "the reserved bit": {"fragment": 0xC000, "ident": 9},
    "options that sum to nothing": {"ip_options": bytes(4), "cut": 4},
    "UDP in place of TCP": {"protocol": UDP, "cut": -12},
    "another host": {"source": b"\x0a\x01\x00\x63"},
    "another TTL": {"ttl": 9},
    "another code point": {"tos": 0xB8},
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("at", [1, 4, 8])
def test_rows_of_one_size_are_not_of_one_kind(name: str, at: int) -> None:
    """A batch is judged by its first row: what follows may be alike among itself alone."""
    change = dict(CHANGES[name])
    cut = change.pop("cut", 0)
    assert isinstance(cut, int)
    network = Network(seeded(1), "gcm", esn=False, begin=0)
    stream, burst = Stream(), []
    for number in range(ROWS):
        if number == at:
            stream = replace(stream, **change)  # type: ignore[arg-type]
        if number > at and "ident" in change:
            stream.ident += 7
        inner = stream.packet(bytes(200 if number < at else 200 - cut))
        burst.append(Datagram(rounds.sealed(network.halves[0], inner, 4), inner))
    (packets, _, _), _ = rounds.lane_in(rounds.sun("gcm"), [burst], vectors=True)
    assert [blurred(one) for one in packets] == [blurred(one.inner or b"") for one in burst]
