"""What is counted: inner packets of each child, and what was dropped and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from esp.counters import DROPS
from ikebana.worker.messages import Traffic
from ikebana.worker.worker import DROPS as WORKER_DROPS

_STALE: Final = 2.5  # seconds; the worker tells every second of what changed


@dataclass(slots=True)
class Counts:
    """Inner packets and octets of one child, as the worker last told, and the rate before."""

    since: float = 0.0  # when the child came up
    at: float = 0.0
    packets_in: int = 0
    octets_in: int = 0
    packets_out: int = 0
    octets_out: int = 0
    rate_in: float = 0.0  # bits a second
    rate_out: float = 0.0

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

    def add(self, other: "Counts") -> None:
        """Take the totals of a child that is gone."""
        self.packets_in += other.packets_in
        self.octets_in += other.octets_in
        self.packets_out += other.packets_out
        self.octets_out += other.octets_out

    def rates(self, now: float) -> tuple[float, float]:
        """Return the rates in and out; the worker is silent about a child without traffic."""
        return (self.rate_in, self.rate_out) if now - self.at < _STALE else (0.0, 0.0)


class Tally:
    """The counts of the whole gateway."""

    def __init__(self) -> None:
        self._worker: Mapping[str, int] = {}
        self._ike: dict[str, int] = {}
        self._children: dict[int, Counts] = {}

    def open(self, spi: int, now: float) -> Counts:
        """Count for a child that came up."""
        counts = self._children[spi] = Counts(since=now)
        return counts

    def close(self, spi: int) -> None:
        """Count no longer for a child."""
        self._children.pop(spi, None)

    def take(self, message: Traffic, now: float) -> frozenset[int]:
        """Take what the worker tells; return the children whose peer was heard."""
        self._worker = message.counts
        return frozenset(
            row[0]
            for row in message.children
            if (counts := self._children.get(row[0])) is not None and counts.update(row[1:], now)
        )

    def drop(self, reason: str) -> None:
        """Count a dropped IKE datagram."""
        self._ike[reason] = self._ike.get(reason, 0) + 1

    def drops(self) -> dict[str, int]:
        """Return what was dropped and why, by the worker and by IKE; zeros left out."""
        known = (*DROPS, *WORKER_DROPS)
        packets = {name: n for name in known if (n := self._worker.get(name, 0))}
        return packets | self._of_ike()

    def all(self) -> dict[str, int]:
        """Return every counter by name."""
        return {**self._worker, **self._of_ike()}

    def _of_ike(self) -> dict[str, int]:
        return {f"ike_{name}": count for name, count in self._ike.items()}
