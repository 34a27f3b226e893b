"""The gateway: connections on one side, the endpoint on the other, one alarm for all their times.

    control socket ─► Gateway ─► Connection ─orders─► Performer ─events─► Runner ─► Endpoint
    kernel, worker ─► Inbox ───────▲──────────────────────────────────────►│
                                   └──────────── reports ── Outlet ◄───────┘
The kernel's side of it is behind :class:`~ikebana.daemon.kernel.Host`.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Final

from ikebana.config.compile import Plan, TunnelPlan
from ikebana.control.view import Level
from ikebana.daemon.alarm import Alarm, Resolver
from ikebana.daemon.entropy import SystemEntropy
from ikebana.daemon.inbox import Inbox
from ikebana.daemon.journal import Journal
from ikebana.daemon.kernel import Host
from ikebana.daemon.orders import Order, RouteState
from ikebana.daemon.outlet import Outlet, Watcher
from ikebana.daemon.peers import Names, Peers
from ikebana.daemon.performer import Performer
from ikebana.daemon.roaming import Roaming
from ikebana.daemon.roster import Roster
from ikebana.daemon.runner import Report, Runner
from ikebana.daemon.tally import Tally
from ikebana.daemon.triage import Triage
from ikebana.daemon.tunnels import Tunnel, make_tunnel
from ikebana.daemon.versions import Versions
from ikebana.worker.messages import Done, Message
from ikecore.actions import Closed
from ikecore.events import AddressesChanged, CloseAllWanted, CloseWanted, Event
from ikecore.timetable import NEVER
from policy.flow import Flow
from policy.path import Path
from tundev.paths import default_address

_STARTING: Final = 4.0  # seconds that a worker may take until it hears: the machine is busy


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
        self._loop = loop
        self._roster = Roster()
        self._entropy = SystemEntropy()
        self._versions = Versions(self._entropy, plan.gateway.limits)
        self.endpoint = self._versions.demux
        self.outlet = Outlet(
            plan.gateway,
            kernel,
            journal,
            self._roster,
            loop.time,
            self._set_routes,
            self._on_report,
        )
        self._runner = Runner(self.endpoint, self.outlet, loop.time)
        self._inbox = Inbox(
            Triage(self.endpoint.knows, self.endpoint.speaks),
            self.tally,
            self._roster,
            loop.time,
            self._event,
            self._on_acquired,
        )
        self._alarm = Alarm(loop, self._on_alarm)
        self._peers = Peers(names or Resolver(loop), self._route, loop.call_later)
        self.performer = Performer(
            plan.gateway,
            kernel,
            journal,
            self._roster,
            self._peers,
            loop.time,
            self._event,
            self.outlet.watch,
            self._rearm,
        )
        self._closed = asyncio.Event()
        self._roaming = Roaming(
            kernel.usable,
            self._route,
            lambda: self.endpoint.remotes,
            loop.call_later,
            self._on_addresses,
        )

    @property
    def tunnels(self) -> dict[str, Tunnel]:
        """Return the connections by name, in the operator's order."""
        return self._roster.by_name

    @property
    def tally(self) -> Tally:
        """Return what is counted."""
        return self.outlet.tally

    @property
    def watchers(self) -> list[Watcher]:
        """Return who is shown every record, report and end of a try."""
        return self.outlet.watchers

    # -- life -----------------------------------------------------------------------------------
    def start(self) -> None:
        """Take every connection of the plan into service."""
        self._roaming.look()
        self._set_policies()
        self._serve_versions()
        for plan in self.plan.tunnels:
            self._add(plan)
        self.performer.configure(self.tunnels.values())
        self.performer.brief()
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
        reusers = [t for t in self.tunnels.values() if self._take_users(t, wanted[t.name])]
        are_new = plan.policies != self.plan.policies
        self.plan = plan
        if are_new:
            self._set_policies()
        self._serve_versions()
        fresh = [one for one in plan.tunnels if one.name not in self.tunnels]
        for one in fresh:
            self._add(one)
        for tunnel in gone:  # after the new ones' began: nothing leaves in clear between
            self.kernel.end_routes(tunnel)
        self._roster.order([one.name for one in plan.tunnels])
        self.performer.configure([self.tunnels[one.name] for one in fresh])
        self.performer.brief()
        for one in fresh:
            self._perform(self.tunnels[one.name], self.tunnels[one.name].core.start())
        self._rearm()
        changed = dict.fromkeys(t.name for t in (*gone, *reusers))
        changed.update(dict.fromkeys(one.name for one in fresh))
        return (*changed, "the policies") if are_new else tuple(changed)

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
                while watched:
                    if watched[-1].core.sas:
                        self._closed.clear()
                        await self._closed.wait()
                    else:
                        watched.pop()

    # -- what the operator wants ----------------------------------------------------------------
    def up(self, tunnel: Tunnel) -> None:
        """Start a connection now."""
        was_held = tunnel.core.held
        orders = tunnel.core.up(self._loop.time())
        if was_held:
            self.performer.configure((tunnel,))
        self._perform(tunnel, orders)
        self._rearm()

    def down(self, tunnel: Tunnel) -> None:
        """Delete a connection's SAs and hold it down."""
        orders = tunnel.core.down()
        self.performer.configure((tunnel,))
        self._perform(tunnel, orders)
        self._rearm()

    def rekey(self, tunnel: Tunnel, why: str, *, ike: bool) -> None:
        """Replace a connection's children, with ``ike`` its IKE SA too."""
        self._perform(tunnel, tunnel.core.rekey(why, ike=ike))
        self._rearm()

    def reauth(self, tunnel: Tunnel) -> None:
        """Make a connection's next IKE SA and children while the present ones work."""
        self._perform(tunnel, tunnel.core.renew())
        self._rearm()

    def clear(self, tunnel: Tunnel) -> None:
        """Delete a connection's SAs; :meth:`up` then negotiates anew."""
        self._perform(tunnel, tunnel.core.clear())
        self._rearm()

    # -- what the kernel and the worker bring ---------------------------------------------------
    def on_datagram(self, data: bytes, path: Path) -> None:
        """Take an IKE datagram."""
        self._inbox.on_datagram(data, path)
        self._rearm()

    def on_unreachable(self, remote: str, why: str) -> None:
        """Take what the network says of our datagrams."""
        self._inbox.on_unreachable(remote, why)

    def on_worker(self, message: Message) -> None:
        """Take what the worker says."""
        if isinstance(message, Done):
            self._runner.acknowledgements.done(message)
        else:
            self._inbox.on_worker(message)
        self._rearm()

    def on_changes(self) -> None:
        """Take it that addresses or routes of this host changed."""
        self._roaming.changed()

    def on_worker_restarted(self) -> None:
        """Give the new worker its policies, and every child new keys."""
        self.tally.restarted()
        self.performer.brief(anew=True)
        self._runner.acknowledgements.fail_all(self._loop.time() + _STARTING)
        for tunnel in self.tunnels.values():
            self._perform(tunnel, tunnel.core.restart(self._loop.time()))
        self._rearm()

    def _on_addresses(self, event: AddressesChanged) -> None:
        self._event(event)
        self._rearm()

    def _on_acquired(self, tunnel: Tunnel, flow: Flow) -> None:
        self._perform(tunnel, tunnel.core.acquired(flow, self._loop.time()))

    def _on_report(self, tunnel: Tunnel, report: Report) -> None:
        if isinstance(report, Closed):
            self._closed.set()
        self._perform(tunnel, tunnel.core.handle(report, self._loop.time()))

    # -- inside ---------------------------------------------------------------------------------
    def _add(self, plan: TunnelPlan) -> None:
        tunnel = make_tunnel(plan, self._entropy)
        self._roster.add(tunnel)
        self._peers.begin(tunnel)
        if plan.enabled:
            self.kernel.begin_routes(tunnel)

    def _take_users(self, tunnel: Tunnel, plan: TunnelPlan) -> bool:
        """Let a tunnel that stays know its users as they are now; tell whether they changed.

        Who is no user any more, or has another password, has to log in again.
        """
        before, now = dict(tunnel.plan.access.users), dict(plan.access.users)
        tunnel.plan = plan
        for sa in tunnel.core.sas:
            if sa.user and before.get(sa.user) != now.get(sa.user):
                self._event(CloseWanted(sa.sa))
        return before != now

    def _serve_versions(self) -> None:
        if not self._versions.serve(one.version for one in self.plan.tunnels):
            self.journal.write(Level.ERROR, ("IKEv1 is not in this installation",))

    def _set_policies(self) -> None:
        self.performer.policies = self.plan.policies
        self.kernel.set_policies(self.plan.policies)

    def _forget(self, tunnel: Tunnel) -> None:
        self._roster.remove(tunnel)
        self.performer.forget(tunnel)
        self._peers.end(tunnel)

    def _route(self, remote: str) -> str:
        return default_address(remote, self.plan.gateway.mark) or ""

    def _event(self, event: Event) -> None:
        self._runner.handle(event)

    def _perform(self, tunnel: Tunnel, orders: Iterable[Order]) -> None:
        self.performer.perform(tunnel, orders)

    def _set_routes(self, tunnel: Tunnel, state: RouteState) -> None:
        self.performer.set_routes(tunnel, state)

    # -- time -----------------------------------------------------------------------------------
    def _rearm(self) -> None:
        times = (self._runner.next_timeout(), self.performer.times.next_due())
        at = min((t for t in times if t is not None), default=NEVER)
        self._alarm.set(at)

    def _on_alarm(self) -> None:
        try:
            self._runner.handle_timeout()
            now = self._loop.time()
            while (name := self.performer.times.pop_due(now)) is not None:
                if (tunnel := self.tunnels.get(name)) is not None:
                    self._perform(tunnel, tunnel.core.handle_timeout(now))
        finally:  # a bug in one of them must not stop everybody's clock
            self._rearm()
