"""Reading untrusted octets.

Everything that parses network input goes through :class:`Reader`, so that the only exception bad
input can cause is :exc:`Malformed`.
"""

import struct
from typing import Any, Self


class Malformed(ValueError):
    """The octets do not follow the format.  ``at`` is the offset, for the trace."""

    def __init__(self, what: str, at: int) -> None:
        super().__init__(f"{what} at octet {at}")
        self.what = what
        self.at = at


class Reader:
    """A cursor over one payload, message or substructure, with its own end.

    ``at`` counts from the start of ``data``, not of the part: errors point into the datagram.
    """

    __slots__ = ("_data", "_end", "at")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self._data = data
        self.at = at
        self._end = len(data) if end is None else min(end, len(data))

    def __bool__(self) -> bool:
        return self.at < self._end

    def __len__(self) -> int:
        return max(0, self._end - self.at)

    def take(self, count: int) -> bytes:
        """Return the next ``count`` octets; raise :exc:`Malformed` if they are not all there."""
        start = self.at
        stop = start + count
        if stop > self._end or count < 0:
            raise Malformed(f"{count} octets wanted, {self._end - start} left", start)
        self.at = stop
        return self._data[start:stop]

    def unpack(self, form: struct.Struct) -> tuple[Any, ...]:
        """Return the fields of one fixed-size structure, and step over it."""
        start = self.at
        stop = start + form.size
        if stop > self._end:
            raise Malformed(f"{form.size} octets wanted, {self._end - start} left", start)
        self.at = stop
        return form.unpack_from(self._data, start)

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.take(self._end - self.at)

    def sub(self, count: int) -> Self:
        """Return a reader over the next ``count`` octets, and step over them."""
        start = self.at
        stop = start + count
        if stop > self._end or count < 0:
            raise Malformed(f"{count} octets wanted, {self._end - start} left", start)
        self.at = stop
        return type(self)(self._data, start, stop)
