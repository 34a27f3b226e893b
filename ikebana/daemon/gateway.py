"""The gateway: connections on one side, the endpoint on the other, one alarm for all their times.

control socket ─► Gateway ─► Connection ─orders─► Gateway ─events─► Runner ─► Endpoint
▲                                    │
└───────────── reports ──────────────┘
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from ipaddress import ip_address
from typing import Final

from esp.counters import DROPS
from ikebana.config.compile import Plan, TunnelPlan
from ikebana.control.view import Level
from ikebana.daemon.alarm import Alarm, Resolver
from ikebana.daemon.connection import (
    CloseSa,
    Ended,
    Note,
    Order,
    RouteState,
    SetRoutes,
    Try,
)
from ikebana.daemon.entropy import SystemEntropy
from ikebana.daemon.journal import Journal
from ikebana.daemon.kernel import Kernel
from ikebana.daemon.runner import Report, Runner
from ikebana.daemon.tell import tell
from ikebana.daemon.tunnels import Counts, Tunnel, make_tunnel
from ikebana.worker.messages import (
    Acquired,
    Done,
    Ike,
    Message,
    Moved,
    Network,
    Policies,
    SoftLimit,
    Traffic,
)
from ikecore.actions import Broken, ChildClosed, ChildEstablished, Closed, Established, Failed
from ikecore.child import ChildSpec
from ikecore.events import (
    ChildrenHeard,
    CloseWanted,
    Configured,
    DatagramReceived,
    Event,
    Initiate,
    PathChanged,
    Unreachable,
)
from ikecore.profile import Profile
from ikecore.spipool import SpiPool
from ikecore.timetable import NEVER, Timetable
from ikecore.trace import Record
from ikev2.endpoint import Endpoint
from policy.path import Path
from suites.secret import Secret
from tundev.paths import default_address, path_mtu

_ANYWHERE: Final = "192.0.2.1"  # RFC 5737: any address shows where the default route leads
Watcher = Callable[[str, Record | Report | Ended], None]


class Gateway:
    """Owns every connection; everything happens on one event loop."""

    def __init__(
        self, plan: Plan, kernel: Kernel, journal: Journal, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.plan = plan
        self.journal = journal
        self.kernel = kernel
        self.tunnels: dict[str, Tunnel] = {}
        self._children: dict[int, Counts] = {}
        self.counts: dict[str, int] = {}
        self.ike_drops: dict[str, int] = {}
        self.watchers: list[Watcher] = []
        self._loop = loop
        self._entropy = SystemEntropy()
        self.endpoint = Endpoint(self._entropy, SpiPool(self._entropy), plan.gateway.limits)
        self._runner = Runner(self.endpoint, self, loop.time)
        self._times = Timetable[str]()
        self._alarm = Alarm(loop, self._on_alarm)
        self._resolver = Resolver(loop)
        self._closed = asyncio.Event()

    # -- life -----------------------------------------------------------------------------------
    def start(self) -> None:
        """Take every connection of the plan into service."""
        for plan in self.plan.tunnels:
            self._add(plan)
        self._configure()
        for tunnel in list(self.tunnels.values()):
            self._perform(tunnel, tunnel.core.start())
        self._rearm()

    def apply(self, plan: Plan) -> tuple[str, ...]:
        """Go over to another plan; touch only what changed, and return what did."""
        wanted = {one.name: one for one in plan.tunnels}
        gone = [t for t in self.tunnels.values() if wanted.get(t.name) != t.plan]
        for tunnel in gone:
            for sa in tunnel.core.sas:
                self._event(CloseWanted(sa.sa))
            self._drop(tunnel)
        self.plan = plan
        fresh = [one for one in plan.tunnels if one.name not in self.tunnels]
        for one in fresh:
            self._add(one)
        self.tunnels = {one.name: self.tunnels[one.name] for one in plan.tunnels}
        self._configure()
        for one in fresh:
            self._perform(self.tunnels[one.name], self.tunnels[one.name].core.start())
        self._rearm()
        return tuple(dict.fromkeys([t.name for t in gone] + [one.name for one in fresh]))

    async def stop(self, patience: float = 2.0) -> None:
        """Delete every SA and wait for the peers' answers, but not long."""
        self._resolver.close()
        for tunnel in self.tunnels.values():
            self._perform(tunnel, tunnel.core.down())
        await self.all_closed(self.tunnels.values(), patience)
        self._alarm.set(NEVER)
        for tunnel in list(self.tunnels.values()):
            self._drop(tunnel)

    async def all_closed(self, tunnels: Iterable[Tunnel], patience: float) -> None:
        """Wait until none of these has an SA, ``patience`` seconds at most."""
        watched = list(tunnels)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while any(tunnel.core.sas for tunnel in watched):
                    self._closed.clear()
                    await self._closed.wait()

    # -- what the operator wants ----------------------------------------------------------------
    def up(self, tunnel: Tunnel) -> None:
        """Start a connection now."""
        was_held = tunnel.core.held
        orders = tunnel.core.up()
        if was_held:
            self._configure()
        self._perform(tunnel, orders)
        self._rearm()

    def down(self, tunnel: Tunnel) -> None:
        """Delete a connection's SAs and hold it down."""
        orders = tunnel.core.down()
        self._configure()
        self._perform(tunnel, orders)
        self._rearm()

    def drops(self) -> dict[str, int]:
        """Return what was dropped and why, by the worker and by IKE; zeros left out."""
        packets = {name: n for name, n in self.counts.items() if n and name in DROPS}
        return packets | {f"ike_{name}": n for name, n in self.ike_drops.items()}

    # -- what the kernel and the worker bring ---------------------------------------------------
    def on_datagram(self, data: bytes, path: Path) -> None:
        """Take an IKE datagram."""
        self._event(DatagramReceived(data, path))
        self._rearm()

    def on_unreachable(self, remote: str, why: str) -> None:
        """Take what the network says of our datagrams."""
        self._event(Unreachable(remote, why))

    def on_worker(self, message: Message) -> None:
        """Take what the worker says."""
        match message:
            case Ike():
                self._event(DatagramReceived(message.data, message.path))
            case Done():
                self._runner.acknowledgements.done(message)
            case Acquired():
                tunnel = self.tunnels.get(message.tunnel)
                if tunnel is not None:
                    self._perform(tunnel, tunnel.core.acquired())
            case Moved():
                self._event(PathChanged(message.inbound_spi, (message.address, message.port)))
            case Traffic():
                self._on_traffic(message)
            case Network():
                self._event(Unreachable(message.remote, message.why))
            case SoftLimit():
                self._on_soft_limit(message.inbound_spi)
            case _:
                self.count("odd_message")
        self._rearm()

    def on_worker_restarted(self) -> None:
        """Give the new worker its policies, and every child new keys."""
        self._send_policies()
        self._runner.acknowledgements.fail_all()
        for tunnel in self.tunnels.values():
            self._perform(tunnel, tunnel.core.restart())
        self._rearm()

    def _on_traffic(self, message: Traffic) -> None:
        self.counts = dict(message.counts)
        now = self._loop.time()
        heard = [
            row[0]
            for row in message.children
            if (counts := self._children.get(row[0])) is not None and counts.update(row[1:], now)
        ]
        if heard:
            self._event(ChildrenHeard(frozenset(heard)))

    def _on_soft_limit(self, spi: int) -> None:
        for tunnel in self.tunnels.values():
            if any(child.inbound_spi == spi for child in tunnel.core.children):
                self._perform(tunnel, tunnel.core.renew())

    # -- what the runner acts on ----------------------------------------------------------------
    def send(self, data: bytes, path: Path) -> bool:
        """Send an IKE datagram."""
        return self.kernel.sockets.send(data, path)

    def send_keepalive(self, path: Path) -> None:
        """Send a NAT keepalive."""
        self.kernel.sockets.send_keepalive(path)

    def to_worker(self, message: Message) -> bool:
        """Say something to the packet worker."""
        return self.kernel.worker.send(message)

    def key_of(self, connection: str) -> Secret | None:
        """Return a connection's pre-shared key; none for one that is held down."""
        tunnel = self.tunnels.get(connection)
        return tunnel.plan.psk if tunnel is not None and tunnel.core.admits_peer else None

    def path_mtu(self, path: Path) -> int:
        """Return the MTU towards a peer, at most the configured one."""
        found = path_mtu(path.remote[0], self.plan.gateway.mark)
        return min(found or self.plan.gateway.mtu, self.plan.gateway.mtu)

    def installed(self, spec: ChildSpec, mtu: int) -> None:
        """Take note that a child is in the worker."""
        tunnel = self.tunnels.get(spec.connection)
        if tunnel is not None:
            tunnel.mtu = mtu
            self.kernel.fit_mtu(mtu)
            self._set_routes(tunnel, RouteState.ACTIVE)  # before the peer hears that it may send
        self.kernel.keylog_child(spec)

    def report(self, report: Report) -> None:
        """Tell a connection what happened to its SA."""
        tunnel = self.tunnels.get(report.connection)
        level, text, code = tell(report)
        if text:
            self.journal.write(level, text, report.connection, code)
        if tunnel is None:
            return
        now = self._loop.time()
        match report:
            case Established():
                tunnel.established_at[report.sa] = now
            case Closed():
                tunnel.established_at.pop(report.sa, None)
                self._closed.set()
            case ChildEstablished():
                counts = tunnel.counts[report.inbound_spi] = Counts(since=now)
                self._children[report.inbound_spi] = counts
            case ChildClosed():
                tunnel.counts.pop(report.inbound_spi, None)
                self._children.pop(report.inbound_spi, None)
            case Failed():
                tunnel.reason_since = time.time()
            case _:
                pass
        self._watch(tunnel.name, report)
        self._perform(tunnel, tunnel.core.handle(report, now))

    def trace(self, record: Record) -> None:
        """Show a record to the log, the key log and whoever watches."""
        self.kernel.keylog(record)
        self.journal.trace(record)
        self._watch(record.connection, record)

    def count(self, reason: str) -> None:
        """Count a dropped IKE datagram."""
        self.ike_drops[reason] = self.ike_drops.get(reason, 0) + 1

    def broken(self, broken: Broken) -> None:
        """Write a bug's traceback into the log."""
        self.count("internal_error")
        lines = tuple(broken.traceback.splitlines())
        self.journal.write(Level.ERROR, lines, broken.connection, "INTERNAL_ERROR")

    # -- inside ---------------------------------------------------------------------------------
    def _add(self, plan: TunnelPlan) -> None:
        tunnel = self.tunnels[plan.name] = make_tunnel(plan, self._entropy)
        if not plan.is_any_peer:
            with contextlib.suppress(ValueError):  # a name is looked up later
                tunnel.remote = frozenset((str(ip_address(plan.peer)),))
        self._find_local(tunnel)
        if plan.enabled:
            self.kernel.routing.begin(tunnel)

    def _drop(self, tunnel: Tunnel) -> None:
        del self.tunnels[tunnel.name]
        self._times.cancel(tunnel.name)
        self._resolver.cancel(tunnel.name)
        self.kernel.routing.end(tunnel, self.tunnels.values())

    def _find_local(self, tunnel: Tunnel) -> None:
        remote = next(iter(tunnel.remote), _ANYWHERE)
        tunnel.local = tunnel.plan.local_for(remote, self._route) or tunnel.local

    def _route(self, remote: str) -> str:
        return default_address(remote, self.plan.gateway.mark) or ""

    def _profile(self, tunnel: Tunnel, tried: str = "") -> Profile:
        found = tunnel.plan.profile(tunnel.local, tunnel.remote, tried)
        return replace(found, nat_port=self.plan.gateway.nat_port)

    def _configure(self) -> None:
        """Tell endpoint and worker which connections there are."""
        for tunnel in self.tunnels.values():
            if not tunnel.is_known and tunnel.core.admits_peer:
                self._resolve(tunnel)
        ready = [t for t in self.tunnels.values() if t.core.admits_peer and t.is_known and t.local]
        self._event(Configured(tuple(map(self._profile, ready))))
        self._send_policies()

    def _send_policies(self) -> None:
        enabled = [t for t in self.tunnels.values() if t.plan.enabled]
        armed = tuple(t.name for t in enabled if t.routes is RouteState.TRAP)
        self.to_worker(Policies(tuple(t.policy() for t in enabled), armed))

    def _event(self, event: Event) -> None:
        self._runner.handle(event)

    def _watch(self, name: str, what: Record | Report | Ended) -> None:
        for watcher in tuple(self.watchers):
            watcher(name, what)

    def _perform(self, tunnel: Tunnel, orders: Iterable[Order]) -> None:
        for order in orders:
            match order:
                case Try():
                    self._try(tunnel)
                case CloseSa():
                    self._event(CloseWanted(order.sa))
                case SetRoutes():
                    self._set_routes(tunnel, order.state)
                case Note():
                    self.journal.write(order.level, order.text, tunnel.name, order.code)
                case Ended():
                    self._watch(tunnel.name, order)
        self._times.plan(tunnel.name, tunnel.core.next_timeout())

    def _set_routes(self, tunnel: Tunnel, state: RouteState) -> None:
        if state is tunnel.routes:
            return
        was_trap = tunnel.routes is RouteState.TRAP
        self.kernel.routing.set(tunnel, state)
        if was_trap != (state is RouteState.TRAP):
            self._send_policies()

    def _try(self, tunnel: Tunnel) -> None:
        """Negotiate; a host name is looked up anew each time."""
        try:
            address = str(ip_address(tunnel.plan.peer))
        except ValueError:
            self._resolve(tunnel, start=True)
            return
        self._initiate(tunnel, (address,))

    def _resolve(self, tunnel: Tunnel, *, start: bool = False) -> None:
        def then(addresses: tuple[str, ...], why: str) -> None:
            if addresses and frozenset(addresses) != tunnel.remote:
                tunnel.remote = frozenset(addresses)
                self._find_local(tunnel)
                self._configure()
            if start and addresses:
                self._initiate(tunnel, addresses)
            elif start:
                self._perform(tunnel, tunnel.core.no_address(why, self._loop.time()))
            self._rearm()

        self._resolver.look_up(tunnel.name, tunnel.plan.peer, then, anew=start)

    def _initiate(self, tunnel: Tunnel, addresses: tuple[str, ...]) -> None:
        remote = addresses[tunnel.core.tries % len(addresses)]
        local = tunnel.plan.local_for(remote, self._route)
        if not local:
            why = f"no route to {remote}"
            self._perform(tunnel, tunnel.core.no_address(why, self._loop.time()))
            return
        tunnel.local = local
        port = self.plan.gateway.port
        path = Path((local, port), (remote, port))
        self._event(Initiate(self._profile(tunnel, remote), path))

    # -- time -----------------------------------------------------------------------------------
    def _rearm(self) -> None:
        times = (self._runner.next_timeout(), self._times.next_due())
        at = min((t for t in times if t is not None), default=NEVER)
        self._alarm.set(at)

    def _on_alarm(self) -> None:
        self._runner.handle_timeout()
        now = self._loop.time()
        while (name := self._times.pop_due(now)) is not None:
            tunnel = self.tunnels.get(name)
            if tunnel is not None:
                self._perform(tunnel, tunnel.core.handle_timeout(now))
        self._rearm()
