"""What the daemon is told of the counters: in one message, and only of SAs that changed.

Looking costs packets nothing: the counts are there, and are read between two batches.
"""

from collections.abc import Mapping
from typing import Final

from esp.child import ChildSa
from ikebana.worker.messages import Traffic

_ROWS: Final = 1024  # children in one message: more would not fit
_DROPS: Final = 128  # children with all their drops, which take more room
_SILENT: Final = (0, 0, 0, 0)


class Reports:
    """Remembers what was told."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._told: dict[int, tuple[int, int, int, int]] = {}
        self._drops: dict[int, dict[str, int]] = {}

    def due(
        self, counts: dict[str, int], children: Mapping[int, ChildSa], *, changed_only: bool = True
    ) -> tuple[list[Traffic], list[ChildSa]]:
        """Return what is to be told, and the children that had traffic since the last time.

        ``counts`` are all of the worker's.  With ``changed_only`` nothing is told when nothing
        changed.
        """
        rows: list[tuple[int, int, int, int, int]] = []
        drops: list[tuple[int, dict[str, int]]] = []
        busy: list[ChildSa] = []
        for spi, child in children.items():
            now = _traffic(child)
            if not changed_only or self._told.get(spi, _SILENT) != now:
                self._told[spi] = now
                rows.append((spi, *now))
                busy.append(child)
            if child.drops and (not changed_only or self._drops.get(spi) != child.drops):
                self._drops[spi] = dict(child.drops)
                drops.append((spi, self._drops[spi]))
        if changed_only and not rows and not drops and counts == self._counts:
            return [], busy
        self._counts = counts
        parts = max(1, -(-len(rows) // _ROWS), -(-len(drops) // _DROPS))
        told = [
            Traffic(
                counts,
                tuple(rows[n * _ROWS : (n + 1) * _ROWS]),
                tuple(drops[n * _DROPS : (n + 1) * _DROPS]),
            )
            for n in range(parts)
        ]
        return told, busy

    def last(self, child: ChildSa) -> Traffic:
        """Return the final counts of a child that is being removed, and forget it."""
        spi = child.inbound.spi
        self._told.pop(spi, None)
        self._drops.pop(spi, None)
        drops = ((spi, dict(child.drops)),) if child.drops else ()
        return Traffic({}, ((spi, *_traffic(child)),), drops)


def _traffic(child: ChildSa) -> tuple[int, int, int, int]:
    inbound, outbound = child.inbound, child.outbound
    return inbound.packets, inbound.octets, outbound.packets, outbound.octets
