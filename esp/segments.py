"""Cut a super-packet of TCP or UDP into the packets that a network card would make of it.

What Linux does in ``tcp_gso_segment`` and ``__udp_gso_segment`` (net/ipv4/tcp_offload.c and
udp_offload.c), in plain Python: each segment has the headers of the whole with its own lengths,
sequence number (RFC 9293), IPv4 identification (RFC 6864: it counts on) and checksums.  FIN and
PSH stay with the last segment and CWR with the first (RFC 3168 section 6.1.2).

The kernel says where the headers are; nothing is indexed before that is found to be possible.
"""

import struct
from collections.abc import Iterator
from typing import Final

from esp.checksum import ones_sum, pseudo_sum
from esp.vnet import GSO_ECN, GSO_TCP4, GSO_TCP6, GSO_UDP
from policy.flow import MalformedPacket, upper_layer

TCP: Final = 6
UDP: Final = 17

FIN: Final = 0x01
PSH: Final = 0x08
ACK: Final = 0x10
CWR: Final = 0x80

LONGEST: Final = 0xFFFF
"""Octets of the longest packet with an IPv4 header; nobody makes a longer one with IPv6's."""

_MOST: Final = 1400
"""Segments: Linux makes none below 48 octets; guests' may say 1, and 65,000 take a second."""

SHORT: Final = struct.Struct("!H")
LONG: Final = struct.Struct("!I")
_SHORTS: Final = struct.Struct("!HH")

_CHECKSUM_AT: Final = {TCP: 16, UDP: 6}
_PROTOCOL: Final = {
    (4, GSO_TCP4): TCP,
    (6, GSO_TCP6): TCP,
    (4, GSO_UDP): UDP,
    (6, GSO_UDP): UDP,
}


def finish_checksum(packet: bytearray | memoryview, start: int, offset: int, length: int) -> None:
    """Do what NEEDS_CSUM asks for, in a packet that ends at ``length``.

    The field at ``start + offset`` already holds the sum of the pseudo header (VIRTIO 1.2 section
    5.1.6.2).  Raises :exc:`~policy.flow.MalformedPacket` when it lies outside of the packet, or in
    its IP header: nothing that a policy looks at may change by this.
    """
    l4 = 40 if packet and packet[0] >> 4 == 6 else 20
    if offset < 0 or offset & 1 or not l4 <= start <= length - offset - 2 or length > len(packet):
        raise MalformedPacket("a checksum outside of its packet")
    value = -ones_sum(packet[start:length]) % 0xFFFF
    # 0 says "none was made" to UDP alone (RFC 768), whose field is the sixth octet
    SHORT.pack_into(packet, start + offset, value or (0xFFFF if offset == 6 else 0))


def headers_end(packet: memoryview, l4: int, kind: int, mss: int) -> tuple[int, int]:
    """Return the protocol of a super-packet (TCP or UDP) and where its payload begins.

    ``l4`` is where the kernel says that TCP or UDP begins, ``kind`` its gso_type and ``mss`` the
    payload octets of a segment.  Raises :exc:`~policy.flow.MalformedPacket` unless all of that
    fits the octets of the packet.
    """
    size = len(packet)
    version = packet[0] >> 4 if size else 0
    protocol = _PROTOCOL.get((version, kind & ~GSO_ECN), 0)
    if not protocol or mss < 1:
        raise MalformedPacket("not a super-packet of TCP or UDP")
    if version == 4:
        fits = 20 <= l4 == (packet[0] & 15) * 4 and size >= 20 and packet[9] == protocol
    elif l4 == 40:
        fits = size >= 40 and packet[6] == protocol
    else:
        fits = upper_layer(bytes(packet)) == (protocol, l4)
    if not fits:
        raise MalformedPacket("a super-packet's upper layer is elsewhere")
    end = l4 + 8
    if protocol == TCP:
        if size < l4 + 20:
            raise MalformedPacket("a super-packet without a whole TCP header")
        end = l4 + (packet[l4 + 12] >> 4) * 4
        if end < l4 + 20:
            raise MalformedPacket("a super-packet's TCP data offset")
    if end > size:
        raise MalformedPacket("a super-packet shorter than its headers")
    if end + min(mss, size - end) > LONGEST:
        raise MalformedPacket("a segment longer than a packet can be")
    if size - end > mss * _MOST:
        raise MalformedPacket("a super-packet of too many segments")
    return protocol, end


def segments(
    packet: memoryview, l4: int, kind: int, mss: int, first: int = 0
) -> Iterator[tuple[bytearray, memoryview]]:
    """Yield header and payload of each segment, from payload octet ``first`` on.

    ``packet`` is the super-packet without its virtio header; ``first`` is a multiple of ``mss``,
    or 0.  The header is the same object each time: use it before asking for the next.  Raises
    :exc:`~policy.flow.MalformedPacket` at once for what :func:`headers_end` refuses.
    """
    protocol, end = headers_end(packet, l4, kind, mss)
    cut = _tcp if protocol == TCP else _udp
    return cut(bytearray(packet[:end]), packet[end:], l4, mss, first)


def _tcp(
    head: bytearray, payload: memoryview, l4: int, mss: int, first: int
) -> Iterator[tuple[bytearray, memoryview]]:
    flags = head[l4 + 13]
    sequence = LONG.unpack_from(head, l4 + 4)[0]
    # what all segments share is summed once: what is their own is 0 meanwhile
    LONG.pack_into(head, l4 + 4, 0)
    head[l4 + 13] = 0
    network = _Network(head, l4, TCP)
    total = len(payload)
    for begin in _begins(first, total, mss):
        part = payload[begin : begin + mss]
        own = flags
        if begin + mss < total:
            own &= ~(FIN | PSH)
        if begin:
            own &= ~CWR
        head[l4 + 13] = own
        number = sequence + begin & 0xFFFFFFFF
        LONG.pack_into(head, l4 + 4, number)
        network.finish(begin // mss, part, number + own)
        yield head, part


def _udp(
    head: bytearray, payload: memoryview, l4: int, mss: int, first: int
) -> Iterator[tuple[bytearray, memoryview]]:
    SHORT.pack_into(head, l4 + 4, 0)
    network = _Network(head, l4, UDP)
    for begin in _begins(first, len(payload), mss):
        part = payload[begin : begin + mss]
        length = 8 + len(part)
        SHORT.pack_into(head, l4 + 4, length)
        network.finish(begin // mss, part, length)
        yield head, part


def _begins(first: int, total: int, mss: int) -> range:
    """Return where segments begin; a packet without payload is one segment, not none."""
    return range(first, total or 1, mss)


class _Network:
    """The IP header and the checksums of segments, whose own sums to what is not shared.

    Made of the headers of the whole, in which everything is 0 that differs between segments.
    """

    __slots__ = ("_check_at", "_head", "_ident", "_l4", "_l4_sum", "_network_sum", "_none")

    def __init__(self, head: bytearray, l4: int, protocol: int) -> None:
        self._head, self._l4 = head, l4
        self._check_at = l4 + _CHECKSUM_AT[protocol]
        self._none = 0xFFFF if protocol == UDP else 0  # RFC 768: 0 would say that there is none
        SHORT.pack_into(head, self._check_at, 0)
        self._l4_sum = ones_sum(head[l4:]) + pseudo_sum(head, protocol, 0)
        self._ident = self._network_sum = -1
        if head[0] >> 4 == 4:
            self._ident = SHORT.unpack_from(head, 4)[0]
            _SHORTS.pack_into(head, 2, 0, 0)
            SHORT.pack_into(head, 10, 0)
            self._network_sum = ones_sum(head[:l4])

    def finish(self, number: int, part: memoryview, own: int) -> None:
        """Write lengths, identification and checksums of segment ``number``.

        ``own`` is the sum of those fields of its TCP or UDP header that no other segment has.
        """
        head, l4 = self._head, self._l4
        size = len(head) + len(part)
        total = self._l4_sum + (size - l4) + own + ones_sum(part)
        SHORT.pack_into(head, self._check_at, -total % 0xFFFF or self._none)
        if self._network_sum >= 0:
            ident = self._ident + number & 0xFFFF
            _SHORTS.pack_into(head, 2, size, ident)
            SHORT.pack_into(head, 10, -(self._network_sum + size + ident) % 0xFFFF)
        else:
            SHORT.pack_into(head, 4, size - 40)
