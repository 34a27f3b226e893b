"""The Internet checksum: of octets, and corrected for what was changed (RFC 1071, RFC 1624)."""


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
