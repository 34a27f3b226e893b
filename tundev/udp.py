"""The UDP sockets of the tunnel: many addresses on one port, and many datagrams in one call.

Answers leave from the address the request came to (packet info control messages).  With
UDP_SEGMENT one call sends a run of equal datagrams, with UDP_GRO one call brings one (udp(7)).
"""

import errno
import socket
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from tundev.icmp import IcmpError, IcmpKind, read_errors
from tundev.ports import CannotListen, PortInUse, cannot_listen
from tundev.sockets import (
    ANCILLARY_ROOM,
    UDP_GRO,
    WOULD_BLOCK,
    Ancillary,
    configure,
    enable_tos,
    family_of,
    source_cmsg,
    told,
    tos_cmsg,
    ttl_cmsg,
    with_scope,
)

__all__ = [
    "CannotListen",
    "IcmpError",
    "IcmpKind",
    "PortInUse",
    "Received",
    "enable_gro",
    "enable_tos",
    "has_udp_gso",
    "open_udp",
    "read_errors",
    "receive",
    "receive_batch",
    "receive_into",
    "send",
    "send_rows",
]

Received = tuple[bytes, tuple[str, int], str]
"""A datagram, who sent it, and our address that it came to."""

UDP_SEGMENT: Final = 103
MAX_SEGMENTS: Final = 32
"""Datagrams in one send: the kernel takes 64, but halves of a batch overlap on two cores."""
_KERNEL_SEGMENTS: Final = 64  # UDP_MAX_SEGMENTS before Linux 6.9
_MAX_SEND: Final = 65000  # octets in one send: 65535 less the headers of either family
_ROOM: Final = 65535
_TRIES: Final = 3
_SEND_TRIES: Final = (
    16  # each takes one queued ICMP error away: a storm of forged ones loses nothing
)
_PATIENCE: Final = 0.5  # seconds; the answer is there when the send returns
_SPLIT_ERRORS: Final = frozenset((errno.EIO, errno.EMSGSIZE, errno.EINVAL, errno.ENOPROTOOPT))


def open_udp(
    address: str, port: int, mark: int, *, fragment: bool = True, errors: bool = True
) -> socket.socket:
    """Bind a non-blocking UDP socket to a numeric ``address`` ("0.0.0.0", "::": all) and ``port``.

    ``fragment`` lets large datagrams be fragmented; ``errors`` queues ICMP errors, and whoever
    watches the socket must then call :func:`read_errors` whenever it has nothing to receive.
    Raises :exc:`PortInUse` or :exc:`CannotListen`.
    """
    family = family_of(address)
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM)
    except OSError as error:
        raise cannot_listen(error, address, port) from error
    try:
        configure(sock, mark, fragment=fragment, errors=errors)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
    except OSError as error:
        sock.close()
        raise cannot_listen(error, address, port) from error
    return sock


def receive(sock: socket.socket) -> Received | None:
    """Return the next datagram, or None when there is none; not for a socket with GRO."""
    batch = receive_batch(sock, 1)
    return batch[0] if batch else None


def receive_batch(sock: socket.socket, most: int) -> list[Received]:
    """Return what waits, ``most`` datagrams at most (with GRO: and the rest of the last run).

    Runs are split as they were sent.  Empty when there is nothing; never raises for what the
    wire did.
    """
    batch: list[Received] = []
    recvmsg = sock.recvmsg
    for _ in range(most + _TRIES):
        if len(batch) >= most:
            break
        try:
            data, ancillary, _flags, remote = recvmsg(_ROOM, ANCILLARY_ROOM)
        except OSError as error:
            if error.errno in WOULD_BLOCK:
                break
            continue  # an ICMP error of an earlier datagram: told once, and read_errors has it
        local, size, _tos = told(tuple(ancillary))
        if len(remote) > 2:
            remote = (with_scope(remote[0], remote[3]), remote[1])
        if 0 < size < len(data):
            batch += [(data[at : at + size], remote, local) for at in range(0, len(data), size)]
        else:
            batch.append((data, remote, local))
    return batch


def receive_into(
    sock: socket.socket, view: memoryview, has_errors: Callable[[], None] | None = None
) -> tuple[int, int, tuple[str, int], str, int] | None:
    """Put what one read brings to the start of ``view``; return None when there is nothing.

    Else (octets, size of each datagram in them, who sent them, our address that they came to, TOS
    or traffic class of the outer header).  Only with GRO is the size less than the octets; the
    last datagram may then be shorter.  A datagram may have no octets at all, and one that is longer
    than ``view`` is cut off.  What the kernel could not tell stays "" and 0.  ``has_errors`` is
    called when there is something for :func:`read_errors` beside it.
    """
    for _ in range(_TRIES):
        try:
            octets, ancillary, _flags, remote = sock.recvmsg_into((view,), ANCILLARY_ROOM)
        except OSError as error:
            if error.errno in WOULD_BLOCK:
                return None
            if has_errors is not None:
                has_errors()
            continue  # an ICMP error of an earlier datagram: told once, and read_errors has it
        local, size, tos = told(tuple(ancillary))
        if not 0 < size < octets:
            size = octets
        if len(remote) > 2:
            remote = (with_scope(remote[0], remote[3]), remote[1])
        return octets, size, remote, local, tos
    return None


def send(sock: socket.socket, data: bytes, local: str, remote: tuple[str, int]) -> bool:
    """Send one datagram from ``local`` ("": kernel's choice); tell whether the kernel took it."""
    return _send(sock, [data], _control(local, 0, 0, ":" in remote[0]), remote) == 0


def has_udp_gso() -> bool:
    """Ask the kernel, over loopback, whether UDP_SEGMENT really splits a buffer.

    A device may still refuse: :func:`send_rows` then sends singly.  Where
    loopback is down the kernel is believed when it knows the option.
    """
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        try:
            one.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 10)
        except OSError:
            return False
        other.settimeout(_PATIENCE)
        try:
            other.bind(("127.0.0.1", 0))
            one.sendto(bytes(25), other.getsockname())
            return len(other.recv(100)) == 10
        except OSError as error:
            return error.errno not in _SPLIT_ERRORS


def enable_gro(sock: socket.socket) -> bool:
    """Let one read bring a run of datagrams; tell whether the kernel can."""
    try:
        sock.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
    except OSError:
        return False
    return True


def send_rows(
    sock: socket.socket,
    rows: memoryview,
    size: int,
    local: str,
    remote: tuple[str, int],
    tos: int = 0,
    *,
    ttl: int = 0,
    most: int = MAX_SEGMENTS,
) -> int:
    """Send the datagrams of ``size`` octets that fill ``rows``; return how many the kernel took.

    The last one may be shorter.  Up to ``most`` leave with one call (1: without UDP_SEGMENT), with
    ``tos`` in the octet of DSCP and ECN and ``ttl`` hops (0: as many as usual).  A path narrower
    than the datagrams, or a device without checksum offload, refuses a batch: it then goes out one
    by one.
    Raises :exc:`ValueError` when ``size`` is less than 1.
    """
    if size < 1:
        raise ValueError("rows have at least one octet")
    six = ":" in remote[0]
    step = max(1, min(most, _KERNEL_SEGMENTS, _MAX_SEND // size)) * size
    taken = 0
    for at in range(0, len(rows), step):
        part = rows[at : at + step]
        if len(part) > size:
            refused = _send(sock, (part,), _control(local, size, tos, six, ttl), remote)
            if refused not in _SPLIT_ERRORS:
                taken += 0 if refused else -(-len(part) // size)
                continue
        single = _control(local, 0, tos, six, ttl)
        for begin in range(0, len(part), size):
            taken += _send(sock, (part[begin : begin + size],), single, remote) == 0
    return taken


def _send(
    sock: socket.socket,
    parts: Sequence[bytes | memoryview],
    ancillary: Ancillary,
    remote: tuple[str, int],
) -> int:
    """Return 0, or the error number."""
    number = 0
    for _ in range(_SEND_TRIES):
        try:
            sock.sendmsg(parts, ancillary, 0, remote)
        except OSError as error:
            before, number = number, error.errno or errno.EIO
            if number in WOULD_BLOCK:
                return number
            # the first EMSGSIZE may be what ICMP said of an earlier datagram
            if number in _SPLIT_ERRORS and (number != errno.EMSGSIZE or number == before):
                return number
            continue  # it may be an earlier datagram's ICMP error, which costs this one nothing
        return 0
    return number


def _control(local: str, size: int, tos: int, six: bool, ttl: int = 0) -> Ancillary:
    try:
        return _made(local, size, tos, six, ttl)
    except (OSError, ValueError):  # no address, or a link that is gone: not remembered
        return _made("", size, tos, six, ttl)


@lru_cache(maxsize=1024)
def _made(local: str, size: int, tos: int, six: bool, ttl: int) -> Ancillary:
    control = [*source_cmsg(local)]
    if size:
        control.append((socket.IPPROTO_UDP, UDP_SEGMENT, size.to_bytes(2, sys.byteorder)))
    if tos:
        control.append(tos_cmsg(tos, six=six))
    if ttl:
        control.append(ttl_cmsg(ttl, six=six))
    return control
