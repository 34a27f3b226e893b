"""What the event loop does for the gateway: one alarm, and looking names up."""

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from ikecore.timetable import NEVER

_PATIENCE: Final = 5.0
Found = Callable[[tuple[str, ...], str], None]


class Alarm:
    """One wake-up, moved as often as wanted."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._at = NEVER
        self._handle: asyncio.TimerHandle | None = None

    def set(self, at: float) -> None:
        """Ring at ``at`` of the loop's clock, or earlier; ``NEVER``: not at all.

        A time put off is not moved: an early ring finds nothing due and sets the next time, which
        is cheaper than a new timer with every datagram.
        """
        if self._at <= at < NEVER:
            return
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._at = at
        if at < NEVER:
            self._handle = self._loop.call_at(at, self._fire)

    def _fire(self) -> None:
        self._at = NEVER
        self._ring()


class Resolver:
    """Look host names up, at most one look-up a connection at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._running: dict[str, asyncio.Task[None]] = {}

    def look_up(self, key: str, host: str, then: Found, *, anew: bool) -> None:
        """Call ``then`` with the addresses, or with none and why; ``anew`` drops one under way."""
        if key in self._running:
            if not anew:
                return
            self.cancel(key)
        self._running[key] = self._loop.create_task(self._look_up(key, host, then))

    def cancel(self, key: str) -> None:
        """Forget the look-up of this connection."""
        task = self._running.pop(key, None)
        if task is not None:
            task.cancel()

    def close(self) -> None:
        """Forget all of them."""
        for key in list(self._running):
            self.cancel(key)

    async def _look_up(self, key: str, host: str, then: Found) -> None:
        addresses: tuple[str, ...] = ()
        why = f"{host} has no address"
        try:
            async with asyncio.timeout(_PATIENCE):
                found = await self._loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
            addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
        except TimeoutError:
            why = f"{host}: no answer from the resolver"
        except (OSError, UnicodeError) as error:
            why = f"{host}: {error}"
        self._running.pop(key, None)
        then(addresses, why)
