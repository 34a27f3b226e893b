"""What selectors can see of a packet: addresses, upper-layer protocol, ports (RFC 4301 4.4.1.1).

flow_of    reads it properly (about 2 us)
flow_key   names the flow cheaply, for memories in front of a search: equal keys, equal flows
"""

import struct
from dataclasses import dataclass
from typing import Final

from policy.selectors import OPAQUE

__all__ = ["OPAQUE", "Flow", "MalformedPacket", "flow_key", "flow_of", "upper_layer"]

HOPOPTS: Final = 0
ROUTING: Final = 43
FRAGMENT: Final = 44
AH: Final = 51
DSTOPTS: Final = 60
_EXTENSIONS: Final = frozenset((HOPOPTS, ROUTING, FRAGMENT, AH, DSTOPTS))
_EXTENSIONS_LIMIT: Final = 8  # RFC 8200 section 4.1 knows seven; more is an attempt to hide
_WITH_PORTS: Final = frozenset((6, 17, 33, 132, 136))  # TCP UDP DCCP SCTP UDP-Lite
_ICMP: Final = frozenset((1, 58))
_PORTS: Final = struct.Struct("!HH")


class MalformedPacket(ValueError):
    """Not an IP packet that this gateway can classify."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One direction of a conversation.  Ports are :data:`OPAQUE` where a packet shows none.

    ICMP's type and code stand for both of its ports: type * 256 + code (RFC 4301 section 4.4.1.1,
    RFC 7296 section 3.13.1).
    """

    version: int
    protocol: int
    source: int
    target: int
    source_port: int = OPAQUE
    target_port: int = OPAQUE


def flow_of(packet: bytes) -> Flow:
    """Read the selector fields of an IPv4 or IPv6 packet; raise :exc:`MalformedPacket`."""
    protocol, start = upper_layer(packet)
    source_port = target_port = OPAQUE
    if start != OPAQUE:
        if protocol in _WITH_PORTS and len(packet) >= start + 4:
            source_port, target_port = _PORTS.unpack_from(packet, start)
        elif protocol in _ICMP and len(packet) >= start + 2:
            source_port = target_port = packet[start] << 8 | packet[start + 1]
    version = packet[0] >> 4
    source, target = (
        (packet[12:16], packet[16:20]) if version == 4 else (packet[8:24], packet[24:40])
    )
    return Flow(
        version,
        protocol,
        int.from_bytes(source, "big"),
        int.from_bytes(target, "big"),
        source_port,
        target_port,
    )


def upper_layer(packet: bytes) -> tuple[int, int]:
    """Return the upper-layer protocol and where its header starts, OPAQUE in a later fragment.

    Raises :exc:`MalformedPacket` when the IP headers are not all there.
    """
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 20:
        start = (packet[0] & 15) * 4
        if not 20 <= start <= len(packet):
            raise MalformedPacket("IPv4 header length")
        is_later_fragment = packet[6] & 0x1F or packet[7]
        return packet[9], OPAQUE if is_later_fragment else start
    if version == 6 and len(packet) >= 40:
        return _after_extensions(packet)
    raise MalformedPacket("neither IPv4 nor IPv6")


def _after_extensions(packet: bytes) -> tuple[int, int]:
    """Walk an IPv6 header chain (RFC 8200 section 4)."""
    protocol, start = packet[6], 40
    for _ in range(_EXTENSIONS_LIMIT):
        if protocol not in _EXTENSIONS:
            return protocol, start
        if len(packet) < start + 8:
            raise MalformedPacket("IPv6 extension header cut short")
        if protocol == FRAGMENT:
            length = 8
            if packet[start + 2] or packet[start + 3] & 0xF8:
                # what follows is the middle of something: its next header need not be the upper
                # layer's, but nothing after it can be read
                return packet[start], OPAQUE
        elif protocol == AH:
            length = (packet[start + 1] + 2) * 4
        else:
            length = (packet[start + 1] + 1) * 8
        protocol, start = packet[start], start + length
    if protocol in _EXTENSIONS:
        raise MalformedPacket("too many IPv6 extension headers")
    return protocol, start


def flow_key(packet: bytes) -> bytes:
    """Return octets that are equal only for packets of equal :func:`flow_of` (about 0.3 us).

    Plain headers are keyed by slices, whose lengths (16 and 37 with ports, 14 and 35 with ICMP's
    type and code, 12 and 33 with neither) keep the kinds apart.  Everything else, where slices
    would hold payload and so make a key per packet, is keyed by its flow.  Raises
    :exc:`MalformedPacket`.
    """
    if len(packet) >= 28:
        # The slice 6:10 holds the TTL too: one slice less, and a flow's TTL hardly ever changes.
        first = packet[0]
        if first == 0x45 and not packet[7] and not packet[6] & 0xBF:  # no fragment, DF or not
            if packet[9] in _WITH_PORTS:
                return packet[6:10] + packet[12:24]
            if packet[9] in _ICMP:
                return packet[6:10] + packet[12:22]
            return packet[6:10] + packet[12:20]
        if first >> 4 == 6 and len(packet) >= 44:
            if packet[6] in _WITH_PORTS:
                return packet[6:7] + packet[8:44]
            if packet[6] in _ICMP:
                return packet[6:7] + packet[8:42]
            if packet[6] not in _EXTENSIONS:
                return packet[6:7] + packet[8:40]
    flow = flow_of(packet)
    return b"%d %d %d %d %d %d flow of fragments or options" % (
        flow.version,
        flow.protocol,
        flow.source,
        flow.target,
        flow.source_port,
        flow.target_port,
    )
