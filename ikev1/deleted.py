"""What the peer has deleted before we had it: a Delete may overtake the quick mode it is about.

Nobody answers a Delete (RFC 2408 section 3.15), so that it is not said again.  An SPI that no child
has is remembered for a while, and a quick mode that brings it makes nothing.
"""

from typing import Final

_REMEMBERED: Final = 60.0  # seconds; no message of a quick mode is repeated for so long
_MOST: Final = 64


class Deleted:
    """Outbound SPIs, bounded in number and time."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until: dict[int, float] = {}  # oldest first

    def __len__(self) -> int:
        return len(self._until)

    def note(self, spi: int, now: float) -> None:
        """Remember an SPI."""
        self._until.pop(spi, None)
        self._until[spi] = now + _REMEMBERED
        while len(self._until) > _MOST:
            del self._until[next(iter(self._until))]

    def has(self, spi: int, now: float) -> bool:
        """Tell whether the peer has deleted this one of late."""
        return self._until.get(spi, now) > now

    def absorb(self, other: "Deleted") -> None:
        """Remember what another SA with the same peer does."""
        both = sorted((*other._until.items(), *self._until.items()), key=lambda one: one[1])
        self._until = dict(both[-_MOST:])
