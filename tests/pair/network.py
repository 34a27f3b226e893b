"""Two endpoints, a clock that only moves when told, and a wire that loses, doubles and reorders.

net = Network(IKEV2)
net.initiate("moon")         # carries out everything up to quiescence
net.stream()                 # each end sends packets through the tunnel
net.sleep(10)                # time passes, timers fire in order
"""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from ikecore.actions import (
    Action,
    AskCredentials,
    AskLease,
    Authorize,
    Broken,
    CheckUser,
    Closed,
    Dropped,
    Established,
    Failed,
    Send,
    Traced,
)
from ikecore.diagnosis import Diagnosis
from ikecore.endpoint import VersionEndpoint
from ikecore.entropy import Entropy
from ikecore.events import (
    ChildrenHeard,
    Configured,
    DatagramReceived,
    Event,
    Initiate,
)
from ikecore.profile import Limits, Profile
from ikecore.spipool import SpiPool
from ikecore.trace import KeysDerived, MessageTraced
from policy.path import Path

from .deletes import Deletes
from .hosts import ADDRESS, Dice, Host, WatchedPool
from .traffic import Packet, Stream, Traffic
from .wire import NEVER, OTHER, Ear, Letter, M, Wire

A = TypeVar("A", bound=Action)


@dataclass(frozen=True, slots=True)
class Version(Generic[M]):
    """What one IKE version brings to a network.

    ``reports_every`` so many seconds an end's worker says which children it heard; 0: never.
    """

    endpoint: Callable[[Entropy, SpiPool, Limits | None], VersionEndpoint]
    profile: Callable[[str], Profile]
    ear: Callable[[], Ear[M]]
    reports_every: float = 0.0


class Network(Wire[M]):
    """Moon and sun, and all that was on the wire between them."""

    def __init__(
        self,
        version: Version[M],
        moon: Profile | None = None,
        sun: Profile | None = None,
        limits: Mapping[str, Limits] | None = None,
        seed: int = 1,
        addresses: Mapping[str, str] = ADDRESS,
    ) -> None:
        super().__init__(version.ear())
        self._version = version
        self.random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self.traffic = Traffic()
        self.deletes = Deletes()
        self._next_report = NEVER
        self._seed = seed
        self._limits = limits or {}
        self.hosts: dict[str, Host] = {}
        for name, given in (("moon", moon), ("sun", sun)):
            mine = given or version.profile(name)
            self.hosts[name] = self._host(name, mine, addresses[name])
            self.tell(name, Configured((mine,)))

    def _host(self, name: str, profile: Profile, address: str) -> Host:
        self._seed += 1000
        dice = Dice(self._seed)
        pool = WatchedPool(dice)
        endpoint = self._version.endpoint(dice, pool, self._limits.get(name))
        return Host(dice, pool, endpoint, profile, address)

    def address_of(self, name: str) -> str:
        """Return an end's own address."""
        return self.hosts[name].address

    # -- what a test does -----------------------------------------------------------------------
    def initiate(self, name: str, *, settle: bool = True) -> None:
        """Let one end start; with ``settle`` until nothing flies any more."""
        path = Path((self.hosts[name].address, 500), (self.seen_at(OTHER[name]), 500))
        self.tell(name, Initiate(self.hosts[name].profile, path))
        if settle:
            self.settle()

    def tell(self, name: str, event: Event) -> list[Action]:
        """Give an event to one end and carry out what it wants."""
        actions = self.hosts[name].endpoint.handle(event, self.now)
        self._carry_out(name, actions)
        return actions

    def stream(
        self,
        every: float = 0.05,
        moon: str = "10.1.0.9",
        sun: str = "10.2.0.9",
        senders: tuple[str, ...] = ("moon", "sun"),
    ) -> None:
        """Let each sender send the other end a packet every so many seconds from now on."""
        self.traffic.streams.append(Stream(moon, sun, every, self.now, senders))

    def settle(self) -> None:
        """Deliver all that flies, without letting timers fire."""
        while self.next_arrival < NEVER:
            self._deliver_next()

    def sleep(self, seconds: float) -> None:
        """Let time pass: datagrams arrive, packets leave and timers fire, in order."""
        until = self.now + seconds
        while True:
            waits = [(h.endpoint.next_timeout(), n) for n, h in self.hosts.items()]
            timer = min(((t, n) for t, n in waits if t is not None), default=(NEVER, ""))
            first = min(self.next_arrival, self.traffic.next_at, timer[0], self._next_report)
            if first > until:
                break
            if self.next_arrival == first:
                self._deliver_next()
                continue
            self.now = max(self.now, first)
            if self.traffic.next_at == first:
                self._send_packets()
            elif self._next_report == first:
                self._report()
            else:
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
        found: dict[bytes, None] = {}
        for action in self.hosts[name].log:
            if isinstance(action, Established):
                found[action.sa] = None
                found.pop(action.replaces, None)
            elif isinstance(action, Closed):
                found.pop(action.sa, None)
        return list(found)

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
        assert all(host.spis.owed == host.children.keys() for host in self.hosts.values())

    # -- the ends -------------------------------------------------------------------------------
    def _carry_out(self, name: str, actions: list[Action]) -> None:
        host = self.hosts[name]
        host.log += actions
        for action in actions:
            match action:
                case Send():
                    self._send(name, action)
                case Authorize() if host.answers_authorize:
                    self.tell(name, host.answer(action))
                case AskCredentials() | CheckUser() | AskLease() if host.answers_users:
                    self.tell(name, host.answer(action))
                case Traced(record=KeysDerived() as keys):
                    self.ear.learn(keys)
                case Broken():
                    raise AssertionError(action.traceback)
                case _:
                    host.worker.carry_out(action)

    def _send(self, name: str, send: Send) -> None:
        letter = self.post(name, send)
        if letter is not None:
            self._leaves(name, letter)

    def _leaves(self, name: str, letter: Letter) -> None:
        """Take it that an IKE message leaves an end."""

    def _arrives(self, name: str, data: bytes) -> None:
        """Take it that a datagram comes to an end."""

    def _deliver_next(self) -> None:
        arrival = self.take()
        if isinstance(arrival.what, Packet):
            self._receive_packet(arrival.name, arrival.what)
        else:
            self._arrives(arrival.name, arrival.what.data)
            self.tell(arrival.name, arrival.what)

    # -- packets --------------------------------------------------------------------------------
    def _send_packets(self) -> None:
        for stream in self.traffic.streams:
            if stream.next_at <= self.now:
                stream.next_at += stream.every
                for name in stream.senders:
                    child = self.hosts[name].worker.seal(stream.flows[name])
                    self.traffic.sent[name] += 1
                    if child is None:
                        self.traffic.blocked.append((self.now, name))
                        continue
                    self.deletes.judge(name, child.inbound_spi, child.outbound_spi, self.now)
                    packet = Packet(name, self.traffic.sent[name], child, self.now)
                    self.traffic.last[name] = packet
                    self.traffic.lost_by_wire += not self.throw(packet)

    def _receive_packet(self, name: str, packet: Packet) -> None:
        worker, spi = self.hosts[name].worker, packet.child.outbound_spi
        if worker.open(spi):
            self.traffic.arrived[packet.sender] += 1
            worker.heard.add(spi)
            if self._version.reports_every and self._next_report == NEVER:
                self._next_report = self.now + self._version.reports_every
        else:
            self.traffic.lost.append(replace(packet, is_late=spi in worker.former))

    def _report(self) -> None:
        self._next_report = NEVER
        for name, host in self.hosts.items():
            heard, host.worker.heard = frozenset(host.worker.heard), set()
            if heard:
                self.tell(name, ChildrenHeard(heard))


def only(kind: type[A], actions: Iterable[Action]) -> list[A]:
    """Return the actions of one kind, in order."""
    return [action for action in actions if isinstance(action, kind)]
