"""A gateway without the kernel: the daemon's runner and connection, the worker's engine, lists.

TUN (a list) ── Engine ──┐
                         ├── outer IP packets (a list) ── the other gateway
Runner ── Endpoint ──────┘
"""

import socket
from collections.abc import Callable, Sequence
from typing import Final

from esp.counters import Counters
from esp.engine import Engine
from ikebana.config.compile import Plan
from ikebana.control.view import ConnectionView
from ikebana.daemon.entropy import SystemEntropy
from ikebana.daemon.orders import CloseAll, Note, Order, SetRoutes, Try
from ikebana.daemon.runner import Asked, Report, Runner
from ikebana.daemon.tally import Counts
from ikebana.daemon.tunnels import make_tunnel
from ikebana.daemon.views import connection_view
from ikebana.demo.ping import ipv4
from ikebana.worker.children import child_of
from ikebana.worker.messages import Done, Install, Message, Remove, Retire, Use
from ikecore.actions import Assigned, Broken, ChildEstablished, Established
from ikecore.child import ChildSpec
from ikecore.events import Configured, DatagramReceived, Initiate, Refused
from ikecore.spipool import SpiPool
from ikecore.trace import Record
from ikev2.endpoint import Endpoint
from policy.path import Path
from policy.spd import Spd
from policy.treatment import Treatment
from suites.secret import Secret

_UDP: Final = 17
_ESP: Final = 50
_MTU: Final = 1500
_MARKER: Final = bytes(4)  # RFC 3948 section 2.2


class MemoryGateway:
    """Moon or sun: ``outbox`` is what it puts on the wire, ``tun`` what it hands to its network."""

    def __init__(self, plan: Plan, outside: str, peer: str, clock: Callable[[], float]) -> None:
        entropy = SystemEntropy()
        self._tunnel = make_tunnel(plan.tunnels[0], entropy)
        self._path = Path((outside, plan.gateway.port), (peer, plan.gateway.port))
        self._nat_port = plan.gateway.nat_port
        self._clock = clock
        self._endpoint = Endpoint(entropy, SpiPool(entropy), plan.gateway.limits)
        self._runner = Runner(self._endpoint, self, clock)
        self._profile = self._tunnel.plan.profile(outside, frozenset((peer,)))
        self._done: list[Done] = []
        self.engine = Engine(Spd((self._tunnel.policy,)), Counters())
        self.outbox: list[bytes] = []
        self.tun: list[bytes] = []
        self.records: list[Record] = []
        self.failures: list[str] = []
        self._runner.handle(Configured((self._profile,)))

    # -- what one does with a gateway -----------------------------------------------------------
    def up(self) -> None:
        """Start the connection."""
        self._perform(self._tunnel.core.up(self._clock()))

    def send(self, data: bytes, path: Path) -> bool:
        """Put an IKE message on the wire (the runner's wish)."""
        payload = _MARKER + data if path.encapsulated else data
        self._put(_UDP, path, _udp(path, payload))
        return True

    def from_tun(self, packets: Sequence[bytes]) -> None:
        """Seal packets of the gateway's own network and put them on the wire."""
        batch = self.engine.seal_batch(packets)
        for child, packet, _ in batch.sealed:
            if child.path.esp_in_udp:
                self._put(_UDP, child.path, _udp(child.path, packet))
            else:
                self._put(_ESP, child.path, packet)
        self.tun += batch.inward

    def from_wire(self, packets: Sequence[bytes]) -> None:
        """Take IPv4 packets without options from the wire."""
        opaque: list[tuple[bytes, object]] = []
        for packet in packets:
            local, remote = socket.inet_ntoa(packet[16:20]), socket.inet_ntoa(packet[12:16])
            if packet[9] == _ESP:
                opaque.append((packet[20:], (remote, 0)))
                continue
            source, target = (int.from_bytes(packet[at : at + 2], "big") for at in (20, 22))
            payload = packet[28:]
            path = Path((local, target), (remote, source), target == self._nat_port)
            if path.encapsulated and payload[:4] != _MARKER:
                opaque.append((payload, path.remote))
            else:
                data = payload[4:] if path.encapsulated else payload
                self._runner.handle(DatagramReceived(data, path))
        if opaque:
            self.tun += self.engine.open_batch(opaque).inner

    def acknowledge(self) -> bool:
        """Let the runner know what the engine has done; tell whether there was something."""
        done, self._done = self._done, []
        for one in done:
            self._runner.acknowledgements.done(one)
        return bool(done)

    def view(self) -> ConnectionView:
        """Return what `ikebana status` would show."""
        now = self._clock()
        for spi, child in self.engine.children.items():
            counts = self._tunnel.counts.get(spi)
            if counts is not None:
                into, out = child.inbound, child.outbound
                counts.update((into.packets, into.octets, out.packets, out.octets), now)
        return connection_view(self._tunnel, now)

    def _put(self, protocol: int, path: Path, body: bytes) -> None:
        self.outbox.append(ipv4(path.local[0], path.remote[0], protocol, body))

    # -- what the runner acts on ----------------------------------------------------------------
    def send_keepalive(self, path: Path) -> None:
        """Put a NAT keepalive on the wire."""
        self._put(_UDP, path, _udp(path, b"\xff"))

    def to_worker(self, message: Message) -> bool:
        """Do what the packet worker would, acknowledged by :meth:`acknowledge`."""
        match message:
            case Install():
                child = child_of(message)
                self.engine.install(child, standby=message.standby)
                self._done.append(Done(message.token, mtu=child.mtu))
            case Remove():
                self.engine.remove(message.inbound_spi)
                self._done.append(Done(message.token))
            case Use():
                self.engine.use(message.inbound_spi)
            case Retire():
                self.engine.retire(message.inbound_spi)
            case _:
                pass
        return True

    def key_of(self, connection: str) -> Secret | None:
        """Return the pre-shared key."""
        return self._tunnel.plan.psk if connection == self._tunnel.name else None

    def answer(self, asked: Asked) -> Refused:
        """Refuse: there are no clients here."""
        return Refused(asked.sa)

    def assigned(self, _assigned: Assigned) -> None:
        """Take no inner address."""

    def path_mtu(self, path: Path) -> int:
        """Return the wire's MTU."""
        return _MTU if path.remote else 0

    def treatment_of(self, _connection: str) -> Treatment:
        """Return how packets are wrapped."""
        return self._tunnel.plan.treatment

    def installed(self, spec: ChildSpec, mtu: int) -> None:
        """Take note of the largest inner packet."""
        if spec.connection == self._tunnel.name:
            self._tunnel.mtu = mtu

    def report(self, report: Report) -> None:
        """Tell the connection."""
        now = self._clock()
        match report:
            case Established():
                self._tunnel.established_at[report.sa] = now
            case ChildEstablished():
                self._tunnel.counts[report.inbound_spi] = Counts(since=now)
            case _:
                pass
        self._perform(self._tunnel.core.handle(report, now))

    def trace(self, record: Record) -> None:
        """Keep a record for the ladder."""
        self.records.append(record)

    def count(self, reason: str) -> None:
        """Count a dropped datagram."""
        self.engine.counters.count(f"ike_{reason}")

    def broken(self, broken: Broken) -> None:
        """Keep a bug's traceback."""
        self.failures.append(broken.traceback)

    def _perform(self, orders: Sequence[Order]) -> None:
        for order in orders:
            match order:
                case Try():
                    self._runner.handle(Initiate(self._profile, self._path))
                case CloseAll() | SetRoutes():
                    pass  # there are no routes, and nothing is closed before the process ends
                case Note():
                    self.failures += order.text
                case _:
                    pass


def _udp(path: Path, payload: bytes) -> bytes:
    ports = path.local[1], path.remote[1]
    words = (*ports, 8 + len(payload), 0)  # a checksum of 0: none (RFC 768)
    return b"".join(word.to_bytes(2, "big") for word in words) + payload
