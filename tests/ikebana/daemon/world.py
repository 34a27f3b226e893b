"""Two gateways, moon and sun, in one process and without root.

Real are the gateways, their endpoints, the packet workers and the UDP sockets, on two addresses
of the loopback; a socket pair stands for each TUN device, a dictionary for the routes, and the
clock only moves when told.  Daemon and worker exchange packed messages, which are delivered in
:meth:`World.settle`.
"""

import select
import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address

from ikebana.config.compile import Plan, compile_config
from ikebana.control.view import ConnectionState, LogLine
from ikebana.daemon.gateway import Gateway
from ikebana.daemon.journal import Journal
from ikebana.daemon.orders import RouteState
from ikebana.daemon.outlet import Outlet
from ikebana.daemon.performer import Performer
from ikebana.daemon.sockets import Sockets
from ikebana.daemon.tunnels import Tunnel
from ikebana.worker.carrier import Descriptors
from ikebana.worker.messages import Install, Message, pack, unpack
from ikebana.worker.worker import Worker
from ikecore.child import ChildSpec
from ikecore.trace import KeysDerived
from policy.flow import Flow
from policy.path import Path
from policy.spd import Policy
from tests.ikebana.config.sample import KEY, config
from tests.ikebana.daemon.clock import Clock
from tests.ikebana.daemon.ports import free_ports
from tundev.lookup import Fate, Way

MOON, SUN = "127.0.0.1", "127.0.0.2"
PEER = {MOON: SUN, SUN: MOON}
NETS = {MOON: "10.1.0.0/24", SUN: "10.2.0.0/24"}
INSIDE = {MOON: "10.1.0.1", SUN: "10.2.0.1"}


def connection(here: str, lines: str = "", name: str = "net", peer: str = "") -> str:
    """Return a connection between moon's and sun's networks as ``here`` has it."""
    nets = "" if "_subnets" in lines or "_cidrs" in lines else subnets(here)
    return (
        f'[[connection]]\nname = "{name}"\npeer = "{peer or PEER[here]}"\npsk = "{KEY}"\n'
        f"force_encap = true\n{nets}{lines}\n"
    )


def subnets(here: str) -> str:
    return f'local_subnets = ["{NETS[here]}"]\nremote_subnets = ["{NETS[PEER[here]]}"]\n'


def packet(source: str, target: str, payload: bytes = b"hello") -> bytes:
    """Return an IPv4 packet of a protocol for experiments, its header checksum left out."""
    length = (20 + len(payload)).to_bytes(2, "big")
    head = b"\x45\0" + length + b"\0\1\0\0\x40\xfd\0\0"
    return head + IPv4Address(source).packed + IPv4Address(target).packed + payload


class FakeNames:
    """A resolver that answers at once, or when the test lets it."""

    def __init__(self) -> None:
        self.addresses: dict[str, tuple[str, ...]] = {}
        self.asked: list[str] = []
        self.is_slow = False
        self._waiting: dict[str, tuple[str, Callable[[tuple[str, ...], str], None]]] = {}

    def look_up(
        self, key: str, host: str, then: Callable[[tuple[str, ...], str], None], *, anew: bool
    ) -> None:
        if key in self._waiting and not anew:
            return
        self.asked.append(host)
        self._waiting[key] = (host, then)
        if not self.is_slow:
            self.answer()

    def answer(self) -> None:
        for key in list(self._waiting):
            host, then = self._waiting.pop(key)
            then(self.addresses.get(host, ()), f"{host}: no such name")

    def cancel(self, key: str) -> None:
        self._waiting.pop(key, None)

    def close(self) -> None:
        self._waiting.clear()


class Box:
    """One machine: what the kernel and the worker's process are to a gateway."""

    def __init__(self, address: str, clock: Clock, ports: tuple[int, int]) -> None:
        self.address = address
        self.addresses = frozenset((address,))
        self.clock = clock
        self.ports = ports
        self.names = FakeNames()
        self.sockets = Sockets((address,), 0, *ports, with_esp=False)
        self.tun, self._device = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self.tun, self._device):
            end.setblocking(False)
        self.restarts = 0
        self.worker_pid = 1
        self.worker_works = True
        self.loses_installs = False
        self.worker = self._new_worker()
        self.to_do: list[Message] = []
        self.told: list[Message] = []
        self.routes: dict[str, RouteState] = {}
        self.route_story: list[str] = []
        self.keys: list[object] = []
        self.mtu = 0
        self.inner: frozenset[str] = frozenset()
        self.policies: tuple[Policy, ...] = ()
        self.next_way: Callable[[Flow], Way] = lambda _: Way(Fate.DEVICE, "ikebana0")
        self.journal = Journal(lambda: clock.now)

    def start(self, plan: Plan) -> None:
        self.gateway = Gateway(plan, self, self.journal, self.clock.loop, self.names)
        self.gateway.start()

    @property
    def outlet(self) -> Outlet:
        return self.gateway.outlet

    @property
    def performer(self) -> Performer:
        return self.gateway.performer

    def plan(self, *connections: str) -> Plan:
        head = (
            f'[gateway]\nname = "box"\naddresses = ["{self.address}"]\n'
            f"port = {self.ports[0]}\nnat_port = {self.ports[1]}\n"
        )
        return compile_config(config(head + "\n".join(connections)))

    def _new_worker(self) -> Worker:
        worker = Worker()
        worker.attach(Descriptors(self._device.fileno(), self.sockets.nat))
        return worker

    # -- what the gateway asks ------------------------------------------------------------------
    @property
    def listening(self) -> tuple[str, ...]:
        return self.sockets.listening

    def send(self, data: bytes, path: Path) -> bool:
        return self.sockets.send(data, path)

    def send_keepalive(self, path: Path) -> None:
        self.sockets.send_keepalive(path)

    def to_worker(self, message: Message) -> bool:
        if not (self.loses_installs and isinstance(message, Install)):
            self.to_do.append(unpack(pack(message)))
        self.told.append(message)
        return True

    def begin_routes(self, tunnel: Tunnel) -> None:
        self.routes[tunnel.name] = tunnel.routes
        self.route_story.append(f"begin {tunnel.name}")

    def set_routes(self, tunnel: Tunnel) -> None:
        self.routes[tunnel.name] = tunnel.routes
        self.route_story.append(f"{tunnel.routes.value} {tunnel.name}")

    def end_routes(self, tunnel: Tunnel) -> None:
        self.route_story.append(f"end {tunnel.name}")

    def set_addresses(self, addresses: frozenset[str]) -> None:
        self.inner = addresses

    def set_policies(self, policies: tuple[Policy, ...]) -> None:
        self.policies = policies

    def way(self, flow: Flow) -> Way:
        return self.next_way(flow)

    def usable(self) -> frozenset[str]:
        return self.addresses

    def fit_mtu(self, mtu: int) -> None:
        self.mtu = max(self.mtu, mtu)

    def keylog(self, record: KeysDerived) -> None:
        self.keys.append(record)

    def keylog_child(self, spec: ChildSpec) -> None:
        self.keys.append(spec)

    # -- what a test does -----------------------------------------------------------------------
    def crash_worker(self) -> None:
        """Let the worker end and another take its place, as the supervisor does."""
        self.to_do.clear()
        self.worker = self._new_worker()
        self.restarts += 1
        self.gateway.on_worker_restarted()

    def step(self) -> bool:
        """Do what waits; tell whether there was anything."""
        busy = False
        while self.to_do and self.worker_works:
            self.worker.handle(self.to_do.pop(0))
            busy = True
        for sock in self.sockets.ike.values():
            for data, path in self.sockets.receive(sock):
                self.gateway.on_datagram(data, path)
                busy = True
        if not self.worker_works:
            return busy
        readable = select.select([self._device, *self.sockets.nat.values()], [], [], 0)[0]
        for sock in readable:
            busy = True
            if sock is self._device:
                self.worker.on_tun(self.clock.now)
            else:
                self.worker.on_udp(sock, self.clock.now)
        outbox = self.worker.outbox[:]
        self.worker.outbox.clear()
        for message in outbox:
            busy = True
            self.gateway.on_worker(unpack(pack(message)))
        return busy

    def report(self) -> None:
        """Let the worker tell its counters, as it does every second."""
        self.worker.report()

    # -- what a test looks at -------------------------------------------------------------------
    @property
    def tunnel(self) -> Tunnel:
        return self.gateway.tunnels["net"]

    @property
    def state(self) -> ConnectionState:
        return self.tunnel.core.state

    @property
    def installed(self) -> list[Install]:
        return [message for message in self.told if isinstance(message, Install)]

    def came_out(self) -> list[bytes]:
        """Return the packets that came out of the TUN device."""
        found = []
        while select.select([self.tun], [], [], 0)[0]:
            found.append(self.tun.recv(65535))
        return found

    def lines(self, name: str | None = None) -> Sequence[LogLine]:
        return self.journal.lines(name)

    def close(self) -> None:
        self.sockets.close()
        self.tun.close()
        self._device.close()


class World:
    """Moon and sun; ``with`` closes what they opened."""

    def __init__(self) -> None:
        self.clock = Clock()
        ports = free_ports(MOON, SUN)
        self.moon = Box(MOON, self.clock, ports)
        self.sun = Box(SUN, self.clock, ports)

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_: object) -> None:
        self.moon.close()
        self.sun.close()

    def start(self, moon: str = "", sun: str = 'initiation = "passive"') -> None:
        """Start both with one connection, each with more lines; the peer of an active one first."""
        self.sun.start(self.sun.plan(connection(SUN, sun)))
        self.moon.start(self.moon.plan(connection(MOON, moon)))
        self.settle()

    def settle(self) -> None:
        """Deliver everything, without letting time pass."""
        for _ in range(1000):
            if not any([self.moon.step(), self.sun.step()]):
                return
        raise AssertionError("they never come to rest")

    def sleep(self, seconds: float) -> None:
        self.settle()
        self.clock.sleep(seconds, self.settle)
        self.settle()

    def passes(self, payload: bytes = b"hello") -> bool:
        """Tell whether a packet from each side comes out of the other, octet for octet."""
        there = packet(INSIDE[MOON], INSIDE[SUN], payload)
        back = packet(INSIDE[SUN], INSIDE[MOON], payload)
        self.moon.came_out(), self.sun.came_out()
        self.moon.tun.send(there)
        self.settle()
        self.sun.tun.send(back)
        self.settle()
        return self.sun.came_out() == [there] and self.moon.came_out() == [back]
