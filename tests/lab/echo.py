"""ICMP echo from any namespace, in this process.

The ``ping`` program ends two round-trip times after its last request: on a busy machine it calls
an answer lost that is only late.
"""

import contextlib
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Final, Self

from tundev.namespaces import Namespace

_REQUEST: Final = {4: 8, 6: 128}
_REPLY: Final = {4: 0, 6: 129}
_HEAD: Final = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence
_PATIENCE: Final = 1.0
OCTETS: Final = 56
"""What a request carries unless told otherwise."""


def missing(
    space: Namespace,
    target: str,
    count: int,
    interval: float,
    patience: float,
    octets: int = OCTETS,
) -> int:
    """Send echo requests, then wait ``patience`` seconds at most; return how many stay open.

    Each carries ``octets`` octets, an even number, after its header.  Of what the network says in
    place of an answer nothing is told: it is as lost as any.
    """
    version = 6 if ":" in target else 4
    identifier = int.from_bytes(os.urandom(2), "big")
    open_ones = set(range(count))
    with _socket(space, version) as sock:
        for number in range(count):
            started = time.monotonic()
            with contextlib.suppress(OSError):  # our own kernel has no route
                sock.sendto(_packet(version, identifier, number, octets), (target, 0))
            _collect(sock, version, identifier, open_ones, started + interval, early=False)
        _collect(sock, version, identifier, open_ones, time.monotonic() + patience, early=True)
    return len(open_ones)


class Stream:
    """A steady stream of echo requests while the block lasts, one every ``interval`` seconds.

    At most 65,000 requests: their numbers have 16 bits.
    """

    def __init__(self, space: Namespace, target: str, interval: float) -> None:
        self._space = space
        self._target = target
        self._interval = interval
        self._version = 6 if ":" in target else 4
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._sent: list[float] = []  # when, by number
        self._answered: set[int] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    @property
    def sent(self) -> int:
        """How many requests have left."""
        return len(self._sent)

    @property
    def lost(self) -> int:
        """How many stayed without an answer for the second after the last request."""
        return self.sent - len(self._answered)

    @property
    def gap(self) -> float:
        """The longest time in seconds in which every request was lost."""
        longest, since = 0.0, self._sent[0] if self._sent else 0.0
        for number, at in enumerate(self._sent):
            if number in self._answered:
                since = at
            longest = max(longest, at - since)
        return longest

    def _run(self) -> None:
        identifier = int.from_bytes(os.urandom(2), "big")
        open_ones: set[int] = set()
        with _socket(self._space, self._version) as sock:
            due = time.monotonic()
            while not self._ending.is_set():
                number = len(self._sent)
                self._sent.append(time.monotonic())
                open_ones.add(number)
                with contextlib.suppress(OSError):
                    sock.sendto(
                        _packet(self._version, identifier, number, OCTETS), (self._target, 0)
                    )
                due += self._interval
                _collect(sock, self._version, identifier, open_ones, due, early=False)
            last = time.monotonic() + _PATIENCE
            _collect(sock, self._version, identifier, open_ones, last, early=True)
        self._answered = set(range(len(self._sent))) - open_ones


def _collect(
    sock: socket.socket, version: int, identifier: int, open_ones: set[int], until: float, *,
    early: bool,
) -> None:  # fmt: skip
    """Take answers until then, or with ``early`` until all are there."""
    while (left := until - time.monotonic()) > 0 and (open_ones or not early):
        if not select.select([sock], [], [], left)[0]:
            return
        packet = sock.recv(65535)
        start = (packet[0] & 15) * 4 if version == 4 else 0
        if len(packet) >= start + _HEAD.size:
            kind, _, _, whose, number = _HEAD.unpack_from(packet, start)
            if (kind, whose) == (_REPLY[version], identifier):
                open_ones.discard(number)


@contextlib.contextmanager
def _socket(space: Namespace, version: int) -> Iterator[socket.socket]:
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    protocol = socket.IPPROTO_ICMP if version == 4 else socket.IPPROTO_ICMPV6
    with space.enter():
        sock = socket.socket(family, socket.SOCK_RAW, protocol)
    with sock:
        yield sock


def _packet(version: int, identifier: int, number: int, octets: int) -> bytes:
    """Return an echo request; of IPv6's the kernel makes the checksum."""
    carried = bytes(octets)
    plain = _HEAD.pack(_REQUEST[version], 0, 0, identifier, number) + carried
    total = sum(struct.unpack(f"!{len(plain) // 2}H", plain))
    total = (total & 0xFFFF) + (total >> 16)
    check = ~(total + (total >> 16)) & 0xFFFF if version == 4 else 0
    return _HEAD.pack(_REQUEST[version], 0, check, identifier, number) + carried
