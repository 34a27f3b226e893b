"""Raw sockets for ESP without UDP (protocol 50, RFC 4303) and for AH (protocol 51, RFC 4302).

AH covers the IP header.  On IPv4 that is therefore made by who sends and given to who receives; on
IPv6 there is nothing in it that is not known anyway.
"""

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

ESP: Final = 50
AH: Final = 51
_ROOM: Final = 65535
_TRIES: Final = 3
_V4_HEADER: Final = 20
_PIECES: Final = (1280, 576)
_MORE: Final = 0x2000


class RawError(OSError):
    """A raw socket could not be opened; the text says what to do."""


def open_esp(
    version: Literal[4, 6], mark: int, address: str = "", *, fragment: bool = True
) -> socket.socket:
    """Open a non-blocking raw socket for ESP over IPv4 or IPv6; raises :exc:`RawError`."""
    return _open(version, ESP, mark, address, fragment=fragment)


def open_ah(
    version: Literal[4, 6], mark: int, address: str = "", *, fragment: bool = True
) -> socket.socket:
    """Open a non-blocking raw socket for AH over IPv4 or IPv6; raises :exc:`RawError`."""
    sock = _open(version, AH, mark, address, fragment=fragment)
    if version == 4:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
    return sock


def _open(
    version: Literal[4, 6], protocol: int, mark: int, address: str, *, fragment: bool
) -> socket.socket:
    name = "AH" if protocol == AH else "ESP"
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    try:
        sock = socket.socket(family, socket.SOCK_RAW, protocol)
    except OSError as error:
        why = {
            errno.EPERM: "needs root or CAP_NET_RAW",
            errno.EAFNOSUPPORT: f"this host has no IPv{version}",
        }.get(error.errno or 0, error.strerror)
        raise RawError(error.errno, f"cannot open a raw {name} socket: {why}") from error
    try:
        configure(sock, mark, fragment=fragment)
        if address:
            sock.bind((address, 0))
    except OSError as error:
        sock.close()
        raise RawError(error.errno, f"cannot listen for {name} on {address}: {error}") from error
    return sock


def receive_esp(sock: socket.socket) -> Received | None:
    """Return the next ESP packet without its IP header, or None when there is none."""
    received = _receive(sock)
    if received is None or sock.family == socket.AF_INET6:
        return received
    data, remote, local = received
    # IPv4 raw sockets hand out the header, which the kernel has checked and reassembled
    return data[(data[0] & 0x0F) * 4 if data else _V4_HEADER :], remote, local


def _receive(sock: socket.socket) -> Received | None:
    for _ in range(_TRIES):
        try:
            data, ancillary, _flags, remote = sock.recvmsg(_ROOM, ANCILLARY_ROOM)
        except OSError as error:
            if error.errno in WOULD_BLOCK:
                return None
            continue
        if sock.family == socket.AF_INET6:
            return data, with_scope(remote[0], remote[3]), local_of(ancillary)
        return data, remote[0], local_of(ancillary)
    return None


def receive_esp_batch(sock: socket.socket, most: int) -> list[Received]:
    """Return up to ``most`` of the ESP packets that wait."""
    batch: list[Received] = []
    while len(batch) < most and (packet := receive_esp(sock)) is not None:
        batch.append(packet)
    return batch


def receive_ah_batch(sock: socket.socket, most: int) -> list[Received]:
    """Return up to ``most`` of the AH packets that wait, of IPv4 with their IP header."""
    batch: list[Received] = []
    while len(batch) < most and (packet := _receive(sock)) is not None:
        batch.append(packet)
    return batch


def send_ah(sock: socket.socket, packet: bytes, local: str, remote: str) -> bool:
    """Send one AH packet, of IPv4 with its IP header; tell whether the kernel took it.

    The kernel cuts nothing whose header it did not make: what is too long for the device is cut
    here, into pieces that pass nearly everywhere (RFC 791 section 3.2).
    """
    if sock.family == socket.AF_INET6:
        return send_esp(sock, packet, local, remote)
    for most in (len(packet), *_PIECES):
        try:
            for piece in fragments(packet, most):
                sock.sendto(piece, (remote, 0))
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                continue
            return False
        return True
    return False


def fragments(packet: bytes, most: int) -> list[bytes]:
    """Cut an IPv4 packet without options into ones of at most ``most`` octets, 28 or more."""
    if len(packet) <= most:
        return [packet]
    head, body = packet[:_V4_HEADER], packet[_V4_HEADER:]
    step = (most - _V4_HEADER) // 8 * 8
    pieces = []
    for at in range(0, len(body), step):
        piece = body[at : at + step]
        size = (_V4_HEADER + len(piece)).to_bytes(2, "big")
        place = (at // 8 | _MORE * (at + step < len(body))).to_bytes(2, "big")
        # the checksum is the kernel's to fill in
        pieces.append(b"".join((head[:2], size, head[4:6], place, head[8:], piece)))
    return pieces


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
