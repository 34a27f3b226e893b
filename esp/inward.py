"""The way in: ESP packets that came together become packets, and these super-packets, for the TUN.

    rows of one size, all good      opened as rows, joined as runs    esp.vector.opener
    everything else                 one by one                        Engine.open_batch

Either way the packets go through one :class:`~esp.coalesce.Coalescer`, so their order stays.
"""

from collections.abc import Sequence
from typing import Final

from esp import lanes
from esp.batch import Moved
from esp.coalesce import MOST_UDP, Coalescer, Write
from esp.engine import Engine

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
        self._moved: list[Moved] = []

    def take_rows(self, count: int, size: int, source: object, tos: int) -> bool:
        """Take datagrams of ``size`` octets each from the start of the buffer.

        False when nothing was done with them: they may be anything, and are to be sorted and given
        to :meth:`take` one by one.
        """
        if self._opener is None or count < lanes.LEAST:
            return False
        return self._opener.open(count, size, source, tos)

    def take(self, datagrams: Sequence[tuple[bytes, object]], tos: int) -> None:
        """Take ESP packets, each with where it came from, all with one outer TOS octet."""
        opened = self._engine.open_batch(datagrams, tos)
        add = self.coalescer.add
        for packet in opened.inner:
            add(packet)
        self._moved += opened.moved

    def finish(self) -> list[Moved]:
        """Write what is pending; return the children whose peers were heard from elsewhere."""
        self.coalescer.flush()
        moved, self._moved = self._moved, []
        return moved
