"""All exchanges of one SA by message ID, and which IDs were used (RFC 2408 section 3.1)."""

from collections.abc import Iterator
from typing import Final, TypeVar

from ikecore.entropy import Entropy
from ikecore.timetable import NEVER
from ikev1.flight import Flight
from ikev1.message import Exchange

QUICK_MODES: Final = 5  # under way at once, ours and the peer's each
PHASE1: Final = 0  # its message ID
_KEPT: Final = 64  # those over included
_USED: Final = 16_384  # IDs that cannot be used again: who replays one is not heard
N = TypeVar("N")


class Flights:
    """Bounded in every way: by quick modes, by exchanges kept, by IDs remembered."""

    def __init__(self) -> None:
        self._flights: dict[int, Flight] = {}
        self._used: dict[int, None] = {}  # by either end, oldest first

    def __iter__(self) -> Iterator[Flight]:
        return iter(tuple(self._flights.values()))

    def get(self, message_id: int) -> Flight | None:
        """Return the exchange under an ID, also one that is over."""
        return self._flights.get(message_id)

    def is_used(self, message_id: int) -> bool:
        """Return whether an exchange began under this ID before."""
        return message_id in self._used

    def add(self, flight: Flight) -> None:
        """Take an exchange; those that are over make room, oldest first."""
        self._flights[flight.message_id] = flight
        for old in [f for f in self if f.is_over and f.message_id != PHASE1]:
            if len(self._flights) <= _KEPT:
                return
            del self._flights[old.message_id]

    def use(self, message_id: int) -> None:
        """Note that an exchange begins under this ID."""
        self._used[message_id] = None
        if len(self._used) > _USED:
            del self._used[next(iter(self._used))]

    def forget(self, flight: Flight) -> None:
        """Answer no repeats of it any more."""
        self._flights.pop(flight.message_id, None)

    def fresh_id(self, entropy: Entropy) -> int:
        """Return an ID that neither end has used; never 0, which is phase 1's.

        It counts as used: what we say first is no word of the peer's when somebody sends it back.
        """
        while True:
            found = int.from_bytes(entropy.octets(4), "big")
            if found != PHASE1 and found not in self._flights and not self.is_used(found):
                self.use(found)
                return found

    def quick_modes(self, *, ours: bool) -> int:
        """Return how many quick modes are under way that we, or the peer, began."""
        live = (f for f in self if not f.is_over and f.ours is ours)
        return sum(f.negotiation.kind is Exchange.QUICK for f in live)

    def under_way(self, kind: type[N]) -> list[N]:
        """Return the negotiations of one class that are not over."""
        live = (f.negotiation for f in self if not f.is_over)
        return [one for one in live if isinstance(one, kind)]

    def end_all(self) -> None:
        """Let all be over for good; repeats of phase 1 and of the last quick modes are answered."""
        for flight in self:
            flight.end(NEVER)

    @property
    def due(self) -> float:
        """Return when to look again, or NEVER."""
        return min((min(f.due, f.deadline, f.forget_at) for f in self), default=NEVER)
