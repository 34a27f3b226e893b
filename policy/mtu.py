"""How large a packet fits (RFC 4303 section 2, RFC 4302 section 2, RFC 3948 section 2.1)."""

from dataclasses import dataclass
from typing import Final

IP_HEADER: Final = {4: 20, 6: 40}
WHOLE: Final = 65535
"""The largest packet: what the kernel must not cut, transport mode protecting whole datagrams."""
MINIMUM: Final = {4: 68, 6: 1280}  # RFC 791 section 3.2, RFC 8200 section 5
LEAST_PATH: Final = {4: 576, 6: 1280}
"""What an unauthenticated word on a path's MTU is believed down to; RFC 791 has every host take
576 octets, in pieces or not."""
_UDP: Final = 8
_ESP: Final = 8  # SPI, sequence number
_AH: Final = 12  # next header, length, reserved, SPI, sequence number
_TRAILER: Final = 2  # pad length, next header
_TCP: Final = 20


def tunnel_mtu(
    path_mtu: int, outer_version: int, encapsulated: bool, iv: int, icv: int, block: int
) -> int:
    """Return the largest inner packet whose ESP packet fits into ``path_mtu`` octets; 0 if none.

    ``iv``, ``icv`` and ``block`` (the cipher's; ESP itself aligns to 4) are the transform's.
    """
    room = path_mtu - IP_HEADER[outer_version] - _UDP * encapsulated - _ESP - iv - icv
    align = max(4, block)
    return max(0, room // align * align - _TRAILER)


def ah_mtu(path_mtu: int, outer_version: int, icv: int) -> int:
    """Return the largest inner packet whose AH packet fits into ``path_mtu`` octets; 0 if none.

    The header is padded to 4 octets with IPv4 and to 8 with IPv6 (RFC 4302 section 3.3.3.2.1).
    """
    align = 4 if outer_version == 4 else 8
    return max(0, path_mtu - IP_HEADER[outer_version] - -(-(_AH + icv) // align) * align)


def transport_mtu(room: int, version: int) -> int:
    """Return the largest packet for transport mode, where ``room`` is what a tunnel has.

    The packet's own IP header is the outer one then, so that it need not fit inside.
    """
    return room + IP_HEADER[version] if room else 0


def mss_for(mtu: int, version: int) -> int:
    """Return the TCP maximum segment size for packets of ``mtu`` octets (RFC 6691)."""
    return max(0, min(mtu - IP_HEADER[version] - _TCP, 65535))


@dataclass(frozen=True, slots=True)
class Overhead:
    """What a transform puts around a packet, wherever the path leads; octets."""

    iv: int
    icv: int
    block: int
    is_ah: bool = False
    is_transport: bool = False

    def largest(self, path_mtu: int, outer_version: int, encapsulated: bool) -> int:
        """Return the largest inner packet that fits; 0 if none."""
        if self.is_ah:
            room = ah_mtu(path_mtu, outer_version, self.icv)
        else:
            sizes = (self.iv, self.icv, self.block)
            room = tunnel_mtu(path_mtu, outer_version, encapsulated, *sizes)
        return transport_mtu(room, outer_version) if self.is_transport else room
