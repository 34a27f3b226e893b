"""IP headers of packets that are made here: the outer ones of AH, the inner ones of transport mode.

Both are as short as can be: no options, no extension headers, no fragments, 64 hops.
"""

from typing import Final

from esp.checksum import checksum

V4: Final = 20
V6: Final = 40
_MOST: Final = 0xFFFF


def ipv4(addresses: bytes, protocol: int, payload: bytes, identification: int = 0) -> bytes:
    """Return an IPv4 packet; ``addresses`` are source and target as on the wire.

    Raises ValueError where 16 bits cannot hold the length.
    """
    size = V4 + len(payload)
    if size > _MOST:
        raise ValueError("longer than an IPv4 packet can be")
    head = bytes((0x45, 0, *size.to_bytes(2, "big"), *identification.to_bytes(2, "big"), 0, 0,
                  64, protocol))  # fmt: skip
    return head + checksum(head + addresses) + addresses + payload


def ipv6(addresses: bytes, next_header: int, payload: bytes) -> bytes:
    """Return an IPv6 packet; ``addresses`` are source and target as on the wire.

    Raises ValueError where 16 bits cannot hold the length.
    """
    if len(payload) > _MOST:
        raise ValueError("longer than an IPv6 packet can be")
    head = bytes((0x60, 0, 0, 0, *len(payload).to_bytes(2, "big"), next_header, 64))
    return head + addresses + payload
