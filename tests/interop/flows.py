"""Traffic between the hosts, compared at its other end: files over TCP, echoes of every size.

The sockets are opened in the hosts' namespaces; threads of the test's own process serve them.
"""

import contextlib
import hashlib
import random
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tests.interop.duo import HOST_A, HOST_A6, HOST_B, HOST_B6
from tests.lab.needs import find
from tests.lab.topology import Lab

_PIECE: Final = 1 << 20
_LARGEST: Final = 65535
_WIRE: Final = 1452  # octets in a datagram; larger ones leave in fragments that may be cut again
_SILENCE: Final = 2.0  # seconds after which an echo is called missing
_AT_ONCE: Final = 16  # datagrams; more than a slow machine's queues hold are lost
_OFFLOADS: Final = ("gro", "gso", "tso", "tx", "rx")


@dataclass(frozen=True)
class Way:
    """From a host to an address of the other."""

    source: str
    target: str
    address: str

    @property
    def family(self) -> socket.AddressFamily:
        """The sockets' family."""
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET

    def __str__(self) -> str:
        return f"{self.source} to {self.address}"


TO_B, TO_A = Way("ca", "cb", HOST_B), Way("cb", "ca", HOST_A)
TO_B6, TO_A6 = Way("ca", "cb", HOST_B6), Way("cb", "ca", HOST_A6)
BOTH: Final = (TO_B, TO_A)
BOTH6: Final = (TO_B6, TO_A6)


# -- files -------------------------------------------------------------------------------------
class Transfer:
    """A file along each way, all at once; leaving the block waits for them and compares.

    ``octets`` is the size of each; ``patience`` seconds may pass without any of a file's octets.
    """

    def __init__(self, lab: Lab, octets: int, *ways: Way, patience: float = 30.0) -> None:
        self._lab = lab
        self._octets = octets
        self._ways = ways
        self._patience = patience
        self._pool = ThreadPoolExecutor(2 * len(ways))
        self._files: list[tuple[Way, Future[str], Future[str]]] = []
        self._received = [0] * len(ways)

    def __enter__(self) -> Self:
        for number, way in enumerate(self._ways):
            with self._lab[way.target].enter():
                server = socket.create_server((way.address, 0), family=way.family)
            with self._lab[way.source].enter():
                sock = socket.socket(way.family, socket.SOCK_STREAM)
            sent = self._pool.submit(self._send, sock, way, server.getsockname()[1], number)
            self._files.append((way, sent, self._pool.submit(self._receive, server, number)))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                for way, sent, received in self._files:
                    assert sent.result() == received.result(), f"not what was sent: {way}"
        finally:
            self._pool.shutdown()

    @property
    def received(self) -> int:
        """How many octets have come so far, the least of all ways."""
        return min(self._received)

    @property
    def is_over(self) -> bool:
        """Tell whether everything has come."""
        return all(received.done() for _, _, received in self._files)

    def _send(self, sock: socket.socket, way: Way, port: int, seed: int) -> str:
        digest = hashlib.sha256()
        made = random.Random(seed).randbytes(_PIECE)  # noqa: S311 - nothing secret
        with sock:
            sock.settimeout(self._patience)
            sock.connect((way.address, port))
            for at in range(0, self._octets, _PIECE):
                piece = (at.to_bytes(8, "big") + made[8:])[: self._octets - at]  # no two alike
                digest.update(piece)
                sock.sendall(piece)
        return digest.hexdigest()

    def _receive(self, server: socket.socket, number: int) -> str:
        digest = hashlib.sha256()
        with server:
            server.settimeout(self._patience)
            sock, _ = server.accept()
        with sock:
            sock.settimeout(self._patience)
            while piece := sock.recv(_PIECE):
                digest.update(piece)
                self._received[number] += len(piece)
        return digest.hexdigest()


def carry(lab: Lab, octets: int, *ways: Way, patience: float = 30.0) -> float:
    """Send a file of so many octets along each way at once; return the seconds it took."""
    began = time.monotonic()
    with Transfer(lab, octets, *ways, patience=patience):
        pass
    return time.monotonic() - began


# -- echoes ------------------------------------------------------------------------------------
EDGES: Final = (1, 2, 3, 15, 16, 17, 63, 64, 500, 1300, 1333, 1371, 1372, 1373, 1472, 2000, 5000)
"""Datagram sizes where padding, MTU and fragments change."""


def echo_datagrams(
    lab: Lab, *ways: Way, flows: int = 4, rounds: int = 50, sizes: Sequence[int] = EDGES
) -> int:
    """Let datagrams be echoed along each way, in several flows at once; return how many are lost.

    Each round is one datagram of the next of ``sizes`` and a burst of up to 11 of another size.
    What comes back that was not sent is an error.
    """
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(flows * len(ways)) as pool:
        asked = []
        for way in ways:
            port = stack.enter_context(_echoing(lab, way))
            asked += [
                pool.submit(_ask, lab, way, port, f"{way} {flow}", rounds, sizes)
                for flow in range(flows)
            ]
        return sum(one.result() for one in asked)


def _ask(lab: Lab, way: Way, port: int, seed: str, rounds: int, sizes: Sequence[int]) -> int:
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    missing = 0
    with lab[way.source].enter():
        sock = socket.socket(way.family, socket.SOCK_DGRAM)
    with sock:
        sock.settimeout(_SILENCE)
        sock.connect((way.address, port))
        _learn_mtu(sock)
        for number in range(rounds):
            same = dice.randbytes(dice.randrange(9, min(1400, max(10, max(sizes)))))
            burst = [dice.randbytes(sizes[number % len(sizes)])]
            burst += [
                number.to_bytes(4, "big") + bytes((one,)) + same[5:]
                for one in range(dice.randrange(1, 12))
            ]
            for octets in burst:
                _send(sock, octets)
            missing += _missing(sock, burst)
    return missing


def _send(sock: socket.socket, octets: bytes) -> None:
    for _ in range(5):
        with contextlib.suppress(OSError):  # about an earlier one: the host has learnt the MTU
            sock.send(octets)
            return
    sock.send(octets)


def _learn_mtu(sock: socket.socket) -> None:
    """Send what just fits a host's wire until it is echoed: the first teach both hosts the MTU."""
    sock.settimeout(0.1)
    for _ in range(20):
        with contextlib.suppress(OSError):
            sock.send(bytes(_WIRE))
            sock.recv(_LARGEST)
            break
    with contextlib.suppress(TimeoutError):  # a late one
        while True:
            sock.recv(_LARGEST)
    sock.settimeout(_SILENCE)


def _missing(sock: socket.socket, sent: Sequence[bytes]) -> int:
    wanted, errors = list(sent), 0
    while wanted and errors < len(sent):
        try:
            octets = sock.recv(_LARGEST)
        except TimeoutError:
            break
        except OSError:  # too big: the host has learnt, and what it was about is lost
            errors += 1
            continue
        assert octets in wanted, f"{len(octets)} octets that nobody sent"
        wanted.remove(octets)
    return len(wanted)


def arrive(lab: Lab, way: Way, sizes: Sequence[int], rounds: int = 5) -> set[int]:
    """Send a datagram of each size, at least 2, one way until it is there; return what never is.

    Nothing comes back but errors, from which the sending host may learn the path's MTU.
    """
    with lab[way.target].enter():
        server = socket.socket(way.family, socket.SOCK_DGRAM)
    with lab[way.source].enter():
        sock = socket.socket(way.family, socket.SOCK_DGRAM)
    missing = set(sizes)
    with server, sock:
        server.bind((way.address, 0))
        server.settimeout(0.3)
        sock.connect(server.getsockname()[:2])
        for _ in range(rounds):
            still = sorted(missing)
            for at in range(0, len(still), _AT_ONCE):
                asked = set(still[at : at + _AT_ONCE])
                for size in asked:
                    _send(sock, size.to_bytes(2, "big") + bytes(size - 2))
                with contextlib.suppress(TimeoutError):
                    while asked & missing:
                        octets = server.recv(_LARGEST)
                        assert len(octets) == int.from_bytes(octets[:2], "big"), "not as sent"
                        missing.discard(len(octets))
    return missing


@contextlib.contextmanager
def _echoing(lab: Lab, way: Way) -> Iterator[int]:
    """Echo datagrams at the end of a way; yields the port."""
    with lab[way.target].enter():
        sock = socket.socket(way.family, socket.SOCK_DGRAM)
    sock.bind((way.address, 0))
    ending = threading.Event()

    def answer() -> None:
        sock.settimeout(0.05)
        while not ending.is_set():
            with contextlib.suppress(OSError):  # nothing there, or too big for the path yet
                octets, peer = sock.recvfrom(_LARGEST)
                sock.sendto(octets, peer)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield sock.getsockname()[1]
    finally:
        ending.set()
        thread.join()
        sock.close()


def echo_pieces(lab: Lab, way: Way, rounds: int = 100, seed: int = 1) -> None:
    """Write pieces of odd sizes to a TCP connection and compare each with what comes back."""
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    with lab[way.target].enter():
        server = socket.create_server((way.address, 0), family=way.family)
    with lab[way.source].enter():
        sock = socket.socket(way.family, socket.SOCK_STREAM)
    thread = threading.Thread(target=_serve_pieces, args=(server,), daemon=True)
    thread.start()
    with sock:
        sock.settimeout(30)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect((way.address, server.getsockname()[1]))
        for _ in range(rounds):
            octets = dice.randbytes(dice.choice((1, 2, 100, 1348, 1349, 4044, 20_000, 60_000)))
            sock.sendall(octets)
            heard = b""
            while len(heard) < len(octets):
                piece = sock.recv(len(octets) - len(heard))
                assert piece, "the connection ended"
                heard += piece
            assert heard == octets
    thread.join(30)


def _serve_pieces(server: socket.socket) -> None:
    with server:
        server.settimeout(30)
        sock, _ = server.accept()
    with sock:
        while octets := sock.recv(_LARGEST):
            sock.sendall(octets)


# -- the hosts' wires --------------------------------------------------------------------------
def set_offloads(lab: Lab, *, on: bool) -> None:
    """Let hosts and gateways hand super-packets to each other, or make the last packet themselves.

    Without, every packet on the inner wires is as a network card would send it.
    """
    words = [word for one in _OFFLOADS for word in (one, "on" if on else "off")]
    for name in ("ca", "ga", "gb", "cb"):
        lab.check(name, [find("ethtool") or "ethtool", "-K", "lan", *words])


def checksums(pcap: Path) -> tuple[int, list[str]]:
    """Return how many TCP and UDP checksums of a capture are right, and who has wrong ones.

    Those of IPv4 headers count as wrong ones, too.  tshark is the judge, in all but one matter:
    where the sum is zero Linux writes 0xffff, over TCP, too (skb_checksum_help), which is the same
    number to whoever adds up; tshark wants 0.
    """
    argv = [find("tshark") or "tshark", "-n", "-r", str(pcap), "-T", "fields"]
    for layer in ("ip", "tcp", "udp"):
        argv += ["-o", f"{layer}.check_checksum:TRUE", "-e", f"{layer}.checksum.status"]
    argv += ["-e", "tcp.checksum"]
    told = subprocess.run(argv, capture_output=True, text=True, check=True)  # noqa: S603 - no shell
    good, bad = 0, list[str]()
    for number, line in enumerate(told.stdout.splitlines(), start=1):
        ip, *carried, tcp_sum = line.split("\t")
        found = [word for one in carried for word in one.split(",") if word]
        if tcp_sum == "0xffff":
            found = ["1"]
        good += found.count("1")
        if "0" in found or "0" in ip.split(","):
            bad.append(_packet_of(pcap, number))
    return good, bad


def _packet_of(pcap: Path, number: int) -> str:
    argv = [find("tshark") or "tshark", "-n", "-r", str(pcap), "-Y", f"frame.number == {number}"]
    told = subprocess.run([*argv, "-V", "-x"], capture_output=True, text=True, check=True)  # noqa: S603
    return told.stdout
