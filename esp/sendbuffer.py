"""ESP packets that wait to leave: equal ones of one path lie side by side, for one send."""

from collections.abc import Callable
from typing import Final, TypeAlias

from esp.child import ChildSa

ROOM: Final = 200_000  # octets: what is sealed before it must be sent
ROWS: Final = 1024
"""Packets, at most: rows are counted with a table of that length."""

Send: TypeAlias = Callable[[ChildSa, memoryview, int, int], None]
"""Takes a child, packets of it and of others on its path side by side, the size of each (the last
may be shorter), and what :func:`esp.outer.outer_header` says of their outer header."""


class SendBuffer:
    """Collect packets in their order; whatever does not go with what is there sends that first."""

    def __init__(self, send: Send) -> None:
        self.octets = bytearray(ROOM)
        self._view = memoryview(self.octets)
        self._send = send
        self._child: ChildSa | None = None
        self._outer = self._size = self._used = 0

    def reserve(self, child: ChildSa, count: int, size: int, outer: int) -> int:
        """Make room for ``count`` rows of ``size`` octets; return the number of the first row.

        Rows count from the start of the buffer: row n lies at n * ``size``.
        """
        if self._used and (
            not self._is_way(child)
            or size != self._size
            or outer != self._outer
            or self._used % size
            or self._used + count * size > ROOM
            or self._used // size + count > ROWS
        ):
            self.flush()
        place = self._used // size
        self._child, self._size, self._outer = child, size, outer
        self._used += count * size
        return place

    def _is_way(self, child: ChildSa) -> bool:
        """Tell whether packets of a child may leave with those that are there.

        Of many SAs between the same two gateways each has little to send at a time.
        """
        other = self._child
        return child is other or (
            other is not None
            and child.path == other.path
            and child.treatment.ttl == other.treatment.ttl
            and child.outbound.protocol == other.outbound.protocol
        )

    def cancel(self, place: int) -> None:
        """Give back the rows from this one on, which were reserved last and not sealed."""
        self._used = place * self._size

    def put(self, child: ChildSa, packet: bytes, outer: int) -> None:
        """Take one packet."""
        size, used = len(packet), self._used
        if used and (
            not self._is_way(child)
            or size > self._size
            or outer != self._outer
            or used % self._size
            or used >= ROWS * self._size
            or used + size > ROOM
        ):
            self.flush()
            used = 0
        if not used:
            self._child, self._size, self._outer = child, size, outer
        self._used = used + size
        self._view[used : self._used] = packet

    def flush(self) -> None:
        """Send what is there."""
        child, used = self._child, self._used
        if child is not None and used:
            self._used = 0
            self._send(child, self._view[:used], self._size, self._outer)
