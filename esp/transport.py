"""Transport mode: only what follows the IP header is protected (RFC 4301 section 3.2).

    TUN ──► IP header, payload ──► protect(payload, its protocol) ──► peer
    peer ──► unprotect: protocol, payload ──► an IP header made anew ──► TUN

The TUN device shows whole packets, while the outer header of a received one stays with the
kernel: the header is made of the path.  The addresses are that of the path in both directions,
so nothing else of the sender's header could mislead who reads it.
"""

from ipaddress import ip_address
from typing import Final

from esp.checksum import checksum, corrected, difference
from esp.header import V4, V6, ipv4, ipv6
from esp.inner import carried_as
from esp.sa import Drop, InboundHalf, OutboundHalf
from policy.path import Path

_FRAGMENT: Final = 44
_DUMMY: Final = 59  # RFC 4303 section 2.6
_OUTSIDE: Final = frozenset((0, 43))  # hop-by-hop options and routing: RFC 4303 section 3.1.1
_UDP: Final = 17
_CHECKSUM_AT: Final = {
    4: {6: 16, _UDP: 6, 33: 6, 136: 6},  # TCP, UDP, DCCP, UDP-Lite
    6: {6: 16, _UDP: 6, 33: 6, 136: 6, 58: 2},  # and ICMPv6
}
"""Where the checksums are that cover the addresses, by IP version and protocol."""


class Transport:
    """Both halves of a child between two hosts, taken and given as whole IP packets.

    ``original`` are our and the peer's address as the peer sees them, empty where no NAT is
    between: the peer made the checksums of TCP and UDP with those, and they are corrected (RFC
    3948 section 3.1.2, RFC 7296 section 2.23.1).  On the way out nothing is: it is who receives
    that corrects.  Where nobody told them (we are the initiator) they are the unspecified address,
    and the checksums are made anew: the ICV has vouched for the payload.  Raises ValueError for
    addresses that are none or not of one IP version.
    """

    __slots__ = ("_anew", "_change", "_halves", "_out", "_pair", "_version")

    def __init__(
        self, outbound: OutboundHalf, inbound: InboundHalf, path: Path, original: tuple[str, str]
    ) -> None:
        ours, theirs = (ip_address(end[0]) for end in (path.local, path.remote))
        if ours.version != theirs.version:
            raise ValueError("the ends of a path are of one IP version")
        self._version = ours.version
        self._halves = outbound, inbound
        self._out = ours.packed + theirs.packed
        self._pair = theirs.packed + ours.packed
        self._change = 0
        self._anew = any(end and ip_address(end).is_unspecified for end in original)
        if any(original) and not self._anew:
            was = ip_address(original[1]).packed + ip_address(original[0]).packed
            if len(was) != len(self._pair):
                raise ValueError("a NAT keeps the IP version")
            self._change = difference(was, self._pair)

    def seal(self, packet: bytes, next_header: int) -> bytes:  # noqa: ARG002 - what tunnels need
        """Return the datagram for an IP packet from our address to the peer's.

        Raises :exc:`~esp.sa.Drop` for fragments (RFC 4303 section 3.3.4), and for IPv4 options and
        IPv6 extension headers that would have to stay outside.
        """
        if carried_as(packet) == -1:
            raise Drop("malformed")
        if packet[0] >> 4 == 4 == self._version:
            if packet[0] != 0x45:
                raise Drop("options")
            if packet[7] or packet[6] & 0xBF:
                raise Drop("fragment")
            addresses, protocol = packet[12:20], packet[9]
            payload = packet[V4 : packet[2] << 8 | packet[3]]
        elif packet[0] >> 4 == 6 == self._version:
            addresses, protocol = packet[8:40], packet[6]
            if protocol in _OUTSIDE:
                raise Drop("options")
            if protocol == _FRAGMENT:
                raise Drop("fragment")
            payload = packet[V6 : V6 + (packet[4] << 8 | packet[5])]
        else:
            raise Drop("selectors")
        if addresses != self._out:
            raise Drop("selectors")
        return self._halves[0].protect(payload, protocol)

    def open(self, datagram: bytes) -> tuple[int, bytes]:
        """Return (4 or 41, IP packet), the header made anew; (59, nothing) for a dummy.

        Raises :exc:`~esp.sa.Drop`.
        """
        protocol, payload = self._halves[1].unprotect(datagram)
        if protocol == _DUMMY:
            return _DUMMY, b""
        if self._change or self._anew:
            payload = self._with_our_addresses(protocol, payload)
        try:
            if self._version == 4:
                return 4, ipv4(self._pair, protocol, payload)
            if protocol in _OUTSIDE or protocol == _FRAGMENT:
                raise Drop("inner")  # those belong before ESP: inside they could only deceive
            return 41, ipv6(self._pair, protocol, payload)
        except ValueError:
            raise Drop("inner") from None

    def _with_our_addresses(self, protocol: int, payload: bytes) -> bytes:
        at = _CHECKSUM_AT[self._version].get(protocol)
        if at is None or len(payload) < at + 2:
            return payload
        was = payload[at : at + 2]
        if protocol == _UDP and was == b"\0\0":
            return payload  # the sender made none (RFC 768)
        fresh = corrected(was, self._change)
        if self._anew:
            fresh = self._checksum(protocol, payload[:at] + b"\0\0" + payload[at + 2 :])
        if protocol == _UDP and fresh == b"\0\0":
            fresh = b"\xff\xff"
        return payload[:at] + fresh + payload[at + 2 :]

    def _checksum(self, protocol: int, payload: bytes) -> bytes:
        """Return the checksum of a payload whose own is 0 (RFC 9293 section 3.1, RFC 8200 8.1)."""
        kind = bytes((protocol,))
        if self._version == 4:
            pseudo = b"\0" + kind + len(payload).to_bytes(2, "big")
        else:
            pseudo = len(payload).to_bytes(4, "big") + b"\0\0\0" + kind
        return checksum(self._pair + pseudo + payload)
