"""Routing requests in the kernel's own octets (rtnetlink(7)), built by hand and answered in line.

A tunnel going up and down changes routes twice; a general netlink library costs ten to twenty
times the system call it makes, and its import a third of a second of the daemon's start.
"""

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Iterator
from typing import Final, Self

NETLINK_ROUTE: Final = 0
_SOL_NETLINK: Final = 270
_NETLINK_CAP_ACK: Final = 10
_NETLINK_EXT_ACK: Final = 11
_NETLINK_GET_STRICT_CHK: Final = 12

NLM_F_REQUEST: Final = 0x001
NLM_F_ACK: Final = 0x004
NLM_F_DUMP: Final = 0x300
NLM_F_REPLACE: Final = 0x100
NLM_F_EXCL: Final = 0x200
NLM_F_CREATE: Final = 0x400
_F_ACK_TLVS: Final = 0x200

NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
_ERRMSG_TEXT: Final = 1

_HEADER: Final = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ATTRIBUTE: Final = struct.Struct("=HH")
_ERROR: Final = struct.Struct("=i")
_ROOM: Final = 1 << 17
_TIMEOUT: Final = 5.0
_NESTED: Final = 0x3FFF

Attributes = dict[int, bytes]


class NetlinkError(OSError):
    """The kernel refused a request."""


def attribute(kind: int, value: bytes | int) -> bytes:
    """Return one attribute, padded to 4 octets; an int becomes an unsigned 32-bit number."""
    octets = value.to_bytes(4, "little") if isinstance(value, int) else value
    size = _ATTRIBUTE.size + len(octets)
    return _ATTRIBUTE.pack(size, kind) + octets + bytes(-size % 4)


def attributes(octets: bytes) -> Attributes:
    """Return the attributes in ``octets``, the last of each kind."""
    found: Attributes = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(octets):
        size, kind = _ATTRIBUTE.unpack_from(octets, at)
        if size < _ATTRIBUTE.size:
            break
        found[kind & _NESTED] = octets[at + _ATTRIBUTE.size : at + size]
        at += size + -size % 4
    return found


def messages(octets: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield (type, flags, sequence, body) of every message in ``octets``, whole or cut short."""
    at = 0
    while at + _HEADER.size <= len(octets):
        size, kind, flags, sequence, _ = _HEADER.unpack_from(octets, at)
        yield kind, flags, sequence, octets[at + _HEADER.size : at + size]
        at += max(size, _HEADER.size) + -size % 4


class Netlink:
    """A routing socket of the network namespace that this thread is in; one thread uses it."""

    def __init__(self) -> None:
        self._sock = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_ROUTE
        )
        self._sequence = 0
        try:
            self._sock.settimeout(_TIMEOUT)
            for option in (_NETLINK_CAP_ACK, _NETLINK_EXT_ACK, _NETLINK_GET_STRICT_CHK):
                with contextlib.suppress(OSError):  # older kernels: longer or vaguer answers
                    self._sock.setsockopt(_SOL_NETLINK, option, 1)
            self._sock.bind((0, 0))
        except OSError:
            self._sock.close()
            raise

    def change(self, kind: int, flags: int, body: bytes) -> None:
        """Send one request and wait for its acknowledgement; raises :exc:`NetlinkError`."""
        sequence = self._send(kind, flags | NLM_F_ACK, body)
        while True:
            for answer, got, _ in self._receive():
                if answer == NLMSG_ERROR and got == sequence:
                    return

    def ask(self, kind: int, body: bytes) -> bytes:
        """Return the body of the one object that answers; raises :exc:`NetlinkError`."""
        sequence = self._send(kind, 0, body)
        while True:
            for answer, got, octets in self._receive():
                if got == sequence and answer != NLMSG_ERROR:
                    return octets

    def dump(self, kind: int, body: bytes) -> list[tuple[int, bytes]]:
        """Return (type, body) of every object in the kernel's answer."""
        sequence = self._send(kind, NLM_F_DUMP, body)
        found: list[tuple[int, bytes]] = []
        while True:
            for answer, got, octets in self._receive():
                if got != sequence:
                    continue
                if answer in (NLMSG_DONE, NLMSG_ERROR):
                    return found
                found.append((answer, octets))

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, kind: int, flags: int, body: bytes) -> int:
        self._sequence = self._sequence + 1 & 0xFFFFFFFF
        size = _HEADER.size + len(body)
        head = _HEADER.pack(size, kind, flags | NLM_F_REQUEST, self._sequence, 0)
        self._sock.send(head + body)
        return self._sequence

    def _receive(self) -> Iterator[tuple[int, int, bytes]]:
        for kind, flags, sequence, body in messages(self._sock.recv(_ROOM)):
            if kind == NLMSG_ERROR and sequence == self._sequence:
                _raise(body, flags)
            yield kind, sequence, body


def _raise(body: bytes, flags: int) -> None:
    number = -_ERROR.unpack_from(body)[0]
    if not number:
        return
    text = os.strerror(number)
    # with NETLINK_CAP_ACK the request's header follows the number, then the attributes
    if flags & _F_ACK_TLVS:
        told = attributes(body[_ERROR.size + _HEADER.size :]).get(_ERRMSG_TEXT, b"")
        text = told.rstrip(b"\0").decode("utf-8", "replace") or text
    if number == errno.EPERM:
        text += " (needs root or CAP_NET_ADMIN)"
    raise NetlinkError(number, text)
