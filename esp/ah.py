"""The two halves of an AH security association: integrity without secrecy (RFC 4302).

    0                   1                   2                   3
    | next header   | length in words - 2 |         reserved        |
    |              security parameters index (SPI)                  |
    |              sequence number                                  |
    |              ICV, padded to whole headers ...                 |

The ICV covers the outer IP header, too, with 0 for what changes on the way: so these halves need
the header, and make it where the kernel would not say what is in it (IPv4: its identification).

    IPv4: protect gives the whole packet; unprotect takes the SPI and then the whole packet
    IPv6: protect gives it without its IPv6 header, which holds nothing that is not known before
"""

from ipaddress import ip_address
from typing import Final

from esp.header import V4, V6, ipv4
from esp.sa import Drop, InboundHalf, OutboundHalf
from policy.path import Path
from suites.icv import Icv

PROTOCOL: Final = 51
_FIXED: Final = 12  # octets before the ICV
_SPI_AT: Final = 4
_LONGEST_PAD: Final = 4  # octets: to 8 where RFC 4302 wants 4, as some peers on IPv4 have it
_LONGEST: Final = 0xFFFF


def immutable(packet: bytes) -> bytes:
    """Return the IP header of a packet with 0 for what routers change (section 3.3.3.1).

    IPv4 without options: type of service, flags and offset, TTL, checksum.  IPv6 without extension
    headers: traffic class, flow label, hop limit.
    """
    if packet[0] == 0x45:
        return b"".join((b"\x45\0", packet[2:6], b"\0\0\0", packet[9:10], b"\0\0", packet[12:V4]))
    return b"".join((b"\x60\0\0\0", packet[4:7], b"\0", packet[8:V6]))


def keyed(packet: bytes) -> bytes:
    """Return an IP packet behind its SPI, by which the engine finds the SA."""
    start = V6 if packet[:1] >= b"\x60" else (packet[0] & 15) * 4 if packet else 0
    return packet[start + _SPI_AT : start + _SPI_AT + 4] + packet


class AhOutbound(OutboundHalf):
    """Authenticating half.  ``align`` is to how many octets the header is padded.

    By default 4 with IPv4 and 8 with IPv6 (section 3.3.3.2.1).  Raises ValueError for a path
    without addresses of ours and the peer's.
    """

    __slots__ = ("_addresses", "_align", "_fixed", "_icv", "_padding", "_version")
    protocol = PROTOCOL

    def __init__(
        self,
        spi: int,
        icv: Icv,
        path: Path,
        *,
        esn: bool = False,
        limit: int | None = None,
        align: int = 0,
    ) -> None:
        super().__init__(spi, esn, limit)
        self._icv = icv
        self._align = align
        self.follow(path)

    def follow(self, path: Path) -> None:
        """Let the outer header be that of another path."""
        ours, theirs = (ip_address(end[0]) for end in (path.local, path.remote))
        if ours.version != theirs.version:
            raise ValueError("the ends of a path are of one IP version")
        self._version = ours.version
        self._addresses = ours.packed + theirs.packed
        align = self._align or (4 if ours.version == 4 else 8)
        self._padding = bytes(-(_FIXED + self._icv.size) % align)
        words = (_FIXED + self._icv.size + len(self._padding)) // 4
        self._fixed = bytes((words - 2, 0, 0)) + self.spi.to_bytes(4, "big")

    def protect(self, packet: bytes, next_header: int) -> bytes:
        """Return the packet to send, on IPv6 without IP header; raise :exc:`~esp.sa.Drop`."""
        seq = self.seq + 1
        if seq > self.limit:
            raise Drop("sequence_exhausted")
        fixed = b"".join(
            (bytes((next_header,)), self._fixed, (seq & 0xFFFFFFFF).to_bytes(4, "big"))
        )
        rest = self._padding + packet
        size = _FIXED + self._icv.size + len(rest)
        if size > _LONGEST - V4 * (self._version == 4):
            raise Drop("too_big")
        self.seq = seq
        self.octets += len(packet)
        seq_hi = (seq >> 32).to_bytes(4, "big") if self.esn else b""
        if self._version == 6:
            header = b"".join((b"\x60\0\0\0", size.to_bytes(2, "big"), b"\x33\0", self._addresses))
            return fixed + self._icv.make(header + fixed, rest + seq_hi, seq) + rest
        # never 0: the kernel would put another one there
        empty = ipv4(self._addresses, PROTOCOL, bytes(size), seq & 0xFFFF or 1)
        icv = self._icv.make(immutable(empty) + fixed, rest + seq_hi, seq)
        return b"".join((empty[:V4], fixed, icv, rest))


class AhInbound(InboundHalf):
    """Checking half: header, cheap replay check, ICV, replay record - in that order."""

    __slots__ = ("_icv",)

    def __init__(self, spi: int, icv: Icv, *, esn: bool = False, window: int = 1024) -> None:
        super().__init__(spi, esn, window)
        self._icv = icv

    def unprotect(self, datagram: bytes) -> tuple[int, bytes]:
        """Return (next header, payload) of what :func:`keyed` made, or raise :exc:`Drop`."""
        packet = datagram[4:]
        start = _start(packet)
        icv_at = start + _FIXED
        rest_at = icv_at + self._icv.size
        end = start + (packet[start + 1] + 2) * 4 if len(packet) >= rest_at else 0
        if not rest_at <= end <= min(rest_at + _LONGEST_PAD, len(packet)):
            raise Drop("malformed")
        if packet[start + _SPI_AT : start + 8] != datagram[:4]:
            raise Drop("malformed")
        seq = int.from_bytes(packet[start + 8 : icv_at], "big")
        replay = self.replay
        if self.esn:
            seq = replay.widen(seq)
        if not replay.is_fresh(seq):
            raise Drop("replay")
        seq_hi = (seq >> 32).to_bytes(4, "big") if self.esn else b""
        before, after = immutable(packet) + packet[start:icv_at], packet[rest_at:] + seq_hi
        if not self._icv.is_of(packet[icv_at:rest_at], before, after):
            raise Drop("integrity")
        replay.accept(seq)
        inner = packet[end:]
        self.packets += 1
        self.octets += len(inner)
        return packet[start], inner


def _start(packet: bytes) -> int:
    """Return where AH starts; raise :exc:`Drop` unless it follows the header and fills the rest."""
    size = len(packet)
    if size >= V4 and packet[0] >> 4 == 4:
        if packet[0] != 0x45:
            raise Drop("options")
        if packet[7] or packet[6] & 0x3F:
            raise Drop("fragment")  # section 3.4.1: it should have been put together before
        said = V4, packet[9], packet[2] << 8 | packet[3]
    elif size >= V6 and packet[0] >> 4 == 6:
        said = V6, packet[6], V6 + (packet[4] << 8 | packet[5])
    else:
        raise Drop("malformed")
    if said[1:] != (PROTOCOL, size):
        raise Drop("malformed")
    return said[0]
