"""Seal packets that came one by one but are alike: the same flow, the same size.

They lie in slots of an :class:`~esp.arena.Arena`, so that they are rows as they were read.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from esp.arena import SLOT, SLOTS, START, Arena
from esp.child import ChildSa
from esp.outer import outer_header
from esp.sa import OutboundSa
from esp.segments import TCP, UDP
from esp.sendbuffer import ROOM, SendBuffer
from esp.vector.rows import Octets, Rows, Words
from esp.vector.sealing import Sealing
from esp.vnet import NEEDS_CSUM, VNET

_SEEN: Final = 60  # octets from a slot's start in which everything lies that is compared
_VNET_AT: Final = START - VNET.size
_SYN: Final = 2


class Singles:
    """Find runs of alike packets in an arena, and seal them."""

    __slots__ = ("_arena", "_ready", "_rows", "_sealing", "_slots")

    def __init__(self, arena: Arena, ready: SendBuffer) -> None:
        self._arena = arena
        self._ready = ready
        self._sealing = Sealing(ready)
        self._rows = Rows(arena.octets, SLOT)
        self._slots: Octets = self._rows.flat[: SLOTS * SLOT].reshape(SLOTS, SLOT)

    def runs(self, lengths: Sequence[int]) -> list[int]:
        """Return where runs of alike packets begin, the first slot's included, and the end.

        ``lengths`` are those of the packets in the slots, from the first on.  Alike are packets
        of one size and one virtio header, whose IP headers differ in no more than identification,
        TTL and checksum, and whose next four octets are the same: the ports.
        """
        count = len(lengths)
        words = self._slots[:count, :_SEEN].view(np.uint32)
        versions = self._slots[:count, START] >> 4
        if (versions != versions[0]).any():
            return [*range(count), count]
        differ = ((words[1:] ^ words[:-1]) & _mask(int(versions[0]))).any(axis=1)
        differ |= np.diff(np.asarray(lengths)) != 0
        return [0, *(np.flatnonzero(differ) + 1).tolist(), count]

    def is_plain(self, slot: int, length: int) -> bool:
        """Tell whether the packet in a slot, and those alike, may be sealed by :meth:`seal`."""
        packet = self._arena.packets[slot]
        if packet[0] == 0x45:
            l4, protocol = 20, packet[9]
            if packet[6] & 0x3F or packet[7] or packet[2] << 8 | packet[3] != length:
                return False
        elif packet[0] >> 4 == 6:
            l4, protocol = 40, packet[6]
            if (packet[4] << 8 | packet[5]) + 40 != length:
                return False
        else:
            return False
        return protocol in (TCP, UDP) and length >= l4 + (20 if protocol == TCP else 8)

    def seal(self, child: ChildSa, sa: OutboundSa, begin: int, end: int, length: int) -> bool:
        """Seal the packets of ``length`` octets in slots ``begin`` to ``end``.

        They are alike, and the first :meth:`is_plain`.  False when nothing was done: one of them
        needs a closer look.  Raises ``Drop("sequence_exhausted")``.
        """
        count = end - begin
        slots = self._slots[begin:end]
        head = bytes(self._arena.packets[begin][:48])
        version = head[0] >> 4
        l4, protocol = (20, head[9]) if version == 4 else (40, head[6])
        if protocol == TCP and (slots[:, START + l4 + 13] & _SYN).any():
            return False  # its segment size may have to be clamped
        flags, _kind, _size, _mss, start, offset = VNET.unpack_from(
            self._arena.octets, begin * SLOT + _VNET_AT
        )
        if flags & NEEDS_CSUM and (offset & 1 or not l4 <= start <= length - offset - 2):
            return False
        trailer = sa.trailer(length, 4 if version == 4 else 41)
        width = length + len(trailer)
        if count * (width + sa.overhead) > ROOM:  # jumbo frames
            return False
        first = sa.reserve(count, count * length)
        if flags & NEEDS_CSUM:  # once only: whoever takes them after us would do it again
            _finish(slots, START + start, offset, START + length)
        slots[:, START + length : START + width] = np.frombuffer(trailer, np.uint8)
        outer = outer_header(head, child.treatment, child.mtu)
        plains = self._rows.views(START + width, START, 0, end)[begin:end]
        place = self._ready.reserve(child, count, width + sa.overhead, outer)
        self._sealing.seal(sa, first, slots[:, START : START + width], plains, place)
        return True


def _finish(slots: Octets, start: int, offset: int, end: int) -> None:
    """Make the checksums that the kernel left to us (VIRTIO 1.2 section 5.1.6.2)."""
    at, size = start + offset, end - start
    sums = slots[:, start : start + (size & ~1)].view("<u2").sum(axis=1, dtype=np.uint32)
    if size & 1:
        sums += slots[:, end - 1]
    checks = (0xFFFF - sums % 0xFFFF) % 0xFFFF
    if offset == 6:
        checks[checks == 0] = 0xFFFF
    slots[:, at : at + 2] = checks.astype("<u2").view(np.uint8).reshape(-1, 2)


@lru_cache(maxsize=4)
def _mask(version: int) -> Words:
    """Return, as words of the first octets of a slot, which bits alike packets have in common."""
    mask = bytearray(_SEEN)
    mask[_VNET_AT:START] = b"\xff" * VNET.size
    # all but IPv4's identification, TTL and header checksum
    same = (range(4), range(6, 8), range(9, 10), range(12, 24)) if version == 4 else (range(44),)
    for span in same:
        for at in span:
            mask[START + at] = 0xFF
    return np.frombuffer(bytes(mask), np.uint32)
