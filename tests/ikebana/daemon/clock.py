"""An event loop whose clock only moves when told, for what needs no more of a loop than that."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from typing import Any, cast


class Clock:
    """Timers fire in :meth:`sleep`, readers in :meth:`read`."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.readers: dict[int, Callable[[], None]] = {}
        self._order = count()
        self._timers: list[tuple[float, int, asyncio.TimerHandle, Callable[[], None]]] = []

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the clock as those take it who need no more of a loop."""
        return cast("asyncio.AbstractEventLoop", self)

    def time(self) -> float:
        return self.now

    def get_debug(self) -> bool:
        return False

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, **_: Any
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self.loop)
        ring = (when, next(self._order), handle, lambda: void(callback(*args)))
        heapq.heappush(self._timers, ring)
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, **_: Any
    ) -> asyncio.TimerHandle:
        return self.call_at(self.now + delay, callback, *args)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Every handle tells its loop."""

    def add_reader(self, fd: Any, callback: Callable[..., object], *args: Any) -> None:
        assert fd >= 0
        assert fd not in self.readers
        self.readers[fd] = lambda: void(callback(*args))

    def remove_reader(self, fd: Any) -> bool:
        if fd < 0:
            raise ValueError("Invalid file descriptor")  # as the real one does
        return self.readers.pop(fd, None) is not None

    def next_timer(self) -> float:
        """Return when the next timer fires."""
        live = [at for at, _, handle, _ in self._timers if not handle.cancelled()]
        return min(live, default=float("inf"))

    def sleep(self, seconds: float, between: Callable[[], object] = lambda: None) -> None:
        """Let time pass; ``between`` is called after every timer."""
        until = self.now + seconds
        while self._timers and self._timers[0][0] <= until:
            at, _, handle, ring = heapq.heappop(self._timers)
            if not handle.cancelled():
                self.now = max(self.now, at)
                ring()
                between()
        self.now = until


def void(_: object) -> None:
    """Return nothing."""
