"""The worker as the daemon sees it: started, spoken to, acknowledged, and started again."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Final

from ikebana.daemon import priority
from ikebana.daemon.sockets import Sockets
from ikebana.worker.link import Link, make_pair
from ikebana.worker.messages import BadMessage, Done, Message, Traffic
from ikebana.worker.messages import Sockets as Descriptors

_END_PATIENCE: Final = 2.0
_QUICK: Final = {"OPENBLAS_NUM_THREADS": "1"}
"""No threads for what numpy is not used for: 0.04 s less until a worker works."""
_AT_ONCE: Final = 256  # messages before other things have their turn


class WorkerProcess:
    """Start one; ``send`` to it, and call :meth:`receive` when its descriptor is readable.

    ``vnet``, ``uso``, ``offload`` and ``vectors`` are as in
    :class:`ikebana.worker.messages.Sockets`.
    ``nice`` is the worker's nice value, None for that of who starts it.
    """

    def __init__(
        self,
        tun: int,
        sockets: Sockets,
        *,
        vnet: bool = False,
        uso: bool = False,
        offload: bool = True,
        vectors: bool = True,
        nice: int | None = None,
    ) -> None:
        ours, theirs = make_pair()
        self._link = Link(ours)
        try:
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                    [sys.executable, "-m", "ikebana.worker.main", str(theirs.fileno())],
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    env=os.environ | _QUICK,
                )
        except OSError:
            ours.close()
            raise
        if nice is not None:
            priority.give(self._process.pid, nice)
        shared = (*sockets.nat.values(), *sockets.esp.values(), *sockets.ah.values())
        self._link.send(
            Descriptors(
                tuple(sockets.nat),
                tuple(sockets.esp),
                tuple(sockets.ah),
                vnet=vnet,
                uso=uso,
                offload=offload,
                vectors=vectors,
            ),
            [tun, *(sock.fileno() for sock in shared)],
        )

    @property
    def pid(self) -> int:
        """Return the process's number."""
        return self._process.pid

    @property
    def is_gone(self) -> bool:
        """Return whether the worker has ended."""
        return self._link.closed

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        return self._link.fileno()

    def send(self, message: Message) -> bool:
        """Say something; False when the worker is gone or does not keep up."""
        return self._link.send(message)

    def receive(self) -> tuple[list[Message], bool]:
        """Return what it has said, a bounded part of it, and whether it then said nonsense.

        Acknowledgements come first: a storm of IKE datagrams must not make them seem to lack.
        Counts come with them: the last ones of a child are told before its removal is done.
        """
        messages: list[Message] = []
        try:
            while len(messages) < _AT_ONCE and (got := self._link.receive()) is not None:
                messages.append(got[0])
        except BadMessage:
            return messages, True
        messages.sort(key=lambda message: not isinstance(message, Done | Traffic))
        return messages, False

    def end(self) -> None:
        """Close the pair, upon which the worker ends by itself, and see it off."""
        self._link.close()
        try:
            self._process.wait(_END_PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the worker without waiting for it to agree."""
        self._link.close()
        self._process.kill()
        self._process.wait()


class Acknowledgements:
    """What waits for the worker: later actions of a list wait until an install took effect."""

    def __init__(self, patience: float = 1.0) -> None:
        self._patience = patience
        self._ready_by = 0.0
        self._next = 0
        self._waiting: dict[int, tuple[float, Callable[[Done | None], None]]] = {}

    def expect(self, now: float, then: Callable[[Done | None], None]) -> int:
        """Return a token; ``then`` is called with its Done, or with None after the patience."""
        self._next += 1
        self._waiting[self._next] = (max(now + self._patience, self._ready_by), then)
        return self._next

    def done(self, message: Done) -> None:
        """Take an acknowledgement; one that nobody waits for is late and means nothing."""
        waiting = self._waiting.pop(message.token, None)
        if waiting is not None:
            waiting[1](message)

    def fail_all(self, ready_by: float = 0.0) -> None:
        """Give up everything: the worker is gone, and another one may take until ``ready_by``."""
        self._ready_by = ready_by
        for token in list(self._waiting):
            self._waiting.pop(token)[1](None)

    def next_timeout(self) -> float | None:
        """Return when the oldest is given up."""
        return next(iter(self._waiting.values()))[0] if self._waiting else None

    def handle_timeout(self, now: float) -> None:
        """Give up what waited too long."""
        late = [token for token, (until, _) in self._waiting.items() if until <= now]
        for token in late:
            _, then = self._waiting.pop(token)
            then(None)
