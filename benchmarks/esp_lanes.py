"""Microseconds a packet in the lanes of the packet path: the worker's work without system calls."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.table import Cell, Table, Tell
from esp.child import ChildSa
from esp.inward import Inward
from esp.outward import Outward
from tests.esp.flows import UDP, Stream
from tests.esp.rounds import Read, left_to_us, moon, sun, super_packet
from tests.esp.tunnel import MOON

_MSS: Final = 1348  # of an inner MTU of 1400, timestamps taken off
_OPTIONS: Final = bytes.fromhex("0101080a0011223344556677")
_WHOLE: Final = 45  # segments, as many as fit into one send
_SINGLES: Final = 32  # reads while the TUN device has something
_TOGETHER: Final = 1 << 16  # octets: as much is received before it is opened
_BURSTS: Final = 100  # of a sample
_WARM: Final = 10
_ROWS: Final[dict[str, tuple[str, Callable[[], list[Read]]]]] = {
    f"TCP, super-packet of {_WHOLE} segments": ("gcm", lambda: [_tcp(_WHOLE)]),
    "the same, aes128-sha1": ("cbc-sha1", lambda: [_tcp(_WHOLE)]),
    "the same, aes256-sha256": ("cbc-sha256", lambda: [_tcp(_WHOLE)]),
    "TCP, super-packet of 8 segments": ("gcm", lambda: [_tcp(8)]),
    f"TCP, {_SINGLES} acknowledgements": ("gcm", lambda: [_tcp(0)] * _SINGLES),
    f"UDP, {_SINGLES} of 1300 B": ("gcm", lambda: [_udp(1300)] * _SINGLES),
    f"UDP, {_SINGLES} of 64 B": ("gcm", lambda: [_udp(64)] * _SINGLES),
    "UDP, 1 of 64 B": ("gcm", lambda: [_udp(64)]),
}


@dataclass(frozen=True, slots=True)
class _Rows:
    """Datagrams as UDP_GRO gives them: whole ones of one size, perhaps a shorter one after them."""

    octets: bytes
    count: int
    size: int


@dataclass
class _Sent:
    """What a lane sends, kept where it is to be opened."""

    is_kept: bool = False
    rows: list[_Rows] = field(default_factory=list)

    def send(self, _child: ChildSa, rows: memoryview, size: int, _outer: int) -> None:
        if self.is_kept:
            step = _TOGETHER // size * size
            for begin in range(0, len(rows), step):
                some = bytes(rows[begin : begin + step])
                self.rows.append(_Rows(some, len(some) // size, size))


def run(rounds: int, tell: Tell) -> Table:
    """Seal and open each kind of burst once a round, with numpy and without, in turn."""
    spent = defaultdict[tuple[str, str], list[float]](list)
    for number in range(rounds):
        for name, (transform, make) in _ROWS.items():
            tell(f"round {number + 1} of {rounds}, {name}")
            reads = make()
            for lane in ("numpy", "plain") if number % 2 == 0 else ("plain", "numpy"):
                found = _measure(transform, reads, vectors=lane == "numpy")
                for what, value in zip(("seal", "open"), found, strict=True):
                    spent[name, f"{what}, {lane}"].append(value)
    columns = ("seal, numpy", "open, numpy", "seal, plain", "open, plain")
    return Table(
        "esp_lanes",
        "The lanes of the packet path, µs of CPU a packet",
        columns,
        {name: tuple(Cell(tuple(spent[name, column]), 2) for column in columns) for name in _ROWS},
        (
            "From what a read of the TUN device brings to what is sent, and from what comes to "
            "what is written, checksums, replay window, selectors and counters with it; no system "
            "calls.  AES-128-GCM-16 where no transform is named.",
        ),
    )


def _measure(transform: str, reads: Sequence[Read], *, vectors: bool) -> tuple[float, float]:
    """Return microseconds a packet of sealing, and of opening what was sealed."""
    sent = _Sent()
    outward = Outward(moon(transform), sent.send, vnet=True, vectors=vectors)
    inward = Inward(sun(transform), lambda _: None, vectors=vectors)
    octets = [read.header + read.octets for read in reads]
    packets = sum(len(read.packets) for read in reads)
    for _ in range(_WARM):  # the first one meets the policy
        _seal(outward, octets)
    sealing = _microseconds(lambda: _seal(outward, octets))
    sent.is_kept = True
    bursts: list[list[_Rows]] = []
    for _ in range(_WARM + _BURSTS):
        _seal(outward, octets)
        bursts.append(sent.rows)
        sent.rows = []
    left = iter(bursts)
    for _ in range(_WARM):
        _open(inward, next(left))
    opening = _microseconds(lambda: _open(inward, next(left)))
    return sealing / packets, opening / packets


def _microseconds(work: Callable[[], None]) -> float:
    """Return the CPU microseconds of one call among many."""
    began = time.process_time_ns()
    for _ in range(_BURSTS):
        work()
    return (time.process_time_ns() - began) / 1e3 / _BURSTS


def _seal(lane: Outward, octets: Sequence[bytes]) -> None:
    slot, places = 0, lane.arena.places
    for one in octets:
        places[slot][: len(one)] = one  # in the place of the read
        slot = lane.take(slot, len(one))
    lane.finish()


def _open(lane: Inward, burst: Sequence[_Rows]) -> None:
    for rows in burst:
        lane.received[: len(rows.octets)] = rows.octets

        def singly(begin: int, end: int, rows: _Rows = rows) -> None:
            size, data = rows.size, rows.octets
            lane.take([(data[at * size : (at + 1) * size], MOON) for at in range(begin, end)], 0)

        lane.take_rows(rows.count, rows.size, MOON, 0, singly)
        if rows.count * rows.size < len(rows.octets):
            singly(rows.count, rows.count + 1)
    lane.finish()


def _tcp(segments: int) -> Read:
    stream = Stream(options=_OPTIONS)
    if not segments:
        return left_to_us(stream, b"")
    return super_packet(stream, bytes(_MSS * segments), _MSS)


def _udp(size: int) -> Read:
    return left_to_us(Stream(protocol=UDP), bytes(size))
