"""The way in: ESP packets that came together become packets, and these super-packets, for the TUN.

    rows of one size, all good      opened as rows, joined as runs    esp.vector.opener
    everything else                 one by one                        Engine.open_batch

Either way the packets go through one :class:`~esp.coalesce.Coalescer`, so their order stays.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from esp import lanes
from esp.batch import Moved
from esp.child import ChildSa
from esp.coalesce import MOST_UDP, Coalescer, Write
from esp.engine import Engine

Singly: TypeAlias = Callable[[int, int], None]
_BAD: Final = 4
"""Forged datagrams of a batch beside which the others stay rows: beyond that they cost more so."""

ROOM: Final = 1 << 17
"""Octets of the buffer: one read of up to 64 KiB beside what came before."""


class Inward:
    """Read datagrams into :attr:`received`, say so, and :meth:`finish`.

    ``write`` is given the buffers of one write to the TUN device each time, a virtio header first;
    with ``merge`` False packets stay as they came.
    """

    def __init__(
        self,
        engine: Engine,
        write: Write,
        *,
        vectors: bool = True,
        merge: bool = True,
        most_udp: int = MOST_UDP,
    ) -> None:
        self._engine = engine
        self.received = bytearray(ROOM)
        self.coalescer = Coalescer(write, merge=merge, most_udp=most_udp)
        self._opener = lanes.inward(engine, self.coalescer, self.received) if vectors else None
        self._moved: dict[ChildSa, object] = {}

    def take_rows(self, count: int, size: int, source: object, tos: int, singly: Singly) -> None:
        """Take datagrams of ``size`` octets each from the start of the buffer.

        ``singly`` is called with first and last of those that are not taken as rows: they may be
        anything, and are to be sorted and given to :meth:`take`, at once, since order matters.
        """
        opener = self._opener
        if opener is None or count < lanes.LEAST:
            singly(0, count)
            return
        left, bad = 0, 0  # rows before this one are done
        for begin, end in pairwise(opener.bounds(count, size)):
            at = begin
            while end - at >= lanes.LEAST and bad <= _BAD:
                if left < at:
                    singly(left, at)
                done, is_bad = opener.open(at, end, size, source, tos)
                at += done
                left = at
                if not is_bad:
                    break
                bad += 1
                singly(at, at + 1)  # the bad one
                at = left = at + 1
        if left < count:
            singly(left, count)

    def take(self, datagrams: Sequence[tuple[bytes, object]], tos: int) -> None:
        """Take ESP packets, each with where it came from, all with one outer TOS octet."""
        opened = self._engine.open_batch(datagrams, tos)
        add = self.coalescer.add
        for packet in opened.inner:
            add(packet)
        self._moved.update(opened.moved)

    def finish(self) -> list[Moved]:
        """Write what is pending; return the children whose peers were heard from elsewhere.

        Each once, with where from last.
        """
        self.coalescer.flush()
        if not self._moved:
            return []
        moved, self._moved = self._moved, {}
        return [*moved.items()]
