"""Cut a super-packet of the TUN device into rows and seal them; the twin of :mod:`esp.segments`."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from esp.checksum import ones_sum, pseudo_sum
from esp.child import ChildSa
from esp.lanes import LEAST
from esp.outer import outer_header
from esp.sa import OutboundSa
from esp.segments import CWR, FIN, PSH, TCP, UDP, headers_end
from esp.sendbuffer import ROOM, SendBuffer
from esp.vector.rows import COUNT, MOST, Octets, Rows, Words
from esp.vector.sealing import Sealing

_ROOM: Final = 1 << 17
_LOW: Final = 0xFFFFFFFF
_MODULUS: Final = 0xFFFF
_LARGE: Final = _MODULUS << 12  # more than any sum here, and the same as 0


@dataclass(frozen=True, slots=True)
class Sealed:
    """``count`` packets of ``length`` octets; ``is_all`` is whether nothing is left over."""

    count: int
    length: int
    is_all: bool


class Segmenter:
    """Seal the segments of full size; what is left over at the end is somebody else's."""

    __slots__ = ("_plain", "_ready", "_sealing")

    def __init__(self, ready: SendBuffer) -> None:
        self._ready = ready
        self._sealing = Sealing(ready)
        self._plain = Rows(bytearray(_ROOM))

    def seal(
        self, child: ChildSa, sa: OutboundSa, packet: memoryview, l4: int, kind: int, mss: int
    ) -> Sealed | None:
        """Seal segments of ``packet``, a super-packet.

        None when they are too few, too large or of odd sizes: nothing was done then.  Raises
        :exc:`~policy.flow.MalformedPacket` as :func:`esp.segments.headers_end` does, and
        ``Drop("sequence_exhausted")``.
        """
        protocol, end = headers_end(packet, l4, kind, mss)
        payload = len(packet) - end
        length = end + mss
        is_v4 = packet[0] >> 4 == 4
        trailer = sa.trailer(length, 4 if is_v4 else 41)
        width = length + len(trailer)
        count = min(payload // mss, MOST, _ROOM // width, ROOM // (width + sa.overhead))
        if count < LEAST or mss & 1 or length > child.mtu or l4 != (20 if is_v4 else 40):
            return None
        head = bytearray(packet[:end])
        outer = outer_header(bytes(head), child.treatment, child.mtu)
        first = sa.reserve(count, count * length)

        rows = self._plain.matrix(count, width)
        whole = np.frombuffer(packet, np.uint8)
        parts = whole[end : end + count * mss].reshape(count, mss)
        if protocol == UDP:
            self._udp(head, rows, parts, l4)
        else:
            self._tcp(head, rows, parts, l4, payload == count * mss)
        rows[:, end : end + mss] = parts
        rows[:, length:] = np.frombuffer(trailer, np.uint8)

        place = self._ready.reserve(child, count, width + sa.overhead, outer)
        self._sealing.seal(sa, first, rows, self._plain.views(width, 0, 0, count)[:count], place)
        return Sealed(count, length, payload == count * mss)

    def _tcp(self, head: bytearray, rows: Octets, parts: Octets, l4: int, is_whole: bool) -> None:
        """Write the headers of TCP segments; ``is_whole`` is whether the last one is among them."""
        count, mss = parts.shape
        ident = _network(head, l4, len(head) + mss)
        flags = head[l4 + 13]
        sequence = int.from_bytes(head[l4 + 4 : l4 + 8], "big")
        head[l4 + 4 : l4 + 8] = bytes(4)
        head[l4 + 13] = flags & ~(FIN | PSH | CWR)
        head[l4 + 16 : l4 + 18] = bytes(2)
        steps = _steps(mss)[:count]
        numbers = steps + np.uint32(sequence)
        fixed = _fixed_sum(head, l4, TCP, len(head) - l4 + mss)
        sums = _sums(parts)
        if sequence + count * mss <= _LOW:  # modulo 65535 the number is its halves' sum
            sums += steps
            fixed += sequence % _MODULUS
        else:
            sums += (numbers >> 16) + (numbers & 0xFFFF)
        rows[:, : len(head)] = np.frombuffer(head, np.uint8)
        rows.view(">u4")[:, (l4 + 4) // 4] = numbers
        if flags & CWR:
            rows[0, l4 + 13] |= CWR
            sums[0] += CWR
        if is_whole and flags & (FIN | PSH):
            rows[-1, l4 + 13] |= flags & (FIN | PSH)
            sums[-1] += flags & (FIN | PSH)
        words = rows.view(">u2")
        words[:, (l4 + 16) // 2] = _checks(sums, fixed)
        _number(words, head, ident, l4)

    def _udp(self, head: bytearray, rows: Octets, parts: Octets, l4: int) -> None:
        mss = parts.shape[1]
        ident = _network(head, l4, len(head) + mss)
        head[l4 + 4 : l4 + 8] = (8 + mss << 16).to_bytes(4, "big")
        fixed = _fixed_sum(head, l4, UDP, 8 + mss)
        rows[:, : len(head)] = np.frombuffer(head, np.uint8)
        words = rows.view(">u2")
        checks = _checks(_sums(parts), fixed)
        checks[checks == 0] = 0xFFFF  # RFC 768: 0 would say that there is none
        words[:, (l4 + 6) // 2] = checks
        _number(words, head, ident, l4)


def _network(head: bytearray, l4: int, length: int) -> int:
    """Let the IP header be that of ``length`` octets; return its identification (IPv6: 0).

    Identification and checksum are 0 afterwards.
    """
    if l4 == 40:
        head[4:6] = (length - 40).to_bytes(2, "big")
        return 0
    ident = head[4] << 8 | head[5]
    head[2:6] = (length << 16).to_bytes(4, "big")
    head[10:12] = bytes(2)
    return ident


def _number(words: NDArray[np.uint16], head: bytearray, ident: int, l4: int) -> None:
    """Count identifications on and finish the checksums of IPv4 headers."""
    if l4 == 40:
        return
    count = COUNT[: len(words)]
    fixed = ones_sum(head[:20])
    if ident + len(words) <= 0xFFFF:
        words[:, 2] = count + np.uint32(ident)
        words[:, 5] = _checks(count, fixed + ident)
    else:
        idents: Words = count + np.uint32(ident) & np.uint32(0xFFFF)
        words[:, 2] = idents
        words[:, 5] = _checks(idents, fixed)


def _sums(parts: Octets) -> Words:
    """Return the sum of each row modulo 65535, or a number that is the same modulo that.

    Added up as the machine reads words: the sum of swapped words is the swapped sum (RFC 1071).
    """
    sums: Words = np.add.reduce(parts.view("<u2"), axis=1, dtype=np.uint32)
    sums %= _MODULUS
    sums *= np.uint32(256)
    return sums


def _checks(sums: Words, fixed: int) -> Words:
    """Return the checksums that go with sums below 2**26, to which ``fixed`` is to be added."""
    least = np.uint32((_LARGE - fixed) % _MODULUS + _LARGE)
    checks: Words = (least - sums) % _MODULUS
    return checks


def _fixed_sum(head: bytearray, l4: int, protocol: int, length: int) -> int:
    """Return the sum of what all segments share: upper header and pseudo header."""
    return ones_sum(head[l4:]) + pseudo_sum(head, protocol, length)


@lru_cache(maxsize=64)
def _steps(mss: int) -> Words:
    """Return how far each segment's number is from the first one's."""
    steps: Words = COUNT * np.uint32(mss)
    return steps
