"""Two endpoints, a clock that only moves when told, and a wire that loses, doubles and reorders.

net = Network()
net.initiate("moon")         # carries out everything up to quiescence
net.sleep(10)                # time passes, timers fire in order
"""

import heapq
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TypeVar

from ikecore.actions import (
    Action,
    Authorize,
    Broken,
    Closed,
    Established,
    Failed,
    InstallChild,
    RemoveChild,
    Send,
)
from ikecore.child import ChildSpec
from ikecore.events import (
    Authorized,
    Configured,
    DatagramReceived,
    Event,
    Initiate,
    Refused,
)
from ikecore.identities import Identity
from ikecore.keywords import parse_proposal
from ikecore.profile import Limits, Profile
from ikecore.proposals import Protocol
from ikecore.spipool import SpiPool
from ikev2.endpoint import Endpoint
from policy.path import Path
from policy.selectors import TrafficSelector
from suites.secret import Secret

A = TypeVar("A", bound=Action)

MOON, SUN = "192.0.2.1", "192.0.2.2"
ADDRESS = {"moon": MOON, "sun": SUN}
DELAY = 0.01


class Dice:
    """Entropy that gives the same octets in every run."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def octets(self, count: int) -> bytes:
        return self._random.randbytes(count)


def profile(
    local: str = "moon",
    remote: str = "sun",
    ike: tuple[str, ...] = ("aes128gcm16-prfsha256-x25519",),
    esp: tuple[str, ...] = ("aes128gcm16",),
    **changes: object,
) -> Profile:
    """Return a connection between ga.lab's and gb.lab's networks as ``local`` sees it."""
    nets = {"moon": "10.1.0.0/24", "sun": "10.2.0.0/24"}
    made = Profile(
        name="net",
        local_id=Identity.parse(f"{local}.lab"),
        remote_id=Identity.parse(f"{remote}.lab"),
        ike_proposals=tuple(parse_proposal(p, Protocol.IKE) for p in ike),
        esp_proposals=tuple(parse_proposal(p, Protocol.ESP) for p in esp),
        local_ts=(TrafficSelector.from_cidr(nets[local]),),
        remote_ts=(TrafficSelector.from_cidr(nets[remote]),),
        remote=frozenset((ADDRESS[remote],)),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # a test names the fields


@dataclass
class Host:
    """One end: its endpoint, its key, and what its worker holds."""

    endpoint: Endpoint
    profile: Profile
    psk: bytes = b"a shared secret of the lab"
    has_key: bool = True
    children: dict[int, ChildSpec] = field(default_factory=dict)
    log: list[Action] = field(default_factory=list)


class Network:
    """Moon and sun, and all that was on the wire between them."""

    def __init__(
        self,
        moon: Profile | None = None,
        sun: Profile | None = None,
        limits: Mapping[str, Limits] | None = None,
        seed: int = 1,
    ) -> None:
        self.now = 0.0
        self.random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self.lose: Callable[[Send], bool] = lambda _: False
        self.copies: Callable[[Send], int] = lambda _: 1
        self.delay: Callable[[Send], float] = lambda _: DELAY
        self.nat: Callable[[Path], Path] = lambda path: path  # moon's outgoing path, rewritten
        self.wire: list[Send] = []
        self._order = count()
        self._flying: list[tuple[float, int, str, DatagramReceived]] = []
        bounds = limits or {}
        self.hosts: dict[str, Host] = {}
        for at, (name, other, given) in enumerate((("moon", "sun", moon), ("sun", "moon", sun))):
            dice = Dice(seed * 2 + at)
            endpoint = Endpoint(dice, SpiPool(dice), bounds.get(name))
            self.hosts[name] = Host(endpoint, given or profile(name, other))
            self.tell(name, Configured((self.hosts[name].profile,)))

    # -- what a test does -----------------------------------------------------------------------
    def initiate(self, name: str, *, settle: bool = True) -> None:
        """Let one end start; with ``settle`` until nothing flies any more."""
        path = Path((ADDRESS[name], 500), (ADDRESS[_other(name)], 500))
        self.tell(name, Initiate(self.hosts[name].profile, path))
        if settle:
            self.settle()

    def tell(self, name: str, event: Event) -> list[Action]:
        """Give an event to one end and carry out what it wants."""
        actions = self.hosts[name].endpoint.handle(event, self.now)
        self._carry_out(name, actions)
        return actions

    def settle(self) -> None:
        """Deliver all that flies, without letting timers fire."""
        while self._flying:
            self._deliver_next()

    def sleep(self, seconds: float) -> None:
        """Let time pass: datagrams arrive and timers fire, in order."""
        until = self.now + seconds
        while True:
            due = [(t, n) for n, h in self.hosts.items() if (t := h.endpoint.next_timeout())]
            timer = min(due, default=(float("inf"), ""))
            flight = self._flying[0][0] if self._flying else float("inf")
            if min(timer[0], flight) > until:
                break
            if flight <= timer[0]:
                self._deliver_next()
            else:
                self.now = max(self.now, timer[0])
                actions = self.hosts[timer[1]].endpoint.handle_timeout(self.now)
                self._carry_out(timer[1], actions)
        self.now = until

    def inject(self, name: str, data: bytes, path: Path | None = None) -> list[Action]:
        """Let one end receive a datagram from nowhere."""
        at = path or Path((ADDRESS[name], 500), (ADDRESS[_other(name)], 500))
        return self.tell(name, DatagramReceived(data, at))

    def seen(self, kind: type[A], name: str) -> list[A]:
        """Return the actions of one kind that one end wanted, in order."""
        return [action for action in self.hosts[name].log if isinstance(action, kind)]

    def up(self, name: str) -> list[bytes]:
        """Return the IKE SAs that one end holds established."""
        closed = {a.sa for a in self.seen(Closed, name)}
        return [a.sa for a in self.seen(Established, name) if a.sa not in closed]

    def codes(self, name: str) -> list[str]:
        """Return the diagnosis codes one end came to."""
        return [str(f.diagnosis.code) for f in self.seen(Failed, name)]

    # -- the wire -------------------------------------------------------------------------------
    def _carry_out(self, name: str, actions: list[Action]) -> None:
        host = self.hosts[name]
        host.log += actions
        for action in actions:
            match action:
                case Send():
                    self._send(name, action)
                case Authorize():
                    key = Authorized(action.sa, Secret(host.psk))
                    self.tell(name, key if host.has_key else Refused(action.sa))
                case InstallChild():
                    host.children[action.spec.inbound_spi] = action.spec
                case RemoveChild():
                    del host.children[action.spi]
                case Broken():
                    raise AssertionError(action.traceback)
                case _:
                    pass

    def _send(self, name: str, send: Send) -> None:
        self.wire.append(send)
        if self.lose(send):
            return
        seen = self.nat(send.path).reversed if name == "moon" else self._unnat(send.path.reversed)
        arrived = DatagramReceived(send.data, seen)
        for _ in range(self.copies(send)):
            entry = (self.now + self.delay(send), next(self._order), _other(name), arrived)
            heapq.heappush(self._flying, entry)

    def _unnat(self, path: Path) -> Path:
        """Return moon's view of a path whose local end may be its NAT's address."""
        for port in (500, 4500):
            inside = Path((MOON, port), path.remote, path.encapsulated)
            if self.nat(inside).local == path.local:
                return inside
        return path

    def _deliver_next(self) -> None:
        at, _, name, event = heapq.heappop(self._flying)
        self.now = max(self.now, at)
        self.tell(name, event)


def _other(name: str) -> str:
    return "sun" if name == "moon" else "moon"
