"""Open rows of ESP packets that came together; what is alike inside goes on as runs.

    rows on the wire  | SPI | sequence number | IV | ciphertext | ICV |
    plaintext rows    | packet, padding, pad length, next header |

In the house's order: length, SPI, replay, ICV, record, padding, inner header, selectors.  One bad
packet must not cost the others, so at the least doubt nothing is recorded, and who asked takes
them one by one.
"""

import numpy as np

from esp.child import ChildSa
from esp.coalesce import Coalescer, Run
from esp.engine import Engine
from esp.inner import carried_as
from esp.outer import never_changes
from esp.sa import PADDING, InboundSa
from esp.segments import TCP, UDP
from esp.vector.joinable import Shape, runs, shape_of
from esp.vector.opening import Opening
from esp.vector.rows import MOST, Octets, Rows
from policy.flow import MalformedPacket, flow_key

_ROOM = 1 << 17
_LEAST = 8  # octets: SPI and sequence number
_LOW = 0xFFFFFFFF
_SEEN = 120  # octets: IPv6 and TCP headers with all their options


class Opener:
    """Opens what lies in ``received``; see :class:`esp.inward.Inward`."""

    __slots__ = ("_coalescer", "_engine", "_in", "_opening", "_other", "_plain")

    def __init__(self, engine: Engine, coalescer: Coalescer, received: bytearray) -> None:
        self._engine = engine
        self._coalescer = coalescer
        self._in = Rows(received)
        self._opening = Opening(self._in)
        # two, in turn: the run that is still pending in the coalescer lies in the other one
        self._plain, self._other = Rows(bytearray(_ROOM)), Rows(bytearray(_ROOM))

    def bounds(self, count: int, size: int) -> list[int]:
        """Return where packets begin that may be opened at once, 0 first, and the end.

        Nothing where none may be: too many, too large, or too short for an ESP header.
        """
        if count > MOST or count * size > _ROOM or size < _LEAST:
            return []
        return self._opening.bounds(count, size)

    def open(self, begin: int, end: int, size: int, source: object, tos: int) -> tuple[int, bool]:
        """Open the rows of ``size`` octets from ``begin`` to ``end``, as :meth:`bounds` has them.

        Returns how many were taken, and whether the next one is bad.  With 0 nothing was done: they
        may be anything.
        """
        if not never_changes(tos):
            return 0, False
        spi = self._spi(begin, size)
        child = self._engine.opens(spi)
        if child is None or child.rows_in is None or self._spi(end - 1, size) != spi:
            return 0, False
        if child.source is not None and source != child.source:
            return 0, False
        sa = child.rows_in
        width = size - sa.overhead
        if width < 24 or width % max(4, sa.sealer.block):
            return 0, False
        self._plain, self._other = self._other, self._plain
        if self._coalescer.held is self._plain.buffer:
            self._coalescer.flush()
        first, count, is_bad = self._opening.open(sa, begin, end, size, self._plain)
        if count:
            sa.replay.accept_run(first, count)
            sa.packets += count
            rows = self._plain.matrix(count, width)
            if not self._alike(child, sa, rows, width, tos):
                for view in self._plain.views(width, 0, 0, count)[:count]:
                    self._single(child, sa, bytes(view), tos)
        return count, is_bad

    def _spi(self, row: int, size: int) -> bytes:
        return bytes(self._in.buffer[row * size : row * size + 4])

    def _alike(self, child: ChildSa, sa: InboundSa, rows: Octets, width: int, tos: int) -> bool:
        """Hand rows on as runs of packets that may be joined; False when they are no such rows."""
        pad, next_header = int(rows[0, -2]), int(rows[0, -1])
        length = width - 2 - pad
        if length < 20:
            return False
        trailer = np.frombuffer(PADDING[pad] + bytes((pad, next_header)), np.uint8)
        if np.count_nonzero(rows[:, length:] != trailer):
            return False
        head = rows[0, :_SEEN].tobytes()[:length]
        shape = shape_of(head, next_header, length)
        if shape is None:
            return False
        count = len(rows)
        sa.octets += count * length
        parts = self._plain.views(width, shape.head, length, count)
        whole = self._plain.views(width, 0, length, count)
        for begin, end in runs(rows, shape):
            if end - begin == 1:
                self._checked(child, next_header, bytes(whole[begin]), tos)
            elif (
                not begin or shape_of(bytes(whole[begin][:_SEEN]), next_header, length) == shape
            ) and self._is_inside(child, next_header, whole[begin], length):
                self._join(shape, whole[begin:end], parts[begin:end])
                counts = self._engine.counters.counts
                counts["packets_in"] += end - begin
                counts["octets_in"] += (end - begin) * length
            else:
                for view in whole[begin:end]:
                    self._checked(child, next_header, bytes(view), tos)
        return True

    def _is_inside(self, child: ChildSa, next_header: int, packet: memoryview, length: int) -> bool:
        """Tell whether packets with these headers may go on, without another look at them."""
        inner = bytes(packet)
        if carried_as(inner) != next_header or length > 65535:
            return False
        try:
            key = flow_key(inner)
            return key in child.admitted or child.admits(key, inner)
        except MalformedPacket:
            return False

    def _join(self, shape: Shape, whole: list[memoryview], parts: list[memoryview]) -> None:
        last, following, flags = whole[-1], 0, 0
        if shape.is_tcp:
            at = shape.l4
            following = int.from_bytes(last[at + 4 : at + 8], "big") + shape.mss & _LOW
            flags = last[at + 13]
        protocol = TCP if shape.is_tcp else UDP
        head = bytes(whole[0][: shape.head])
        self._coalescer.add_run(
            Run(head, shape.l4, protocol, whole, parts, shape.mss, following, flags)
        )

    def _single(self, child: ChildSa, sa: InboundSa, plain: bytes, tos: int) -> None:
        """Take one packet with its trailer."""
        end = len(plain) - 2
        pad = plain[-2]
        if pad > end or plain[end - pad : end] != PADDING[pad]:
            self._engine.dropped("padding", child)
            sa.packets -= 1  # as one by one: only what has sound padding counts
            return
        inner = plain[: end - pad]
        sa.octets += len(inner)
        self._checked(child, plain[-1], inner, tos)

    def _checked(self, child: ChildSa, next_header: int, packet: bytes, tos: int) -> None:
        ready = self._engine.accept(child, next_header, packet, tos)
        if ready is not None:
            self._coalescer.add(ready)
