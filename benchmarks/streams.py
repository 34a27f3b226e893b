"""Many TCP streams between many addresses by two processes: iperf3 has one address each.

    python -m benchmarks.streams take SECONDS COUNT     in cb: prints a line when it listens
    python -m benchmarks.streams give SECONDS FROM-TO…  in ca: one stream for each pair

The receiver begins when all streams are there, and prints its octets and seconds as JSON.
"""

import contextlib
import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from tests.lab.topology import Lab, LabError, wait_for

_PORT: Final = 5301
_CHUNK: Final = 131072
_PATIENCE: Final = 20.0
_LISTENING: Final = "listening"


def run_streams(lab: Lab, seconds: float, ends: Sequence[tuple[str, str]]) -> float:
    """Send on one stream for each (address of ca, address of cb); return Mbit/s received."""
    log, errors = lab.folder / "streams.log", lab.folder / "streams-give.log"
    log.unlink(missing_ok=True)
    us = [sys.executable, "-m", "benchmarks.streams"]
    taker = lab.spawn("cb", [*us, "take", f"{seconds:g}", str(len(ends))], log)
    wait_for(lambda: _LISTENING in log.read_text(), _PATIENCE, "the streams' receiver")
    giver = lab.spawn("ca", [*us, "give", f"{seconds:g}", *map("-".join, ends)], errors)
    try:
        if giver.wait(seconds + _PATIENCE) or taker.wait(_PATIENCE):
            raise LabError(f"streams: {errors.read_text()}{log.read_text()}")
    except subprocess.TimeoutExpired as error:
        raise LabError(f"streams without end: {errors.read_text()}") from error
    finally:
        for process in (giver, taker):
            process.kill()
            process.wait()
    found: dict[str, Any] = json.loads(log.read_text().splitlines()[-1])
    return float(found["octets"] * 8e-6 / found["seconds"])


def _take(seconds: float, count: int) -> None:
    listener = socket.create_server(("0.0.0.0", _PORT), backlog=count)  # noqa: S104 -- in the lab
    sys.stdout.write(f"{_LISTENING}\n")
    sys.stdout.flush()
    poll, streams, buffer = select.epoll(), dict[int, socket.socket](), bytearray(_CHUNK)
    for _ in range(count):
        stream, _ = listener.accept()
        streams[stream.fileno()] = stream
    for descriptor in streams:
        poll.register(descriptor, select.EPOLLIN)
    octets, began = 0, time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        for descriptor, _ in poll.poll(began + seconds - now):
            octets += streams[descriptor].recv_into(buffer)
    found = {"octets": octets, "seconds": time.monotonic() - began}
    sys.stdout.write(json.dumps(found) + "\n")


def _give(seconds: float, ends: Sequence[str]) -> None:
    poll, streams, chunk = select.epoll(), dict[int, socket.socket](), bytes(_CHUNK)
    for one in ends:
        source, target = one.split("-")
        stream = socket.create_connection((target, _PORT), _PATIENCE, (source, 0))
        stream.setblocking(False)
        streams[stream.fileno()] = stream
    for descriptor in streams:
        poll.register(descriptor, select.EPOLLOUT)
    ends_at = time.monotonic() + seconds
    with contextlib.suppress(ConnectionError):  # the receiver has seen enough
        while time.monotonic() < ends_at:
            for descriptor, _ in poll.poll(1.0):
                with contextlib.suppress(BlockingIOError):  # it was writable a moment ago
                    streams[descriptor].send(chunk)


if __name__ == "__main__":
    what, number, *rest = sys.argv[1:]
    if what == "take":
        _take(float(number), int(rest[0]))
    else:
        _give(float(number), rest)
