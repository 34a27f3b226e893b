"""ICMP errors that came back for what a socket sent (ip(7), IP_RECVERR).

Linux queues them beside the socket's data.  A queue that is not read keeps the socket readable
for ever, so whoever watches the socket reads both.
"""

import errno
import socket
import struct
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from tundev.sockets import ANCILLARY_ROOM, IP_RECVERR, IPV6_RECVERR

MSG_ERRQUEUE: Final = 0x2000
_MOST: Final = 64
_QUOTED: Final = 128  # octets: an IPv4 header with all its options, and what shows the SA
_ORIGIN_LOCAL: Final = 1
_ORIGIN_ICMP6: Final = 3
# struct sock_extended_err: errno, origin, type, code, padding, info, data
_EXTENDED: Final = struct.Struct("=IBBBxII")


class IcmpKind(Enum):
    """What the error says about the path."""

    PORT = "port unreachable"
    PROTOCOL = "protocol unreachable"
    HOST = "host unreachable"
    NETWORK = "no route"
    PROHIBITED = "administratively prohibited"
    TOO_BIG = "packet too big"
    TIME = "time exceeded"
    LOCAL = "refused by our own kernel"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class IcmpError:
    """One error; unauthenticated, so evidence and never an order."""

    remote: tuple[str, int]
    """Where the lost datagram was sent."""
    errno: int
    kind: IcmpKind
    mtu: int = 0
    """The next hop's MTU in octets, with ``TOO_BIG``, or our device's with ``LOCAL``; else 0."""
    quote: bytes = field(default=b"", compare=False)
    """How the lost datagram began, as it was given to the socket: what a forger does not know.

    Nothing with ``LOCAL``, and with routers that return only the eight octets of RFC 792.
    """


_V4: Final = {
    (3, 0): IcmpKind.NETWORK,
    (3, 1): IcmpKind.HOST,
    (3, 2): IcmpKind.PROTOCOL,
    (3, 3): IcmpKind.PORT,
    (3, 4): IcmpKind.TOO_BIG,
    (3, 6): IcmpKind.NETWORK,
    (3, 7): IcmpKind.HOST,
    (3, 9): IcmpKind.PROHIBITED,
    (3, 10): IcmpKind.PROHIBITED,
    (3, 13): IcmpKind.PROHIBITED,
    (11, 0): IcmpKind.TIME,
    (11, 1): IcmpKind.TIME,
}
_V6: Final = {
    (1, 0): IcmpKind.NETWORK,
    (1, 1): IcmpKind.PROHIBITED,
    (1, 3): IcmpKind.HOST,
    (1, 4): IcmpKind.PORT,
    (2, 0): IcmpKind.TOO_BIG,
    (3, 0): IcmpKind.TIME,
    (3, 1): IcmpKind.TIME,
    (4, 1): IcmpKind.PROTOCOL,
}


def read_errors(sock: socket.socket) -> list[IcmpError]:
    """Take the queued errors of ``sock``, at most 64 in one call; never raises."""
    errors: list[IcmpError] = []
    for _ in range(_MOST):
        try:
            quote, ancillary, _flags, remote = sock.recvmsg(
                _QUOTED, 2 * ANCILLARY_ROOM, MSG_ERRQUEUE
            )
        except OSError:
            break
        for level, kind, data in ancillary:
            asked = (level, kind) in (
                (socket.IPPROTO_IP, IP_RECVERR),
                (socket.IPPROTO_IPV6, IPV6_RECVERR),
            )
            if asked and len(data) >= _EXTENDED.size:
                errors.append(_error((str(remote[0]), int(remote[1])), data, quote))
    return errors


def _error(remote: tuple[str, int], data: bytes, quote: bytes) -> IcmpError:
    number, origin, icmp_type, code, info, _ = _EXTENDED.unpack_from(data)
    if origin == _ORIGIN_LOCAL:
        mtu = info if number == errno.EMSGSIZE else 0
        return IcmpError(remote, number, IcmpKind.LOCAL, mtu)
    table = _V6 if origin == _ORIGIN_ICMP6 else _V4
    kind = table.get((icmp_type, code), IcmpKind.OTHER)
    return IcmpError(remote, number, kind, info if kind is IcmpKind.TOO_BIG else 0, quote)
