"""The UDP sockets of the tunnel: many addresses on one port, and many datagrams in one call.

Answers leave from the address the request came to (packet info control messages).  With
UDP_SEGMENT one call sends a run of equal datagrams, with UDP_GRO one call brings one (udp(7)).
"""

import errno
import socket
from functools import lru_cache
from typing import Final

from tundev.icmp import IcmpError, IcmpKind, read_errors
from tundev.ports import CannotListen, PortInUse, cannot_listen
from tundev.sockets import (
    ANCILLARY_ROOM,
    IP_PKTINFO,
    IPV6_PKTINFO,
    WOULD_BLOCK,
    Ancillary,
    address_in,
    configure,
    family_of,
    source_cmsg,
    with_scope,
)

__all__ = [
    "CannotListen",
    "IcmpError",
    "IcmpKind",
    "PortInUse",
    "Received",
    "enable_gro",
    "has_udp_gso",
    "open_udp",
    "read_errors",
    "receive",
    "receive_batch",
    "send",
    "send_segments",
]

Received = tuple[bytes, tuple[str, int], str]
"""A datagram, who sent it, and our address that it came to."""

UDP_SEGMENT: Final = 103
UDP_GRO: Final = 104
MAX_SEGMENTS: Final = 32
"""Datagrams in one send: the kernel takes 64, but halves of a batch overlap on two cores."""
_MAX_SEND: Final = 65535 - 40 - 8
_ROOM: Final = 65535
_TRIES: Final = 3
_SEND_TRIES: Final = (
    16  # each takes one queued ICMP error away: a storm of forged ones loses nothing
)
_PACKET_INFO: Final = frozenset((IP_PKTINFO, IPV6_PKTINFO))
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
        local = ""
        size = 0
        for _level, kind, info in ancillary:
            if kind in _PACKET_INFO:
                local = address_in(info)
            elif kind == UDP_GRO:
                size = int.from_bytes(info[:4], "little")
        if len(remote) > 2:
            remote = (with_scope(remote[0], remote[3]), remote[1])
        if 0 < size < len(data):
            batch += [(data[at : at + size], remote, local) for at in range(0, len(data), size)]
        else:
            batch.append((data, remote, local))
    return batch


def send(sock: socket.socket, data: bytes, local: str, remote: tuple[str, int]) -> bool:
    """Send one datagram from ``local`` ("": kernel's choice); tell whether the kernel took it."""
    return _send(sock, [data], _source(local), remote) == 0


def has_udp_gso() -> bool:
    """Tell whether the kernel knows UDP_SEGMENT (a device may still refuse: ``send_segments``)."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1200)
    except OSError:
        return False
    return True


def enable_gro(sock: socket.socket) -> bool:
    """Let one read bring a run of datagrams; tell whether the kernel can."""
    try:
        sock.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
    except OSError:
        return False
    return True


def send_segments(
    sock: socket.socket, datagrams: list[bytes], local: str, remote: tuple[str, int]
) -> int:
    """Send ``datagrams`` with as few calls as their sizes allow; return how many the kernel took.

    Best when all but the last have one size.  A path narrower than the datagrams, or a device
    without checksum offload, refuses a batch: it then goes out one by one.
    """
    ancillary = _source(local)
    taken = start = 0
    while start < len(datagrams):
        stop = _run(datagrams, start)
        run = datagrams[start:stop]
        start = stop
        if len(run) > 1:
            refused = _send(sock, run, [*ancillary, _segment_cmsg(len(run[0]))], remote)
            if refused not in _SPLIT_ERRORS:
                taken += 0 if refused else len(run)
                continue
        taken += sum(_send(sock, [one], ancillary, remote) == 0 for one in run)
    return taken


def _send(
    sock: socket.socket, parts: list[bytes], ancillary: Ancillary, remote: tuple[str, int]
) -> int:
    """Return 0, or the error number."""
    number = 0
    for _ in range(_SEND_TRIES):
        try:
            sock.sendmsg(parts, ancillary, 0, remote)
        except OSError as error:
            number = error.errno or errno.EIO
            if number in WOULD_BLOCK or number in _SPLIT_ERRORS:
                return number
            continue  # it may be an earlier datagram's ICMP error, which costs this one nothing
        return 0
    return number


def _source(local: str) -> Ancillary:
    try:
        return source_cmsg(local)
    except (OSError, ValueError):
        return []


def _run(datagrams: list[bytes], start: int) -> int:
    """Return the end of the run from ``start`` that one UDP_SEGMENT send can carry."""
    size = len(datagrams[start])
    most = min(len(datagrams), start + max(1, min(MAX_SEGMENTS, _MAX_SEND // (size or 1))))
    for at in range(start + 1, most):
        length = len(datagrams[at])
        if length != size:
            return at + 1 if 0 < length < size else at
    return most


@lru_cache(maxsize=256)
def _segment_cmsg(size: int) -> tuple[int, int, bytes]:
    return (socket.IPPROTO_UDP, UDP_SEGMENT, size.to_bytes(2, "little"))
