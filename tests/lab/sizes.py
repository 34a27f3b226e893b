"""ICMP echo of many sizes, with and without "don't fragment": answered, told to be too large, lost.

Each request carries its own pattern, and an answer counts only when it carries the same.
"""

import contextlib
import errno
import os
import select
import socket
import struct
import time
from collections.abc import Iterable
from typing import Final

from tundev.namespaces import Namespace

_HEAD: Final = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence
_REQUEST: Final = {4: 8, 6: 128}
_REPLY: Final = {4: 0, 6: 129}
_TOO_BIG: Final = (4, 3, 4)  # of IPv6 the kernel tells, which never forgets it
_DISCOVER: Final = {4: (socket.IPPROTO_IP, 10), 6: (socket.IPPROTO_IPV6, 23)}  # *_MTU_DISCOVER
_DONT, _DO = 0, 2  # IP_PMTUDISC_*
_IPV6_DONTFRAG: Final = 62
_ROUND: Final = 0.4  # seconds
_AT_ONCE: Final = 16  # requests; more than a slow machine's queues hold are lost


class Fates:
    """What became of each size: ``answered``, ``told`` (too large for the path), ``lost``."""

    def __init__(self, sizes: Iterable[int]) -> None:
        self.lost = set(sizes)
        self.answered: set[int] = set()
        self.told: set[int] = set()

    @property
    def largest(self) -> int:
        """The largest size that was answered."""
        return max(self.answered, default=-1)

    def __str__(self) -> str:
        told = min(self.told, default=None)
        return f"lost: {sorted(self.lost)}; largest answered: {self.largest}; told from: {told}"


def echo_sizes(
    space: Namespace, target: str, sizes: Iterable[int], *, df: bool, rounds: int = 8
) -> Fates:
    """Ask for an echo of each size (octets after ICMP's header) until it is answered or told.

    With ``df`` nobody may cut the packet: of what is too large an error comes back, which the
    sender's kernel remembers, so that it refuses the next one.  What has no end after ``rounds`` is
    lost; the first rounds are lost wherever a path is still to be learnt.
    """
    version = 6 if ":" in target else 4
    identifier = int.from_bytes(os.urandom(2), "big")
    fates = Fates(sizes)
    with _socket(space, version, df=df) as sock:
        for _ in range(rounds):
            open_ones = sorted(fates.lost)
            for at in range(0, len(open_ones), _AT_ONCE):
                asked = set(open_ones[at : at + _AT_ONCE])
                for size in asked:
                    _ask(sock, _packet(version, identifier, size), target, size, fates)
                _collect(sock, version, identifier, asked, fates)
            if not fates.lost:
                break
    return fates


def _ask(sock: socket.socket, packet: bytes, target: str, size: int, fates: Fates) -> None:
    try:
        sock.sendto(packet, (target, 0))
    except OSError as error:
        if error.errno == errno.EMSGSIZE:
            fates.lost.discard(size)
            fates.told.add(size)


def _collect(
    sock: socket.socket, version: int, identifier: int, asked: set[int], fates: Fates
) -> None:
    until = time.monotonic() + _ROUND
    while asked & fates.lost and (left := until - time.monotonic()) > 0:
        if not select.select([sock], [], [], left)[0]:
            return
        with contextlib.suppress(OSError):
            packet = sock.recv(65535)
            start = (packet[0] & 15) * 4 if version == 4 else 0
            if len(packet) < start + _HEAD.size:
                continue
            kind, code, _, whose, size = _HEAD.unpack_from(packet, start)
            if (version, kind, code) == _TOO_BIG and len(packet) >= start + 36:
                _, _, _, whose, size = _HEAD.unpack_from(packet, start + 28)
                if whose == identifier and size in fates.lost:
                    fates.lost.discard(size)
                    fates.told.add(size)
                continue
            whole = packet[start + _HEAD.size :] == _pattern(size)
            if (kind, whose) == (_REPLY[version], identifier) and whole:
                fates.lost.discard(size)
                fates.answered.add(size)


def _socket(space: Namespace, version: int, *, df: bool) -> socket.socket:
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    protocol = socket.IPPROTO_ICMP if version == 4 else socket.IPPROTO_ICMPV6
    with space.enter():
        sock = socket.socket(family, socket.SOCK_RAW, protocol)
    sock.setsockopt(*_DISCOVER[version], _DO if df else _DONT)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    if version == 6 and df:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_DONTFRAG, 1)
    return sock


def _pattern(size: int) -> bytes:
    turn = bytes((size + at) & 0xFF for at in range(256))
    return (turn * (size // 256 + 1))[:size]


def _packet(version: int, identifier: int, size: int) -> bytes:
    """Return a request whose sequence number is its size; the kernel makes IPv6's checksum."""
    carried = _pattern(size)
    plain = _HEAD.pack(_REQUEST[version], 0, 0, identifier, size) + carried
    check = 0
    if version == 4:
        even = plain + bytes(len(plain) % 2)
        total = sum(struct.unpack(f"!{len(even) // 2}H", even))
        total = (total & 0xFFFF) + (total >> 16)
        check = ~(total + (total >> 16)) & 0xFFFF
    return _HEAD.pack(_REQUEST[version], 0, check, identifier, size) + carried
