"""The gateway: connections on one side, the endpoint on the other, one alarm for all their times.

    control socket ─► Gateway ─► Connection ─orders─► Gateway ─events─► Runner ─► Endpoint
                                     ▲                                    │
                                     └───────────── reports ──────────────┘
The kernel's side of it is behind :class:`~ikebana.daemon.kernel.Host`.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable

from ikebana.config.compile import Plan, TunnelPlan
from ikebana.control.view import Level
from ikebana.daemon.alarm import Alarm, Resolver
from ikebana.daemon.entropy import SystemEntropy
from ikebana.daemon.journal import Journal
from ikebana.daemon.kernel import Host
from ikebana.daemon.orders import (
    CloseAll,
    Ended,
    Note,
    Order,
    RouteState,
    SetRoutes,
    Try,
)
from ikebana.daemon.peers import Names, Peers, profile_of
from ikebana.daemon.runner import Report, Runner
from ikebana.daemon.tally import Tally
from ikebana.daemon.tell import tell
from ikebana.daemon.triage import Triage
from ikebana.daemon.tunnels import Tunnel, is_half_open, make_tunnel, policies_of
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
from ikecore.actions import Broken, ChildClosed, ChildEstablished, Closed, Established
from ikecore.child import ChildSpec
from ikecore.events import (
    ChildrenHeard,
    CloseAllWanted,
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
from ikecore.trace import KeysDerived, Record
from ikev2.endpoint import Endpoint
from policy.path import Path
from suites.secret import Secret
from tundev.paths import default_address, path_mtu

Watcher = Callable[[str, Record | Report | Ended], None]


class Gateway:
    """Owns every connection; everything happens on one event loop."""

    def __init__(
        self,
        plan: Plan,
        kernel: Host,
        journal: Journal,
        loop: asyncio.AbstractEventLoop,
        names: Names | None = None,
    ) -> None:
        self.plan = plan
        self.journal = journal
        self.kernel = kernel
        self.tunnels: dict[str, Tunnel] = {}
        self.tally = Tally()
        self.watchers: list[Watcher] = []
        self._loop = loop
        self._entropy = SystemEntropy()
        self.endpoint = Endpoint(self._entropy, SpiPool(self._entropy), plan.gateway.limits)
        self._triage = Triage(self.endpoint.knows)
        self._runner = Runner(self.endpoint, self, loop.time)
        self._times = Timetable[str]()
        self._alarm = Alarm(loop, self._on_alarm)
        self._peers = Peers(names or Resolver(loop), self._route, loop.call_later)
        self._closed = asyncio.Event()
        self._told = Policies((), ())  # what the worker has

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
            self._forget(tunnel)
            self._event(CloseAllWanted(tunnel.name))
        self.plan = plan
        fresh = [one for one in plan.tunnels if one.name not in self.tunnels]
        for one in fresh:
            self._add(one)
        for tunnel in gone:  # after the new ones' began: nothing leaves in clear between
            self.kernel.end_routes(tunnel)
        self.tunnels = {one.name: self.tunnels[one.name] for one in plan.tunnels}
        self._configure()
        for one in fresh:
            self._perform(self.tunnels[one.name], self.tunnels[one.name].core.start())
        self._rearm()
        return tuple(dict.fromkeys([t.name for t in gone] + [one.name for one in fresh]))

    async def stop(self, patience: float = 2.0) -> None:
        """Delete every SA and wait for the peers' answers, but not long."""
        self._peers.close()
        for tunnel in self.tunnels.values():
            self._perform(tunnel, tunnel.core.down())
        await self.all_closed(self.tunnels.values(), patience)
        self._alarm.set(NEVER)
        for tunnel in list(self.tunnels.values()):
            self._forget(tunnel)
            self.kernel.end_routes(tunnel)

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

    # -- what the kernel and the worker bring ---------------------------------------------------
    def on_datagram(self, data: bytes, path: Path) -> None:
        """Take an IKE datagram."""
        self._on_ike(data, path)
        self._rearm()

    def _on_ike(self, data: bytes, path: Path) -> None:
        if self._triage.admits(data, path.remote[0], self._loop.time()):
            self._event(DatagramReceived(data, path))
        else:
            self.count("rate")

    def on_unreachable(self, remote: str, why: str) -> None:
        """Take what the network says of our datagrams."""
        self._event(Unreachable(remote, why))

    def on_worker(self, message: Message) -> None:
        """Take what the worker says."""
        match message:
            case Ike():
                self._on_ike(message.data, message.path)
            case Done():
                self._runner.acknowledgements.done(message)
            case Acquired():
                tunnel = self.tunnels.get(message.tunnel)
                if tunnel is not None:
                    self._perform(tunnel, tunnel.core.acquired())
            case Moved():
                self._event(PathChanged(message.inbound_spi, (message.address, message.port)))
            case Traffic():
                heard = self.tally.take(message, self._loop.time())
                if heard:
                    self._event(ChildrenHeard(heard))
            case Network():
                self._event(Unreachable(message.remote, message.why))
            case SoftLimit():
                self._on_soft_limit(message.inbound_spi)
            case _:
                self.count("odd_message")
        self._rearm()

    def on_worker_restarted(self) -> None:
        """Give the new worker its policies, and every child new keys."""
        self._told = Policies((), ())
        self._send_policies()
        self._runner.acknowledgements.fail_all()
        for tunnel in self.tunnels.values():
            self._perform(tunnel, tunnel.core.restart(self._loop.time()))
        self._rearm()

    def _on_soft_limit(self, spi: int) -> None:
        for tunnel in self.tunnels.values():
            if any(child.inbound_spi == spi for child in tunnel.core.children):
                self._perform(tunnel, tunnel.core.renew())

    # -- what the runner acts on ----------------------------------------------------------------
    def send(self, data: bytes, path: Path) -> bool:
        """Send an IKE datagram."""
        return self.kernel.send(data, path)

    def send_keepalive(self, path: Path) -> None:
        """Send a NAT keepalive."""
        self.kernel.send_keepalive(path)

    def to_worker(self, message: Message) -> bool:
        """Say something to the packet worker."""
        return self.kernel.to_worker(message)

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
            if tunnel.core.admits_peer:  # before the peer hears that it may send
                self._set_routes(tunnel, RouteState.ACTIVE)
        self.kernel.keylog_child(spec)

    def report(self, report: Report) -> None:
        """Tell a connection what happened to its SA."""
        tunnel = self.tunnels.get(report.connection)
        level, text, code = tell(report)
        if text and not is_half_open(report, tunnel):
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
                tunnel.counts[report.inbound_spi] = self.tally.open(report.inbound_spi, now)
            case ChildClosed():
                tunnel.counts.pop(report.inbound_spi, None)
                self.tally.close(report.inbound_spi)
            case _:
                pass
        self._watch(tunnel.name, report)
        self._perform(tunnel, tunnel.core.handle(report, now))

    def trace(self, record: Record) -> None:
        """Show a record to the log, the key log and whoever watches."""
        if isinstance(record, KeysDerived):
            self.kernel.keylog(record)
        self.journal.trace(record)
        self._watch(record.connection, record)

    def count(self, reason: str) -> None:
        """Count a dropped IKE datagram."""
        self.tally.drop(reason)

    def broken(self, broken: Broken) -> None:
        """Write a bug's traceback into the log."""
        self.count("internal_error")
        lines = tuple(broken.traceback.splitlines())
        self.journal.write(Level.ERROR, lines, broken.connection, "INTERNAL_ERROR")

    # -- inside ---------------------------------------------------------------------------------
    def _add(self, plan: TunnelPlan) -> None:
        tunnel = self.tunnels[plan.name] = make_tunnel(plan, self._entropy)
        self._peers.begin(tunnel)
        if plan.enabled:
            self.kernel.begin_routes(tunnel)

    def _forget(self, tunnel: Tunnel) -> None:
        del self.tunnels[tunnel.name]
        self._times.cancel(tunnel.name)
        self._peers.end(tunnel)

    def _route(self, remote: str) -> str:
        return default_address(remote, self.plan.gateway.mark) or ""

    def _profile(self, tunnel: Tunnel) -> Profile:
        return profile_of(tunnel, self.plan.gateway.nat_port)

    def _configure(self) -> None:
        """Tell endpoint and worker which connections there are."""
        admitting = [t for t in self.tunnels.values() if t.core.admits_peer]
        for tunnel in admitting:
            self._peers.watch(tunnel, self._on_moved)
        ready = [t for t in admitting if t.is_ready]
        self._event(Configured(tuple(map(self._profile, ready))))
        self._send_policies()

    def _send_policies(self) -> None:
        policies = policies_of(self.tunnels.values())
        if policies != self._told:
            self._told = policies
            self.to_worker(policies)

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
                case CloseAll():
                    self._event(CloseAllWanted(tunnel.name))
                case SetRoutes():
                    self._set_routes(tunnel, order.state)
                case Note():
                    self.journal.write(order.level, order.text, tunnel.name, order.code)
                case Ended():
                    self._watch(tunnel.name, order)
        self._times.plan(tunnel.name, tunnel.core.next_timeout())
        tunnel.note_reason(time.time())

    def _set_routes(self, tunnel: Tunnel, state: RouteState) -> None:
        if state is tunnel.routes:
            return
        was_trap, tunnel.routes = tunnel.routes is RouteState.TRAP, state
        if state is RouteState.TRAP:  # the worker shall know before the first packet gets there
            self._send_policies()
        self.kernel.set_routes(tunnel)
        if was_trap:
            self._send_policies()

    def _try(self, tunnel: Tunnel) -> None:
        """Negotiate; a host name is looked up anew each time."""

        def then(addresses: tuple[str, ...], why: str) -> None:
            if self._peers.learn(tunnel, addresses):
                self._configure()
            if tunnel.core.trying:  # it may have been taken down meanwhile
                self._initiate(tunnel, addresses, why)
            self._rearm()

        self._peers.find(tunnel, then)

    def _initiate(self, tunnel: Tunnel, addresses: tuple[str, ...], why: str) -> None:
        path = self._peers.path(tunnel, addresses, self.plan.gateway.port) if addresses else None
        if path is None:
            why = why or f"no route to {', '.join(addresses)}"
            self._perform(tunnel, tunnel.core.no_address(why, self._loop.time()))
            return
        profile = profile_of(tunnel, self.plan.gateway.nat_port, path.remote[0])
        self._event(Initiate(profile, path))

    def _on_moved(self) -> None:
        self._configure()
        self._rearm()

    # -- time -----------------------------------------------------------------------------------
    def _rearm(self) -> None:
        times = (self._runner.next_timeout(), self._times.next_due())
        at = min((t for t in times if t is not None), default=NEVER)
        self._alarm.set(at)

    def _on_alarm(self) -> None:
        try:
            self._runner.handle_timeout()
            now = self._loop.time()
            while (name := self._times.pop_due(now)) is not None:
                if (tunnel := self.tunnels.get(name)) is not None:
                    self._perform(tunnel, tunnel.core.handle_timeout(now))
        finally:  # a bug in one of them must not stop everybody's clock
            self._rearm()
