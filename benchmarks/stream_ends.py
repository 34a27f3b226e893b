"""The two ends of many TCP streams; nothing but the standard library, so that they start quickly.

    python -m benchmarks.stream_ends take SECONDS COUNT     prints a line when it listens
    python -m benchmarks.stream_ends give SECONDS FROM-TO…  one stream for each pair of addresses

The receiver begins when all streams are there, and prints what came, and in how long, as JSON.
"""

import contextlib
import json
import select
import socket
import sys
import time
from collections.abc import Sequence
from typing import Final

LISTENING: Final = "listening"
_PORT: Final = 5301
_CHUNK: Final = 131072
_PATIENCE: Final = 20.0


def _take(seconds: float, count: int) -> None:
    listener = socket.create_server(("0.0.0.0", _PORT), backlog=count)  # noqa: S104 -- in the lab
    sys.stdout.write(f"{LISTENING}\n")
    sys.stdout.flush()
    poll, streams, buffer = select.epoll(), dict[int, socket.socket](), bytearray(_CHUNK)
    for _ in range(count):
        stream, _ = listener.accept()
        streams[stream.fileno()] = stream
    for descriptor in streams:
        poll.register(descriptor, select.EPOLLIN)
    octets, wrong, began = 0, 0, time.monotonic()
    view, zeros = memoryview(buffer), bytes(_CHUNK)
    while (now := time.monotonic()) < began + seconds:
        for descriptor, _ in poll.poll(began + seconds - now):
            got = streams[descriptor].recv_into(buffer)
            octets += got
            wrong += 0 if zeros.startswith(view[:got]) else got
    found = {"octets": octets, "wrong": wrong, "seconds": time.monotonic() - began}
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
