"""Messages for a packet worker that does not keep up: they wait instead of being lost."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from ikebana.worker.messages import Message

_AGAIN: Final = 0.005  # seconds until the next attempt
_PATIENCE: Final = 1000  # attempts in a row for one message, which then has no way through
_LIMIT: Final = 20_000
Later = Callable[[float, Callable[[], None]], asyncio.TimerHandle]


class Backlog:
    """``send`` tries to hand a message over, and says whether it could; order is kept."""

    def __init__(self, send: Callable[[Message], bool]) -> None:
        self._send = send
        self._waiting: deque[Message] = deque()
        self._failures = 0
        self._later: Later | None = None

    def watch(self, later: Later) -> None:
        """Use the loop's ``call_later`` from now on; without it nothing waits."""
        self._later = later

    def send(self, message: Message) -> bool:
        """Send a message now, or as soon as there is room; False when it is lost."""
        if not self._waiting and self._send(message):
            return True
        if self._later is None or len(self._waiting) >= _LIMIT:
            return False
        self._waiting.append(message)
        if len(self._waiting) == 1:
            self._later(_AGAIN, self._flush)
        return True

    def clear(self) -> None:
        """Forget what waits: it was for a worker that is gone."""
        self._waiting.clear()
        self._failures = 0

    def _flush(self) -> None:
        while self._waiting and self._send(self._waiting[0]):
            self._waiting.popleft()
            self._failures = 0
        if not self._waiting or self._later is None:
            return
        self._failures += 1
        if self._failures > _PATIENCE:
            self._waiting.popleft()
            self._failures = 0
        self._later(_AGAIN, self._flush)
