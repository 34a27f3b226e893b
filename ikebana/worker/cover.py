"""When packets that hold nothing are due: cover traffic, for a tester (RFC 4303 section 2.6)."""

from collections.abc import Iterable

from esp.child import ChildSa


class Cover:
    """Ask it about once a second; it remembers when each child sent its last dummy."""

    def __init__(self) -> None:
        self._sent: dict[int, float] = {}  # by inbound SPI

    def due(self, children: Iterable[ChildSa], now: float) -> list[ChildSa]:
        """Return those of the children whose turn it is; the first comes after the pause."""
        before, self._sent, due = self._sent, {}, []
        for child in children:
            pause = child.treatment.dummy
            if not pause:
                continue
            spi = child.inbound.spi
            sent = before.get(spi, now)
            if now - sent >= pause:
                due.append(child)
                sent = now
            self._sent[spi] = sent
        return due
