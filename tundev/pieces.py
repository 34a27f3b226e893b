"""Fragments of IPv6 packets that Linux does not make (RFC 8200 section 4.5).

Linux takes AH for an extension header that comes before something it would tell.  So no socket and
no memory of a path learns what ICMPv6 says of AH packets, and they would be sent too large for
ever: they are cut here instead, so small that every path takes them.
"""

import socket
import struct
from typing import Final

LEAST_IPV6: Final = 1280
"""Octets that every path takes (RFC 8200 section 5)."""
HEADER: Final = 40
_FRAGMENT: Final = 44
_HEAD: Final = struct.Struct("!IHBB16s16s")
_PIECE: Final = struct.Struct("!BBHI")  # next header, reserved, offset and more, identification
_ROOM: Final = (LEAST_IPV6 - HEADER - _PIECE.size) // 8 * 8
_HOPS: Final = 64


def pieces(
    payload: bytes, protocol: int, local: str, remote: str, identification: int, tos: int, ttl: int
) -> list[bytes]:
    """Return whole IPv6 packets of at most 1280 octets that make ``payload`` at their end.

    ``ttl`` 0: 64 hops.  Raises OSError for what is no address.
    """
    ends = socket.inet_pton(socket.AF_INET6, local), socket.inet_pton(socket.AF_INET6, remote)
    made = []
    for at in range(0, len(payload), _ROOM):
        part = payload[at : at + _ROOM]
        more = at + _ROOM < len(payload)
        head = _HEAD.pack(
            6 << 28 | tos << 20, _PIECE.size + len(part), _FRAGMENT, ttl or _HOPS, *ends
        )
        made.append(head + _PIECE.pack(protocol, 0, at | more, identification) + part)
    return made
