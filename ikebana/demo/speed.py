"""TCP throughput between two hosts: a sender and a receiver, a process each, and their figures.

python -m ikebana.demo.speed receive ADDRESS        prints "ready PORT", then a line a second
python -m ikebana.demo.speed send ADDRESS PORT SECONDS

The kernel reads what is sent from memory by itself (sendfile), and what is received comes by the
megabyte: Python moves no octets here, so that the gateways are what is measured.
"""

import contextlib
import os
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ikebana.demo.tally import PHRASE

_CHUNK: Final = 1 << 20
_PERIOD: Final = 1.0
_SILENCE: Final = 5.0  # seconds without an octet that end it
_BAR: Final = 40


@dataclass(frozen=True, slots=True)
class Interval:
    """What came in one period, ``seconds`` long."""

    octets: int
    seconds: float

    @property
    def mbit(self) -> float:
        """Return the rate in Mbit/s."""
        return self.octets * 8e-6 / self.seconds if self.seconds > 0 else 0.0

    def __str__(self) -> str:
        return f"{self.octets} {self.seconds:.6f}"

    @classmethod
    def parse(cls, text: str) -> "Interval":
        """Read what ``str`` made; raise ValueError."""
        octets, seconds = text.split()
        return cls(int(octets), float(seconds))


def mean(intervals: Sequence[Interval]) -> float:
    """Return the mean rate in Mbit/s, of all octets in all the time."""
    return Interval(sum(i.octets for i in intervals), sum(i.seconds for i in intervals)).mbit


def bar(second: int, rate: float, scale: float) -> str:
    """Return one second's line; ``scale`` is the rate of a full bar."""
    filled = min(_BAR, round(_BAR * rate / scale)) if scale > 0 else 0
    return f"{second:>3} s {rate:>8.0f} Mbit/s  {'█' * filled}".rstrip()


def receive(address: str) -> None:
    """Count one connection's octets; print an interval a second."""
    buffer = bytearray(_CHUNK)
    with socket.create_server((address, 0)) as listening:
        listening.settimeout(_SILENCE)
        print("ready", listening.getsockname()[1], flush=True)
        connection, _ = listening.accept()
    with connection:
        connection.settimeout(_SILENCE)
        began = time.perf_counter()
        octets = 0
        while got := connection.recv_into(buffer):
            octets += got
            now = time.perf_counter()
            if now - began >= _PERIOD:
                print(Interval(octets, now - began), flush=True)
                began, octets = now, 0
        rest = Interval(octets, time.perf_counter() - began)
        if rest.octets:
            print(rest, flush=True)


def send(address: str, port: int, seconds: float) -> None:
    """Send for so many seconds, as fast as it goes."""
    source = os.memfd_create("stream")
    os.write(source, (PHRASE * (_CHUNK // len(PHRASE) + 1))[:_CHUNK])
    with socket.create_connection((address, port), timeout=_SILENCE) as connection:
        connection.settimeout(None)
        connection.setsockopt(socket.SOL_SOCKET, _SO_SNDTIMEO, _timeval(_SILENCE))
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            os.sendfile(connection.fileno(), source, 0, _CHUNK)


_SO_SNDTIMEO: Final = 21


def _timeval(seconds: float) -> bytes:
    return int(seconds).to_bytes(8, sys.byteorder) + bytes(8)


def main(argv: Sequence[str]) -> int:
    """Be the sender or the receiver."""
    with contextlib.suppress(KeyboardInterrupt):
        try:
            match argv:
                case ["receive", address]:
                    receive(address)
                case ["send", address, port, seconds]:
                    send(address, int(port), float(seconds))
                case _:
                    print(__doc__, file=sys.stderr)
                    return 2
        except OSError as error:
            print(f"{argv[0]}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
