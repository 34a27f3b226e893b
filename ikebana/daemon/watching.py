"""A reader of what happens to one connection, for as long as a ``with`` lasts."""

import asyncio
from collections.abc import Iterator
from typing import Final, Self

from ikebana.daemon.orders import Ended
from ikebana.daemon.outlet import Watcher
from ikebana.daemon.runner import Report
from ikecore.trace import Record

_KEPT: Final = 1000  # for a reader who does not keep up


class Watching:
    """Registers with ``watchers``, a gateway's; nothing is lost from then on but what overflows."""

    def __init__(self, watchers: list[Watcher], name: str) -> None:
        self._watchers = watchers
        self._name = name
        self._queue: asyncio.Queue[Record | Report | Ended] = asyncio.Queue(_KEPT)

    def __enter__(self) -> Self:
        self._watchers.append(self._watch)
        return self

    def __exit__(self, *_: object) -> None:
        self._watchers.remove(self._watch)

    async def next(self, until: float) -> Record | Report | Ended:
        """Return the next thing that happened; raise TimeoutError at ``until`` of the loop's clock.

        Not one timeout around all of it: that would cancel a reader between two items.
        """
        async with asyncio.timeout_at(until):
            return await self._queue.get()

    def drain(self) -> Iterator[Record | Report | Ended]:
        """Yield what happened and was not yet read."""
        while not self._queue.empty():
            yield self._queue.get_nowait()

    def _watch(self, name: str, what: Record | Report | Ended) -> None:
        if name != self._name:
            return
        if self._queue.full() and isinstance(what, Ended):
            self._queue.get_nowait()  # how it ended matters more than a step on the way
        if not self._queue.full():
            self._queue.put_nowait(what)
