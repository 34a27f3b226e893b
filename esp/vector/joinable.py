"""Which rows of inner packets may be joined: the twin of :mod:`esp.coalesce` for whole batches."""

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from esp.checksum import pseudo_sum
from esp.coalesce import NO_MERGE
from esp.segments import ACK, PSH, TCP, UDP
from esp.vector.rows import COUNT, Octets, Words


@dataclass(frozen=True, slots=True)
class Shape:
    """What the first of some rows is, in octets; equal ones lay a packet out alike."""

    l4: int
    """Where TCP or UDP begins: 20 or 40."""
    head: int
    """Where the payload begins."""
    mss: int
    """Octets of payload."""
    is_tcp: bool
    pseudo: int = field(compare=False)
    """Sum of the pseudo header (RFC 9293 section 3.1)."""

    @property
    def length(self) -> int:
        """Return the octets of a packet."""
        return self.head + self.mss


def shape_of(head: bytes, next_header: int, length: int) -> Shape | None:
    """Return the shape of a packet of ``length`` octets; None when it must not be joined.

    ``head`` are its first octets, fewer than 120 only when there are no more.
    """
    if length < 41:
        return None
    if next_header == 4 and head[0] == 0x45 and head[6] == 0x40 and not head[7]:
        l4, protocol, total = 20, head[9], head[2] << 8 | head[3]
    elif next_header == 41 and head[0] >> 4 == 6:
        l4, protocol, total = 40, head[6], (head[4] << 8 | head[5]) + 40
    else:
        return None
    if total != length:
        return None
    if protocol == TCP and length > l4 + 20:
        end = l4 + (head[l4 + 12] >> 4) * 4
        if end < l4 + 20:
            return None
    elif protocol == UDP and length > l4 + 8:
        end = l4 + 8
        if head[l4 + 6 : end] == b"\0\0" or head[l4 + 4] << 8 | head[l4 + 5] != length - l4:
            return None
    else:
        return None
    if end >= length:
        return None
    pseudo = pseudo_sum(head, protocol, length - l4)
    return Shape(l4, end, length - end, protocol == TCP, pseudo)


def runs(rows: Octets, shape: Shape) -> list[tuple[int, int]]:
    """Return begin and end of each run that may be joined; a row by itself is a run of one.

    A run has the same headers but for what differs between segments, good checksums in all of its
    rows, each looked at by itself, and rising sequence numbers.  The first row has this shape;
    of the first row of any later run who asks has to see that.
    """
    count = len(rows)
    if count == 1:
        return [(0, 1)]
    columns = rows[:, : shape.head].view(np.uint32)
    mask = _mask(shape.l4, shape.head, shape.is_tcp)
    if not np.count_nonzero((columns & mask) != (columns[0] & mask)) and _is_run(rows, shape):
        return [(0, count)]
    alike = ~((columns[1:] ^ columns[:-1]) & mask).any(axis=1)
    good = _are_good(rows, shape, is_one_flow=bool(alike.all()))
    if shape.is_tcp:
        flags = rows[:, shape.l4 + 13]
        numbers = rows.view(">u4")[:, (shape.l4 + 4) // 4].astype(np.uint32)
        good &= flags & (NO_MERGE | ACK) == ACK
        alike &= numbers[1:] - numbers[:-1] == shape.mss
        alike &= flags[:-1] & PSH == 0
    else:  # a datagram without a checksum shows nothing, though its sum may be right by chance
        good &= rows.view("<u2")[:, (shape.l4 + 6) // 2] != 0
    alike &= good[1:] & good[:-1]
    bounds = [0, *(np.flatnonzero(~alike) + 1).tolist(), count]
    return list(pairwise(bounds))


def _is_run(rows: Octets, shape: Shape) -> bool:
    """Tell whether rows with one and the same headers are one run: nearly all are."""
    count, l4 = len(rows), shape.l4
    if shape.is_tcp:
        flags = rows[:, l4 + 13]
        if int(flags[0]) & (NO_MERGE | ACK) != ACK or np.count_nonzero(flags[:-1] & PSH):
            return False
        numbers = rows.view(">u4")[:, (l4 + 4) // 4].astype(np.uint32)
        if np.count_nonzero(numbers - COUNT[:count] * np.uint32(shape.mss) != numbers[0]):
            return False
    elif np.count_nonzero(rows.view("<u2")[:, (l4 + 6) // 2]) != count:
        return False
    return bool(np.count_nonzero(_are_good(rows, shape, is_one_flow=True)) == count)


def _are_good(rows: Octets, shape: Shape, *, is_one_flow: bool) -> NDArray[np.bool_]:
    """Tell of each row whether its checksums are right, if it is laid out like the first.

    Added up as the machine reads words: as good to compare with 0, and an IPv4 header sums to 0
    by itself, so the whole packet's sum is what it carries.
    """
    length = shape.length
    words = rows.view("<u2")
    sums = np.add.reduce(words[:, : length // 2], axis=1, dtype=np.uint32)
    if length & 1:
        sums += rows[:, length - 1]
    if shape.l4 == 40:
        sums -= words[:, :20].sum(axis=1, dtype=np.uint32)
    pseudo = shape.pseudo
    if not is_one_flow:  # each has addresses of its own
        pseudo = (TCP if shape.is_tcp else UDP) + length - shape.l4
        addresses = words[:, 6:10] if shape.l4 == 20 else words[:, 4:20]
        sums += addresses.sum(axis=1, dtype=np.uint32)
    swapped = (pseudo & 0xFF) << 8 | pseudo >> 8
    good: NDArray[np.bool_] = (sums + np.uint32(swapped)) % 0xFFFF == 0
    if shape.l4 == 20:
        good &= np.add.reduce(words[:, :10], axis=1, dtype=np.uint32) % 0xFFFF == 0
    return good


@lru_cache(maxsize=32)
def _mask(l4: int, head: int, is_tcp: bool) -> Words:
    """Return, as words of the headers, which bits all packets of a run have in common."""
    mask = bytearray(b"\xff" * head)
    if l4 == 20:
        mask[4:6] = mask[10:12] = bytes(2)  # identification, checksum
    if is_tcp:
        mask[l4 + 4 : l4 + 8] = bytes(4)  # sequence number
        mask[l4 + 13] ^= PSH
        mask[l4 + 16 : l4 + 18] = bytes(2)
    else:
        mask[l4 + 6 : l4 + 8] = bytes(2)
    return np.frombuffer(bytes(mask), np.uint32)
