"""A wire between two devices that loses, duplicates, delays and reorders, as it is told.

:class:`Wire` is one direction, without clock or socket.  As a program (in a namespace of its own:
``python -m tests.lab.relay SEED``) it copies Ethernet frames between devices ``a`` and ``b`` by
raw packet sockets, whatever the protocol; each line on standard input is a JSON object: the
weather from now on (:class:`Weather`'s fields), or nothing to change nothing.  Each is answered
by one line, the counters of both directions.  Only IP is touched: a lost ARP or neighbour
solicitation would lose packets that were never on the wire.
"""

import heapq
import itertools
import json
import os
import random
import select
import socket
import sys
import time
from dataclasses import asdict, dataclass
from typing import Final

_ETH_P_ALL: Final = 3
_ETHERNET: Final = 14
_IPV4: Final = b"\x08\x00"
_IPV6: Final = b"\x86\xdd"
_NEIGHBOURS: Final = frozenset(range(133, 138))  # ICMPv6 types, RFC 4861
_ICMPV6: Final = 58
_SO_RCVBUFFORCE: Final = 33
_BATCH: Final = 64
_BUFFER: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to IP packets on the wire; shares are of 1, times in seconds."""

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    delay_s: float = 0.0
    late_s: float = 0.02  # by how much a reordered one, or a second copy, is later
    largest: int = 0  # octets of an IP packet; bigger ones are lost; 0: any


@dataclass(slots=True)
class Counters:
    """What became of the IP packets of one direction; they are counted as they arrive."""

    arrived: int = 0
    lost: int = 0
    too_big: int = 0
    duplicated: int = 0
    reordered: int = 0


class Wire:
    """One direction; the same seed and the same frames give the same fate."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)  # noqa: S311 - chance, no secret
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, bytes]] = []
        self.weather = Weather()
        self.counters = Counters()

    def arrived(self, frame: bytes, now: float) -> None:
        """Decide what becomes of a frame."""
        if not is_ip(frame):
            self._wait(frame, now)
            return
        weather, counters = self.weather, self.counters
        counters.arrived += 1
        if weather.largest and len(frame) - _ETHERNET > weather.largest:
            counters.too_big += 1
            return
        loses, doubles, holds = (self._random.random() for _ in range(3))
        if loses < weather.loss:
            counters.lost += 1
            return
        due = now + weather.delay_s
        if doubles < weather.duplicate:
            counters.duplicated += 1
            self._wait(frame, due + weather.late_s)
        if holds < weather.reorder:
            counters.reordered += 1
            due += weather.late_s
        self._wait(frame, due)

    def due(self, now: float) -> list[bytes]:
        """Take what leaves by now, in its order."""
        found = []
        while self._waiting and self._waiting[0][0] <= now:
            found.append(heapq.heappop(self._waiting)[2])
        return found

    def next_due(self) -> float | None:
        """Return when the next frame leaves."""
        return self._waiting[0][0] if self._waiting else None

    def _wait(self, frame: bytes, due: float) -> None:
        heapq.heappush(self._waiting, (due, next(self._order), frame))


def is_ip(frame: bytes) -> bool:
    """Tell whether a frame carries IP, neighbour discovery apart."""
    kind = frame[12:14]
    if kind == _IPV6:
        seeks = frame[20:21] == bytes((_ICMPV6,)) and frame[54:55] and frame[54] in _NEIGHBOURS
        return not seeks
    return kind == _IPV4


def main(seed: str) -> None:
    """Copy frames until standard input ends."""
    ends = {name: _open(name) for name in ("a", "b")}
    wires = {"a": Wire(f"{seed} from a"), "b": Wire(f"{seed} from b")}
    far = {"a": ends["b"], "b": ends["a"]}
    orders = b""
    while True:
        times = [due for wire in wires.values() if (due := wire.next_due()) is not None]
        patience = max(0.0, min(times) - time.monotonic()) if times else None
        waiting: list[socket.socket | int] = [0, *ends.values()]
        ready = select.select(waiting, [], [], patience)[0]
        now = time.monotonic()
        for name, sock in ends.items():
            if sock in ready:
                for frame in _received(sock):
                    wires[name].arrived(frame, now)
        for name, wire in wires.items():
            for frame in wire.due(time.monotonic()):
                _send(far[name], frame)
        if 0 in ready:
            more = os.read(0, 65536)
            if not more:
                return
            *lines, orders = (orders + more).split(b"\n")
            for line in lines:
                _obey(wires, json.loads(line))


def _obey(wires: dict[str, Wire], order: dict[str, float]) -> None:
    if order:
        weather = Weather(**order)  # type: ignore[arg-type]  # JSON has one kind of number
        for wire in wires.values():
            wire.weather, wire.counters = weather, Counters()
    told = {name: asdict(wire.counters) for name, wire in wires.items()}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def _open(ifname: str) -> socket.socket:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    sock.bind((ifname, _ETH_P_ALL))
    sock.setblocking(False)
    return sock


def _received(sock: socket.socket) -> list[bytes]:
    frames = []
    for _ in range(_BATCH):
        try:
            frame, where = sock.recvfrom(65535)
        except BlockingIOError:
            break
        if where[2] != socket.PACKET_OUTGOING:
            frames.append(frame)
    return frames


def _send(sock: socket.socket, frame: bytes) -> None:
    try:
        sock.send(frame)
    except OSError as error:  # the far device is down, or the frame too long for it
        sys.stderr.write(f"relay: {len(frame)} octets not sent: {error}\n")


if __name__ == "__main__":
    main(sys.argv[1])
