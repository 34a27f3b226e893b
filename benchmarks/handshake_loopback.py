"""Handshakes per second between two processes over UDP on the loopback, no root needed.

Each process is one endpoint behind the smallest socket loop.  The Deletes between two batches are
not timed.
"""

import multiprocessing
import select
import socket
import time
from collections.abc import Iterable
from multiprocessing.connection import Connection
from typing import Final

from benchmarks.negotiation import MOON, SUN, Side, profile
from benchmarks.table import Cell, Table, Tell
from ikecore.actions import Send
from policy.path import Path

_IKE: Final = "aes128gcm16-x25519"
_ESP: Final = "aes128gcm16"
_CONNECTIONS: Final = 8
_BATCHES: Final = 64
_AT_ONCE: Final = (1, 4)  # below the endpoint's cookie threshold for one address
_BUFFER: Final = 65536


def run(rounds: int, tell: Tell) -> Table:
    """Start the responder's process once; measure each number of handshakes under way in turn."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_respond, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    rates: dict[int, list[float]] = {n: [] for n in _AT_ONCE}
    costs: dict[int, tuple[list[float], list[float]]] = {n: ([], []) for n in _AT_ONCE}
    try:
        moon = _Initiator(ours.recv(), ours)
        moon.batch(1)
        for number in range(rounds):
            for at_once in _AT_ONCE if number % 2 == 0 else _AT_ONCE[::-1]:
                tell(f"round {number + 1} of {rounds}, {at_once} at once")
                rate, initiator, responder = moon.measure(at_once)
                rates[at_once].append(rate)
                costs[at_once][0].append(initiator)
                costs[at_once][1].append(responder)
    finally:
        ours.close()
        process.join(5)
        process.kill()
    return Table(
        "handshake_loopback",
        f"IKEv2 handshakes between two processes over loopback UDP, {_IKE}",
        ("handshakes/s", "initiator, CPU ms", "responder, CPU ms"),
        {
            f"{at_once} at once": (
                Cell(tuple(rates[at_once]), 0),
                Cell(tuple(costs[at_once][0]), 2),
                Cell(tuple(costs[at_once][1]), 2),
            )
            for at_once in _AT_ONCE
        },
        (f"{_BATCHES} batches of {_CONNECTIONS} connections a sample; no daemon, no worker.",),
    )


class _Wire:
    """One side's socket loop."""

    def __init__(self, side: Side, address: str) -> None:
        self.side = side
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.sock.bind((address, 0))
        self.sock.setblocking(False)
        self.local: tuple[str, int] = self.sock.getsockname()

    def send(self, sends: Iterable[Send]) -> None:
        """Send what an endpoint wants sent."""
        for send in sends:
            self.sock.sendto(send.data, send.path.remote)

    def receive(self) -> None:
        """Handle all that has come in, and the timers that are due."""
        now = time.monotonic()
        while True:
            try:
                data, remote = self.sock.recvfrom(_BUFFER)
            except BlockingIOError:
                break
            self.send(self.side.receive(data, Path(self.local, remote), now))
        due = self.side.endpoint.next_timeout()
        if due is not None and due <= now:
            actions = self.side.endpoint.handle_timeout(now)
            self.send(self.side.carry_out(actions, now))


class _Initiator:
    """The measuring side."""

    def __init__(self, remote: tuple[str, int], responder: Connection) -> None:
        self._profiles = [profile("moon", "sun", _IKE, _ESP, f"c{n}") for n in range(_CONNECTIONS)]
        self._wire = _Wire(Side(self._profiles), MOON)
        self._path = Path(self._wire.local, remote)
        self._responder = responder

    def measure(self, at_once: int) -> tuple[float, float, float]:
        """Return handshakes/s and the CPU milliseconds of each side for one."""
        took = ours = theirs = 0.0
        for _ in range(_BATCHES):
            wall, initiator, responder = self.batch(at_once)
            took, ours, theirs = took + wall, ours + initiator, theirs + responder
        count = _BATCHES * _CONNECTIONS
        return count / took, ours * 1e3 / count, theirs * 1e3 / count

    def batch(self, at_once: int) -> tuple[float, float, float]:
        """Bring all connections up, never more than so many under way; then delete them."""
        side, waiting = self._wire.side, list(self._profiles)
        before, began, spent = self._responder_cpu(), time.perf_counter(), time.process_time()
        while len(side.children) < _CONNECTIONS:
            under_way = _CONNECTIONS - len(waiting) - len(side.children)
            while waiting and under_way < at_once:
                now = time.monotonic()
                self._wire.send(side.initiate(waiting.pop(), self._path, now))
                under_way += 1
            self._turn()
        took, spent = time.perf_counter() - began, time.process_time() - spent
        responder = self._responder_cpu() - before
        for spec in list(side.children.values()):
            self._wire.send(side.close(spec.sa, time.monotonic()))
            while spec.inbound_spi in side.children:
                self._turn()
        return took, spent, responder

    def _turn(self) -> None:
        select.select([self._wire.sock], [], [], 0.5)
        self._wire.receive()

    def _responder_cpu(self) -> float:
        self._responder.send(None)
        spent: float = self._responder.recv()
        return spent


def _respond(initiator: Connection) -> None:
    """Answer until the other end of the pipe is gone: this is the second process."""
    profiles = [profile("sun", "moon", _IKE, _ESP, f"c{n}") for n in range(_CONNECTIONS)]
    wire = _Wire(Side(profiles), SUN)
    initiator.send(wire.local)
    while True:
        select.select([wire.sock.fileno(), initiator.fileno()], [], [], 0.5)
        wire.receive()
        if initiator.poll():
            try:
                initiator.recv()
            except EOFError:
                return
            initiator.send(time.process_time())
