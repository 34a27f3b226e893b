"""The peers of many tunnels: one process, one endpoint of ours, two sockets for each address."""

import contextlib
import multiprocessing
import resource
import select
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final, Self, TypeAlias
from typing import Protocol as Shape

from benchmarks.many_lab import ESP, GATEWAY, HOSTS, IKE, KEY, STREAMS, inner, outer
from benchmarks.many_stream import Streams
from benchmarks.negotiation import System
from ikecore.actions import (
    Action,
    Authorize,
    Broken,
    ChildEstablished,
    Failed,
    InstallChild,
    RemoveChild,
    RetireChild,
    Send,
    UseChild,
)
from ikecore.child import ChildSpec
from ikecore.events import (
    Authorized,
    CloseWanted,
    Configured,
    DatagramReceived,
    Event,
    Initiate,
    RekeyWanted,
)
from ikecore.identities import Identity
from ikecore.keywords import parse_proposal
from ikecore.profile import ChildProfile, Limits, Profile
from ikecore.proposals import Protocol
from ikecore.spipool import SpiPool
from ikev2.endpoint import Endpoint
from policy.path import Path
from policy.selectors import TrafficSelector
from suites.secret import Secret
from tests.lab.topology import LabError
from tundev.namespaces import Namespace

_IKE_PORT: Final = 500
_NAT_PORT: Final = 4500
_MARKER: Final = bytes(4)
_KEEPALIVE: Final = 1  # octets
_BUFFER: Final = 65536
_PATIENCE: Final = 60.0
_REQUESTS: Final = 500  # echo requests a second, of all streams
_GRACE: Final = 1.0  # seconds for the last answers
_LIMITS: Final = Limits(  # of one peer each; here they are one endpoint, and we one address
    half_open=10_000,
    half_open_per_address=10_000,
    cookie_threshold=10_000,
    cookie_threshold_per_address=10_000,
)


@dataclass(frozen=True, slots=True)
class Up:
    """Start these tunnels, ``at_once`` under way at a time; the answer is the seconds it took."""

    numbers: Sequence[int]
    at_once: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until so many are up, whoever began; the answer is the seconds it took."""

    count: int


@dataclass(frozen=True, slots=True)
class Down:
    """Delete these tunnels; the answer is the seconds it took."""

    numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class Rekey:
    """Renew every child within so many seconds, and send packets; the answer is a Storm."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Storm:
    """What a rekey storm brought: seconds to each answer, requests sent and lost."""

    answers: tuple[float, ...]
    sent: int
    lost: int
    failed: int


Order: TypeAlias = Up | Wait | Down | Rekey


class Place(Shape):
    """Where the peers' addresses are, and the way to the gateway."""

    @property
    def space(self) -> Namespace:
        """Return the namespace."""


class Peers:
    """All peers, seen from the process that measures; ended with the block."""

    def __init__(self, lab: Place, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, count), daemon=True)
        with lab.space.enter():
            self._process.start()
        theirs.close()
        self.ask(Wait(0))

    @property
    def pid(self) -> int:
        """Return the number of the process that they are."""
        return self._process.pid or 0

    def ask(self, order: Order) -> Any:
        """Let the peers do something; return what came of it.

        Raises LabError with the reason when something went wrong there.
        """
        try:
            self._pipe.send(order)
            found = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise LabError("the process of the peers ended") from error
        if isinstance(found, str):
            raise LabError(found)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join(5)
        self._process.kill()


class _Sockets:
    """Two ports on every peer's address."""

    def __init__(self, count: int) -> None:
        need = 2 * count + 100
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (need, max(need, most)))
        self.poll = select.epoll()
        self._by_path: dict[tuple[str, int], socket.socket] = {}
        self._ends: dict[int, tuple[socket.socket, tuple[str, int]]] = {}
        for number in range(count):
            for port in (_IKE_PORT, _NAT_PORT):
                self._open((outer(number), port))

    def _open(self, local: tuple[str, int]) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(local)
        sock.setblocking(False)
        self._by_path[local] = sock
        self._ends[sock.fileno()] = (sock, local)
        self.poll.register(sock.fileno(), select.EPOLLIN)

    def receive(self, descriptor: int) -> Iterable[tuple[bytes, Path]]:
        """Yield what waits on one of them, as it came."""
        sock, local = self._ends[descriptor]
        with contextlib.suppress(OSError):  # nothing more, or an ICMP error
            while True:
                data, remote = sock.recvfrom(_BUFFER)
                yield data, Path(local, remote, local[1] == _NAT_PORT)

    def send(self, data: bytes, path: Path) -> None:
        """Send a datagram as it stands."""
        with contextlib.suppress(OSError):
            self._by_path[path.local].sendto(data, path.remote)


class _World:
    """The endpoint of all peers, its sockets and packet streams."""

    def __init__(self, pipe: Connection, count: int) -> None:
        self._pipe = pipe
        self._sockets = _Sockets(count)
        self._sockets.poll.register(pipe.fileno(), select.EPOLLIN)
        entropy = System()
        self._endpoint = Endpoint(entropy, SpiPool(entropy), _LIMITS)
        self._profiles = [_profile(number) for number in range(count)]
        self._endpoint.handle(Configured(tuple(self._profiles)), 0.0)
        self._streams = Streams(min(STREAMS, count))
        self._children: dict[int, ChildSpec] = {}  # by our inbound SPI
        self._up: dict[str, bytes] = {}  # the IKE SA of each tunnel that has a child
        self._asked: dict[int, float] = {}  # the children being renewed, and since when
        self._answers: list[float] = []
        self._failed = 0

    # -- what is asked of them ------------------------------------------------------------------
    def serve(self) -> None:
        """Do what the pipe says until its other end is gone."""
        while True:
            if self._turn(1.0):
                self._pipe.send(self._obey(self._pipe.recv()))

    def _obey(self, order: Order) -> object:
        began = time.perf_counter()
        match order:
            case Up():
                self._bring_up([self._profiles[n] for n in order.numbers], order.at_once)
            case Wait():
                self._until(lambda: len(self._up) >= order.count)
            case Down():
                self._take_down([self._profiles[n].name for n in order.numbers])
            case Rekey():
                return self._storm(order.seconds)
        return time.perf_counter() - began

    def _bring_up(self, profiles: list[Profile], at_once: int) -> None:
        goal, waiting = len(self._up) + len(profiles), profiles[::-1]
        deadline = time.monotonic() + _PATIENCE
        while len(self._up) < goal:
            while waiting and goal - len(self._up) - len(waiting) < at_once:
                profile = waiting.pop()
                (local,) = profile.local
                path = Path((local, _IKE_PORT), (GATEWAY, _IKE_PORT))
                self._handle(Initiate(profile, path))
            self._turn(0.5)
            if time.monotonic() > deadline:
                raise LabError(f"{len(self._up)} of {goal} tunnels within {_PATIENCE:g} s")

    def _take_down(self, names: list[str]) -> None:
        for name in names:
            sa = self._up.pop(name)
            before = len(self._children)
            self._handle(CloseWanted(sa))
            self._until(lambda: len(self._children) < before)  # noqa: B023 - called at once

    def _until(self, is_done: Any) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not is_done():
            self._turn(0.5)
            if time.monotonic() > deadline:
                raise LabError(f"only {len(self._up)} tunnels after {_PATIENCE:g} s")

    def _storm(self, seconds: float) -> Storm:
        """Renew the children one after another at a steady pace, in no order."""
        self._streams.reset()
        self._answers.clear()
        self._asked.clear()
        self._failed = 0
        due = sorted(self._children, key=lambda spi: spi * 2654435761 % (1 << 32))
        began = time.monotonic()
        renewed = requests = 0
        while (now := time.monotonic()) < began + seconds:
            elapsed = now - began
            while renewed < min(len(due), len(due) * elapsed / (seconds - _GRACE)):
                spi = due[renewed]
                renewed += 1
                self._asked[spi] = time.monotonic()
                self._handle(RekeyWanted(spi, "storm"))
            while requests < elapsed * _REQUESTS:
                requests += 1
                for data, path in self._streams.next_request():
                    self._sockets.send(data, path)
            self._turn(1 / _REQUESTS)
        ends = time.monotonic() + _GRACE
        while self._asked or time.monotonic() < ends:
            self._turn(0.1)
            if time.monotonic() > ends + _PATIENCE:
                break
        failed = self._failed + len(self._asked)
        streams = self._streams
        return Storm(tuple(self._answers), len(streams.sent), streams.lost, failed)

    # -- what happens to them -------------------------------------------------------------------
    def _turn(self, patience: float) -> bool:
        """Handle what has come, and what is due; tell whether the pipe has something."""
        due = self._endpoint.next_timeout()
        if due is not None:
            patience = min(patience, max(0.0, due - time.monotonic()))
        is_asked = False
        for descriptor, _ in self._sockets.poll.poll(patience):
            if descriptor == self._pipe.fileno():
                is_asked = True
                continue
            for data, path in self._sockets.receive(descriptor):
                self._receive(data, path)
        if due is not None and due <= time.monotonic():
            self._carry_out(self._endpoint.handle_timeout(time.monotonic()))
        return is_asked

    def _receive(self, data: bytes, path: Path) -> None:
        if not path.encapsulated:
            self._handle(DatagramReceived(data, path))
        elif data.startswith(_MARKER):
            self._handle(DatagramReceived(data[len(_MARKER) :], path))
        elif len(data) > _KEEPALIVE:
            self._streams.take(data, path.remote)

    def _handle(self, event: Event) -> None:
        self._carry_out(self._endpoint.handle(event, time.monotonic()))

    def _carry_out(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Send(data, path):
                    self._sockets.send(_MARKER + data if path.encapsulated else data, path)
                case Authorize():
                    self._handle(Authorized(action.sa, Secret(KEY.encode())))
                case InstallChild(spec):
                    self._children[spec.inbound_spi] = spec
                    if spec.path.esp_in_udp:
                        self._streams.install(spec)
                case UseChild(spi):
                    self._streams.use(spi)
                case RetireChild(spi):
                    self._streams.retire(spi)
                case RemoveChild(spi):
                    del self._children[spi]
                    self._streams.remove(spi)
                case ChildEstablished():
                    self._up[action.connection] = action.sa
                    asked = self._asked.pop(action.replaces, None)
                    if asked is not None:
                        self._answers.append(time.monotonic() - asked)
                case Failed():
                    self._failed += 1
                case Broken():
                    raise LabError(action.traceback)
                case _:
                    pass


def _profile(number: int) -> Profile:
    """Return the connection as its peer has it."""
    here, there = TrafficSelector.from_cidr(inner(number)), TrafficSelector.from_cidr(HOSTS)
    address = outer(number)
    return Profile(
        name=f"p{number}",
        local_id=Identity.of_address(address),
        remote_id=Identity.of_address(GATEWAY),
        ike_proposals=(parse_proposal(IKE, Protocol.IKE),),
        esp_proposals=(parse_proposal(ESP, Protocol.ESP),),
        children=(ChildProfile((here,), (there,)),),
        remote=frozenset((GATEWAY,)),
        local=frozenset((address,)),
        force_encap=number < STREAMS,
        dpd=False,
    )


def _serve(pipe: Connection, count: int) -> None:
    """Be the peers until the other end of the pipe is gone: this is the second process."""
    world = _World(pipe, count)
    try:
        world.serve()
    except EOFError:
        return
    except LabError as error:
        pipe.send(str(error))
