"""Inner packets: whether their headers are sane, TCP's segment size, ICMP errors about them."""

import struct
from typing import Final

from esp.checksum import checksum, corrected, difference
from policy.flow import OPAQUE, MalformedPacket, upper_layer
from policy.mtu import MINIMUM, mss_for

_TCP: Final = 6
_ICMP: Final = 1
_ICMPV6: Final = 58
_SYN: Final = 2
_ICMP_ABOUT: Final = frozenset((0, 8, 13, 14, 15, 16, 17, 18))  # RFC 1122: queries, not errors
_TTL: Final = 64
_QUOTE: Final = {4: 548, 6: 1232}  # the answer stays within 576 and 1280 octets
_IPV4: Final = struct.Struct("!BBHHHBBH4s4s")
_IPV6: Final = struct.Struct("!IHBB16s16s")
_ICMP_HEAD: Final = struct.Struct("!BBHI")


def carried_as(packet: bytes) -> int:
    """Return the next header under which ESP carries an IP packet: 4, 41, or -1 if it lies.

    Version, header length and total length have to fit the octets.  Octets after the total
    length are allowed: traffic flow confidentiality puts padding there (RFC 4303 section 2.7).
    """
    size = len(packet)
    if size < 20:
        return -1
    first = packet[0]
    if first == 0x45:
        return 4 if 20 <= packet[2] << 8 | packet[3] <= size else -1
    if first >> 4 == 6:
        return 41 if size >= 40 + (packet[4] << 8 | packet[5]) else -1
    if 0x46 <= first <= 0x4F and (first & 15) << 2 <= packet[2] << 8 | packet[3] <= size:
        return 4
    return -1


def is_sane(packet: bytes) -> bool:
    """Tell whether an IP packet's version, header length and total length fit its octets."""
    return carried_as(packet) != -1


def clamp_mss(packet: bytes, mtu: int) -> bytes:
    """Return a TCP SYN with its maximum segment size lowered to what ``mtu`` allows.

    Anything else, and a SYN that asks for no more, comes back as the same object.  TCP after
    IPv6 extension headers is left alone: nobody sends it, and it would cost every packet.
    """
    size = len(packet)
    if size < 40:
        return packet
    first = packet[0]
    if first == 0x45:
        if packet[9] != _TCP or not packet[33] & _SYN:
            return packet
        start = 20
    elif first >> 4 == 6:
        if packet[6] != _TCP or size < 60 or not packet[53] & _SYN:
            return packet
        start = 40
    elif first >> 4 == 4 and packet[9] == _TCP:
        start = (first & 15) * 4
        if size < start + 20 or not packet[start + 13] & _SYN:
            return packet
    else:
        return packet
    if start != 40 and (packet[6] & 0x1F or packet[7]):
        return packet  # the middle of a datagram, not a header
    return _with_mss(packet, start, mss_for(mtu, first >> 4))


def _with_mss(packet: bytes, start: int, limit: int) -> bytes:
    """Walk the options of the TCP header at ``start`` (RFC 9293 section 3.2)."""
    at, end = start + 20, min(start + (packet[start + 12] >> 4) * 4, len(packet))
    while at < end and packet[at] != 0:
        if packet[at] == 1:
            at += 1
            continue
        length = packet[at + 1] if at + 1 < end else 0
        if length < 2 or at + length > end:
            break  # also what would loop for ever
        if packet[at] == 2 and length == 4:
            old = packet[at + 2 : at + 4]
            if int.from_bytes(old, "big") <= limit:
                break
            new = limit.to_bytes(2, "big")
            body = bytearray(packet)
            body[at + 2 : at + 4] = new
            if (at - start) & 1:  # an odd offset: these two octets lie in two checksum words
                old, new = old[::-1], new[::-1]
            fresh = corrected(packet[start + 16 : start + 18], difference(old, new))
            body[start + 16 : start + 18] = fresh
            return bytes(body)
        at += length
    return packet


def is_oversized(packet: bytes, mtu: int) -> bool:
    """Tell whether a packet is above ``mtu`` and may not be fragmented on the way.

    IPv6 hosts never go below 1280 octets whatever they are told (RFC 8201), so down to there the
    outer packet has to be fragmented instead.
    """
    if packet[0] >> 4 == 6:
        return len(packet) > max(mtu, MINIMUM[6])
    return len(packet) > mtu and bool(packet[6] & 0x40)


def fragmentation_needed(packet: bytes, mtu: int, source: bytes = b"") -> bytes | None:
    """Return the ICMP error that tells the sender of ``packet`` about ``mtu``, or None.

    ICMPv4 type 3 code 4 (RFC 1191), ICMPv6 packet too big (RFC 4443 section 3.2).  ``source`` is
    the error's source address in network order; by default the packet's own target: written to a
    TUN device, an address of this host would be dropped as a martian.  None when there is
    nothing to say, or nobody may be told (RFC 1122 section 3.2.2, RFC 4443 section 2.4).
    """
    if not is_sane(packet) or not is_oversized(packet, mtu):
        return None
    if packet[0] >> 4 == 4:
        return _error(packet, 3, 4, max(mtu, MINIMUM[4]), source)
    return _error(packet, 2, 0, max(mtu, MINIMUM[6]), source)


def unreachable(packet: bytes, source: bytes = b"") -> bytes | None:
    """Return "communication administratively prohibited" for the sender of ``packet``, or None.

    ICMPv4 type 3 code 13 (RFC 1812 section 5.2.7.1), ICMPv6 type 1 code 1 (RFC 4443 section
    3.1).  ``source`` as for :func:`fragmentation_needed`.
    """
    if not is_sane(packet):
        return None
    if packet[0] >> 4 == 4:
        return _error(packet, 3, 13, 0, source)
    return _error(packet, 1, 1, 0, source)


def _error(packet: bytes, kind: int, code: int, word: int, source: bytes) -> bytes | None:
    version = packet[0] >> 4
    try:
        protocol, start = upper_layer(packet)
    except MalformedPacket:
        return None
    if start == OPAQUE or not _may_be_told(packet, version, protocol, start):
        return None
    quote = packet[: _QUOTE[version]]
    if version == 4:
        origin, target = packet[12:16], packet[16:20]
        body = _ICMP_HEAD.pack(kind, code, 0, word) + quote
        body = body[:2] + checksum(body) + body[4:]
        # version/IHL, TOS, length, id, fragment, TTL, protocol, checksum, source, target
        head = _IPV4.pack(
            0x45, 0xC0, 20 + len(body), 0, 0, _TTL, _ICMP, 0, source or target, origin
        )
        return head[:10] + checksum(head) + head[12:] + body
    origin, target = packet[8:24], packet[24:40]
    body = _ICMP_HEAD.pack(kind, code, 0, word) + quote
    pseudo = (source or target) + origin + struct.pack("!II", len(body), _ICMPV6)
    body = body[:2] + checksum(pseudo + body) + body[4:]
    return _IPV6.pack(6 << 28, len(body), _ICMPV6, _TTL, source or target, origin) + body


def _may_be_told(packet: bytes, version: int, protocol: int, start: int) -> bool:
    """Never answer an error, nor anything that was not from one host to one host."""
    if version == 4:
        origin, target = packet[12:16], packet[16:20]
        if protocol == _ICMP and packet[start : start + 1] not in _QUERIES:
            return False
        return 0 < origin[0] < 224 and origin[0] != 127 and target[0] < 224
    if protocol == _ICMPV6 and (start >= len(packet) or packet[start] < 128):
        return False
    origin, target = packet[8:24], packet[24:40]
    return origin[0] != 0xFF and any(origin[:15]) and target[0] != 0xFF


_QUERIES: Final = frozenset(bytes((kind,)) for kind in _ICMP_ABOUT)
