"""The worker's process, as the daemon starts it: a pair, a TUN that is none, loopback sockets."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path as File
from typing import Final, TypeVar

import pytest

from ikebana.worker.link import Link, make_pair
from ikebana.worker.messages import Acquired, Done, Ike, Message, Report, Sockets, Traffic, pack
from tests.esp.tunnel import udp4
from tests.ikebana.worker.rig import HOST, Side, acquired, installs, policies, side, until, wait
from tundev.udp import open_udp

ROOT: Final = File(__file__).parents[3]
MARKER: Final = bytes(4)
T = TypeVar("T")


@dataclass
class Process:
    """A worker's process and the daemon's end of everything."""

    child: subprocess.Popen[bytes]
    end: socket.socket
    link: Link
    host: socket.socket
    tun: socket.socket
    udp: socket.socket

    @property
    def at(self) -> tuple[str, int]:
        return HOST, int(self.udp.getsockname()[1])

    def share(self) -> None:
        """Hand TUN and socket over."""
        assert self.link.send(Sockets((HOST,), ()), [self.tun.fileno(), self.udp.fileno()])

    def hear(self, kind: type[T]) -> T:
        """Wait until the worker says something of a kind; what else it says is dropped."""

        def one() -> T | None:
            while (got := self.link.receive()) is not None:
                if isinstance(got[0], kind):
                    return got[0]
            assert not self.link.closed
            return None

        return until(one, self.end)

    def counts(self) -> dict[str, int]:
        """Ask for the counters: also the way to know that all before was heeded."""
        self.link.send(Report())
        return self.hear(Traffic).counts

    def ends(self) -> int:
        """Wait for the process to end; return its code."""
        return self.child.wait(10)


@contextmanager
def started(queue: int = 0) -> Iterator[Process]:
    ours, theirs = make_pair()
    host, tun = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for end in (host, tun):
        end.setblocking(False)
    if queue:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, queue)
    with theirs:
        child = subprocess.Popen(  # noqa: S603 - our own module, no shell
            [sys.executable, "-m", "ikebana.worker.main", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # as in a terminal
        )
    with child, ours, host, tun, open_udp(HOST, 0, 0) as udp:
        try:
            yield Process(child, ours, Link(ours), host, tun, udp)
        finally:
            child.kill()


@pytest.fixture
def worker() -> Iterator[Process]:
    with started() as process:
        yield process


@pytest.fixture
def sun() -> Iterator[Side]:
    with side() as one:
        yield one


def test_it_answers_joins_tun_and_sockets_and_ends_with_the_daemon(
    worker: Process, sun: Side
) -> None:
    assert worker.counts()["packets_in"] == 0
    worker.share()
    ours, theirs = installs(worker.at, sun.at)
    sun.worker.handle(theirs)
    worker.link.send(policies("net"))
    worker.host.send(udp4(1))
    assert worker.hear(Acquired) == acquired(udp4())
    worker.link.send(ours)
    done = worker.hear(Done)
    assert (done.token, done.ok) == (0x1000, True)
    sun.take()
    assert sun.got() == [udp4(1)]

    sun.udp.sendto(MARKER + b"ike", worker.at)
    ike = worker.hear(Ike)
    assert (ike.data, ike.path.local, ike.path.remote) == (b"ike", worker.at, sun.at)

    worker.link.close()
    assert worker.ends() == 0
    assert worker.child.stderr is not None
    assert worker.child.stderr.read() == b""


def test_it_tells_by_itself_what_changed(worker: Process) -> None:
    worker.host.send(udp4(1))
    worker.host.send(udp4(2))
    worker.share()
    assert worker.hear(Traffic).counts["policy"] == 2


def test_garbage_ends_nothing(worker: Process) -> None:
    refused: list[Message] = [Done(1), acquired(udp4())]
    for octets in (b"\xff", b"\x03{", b"\x01{}", bytes(50_000), *map(pack, refused)):
        worker.end.send(octets)
    worker.end.send(pack(Sockets((HOST,), (4,))))  # descriptors that did not come
    worker.end.send(b"\x09" + b"x" * 200_000)
    worker.share()
    for noise in (b"\x00", b"\x45" * 30, b"\xff" * 1400):
        worker.host.send(noise)
        worker.udp.sendto(noise, worker.at)
    worker.udp.sendto(MARKER + b"still here", worker.at)
    assert worker.hear(Ike).data == b"still here"
    assert worker.counts()["odd_message"] == 2
    worker.link.close()
    assert worker.ends() == 0
    assert worker.child.stderr is not None
    assert worker.child.stderr.read() == b""


def test_a_terminals_signals_are_left_to_the_daemon(worker: Process) -> None:
    worker.counts()  # it has started
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGINT):
        os.kill(worker.child.pid, number)
        for _ in range(10):  # an event loop on its way out still answers once or twice
            assert "packets_in" in worker.counts()
    assert worker.child.poll() is None


def test_a_daemon_that_is_gone_before_the_first_word_ends_it(worker: Process) -> None:
    worker.link.close()
    assert worker.ends() == 0


def test_an_ike_flood_on_a_busy_daemon_costs_it_no_acknowledgement(sun: Side) -> None:
    with started(queue=32 * 1024) as worker:
        worker.share()
        worker.link.send(policies())
        worker.counts()
        for _ in range(4):
            for _ in range(80):
                sun.udp.sendto(MARKER + bytes(1000), worker.at)
            while wait(worker.udp, 0):
                pass  # until the worker has taken them all
        worker.link.send(installs(worker.at, sun.at)[0])
        for _ in range(500):
            worker.host.send(udp4(1))
            if wait(sun.udp, 0.02):  # it got through: the install took effect
                break
        assert worker.hear(Done).token == 0x1000
        assert worker.counts()["queue_full"] > 0
