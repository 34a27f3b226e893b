"""What goes by on the wire between two gateways: every packet is of one kind.

Only IKE, ESP, keepalives and what keeps a link alive may be there (:attr:`Kind.is_expected`).
Whatever is not plainly one of these counts as :attr:`Kind.OTHER`, so that a parser's doubt is
never taken for proof.
"""

from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from typing import Final

from policy.flow import OPAQUE, MalformedPacket, upper_layer

_ETHERNET: Final = 14
_IPV4: Final = 0x0800
_IPV6: Final = 0x86DD
_ARP: Final = 0x0806
_UDP: Final = 17
_ESP: Final = 50
_ICMPV6: Final = 58
_IKE_PORT: Final = 500
_NAT_PORT: Final = 4500
_MARKER: Final = bytes(4)  # RFC 3948 section 2.2: no ESP SPI is 0
_KEEPALIVE: Final = b"\xff"  # RFC 3948 section 2.3
_IKE_HEADER: Final = 28  # RFC 7296 section 3.1
_IKE_VERSIONS: Final = (0x10, 0x20)
_ESP_LEAST: Final = 10  # SPI, sequence number, pad length, next header
_NEIGHBOURS: Final = frozenset((*range(130, 138), 143))  # RFC 2710, 3810, 4861


class Kind(Enum):
    """What a packet is."""

    IKE = "IKE, UDP port 500"
    IKE_NAT = "IKE, UDP port 4500 behind the non-ESP marker"
    ESP = "ESP, IP protocol 50"
    ESP_UDP = "ESP in UDP, port 4500 without the marker"
    KEEPALIVE = "NAT keepalives, UDP port 4500"
    LINK = "ARP, ICMPv6 neighbours and listeners"
    OTHER = "anything else"

    @property
    def is_expected(self) -> bool:
        """Tell whether it may be on the wire."""
        return self is not Kind.OTHER

    @property
    def is_esp(self) -> bool:
        """Tell whether it carries a tunnel's packets."""
        return self in (Kind.ESP, Kind.ESP_UDP)

    @property
    def is_ike(self) -> bool:
        """Tell whether it negotiates."""
        return self in (Kind.IKE, Kind.IKE_NAT)


@dataclass(frozen=True, slots=True)
class _Upper:
    """The upper layer of an IP packet; ``start`` is OPAQUE in a later fragment."""

    protocol: int
    start: int
    is_fragment: bool


def classify_frame(frame: bytes) -> Kind:
    """Return what an Ethernet frame is."""
    if len(frame) < _ETHERNET:
        return Kind.OTHER
    ethertype = int.from_bytes(frame[12:14], "big")
    if ethertype == _ARP:
        return Kind.LINK
    if ethertype not in (_IPV4, _IPV6):
        return Kind.OTHER
    packet = frame[_ETHERNET:]
    if packet[:1] and packet[0] >> 4 == (4 if ethertype == _IPV4 else 6):
        return classify(packet)
    return Kind.OTHER


def classify(packet: bytes) -> Kind:
    """Return what an IP packet is."""
    upper = _upper(packet)
    if upper is None:
        return Kind.OTHER
    if upper.protocol == _ESP:  # a fragment of ESP is as opaque as the whole
        return Kind.ESP
    if upper.is_fragment:
        return Kind.OTHER
    if upper.protocol == _ICMPV6 and packet[0] >> 4 == 6:
        kind = packet[upper.start : upper.start + 1]
        return Kind.LINK if kind and kind[0] in _NEIGHBOURS else Kind.OTHER
    if upper.protocol == _UDP:
        return _classify_udp(packet[upper.start :])
    return Kind.OTHER


def _classify_udp(datagram: bytes) -> Kind:
    if len(datagram) < 8:
        return Kind.OTHER
    ports = (int.from_bytes(datagram[0:2], "big"), int.from_bytes(datagram[2:4], "big"))
    length = int.from_bytes(datagram[4:6], "big")
    if not 8 <= length <= len(datagram):
        return Kind.OTHER
    payload = datagram[8:length]
    if _NAT_PORT in ports:
        if payload == _KEEPALIVE:
            return Kind.KEEPALIVE
        if payload[:4] == _MARKER:
            return Kind.IKE_NAT if _is_ike(payload[4:]) else Kind.OTHER
        return Kind.ESP_UDP if len(payload) >= _ESP_LEAST else Kind.OTHER
    if _IKE_PORT in ports and _is_ike(payload):
        return Kind.IKE
    return Kind.OTHER


def _is_ike(message: bytes) -> bool:
    return (
        len(message) >= _IKE_HEADER
        and message[17] in _IKE_VERSIONS
        and int.from_bytes(message[24:28], "big") == len(message)
    )


def _upper(packet: bytes) -> _Upper | None:
    try:
        protocol, start = upper_layer(packet)
    except MalformedPacket:
        return None
    is_fragment = start == OPAQUE
    if packet[0] >> 4 == 4:
        is_fragment = is_fragment or bool(packet[6] & 0x20)  # the first of several
    elif start != OPAQUE and packet[6] == 44:
        is_fragment = True
    return _Upper(protocol, start, is_fragment)


def describe_frame(frame: bytes) -> str:
    """Return an Ethernet frame in a few words, for who has to find out where it came from."""
    ethertype = int.from_bytes(frame[12:14], "big")
    if ethertype in (_IPV4, _IPV6):
        return describe(frame[_ETHERNET:])
    return f"ethertype {ethertype:04x}, {len(frame)} octets"


def describe(packet: bytes) -> str:
    """Return an IP packet in a few words."""
    upper = _upper(packet)
    if upper is None:
        return f"no IP packet, {len(packet)} octets"
    version = packet[0] >> 4
    ends = (packet[12:16], packet[16:20]) if version == 4 else (packet[8:24], packet[24:40])
    source, target = map(ip_address, ends)
    ports = ""
    if upper.protocol in (6, _UDP) and upper.start != OPAQUE:
        pair = packet[upper.start : upper.start + 4]
        ports = " ports {} → {}".format(*(int.from_bytes(p, "big") for p in (pair[:2], pair[2:])))
    return f"{source} → {target} protocol {upper.protocol}{ports}, {len(packet)} octets"
