"""The Internet checksum: of octets, and corrected for what was changed (RFC 1071, RFC 1624).

A one's complement sum of 16-bit words is the number modulo 65535, because 2**16 = 1 (mod 65535):
the checksum that goes with a sum is ``-sum % 65535``, and the sum of what includes its own right
checksum is 0.
"""

from typing import Final, TypeAlias

Octets: TypeAlias = bytes | bytearray | memoryview

_LONG: Final = 600
_VERY_LONG: Final = 2688
_FOLDS: Final = tuple(
    (16 * words, (1 << 16 * words) - 1)
    for words in (336, 168, 84)  # of _VERY_LONG, in halves
)


def ones_sum(octets: Octets) -> int:
    """Return the one's complement sum of ``octets`` modulo 65535, an odd one padded with 0."""
    number = int.from_bytes(octets, "big")
    size = len(octets)
    if size & 1:
        number <<= 8
    if _LONG < size < _VERY_LONG:
        # a third faster than dividing all of it: 1.4 us instead of 2.1 for 1348 octets
        for shift, mask in _FOLDS:
            number = (number >> shift) + (number & mask)
    return number % 0xFFFF


def pseudo_sum(packet: Octets, protocol: int, length: int) -> int:
    """Return the sum of the pseudo header for ``length`` octets of TCP or UDP (RFC 8200 8.1).

    ``packet`` begins with an IP header without a routing header after it, whose version and size
    the caller has checked; IPv4 and IPv6 differ only in their addresses (RFC 9293 section 3.1).
    """
    addresses = packet[12:20] if packet[0] >> 4 == 4 else packet[8:40]
    return (int.from_bytes(addresses, "big") + protocol + length) % 0xFFFF


def checksum(octets: bytes) -> bytes:
    """Return the Internet checksum of ``octets``, an odd one padded with 0."""
    if len(octets) & 1:
        octets += b"\x00"
    # end-around carry is a sum modulo 65535; 0 and 0xFFFF are the same to it, and a sum of 0 comes
    # only from octets that are all 0
    total = int.from_bytes(octets, "big")
    return (0xFFFF - (total % 0xFFFF or (0xFFFF if total else 0))).to_bytes(2, "big")


def difference(old: bytes, new: bytes) -> int:
    """Return what :func:`corrected` needs for ``new`` in place of ``old``: words, both aligned."""
    return (int.from_bytes(new, "big") - int.from_bytes(old, "big")) % 0xFFFF


def corrected(was: bytes, change: int) -> bytes:
    """Return a checksum after a change of what it covers, which is not all 0 (RFC 1624).

    Right if it was right before, and wrong by as much if it was wrong.
    """
    total = (0xFFFF - int.from_bytes(was, "big") + change) % 0xFFFF or 0xFFFF
    return (0xFFFF - total).to_bytes(2, "big")
