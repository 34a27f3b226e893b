"""What is counted: inner packets of each child, and what was dropped and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from esp.counters import DROPS, OF_SA, OTHERS, TRAFFIC
from ikebana.worker.messages import Traffic

_STALE: Final = 2.5  # seconds; the worker tells every second of what changed
_NAMES: Final = (*TRAFFIC, *DROPS, *OTHERS)


@dataclass(slots=True)
class Counts:
    """Inner packets and octets of one child, as the worker last told, and the rate before.

    ``seen`` is what was dropped, and what was worth knowing, by the names of
    :mod:`esp.counters`.
    """

    since: float = 0.0  # when the child came up
    at: float = 0.0
    packets_in: int = 0
    octets_in: int = 0
    packets_out: int = 0
    octets_out: int = 0
    rate_in: float = 0.0  # bits a second
    rate_out: float = 0.0
    seen: dict[str, int] = field(default_factory=dict)

    def update(self, row: tuple[int, int, int, int], now: float) -> bool:
        """Take new totals, ``row``: packets in, octets in, packets out, octets out.

        Tell whether packets came in, which shows that the peer lives.
        """
        elapsed, heard = now - self.at, row[0] > self.packets_in
        if self.at and elapsed > 0:
            self.rate_in = (row[1] - self.octets_in) * 8 / elapsed
            self.rate_out = (row[3] - self.octets_out) * 8 / elapsed
        self.at = now
        self.packets_in, self.octets_in, self.packets_out, self.octets_out = row
        return heard

    def see(self, drops: Mapping[str, int]) -> None:
        """Take new totals of what was dropped; names that nobody counts are passed over."""
        for name in OF_SA & drops.keys():
            self.seen[name] = drops[name]

    def add(self, other: "Counts") -> None:
        """Take the totals of a child that is gone."""
        self.packets_in += other.packets_in
        self.octets_in += other.octets_in
        self.packets_out += other.packets_out
        self.octets_out += other.octets_out
        add(self.seen, other.seen)

    def rates(self, now: float) -> tuple[float, float]:
        """Return the rates in and out; the worker is silent about a child without traffic."""
        return (self.rate_in, self.rate_out) if now - self.at < _STALE else (0.0, 0.0)

    @property
    def drops(self) -> dict[str, int]:
        """Return what was dropped and why; zeros left out."""
        return dropped(self.seen)


class Tally:
    """The counts of the whole gateway: they go on when the worker is started again."""

    def __init__(self) -> None:
        self._worker: Mapping[str, int] = {}
        self._before = dict.fromkeys(_NAMES, 0)  # by the workers that are gone
        self._ike: dict[str, int] = {}
        self._children: dict[int, Counts] = {}
        self.means: tuple[str, ...] = ()
        """How the present worker moves packets; see :data:`ikebana.worker.messages.MEANS`."""

    def open(self, spi: int, now: float) -> Counts:
        """Count for a child that came up."""
        counts = self._children[spi] = Counts(since=now)
        return counts

    def close(self, spi: int) -> None:
        """Count no longer for a child."""
        self._children.pop(spi, None)

    def take(self, message: Traffic, now: float) -> frozenset[int]:
        """Take what the worker tells; return the children whose peer was heard."""
        if message.counts:
            self._worker = {name: message.counts.get(name, 0) for name in _NAMES}
        for spi, drops in message.drops:
            if (counts := self._children.get(spi)) is not None:
                counts.see(drops)
        return frozenset(
            row[0]
            for row in message.children
            if (counts := self._children.get(row[0])) is not None and counts.update(row[1:], now)
        )

    def restarted(self) -> None:
        """Take it that another worker counts from 0."""
        add(self._before, self._worker)
        self._worker = {}
        self.means = ()

    def drop(self, reason: str) -> None:
        """Count a dropped IKE datagram."""
        self._ike[reason] = self._ike.get(reason, 0) + 1

    def drops(self) -> dict[str, int]:
        """Return what was dropped and why, by the worker and by IKE; zeros left out."""
        found = dropped(self._by_worker())
        add(found, self._of_ike())
        return found

    def all(self) -> dict[str, int]:
        """Return every counter by name, also those that are 0."""
        found = self._by_worker()
        add(found, self._of_ike())
        return found

    def traffic(self) -> dict[str, int]:
        """Return packets and octets, in and out, of all children there have been."""
        found = self._by_worker()
        return {name: found.get(name, 0) for name in TRAFFIC}

    def _by_worker(self) -> dict[str, int]:
        found = dict(self._before)
        add(found, self._worker)
        return found

    def _of_ike(self) -> dict[str, int]:
        return {f"ike_{name}": count for name, count in self._ike.items()}


def add(totals: dict[str, int], more: Mapping[str, int]) -> None:
    """Add counts to others, by name."""
    for name, count in more.items():
        totals[name] = totals.get(name, 0) + count


def dropped(counts: Mapping[str, int]) -> dict[str, int]:
    """Return those that count losses, in the table's order; zeros left out."""
    return {name: n for name in DROPS if (n := counts.get(name, 0))}
