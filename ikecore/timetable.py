"""Who wants to be called when: many keys, one heap, one next time."""

import heapq
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

NEVER: Final = float("inf")
K = TypeVar("K", bound=Hashable)


class Timetable(Generic[K]):
    """One time a key; changing it costs the same however many there are.

    A time put off is only noted, and found out when the earlier one comes: busy keys, whose time
    moves with every packet, do not fill the heap.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, K]] = []
        self._wanted: dict[K, float] = {}
        self._planned: dict[K, float] = {}
        self._order = 0

    def plan(self, key: K, at: float) -> None:
        """Call ``key`` at ``at`` seconds and not before; ``NEVER`` is allowed."""
        self._wanted[key] = at
        if at < self._planned.get(key, NEVER):
            self._push(key, at)

    def cancel(self, key: K) -> None:
        """Forget ``key``."""
        self._wanted.pop(key, None)
        self._planned.pop(key, None)

    def next_due(self) -> float | None:
        """Return when the next key may be due, or None."""
        while self._heap and self._planned.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> K | None:
        """Return one key that is due, which then has no time any more, or None."""
        while (at := self.next_due()) is not None and at <= now:
            _, _, key = heapq.heappop(self._heap)
            del self._planned[key]
            wanted = self._wanted[key]
            if wanted <= now:
                del self._wanted[key]
                return key
            if wanted < NEVER:
                self._push(key, wanted)
        return None

    def _push(self, key: K, at: float) -> None:
        self._planned[key] = at
        self._order += 1  # keys need no order of their own
        heapq.heappush(self._heap, (at, self._order, key))
