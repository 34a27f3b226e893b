"""ESP that claims to come from the peer, to a live SPI: each datagram costs the gateway a check.

    python -m benchmarks.forger SOURCE TARGET SPI SIZE RATE     until SIGTERM

The sequence numbers are ahead of what the window has seen, so that only the integrity check can
refuse the packets.  Prints what it sent and in how many seconds, as JSON.
"""

import json
import os
import signal
import socket
import struct
import sys
import time
from typing import Final

_NAT_PORT: Final = 4500
_UDP_SEGMENT: Final = 103  # linux/udp.h
_ROWS: Final = 32
_AHEAD: Final = 1 << 31  # more than any stream here gets to
_PACE: Final = 0.002  # seconds between two looks at the clock
_LONGEST: Final = 120.0  # if nobody ends it
_HEAD: Final = struct.Struct("!II")


def forge(source: str, target: str, spi: int, size: int, rate: float) -> dict[str, float]:
    """Send packets of ``size`` octets until SIGTERM; return ``sent`` and ``seconds``."""
    ending: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: ending.append(number))
    burst = b"".join(
        _HEAD.pack(spi, _AHEAD + number) + os.urandom(size - _HEAD.size) for number in range(_ROWS)
    )
    sent, began = 0, time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_UDP, _UDP_SEGMENT, size)
        sock.bind((source, _NAT_PORT))
        sock.connect((target, _NAT_PORT))
        while not ending and (elapsed := time.monotonic() - began) < _LONGEST:
            for _ in range(int((elapsed * rate - sent) / _ROWS)):
                sock.send(burst)
                sent += _ROWS
            time.sleep(_PACE)
    return {"sent": sent, "seconds": time.monotonic() - began}


if __name__ == "__main__":
    source, target, *numbers = sys.argv[1:]
    found = forge(source, target, int(numbers[0]), int(numbers[1]), float(numbers[2]))
    sys.stdout.write(json.dumps(found) + "\n")
