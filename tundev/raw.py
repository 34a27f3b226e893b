"""Raw sockets for ESP without UDP (protocol 50, RFC 4303) and for AH (protocol 51, RFC 4302).

AH covers the IP header.  On IPv4 that is therefore made by who sends and given to who receives; on
IPv6 there is nothing in it that is not known anyway.
"""

import errno
import itertools
import os
import socket
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final, Literal

from tundev.pieces import HEADER, LEAST_IPV6, pieces
from tundev.sockets import (
    ANCILLARY_ROOM,
    WOULD_BLOCK,
    Ancillary,
    configure,
    enable_tos,
    source_cmsg,
    told,
    tos_cmsg,
    ttl_cmsg,
    with_scope,
)

Seen = tuple[memoryview, str, str, int]
"""A packet, who sent it, our address that it came to, and the TOS octet of its outer header."""

ESP: Final = 50
AH: Final = 51
_ROOM: Final = 65535
_TRIES: Final = 3
_V4_HEADER: Final = 20
_PIECES: Final = (1280, 576)
_MORE: Final = 0x2000
_IPV6_HDRINCL: Final = 36
_IDENTIFICATIONS: Final = itertools.count(int.from_bytes(os.urandom(4), "big"))


class RawError(OSError):
    """A raw socket could not be opened; the text says what to do."""


def open_esp(
    version: Literal[4, 6],
    mark: int,
    address: str = "",
    *,
    fragment: bool = True,
    errors: bool = False,
) -> socket.socket:
    """Open a non-blocking raw socket for ESP over IPv4 or IPv6; raises :exc:`RawError`.

    ``fragment`` and ``errors`` are as in :func:`tundev.udp.open_udp`.
    """
    return _open(version, ESP, mark, address, fragment=fragment, errors=errors)


def open_ah(
    version: Literal[4, 6],
    mark: int,
    address: str = "",
    *,
    fragment: bool = True,
    errors: bool = False,
) -> socket.socket:
    """Open a non-blocking raw socket for AH over IPv4 or IPv6; raises :exc:`RawError`."""
    sock = _open(version, AH, mark, address, fragment=fragment, errors=errors)
    if version == 4:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
    return sock


def _open(
    version: Literal[4, 6],
    protocol: int,
    mark: int,
    address: str,
    *,
    fragment: bool,
    errors: bool,
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
        configure(sock, mark, fragment=fragment, errors=errors)
        if version == 6:
            enable_tos(sock)
        if address:
            sock.bind((address, 0))
    except OSError as error:
        sock.close()
        raise RawError(error.errno, f"cannot listen for {name} on {address}: {error}") from error
    return sock


def receive_packets(
    sock: socket.socket,
    room: memoryview,
    most: int,
    *,
    header: bool = False,
    has_errors: Callable[[], None] | None = None,
) -> list[Seen]:
    """Return up to ``most`` waiting packets as views of ``room``, good until the next call.

    What IPv4 brings is without its IP header, or with ``header`` with it.  Nothing is taken that
    the room left may be too short for; only the first is cut off where all of the room is.
    ``has_errors`` is called when there is something for :func:`tundev.icmp.read_errors` beside it.
    """
    batch: list[Seen] = []
    six = sock.family == socket.AF_INET6
    recv, recvmsg = sock.recv_into, sock.recvmsg_into
    at, errors = 0, 0
    while len(batch) < most and (not batch or len(room) - at >= _ROOM):
        view = room[at:]
        try:
            if six:
                octets, ancillary, _flags, sender = recvmsg((view,), ANCILLARY_ROOM)
                local, _, tos = told(tuple(ancillary))
                batch.append((view[:octets], with_scope(sender[0], sender[3]), local, tos))
                at += octets
                continue
            octets = recv(view)
        except OSError as error:
            errors += 1
            if error.errno in WOULD_BLOCK:
                break
            if has_errors is not None:
                has_errors()
            if errors > _TRIES:
                break
            continue
        if octets < _V4_HEADER:
            continue
        # the kernel has checked the header: all that is to be known stands there
        remote, local = _ends(bytes(view[12:_V4_HEADER]))
        start = 0 if header else (view[0] & 0x0F) * 4
        batch.append((view[start:octets], remote, local, view[1]))
        at += octets
    return batch


@lru_cache(maxsize=1024)
def _ends(addresses: bytes) -> tuple[str, str]:
    return socket.inet_ntoa(addresses[:4]), socket.inet_ntoa(addresses[4:])


def send_ah(
    sock: socket.socket, packet: bytes, local: str, remote: str, tos: int = 0, *, ttl: int = 0
) -> bool:
    """Send one AH packet, of IPv4 with its IP header; tell whether the kernel took it.

    The kernel cuts nothing whose header it did not make: what is too long for the device is cut
    here, into pieces that pass nearly everywhere (RFC 791 section 3.2).  ``tos`` and ``ttl`` are
    for IPv6, where what is longer than 1280 octets is cut: see :mod:`tundev.pieces`.
    """
    if sock.family == socket.AF_INET6:
        if len(packet) <= LEAST_IPV6 - HEADER or not local:
            return send_esp(sock, packet, local, remote, tos, ttl=ttl)
        return _send_cut(sock, packet, local, remote, tos, ttl)
    whole = len(packet)
    for most in (whole, whole, *_PIECES):  # EMSGSIZE may be what ICMP said of another one
        try:
            for piece in fragments(packet, most):
                sock.sendto(piece, (remote, 0))
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                continue
            return False
        return True
    return False


def _send_cut(
    sock: socket.socket, packet: bytes, local: str, remote: str, tos: int, ttl: int
) -> bool:
    number = next(_IDENTIFICATIONS) & 0xFFFFFFFF
    try:
        made = pieces(packet, AH, local.partition("%")[0], remote.partition("%")[0],
                      number, tos, ttl)  # fmt: skip
    except OSError:
        return False
    sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_HDRINCL, 1)
    try:
        return send_packets(sock, made, "", remote) == len(made)
    finally:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_HDRINCL, 0)


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


def send_esp(
    sock: socket.socket,
    packet: bytes | memoryview,
    local: str,
    remote: str,
    tos: int = 0,
    *,
    ttl: int = 0,
) -> bool:
    """Send one ESP packet from ``local`` ("": kernel's choice); tell whether the kernel took it.

    ``tos`` is the octet of DSCP and ECN, ``ttl`` the number of hops (0: as many as usual).
    """
    return send_packets(sock, (packet,), local, remote, tos, ttl=ttl) == 1


def send_rows(
    sock: socket.socket,
    rows: memoryview,
    size: int,
    local: str,
    remote: str,
    tos: int = 0,
    *,
    ttl: int = 0,
) -> int:
    """Send the ESP packets of ``size`` octets that fill ``rows``; return how many the kernel took.

    The last one may be shorter.  Raises :exc:`ValueError` when ``size`` is 0.
    """
    packets = [rows[at : at + size] for at in range(0, len(rows), size)]
    return send_packets(sock, packets, local, remote, tos, ttl=ttl)


def send_packets(
    sock: socket.socket,
    packets: Iterable[bytes | memoryview],
    local: str,
    remote: str,
    tos: int = 0,
    *,
    ttl: int = 0,
) -> int:
    """Send ESP packets to one peer; return how many the kernel took.

    A raw socket has no UDP_SEGMENT: each is a call of its own.
    """
    control = _control(local, tos, ttl, ":" in remote)
    target = (remote, 0)
    sendmsg = sock.sendmsg
    taken = 0
    for packet in packets:
        for _ in range(_TRIES):
            try:
                sendmsg((packet,), control, 0, target)
            except OSError as error:
                if error.errno in WOULD_BLOCK:
                    break
                continue
            taken += 1
            break
    return taken


def _control(local: str, tos: int, ttl: int, six: bool) -> Ancillary:
    try:
        control = source_cmsg(local)
    except (OSError, ValueError):
        control = []
    if tos or ttl:
        # a fresh list: the source's is shared
        control = [*control, tos_cmsg(tos, six=six)]
        if ttl:
            control.append(ttl_cmsg(ttl, six=six))
    return control
