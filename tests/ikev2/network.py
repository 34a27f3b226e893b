"""Two endpoints, a clock that only moves when told, and a wire that loses, doubles and reorders.

net = Network()
net.initiate("moon")         # carries out everything up to quiescence
net.sleep(10)                # time passes, timers fire in order
"""

import heapq
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TypeVar

from ikecore.actions import (
    Action,
    Authorize,
    Broken,
    Closed,
    Dropped,
    Established,
    Failed,
    InstallChild,
    MoveChild,
    RemoveChild,
    Send,
    Traced,
)
from ikecore.child import ChildSpec
from ikecore.diagnosis import Diagnosis
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
from ikecore.profile import ChildProfile, Limits, Profile
from ikecore.proposals import Protocol
from ikecore.spipool import SpiPool
from ikecore.trace import MessageTraced
from ikev2.endpoint import Endpoint
from policy.path import Path
from policy.selectors import TrafficSelector
from suites.secret import Secret

A = TypeVar("A", bound=Action)

MOON, SUN = "192.0.2.1", "192.0.2.2"
ADDRESS = {"moon": MOON, "sun": SUN}
NETS = {"moon": "10.1.0.0/24", "sun": "10.2.0.0/24"}
OTHER = {"moon": "sun", "sun": "moon"}
DELAY = 0.01


class Dice:
    """Entropy that gives the same octets in every run."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def octets(self, count: int) -> bytes:
        return self._random.randbytes(count)


class WatchedPool(SpiPool):
    """An SPI pool whose debts can be seen: what an SA takes it gives back."""

    def __init__(self, entropy: Dice) -> None:
        super().__init__(entropy)
        self.owed: set[int] = set()

    def take(self, now: float) -> int:
        spi = super().take(now)
        self.owed.add(spi)
        return spi

    def free(self, spi: int, now: float) -> None:
        self.owed.discard(spi)
        super().free(spi, now)


def profile(
    local: str = "moon",
    ike: tuple[str, ...] = ("aes128gcm16-prfsha256-x25519",),
    esp: tuple[str, ...] = ("aes128gcm16",),
    **changes: object,
) -> Profile:
    """Return the connection between moon's and sun's networks as ``local`` sees it."""
    remote = OTHER[local]
    made = Profile(
        name="net",
        local_id=Identity.parse(f"{local}.lab"),
        remote_id=Identity.parse(f"{remote}.lab"),
        ike_proposals=tuple(parse_proposal(p, Protocol.IKE) for p in ike),
        esp_proposals=tuple(parse_proposal(p, Protocol.ESP) for p in esp),
        children=(ChildProfile(selectors(NETS[local]), selectors(NETS[remote])),),
        remote=frozenset((ADDRESS[remote],)),
    )
    if "local_ts" in changes or "remote_ts" in changes:  # of the one child
        one = {key: changes.pop(key) for key in ("local_ts", "remote_ts") if key in changes}
        changes["children"] = (replace(made.children[0], **one),)  # type: ignore[arg-type]
    return replace(made, **changes)  # type: ignore[arg-type]  # a test names the fields


def selectors(*cidrs: str) -> tuple[TrafficSelector, ...]:
    return tuple(map(TrafficSelector.from_cidr, cidrs))


@dataclass
class Nat:
    """A router in front of one end that gives its packets another address and other ports."""

    outside: str
    ports: dict[int, int] = field(default_factory=lambda: {500: 40500, 4500: 44500})

    def outwards(self, inside: tuple[str, int]) -> tuple[str, int]:
        return self.outside, self.ports[inside[1]]

    def inwards(self, outside: tuple[str, int], inside: str) -> tuple[str, int] | None:
        back = {out: port for port, out in self.ports.items()}
        if outside[0] != self.outside or outside[1] not in back:
            return None
        return inside, back[outside[1]]


@dataclass
class Host:
    """One end: its endpoint, its key, and what its worker holds."""

    spis: WatchedPool
    endpoint: Endpoint
    profile: Profile
    address: str
    psk: bytes = b"a shared secret of the lab"
    answers_authorize: bool = True
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
        addresses: Mapping[str, str] = ADDRESS,
    ) -> None:
        self.now = 0.0
        self.random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self.lose: Callable[[Send], bool] = lambda _: False
        self.copies: Callable[[Send], int] = lambda _: 1
        self.delay: Callable[[Send], float] = lambda _: DELAY
        self.nats: dict[str, Nat] = {}
        self.wire: list[Send] = []
        self._seed = seed
        self._order = count()
        self._flying: list[tuple[float, int, str, DatagramReceived]] = []
        self._limits = limits or {}
        self.hosts: dict[str, Host] = {}
        for name, given in (("moon", moon), ("sun", sun)):
            mine = given or profile(name)
            self.hosts[name] = self._host(name, mine, addresses[name])
            self.tell(name, Configured((mine,)))

    def _host(self, name: str, profile: Profile, address: str) -> Host:
        self._seed += 1000
        dice = Dice(self._seed)
        pool = WatchedPool(dice)
        return Host(pool, Endpoint(dice, pool, self._limits.get(name)), profile, address)

    # -- what a test does -----------------------------------------------------------------------
    def initiate(self, name: str, *, settle: bool = True) -> None:
        """Let one end start; with ``settle`` until nothing flies any more."""
        path = Path((self.hosts[name].address, 500), (self.seen_at(OTHER[name]), 500))
        self.tell(name, Initiate(self.hosts[name].profile, path))
        if settle:
            self.settle()

    def seen_at(self, name: str) -> str:
        """Return the address under which the others know a host."""
        nat = self.nats.get(name)
        return self.hosts[name].address if nat is None else nat.outside

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
            waits = [(h.endpoint.next_timeout(), n) for n, h in self.hosts.items()]
            timer = min(((t, n) for t, n in waits if t is not None), default=(float("inf"), ""))
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
        """Let one end receive a datagram that the other did not send."""
        host = self.hosts[name]
        at = path or Path((host.address, 500), (self.seen_at(OTHER[name]), 500))
        return self.tell(name, DatagramReceived(data, at))

    def configure(self, name: str, *profiles: Profile) -> None:
        """Give one end other connections; the first is what it initiates."""
        self.hosts[name].profile = profiles[0]
        self.tell(name, Configured(profiles))

    def restart(self, name: str) -> None:
        """Let one end forget everything, as after a crash."""
        host = self.hosts[name]
        self.hosts[name] = self._host(name, host.profile, host.address)
        self.tell(name, Configured((host.profile,)))

    # -- what a test looks at -------------------------------------------------------------------
    def seen(self, kind: type[A], name: str) -> list[A]:
        """Return the actions of one kind that one end wanted, in order."""
        return only(kind, self.hosts[name].log)

    def up(self, name: str) -> list[bytes]:
        """Return the IKE SAs that one end holds established."""
        closed = {a.sa for a in self.seen(Closed, name)}
        return [a.sa for a in self.seen(Established, name) if a.sa not in closed]

    def pairs(self, name: str) -> set[tuple[bytes, bytes]]:
        """Return the SPI pairs of the IKE SAs that one end holds established."""
        up = set(self.up(name))
        found = [a for a in self.seen(Established, name) if a.sa in up]
        return {(a.initiator_spi, a.responder_spi) for a in found}

    def failures(self, name: str) -> list[Diagnosis]:
        """Return the diagnoses one end came to."""
        return [f.diagnosis for f in self.seen(Failed, name)]

    def codes(self, name: str) -> list[str]:
        """Return the codes of the diagnoses one end came to."""
        return [str(diagnosis.code) for diagnosis in self.failures(name)]

    def drops(self, name: str) -> list[str]:
        """Return why one end dropped datagrams."""
        return [dropped.reason for dropped in self.seen(Dropped, name)]

    def messages(self, name: str) -> list[MessageTraced]:
        """Return the messages one end traced."""
        records = (traced.record for traced in self.seen(Traced, name))
        return [record for record in records if isinstance(record, MessageTraced)]

    def story(self, name: str) -> list[str]:
        """Return the messages one end traced, as a reader would tell them."""
        return [
            f"{'>' if m.sent else '<'} {m.exchange} {m.message_id} {' '.join(m.labels)}".rstrip()
            for m in self.messages(name)
        ]

    def assert_connected(self) -> None:
        """Both ends hold the same one IKE SA, and one child that mirrors the other's."""
        assert self.pairs("moon") == self.pairs("sun")
        assert len(self.up("moon")) == len(self.up("sun")) == 1
        assert len(self.hosts["moon"].children) == 1
        assert all(host.spis.owed == host.children.keys() for host in self.hosts.values())
        self.assert_mirrored()

    def assert_gone(self) -> None:
        """Neither end holds anything."""
        for name, host in self.hosts.items():
            assert self.up(name) == []
            assert host.children == {}
            assert host.spis.owed == set()

    def assert_mirrored(self) -> None:
        """What is inbound on one end is outbound on the other: SPIs, keys, selectors, algorithm."""
        moon, sun = (self.hosts[name].children for name in ("moon", "sun"))
        theirs = {spec.outbound_spi: spec for spec in sun.values()}
        assert moon.keys() == theirs.keys()
        for spi, mine in moon.items():
            other = theirs[spi]
            assert mine.outbound_spi == other.inbound_spi
            assert (mine.inbound, mine.outbound) == (other.outbound, other.inbound)
            assert (mine.local_ts, mine.remote_ts) == (other.remote_ts, other.local_ts)
            assert str(mine.suite) == str(other.suite)

    # -- the wire -------------------------------------------------------------------------------
    def _carry_out(self, name: str, actions: list[Action]) -> None:
        host = self.hosts[name]
        host.log += actions
        for action in actions:
            match action:
                case Send():
                    self._send(name, action)
                case Authorize() if host.answers_authorize:
                    key = Authorized(action.sa, Secret(host.psk))
                    self.tell(name, key if host.has_key else Refused(action.sa))
                case InstallChild():
                    host.children[action.spec.inbound_spi] = action.spec
                case MoveChild():
                    moved = replace(host.children[action.spi], path=action.path)
                    host.children[action.spi] = moved
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
        arrived = self._translate(name, send.path)
        if arrived is None:
            return
        for _ in range(self.copies(send)):
            event = DatagramReceived(send.data, arrived)
            entry = (self.now + self.delay(send), next(self._order), OTHER[name], event)
            heapq.heappush(self._flying, entry)

    def _translate(self, name: str, path: Path) -> Path | None:
        """Return how the other end sees the datagram, or None if it does not get there."""
        source, target = path.local, path.remote
        if name in self.nats:
            source = self.nats[name].outwards(source)
        other = OTHER[name]
        inside = self.hosts[other].address
        if other in self.nats:
            found = self.nats[other].inwards(target, inside)
            return None if found is None else Path(found, source, path.encapsulated)
        return Path(target, source, path.encapsulated) if target[0] == inside else None

    def _deliver_next(self) -> None:
        at, _, name, event = heapq.heappop(self._flying)
        self.now = max(self.now, at)
        self.tell(name, event)


def only(kind: type[A], actions: Iterable[Action]) -> list[A]:
    """Return the actions of one kind, in order."""
    return [action for action in actions if isinstance(action, kind)]
