"""Raw sockets for ESP without UDP (protocol 50, RFC 4303)."""

import errno
import socket
from typing import Final, Literal

from tundev.sockets import (
    ANCILLARY_ROOM,
    WOULD_BLOCK,
    configure,
    local_of,
    source_cmsg,
    with_scope,
)

Received = tuple[bytes, str, str]
"""An ESP packet from its SPI on, who sent it, and our address that it came to."""

_ROOM: Final = 65535
_TRIES: Final = 3
_V4_HEADER: Final = 20


class RawError(OSError):
    """A raw socket could not be opened; the text says what to do."""


def open_esp(
    version: Literal[4, 6], mark: int, address: str = "", *, fragment: bool = True
) -> socket.socket:
    """Open a non-blocking raw socket for ESP over IPv4 or IPv6; raises :exc:`RawError`."""
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    try:
        sock = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ESP)
    except OSError as error:
        why = {
            errno.EPERM: "needs root or CAP_NET_RAW",
            errno.EAFNOSUPPORT: f"this host has no IPv{version}",
        }.get(error.errno or 0, error.strerror)
        raise RawError(error.errno, f"cannot open a raw ESP socket: {why}") from error
    try:
        configure(sock, mark, fragment=fragment)
        if address:
            sock.bind((address, 0))
    except OSError as error:
        sock.close()
        raise RawError(error.errno, f"cannot listen for ESP on {address}: {error}") from error
    return sock


def receive_esp(sock: socket.socket) -> Received | None:
    """Return the next ESP packet without its IP header, or None when there is none."""
    for _ in range(_TRIES):
        try:
            data, ancillary, _flags, remote = sock.recvmsg(_ROOM, ANCILLARY_ROOM)
        except OSError as error:
            if error.errno in WOULD_BLOCK:
                return None
            continue
        if sock.family == socket.AF_INET6:
            return data, with_scope(remote[0], remote[3]), local_of(ancillary)
        # IPv4 raw sockets hand out the header, which the kernel has checked and reassembled
        return data[(data[0] & 0x0F) * 4 if data else _V4_HEADER :], remote[0], local_of(ancillary)
    return None


def receive_esp_batch(sock: socket.socket, most: int) -> list[Received]:
    """Return up to ``most`` of the ESP packets that wait."""
    batch: list[Received] = []
    while len(batch) < most and (packet := receive_esp(sock)) is not None:
        batch.append(packet)
    return batch


def send_esp(sock: socket.socket, packet: bytes, local: str, remote: str) -> bool:
    """Send one ESP packet from ``local`` ("": kernel's choice); tell whether the kernel took it."""
    try:
        ancillary = source_cmsg(local)
    except (OSError, ValueError):
        ancillary = []
    for _ in range(_TRIES):
        try:
            sock.sendmsg([packet], ancillary, 0, (remote, 0))
        except OSError as error:
            if error.errno in WOULD_BLOCK:
                return False
            continue
        return True
    return False
