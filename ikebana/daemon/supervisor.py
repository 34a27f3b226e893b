"""Keeps a packet worker running: reads what it says, and starts another when it is gone."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from ikebana.worker.messages import Message

_PAUSE: Final = 0.2  # seconds before another worker is started, doubled with each that dies young
_LONGEST_PAUSE: Final = 10.0
_GROWN_UP: Final = 2.0  # seconds that show that a worker works: the next one comes at once


class Process(Protocol):
    """One packet worker: :class:`ikebana.daemon.worker_process.WorkerProcess`."""

    @property
    def pid(self) -> int:
        """Return the process's number."""
        ...

    @property
    def is_gone(self) -> bool:
        """Return whether the worker has ended."""
        ...

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        ...

    def send(self, message: Message) -> bool:
        """Say something; False when the worker is gone or does not keep up."""
        ...

    def receive(self) -> tuple[list[Message], bool]:
        """Return what it has said, a bounded part of it, and whether it then said nonsense."""
        ...

    def end(self) -> None:
        """See the process off."""
        ...

    def kill(self) -> None:
        """End the process at once."""
        ...


class Supervisor:
    """Owns the worker that runs; ``start`` makes another, and may raise OSError."""

    def __init__(self, start: Callable[[], Process]) -> None:
        self.restarts = 0
        self._start = start
        self._worker = start()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._pause = 0.0
        self._born_at = 0.0

    @property
    def pid(self) -> int:
        """Return the process's number."""
        return self._worker.pid

    def send(self, message: Message) -> bool:
        """Say something; False when the worker is gone or does not keep up."""
        return self._worker.send(message)

    def watch(
        self,
        loop: asyncio.AbstractEventLoop,
        on_message: Callable[[Message], None],
        on_restarted: Callable[[], None],
    ) -> None:
        """Let the loop call these: with every message, and when there is another worker."""
        self._loop = loop
        self._on_message, self._on_restarted = on_message, on_restarted
        self._read_on(loop)

    def close(self) -> None:
        """See the worker off and start no other."""
        if self._loop is not None and self._handle is None:
            self._loop.remove_reader(self._descriptor)
        if self._handle is not None:
            self._handle.cancel()
        self._loop = None
        self._worker.end()

    def _read_on(self, loop: asyncio.AbstractEventLoop) -> None:
        self._born_at = loop.time()
        self._descriptor = self._worker.fileno()
        loop.add_reader(self._descriptor, self._read)

    def _read(self) -> None:
        loop = self._loop
        if loop is None:
            return
        messages, bad = self._worker.receive()
        for message in messages:
            self._on_message(message)
        if not bad and not self._worker.is_gone:
            return
        loop.remove_reader(self._descriptor)  # before it is closed: the number may come again
        if loop.time() - self._born_at > _GROWN_UP:
            self._pause = 0.0
        self._worker.kill()  # what talks nonsense is not to be trusted any longer either
        self._plan(loop)

    def _plan(self, loop: asyncio.AbstractEventLoop) -> None:
        self._handle = loop.call_later(self._pause, self._restart)
        self._pause = min(max(_PAUSE, 2 * self._pause), _LONGEST_PAUSE)

    def _restart(self) -> None:
        loop = self._loop
        if loop is None:
            return
        try:
            self._worker = self._start()
        except OSError:  # no memory, no descriptors: it may be better later
            self._plan(loop)
            return
        self._handle = None
        self.restarts += 1
        self._read_on(loop)
        self._on_restarted()
