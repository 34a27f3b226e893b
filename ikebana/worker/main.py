"""The worker's process: one event loop around :class:`~ikebana.worker.worker.Worker`.

Started by the daemon as ``python -m ikebana.worker.main FD``; it ends when the daemon's end of
the pair closes.
"""

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Final

from ikebana.worker.carrier import Descriptors
from ikebana.worker.link import Link
from ikebana.worker.messages import BadMessage, Sockets
from ikebana.worker.worker import Worker

_REPORT_EVERY: Final = 1.0


class Process:
    """Watch the descriptors; pass what the worker says on to the daemon."""

    def __init__(self, link: Link, loop: asyncio.AbstractEventLoop) -> None:
        self._link = link
        self._loop = loop
        self._worker = Worker()
        self._is_waiting = False  # for room in the daemon's queue
        self._over = loop.create_future()

    async def run(self) -> None:
        """Work until the daemon is gone."""
        self._loop.add_reader(self._link.fileno(), self._on_link)
        self._loop.call_later(_REPORT_EVERY, self._report)
        await self._over

    def _on_link(self) -> None:
        while not self._link.closed:
            try:
                got = self._link.receive()
            except BadMessage:
                continue
            if got is None:
                break
            message, descriptors = got
            if isinstance(message, Sockets):
                self._attach(message, descriptors)
            else:
                self._worker.handle(message)
        if self._link.closed and not self._over.done():
            self._loop.remove_reader(self._link.fileno())
            self._over.set_result(None)
        self._flush()

    def _attach(self, message: Sockets, descriptors: list[int]) -> None:
        tun, *rest = descriptors
        sockets = [socket.socket(fileno=fd) for fd in rest]
        by_address = dict(zip(message.udp, sockets, strict=False))
        raws = dict(zip(message.raw, sockets[len(message.udp) :], strict=False))
        ah = dict(zip(message.ah, sockets[len(message.udp) + len(message.raw) :], strict=True))
        chosen = self._worker.attach(
            Descriptors(
                tun,
                by_address,
                raws,
                ah,
                vnet=message.vnet,
                uso=message.uso,
                offload=message.offload,
                vectors=message.vectors,
            )
        )
        self._worker.outbox.append(chosen)
        self._loop.add_reader(tun, self._then_flush(self._on_tun))
        for sock in by_address.values():
            on_udp = partial(self._on_udp, sock)
            self._loop.add_reader(sock.fileno(), self._then_flush(on_udp))
        for sock in raws.values():
            on_raw = partial(self._worker.on_raw, sock)
            self._loop.add_reader(sock.fileno(), self._then_flush(on_raw))
        for sock in ah.values():
            on_ah = partial(self._worker.on_ah, sock)
            self._loop.add_reader(sock.fileno(), self._then_flush(on_ah))

    def _on_tun(self) -> None:
        self._worker.on_tun(self._loop.time())

    def _on_udp(self, sock: socket.socket) -> None:
        self._worker.on_udp(sock, self._loop.time())

    def _then_flush(self, work: Callable[[], None]) -> Callable[[], None]:
        def both() -> None:
            work()
            if self._worker.outbox:
                self._flush()

        return both

    def _report(self) -> None:
        self._loop.call_later(_REPORT_EVERY, self._report)  # first: whatever fails, once more
        self._worker.tick(self._loop.time())
        self._worker.report()
        self._flush()

    def _flush(self) -> None:
        outbox = self._worker.outbox
        sent = 0
        while sent < len(outbox) and self._link.send(outbox[sent]):
            sent += 1
        del outbox[:sent]
        if outbox:  # a daemon that is busy: an acknowledgement has to reach it all the same
            self._worker.shed()
        if self._is_waiting != bool(outbox) and not self._link.closed:
            self._is_waiting = bool(outbox)
            if self._is_waiting:
                self._loop.add_writer(self._link.fileno(), self._flush)
            else:
                self._loop.remove_writer(self._link.fileno())


def main() -> None:
    """Run the worker on the descriptor named on the command line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the daemon's to handle
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    end = socket.socket(fileno=int(sys.argv[1]))
    end.setblocking(False)
    gc.collect()
    gc.set_threshold(20_000)
    gc.freeze()  # what start-up made is there to stay: the collector need not walk it

    async def work() -> None:
        await Process(Link(end, takes_descriptors=True), asyncio.get_running_loop()).run()

    asyncio.run(work())


if __name__ == "__main__":
    main()
