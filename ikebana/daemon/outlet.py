"""What the runner acts on: the kernel, the log, the counters, and the connections that are told.

Endpoint ─actions─► Runner ─► Outlet ─┬─ datagrams, worker messages ─► Host
├─ records ─► log, key log, whoever watches
└─ reports ─► the tunnel's books, then its connection
"""

import time
from collections.abc import Callable

from ikebana.config.compile import GatewayPlan
from ikebana.control.view import Level
from ikebana.daemon.journal import Journal
from ikebana.daemon.kernel import Host
from ikebana.daemon.orders import Ended, RouteState
from ikebana.daemon.reception import Reception
from ikebana.daemon.roster import Roster
from ikebana.daemon.runner import Answer, Asked, Report
from ikebana.daemon.tally import Tally
from ikebana.daemon.tell import is_change, tell
from ikebana.daemon.tunnels import Tunnel, is_half_open
from ikebana.worker.messages import Message
from ikecore.actions import (
    Assigned,
    Broken,
    ChildClosed,
    ChildEstablished,
    Closed,
    Established,
)
from ikecore.child import ChildSpec, Mode
from ikecore.trace import KeysDerived, Record
from policy.mtu import WHOLE
from policy.path import Path
from policy.treatment import PLAIN, Treatment
from suites.secret import Secret
from tundev.paths import path_mtu

Watcher = Callable[[str, Record | Report | Ended], None]


class Outlet:
    """Implements :class:`ikebana.daemon.runner.Outside`.

    ``set_routes`` and ``tell`` are the gateway's: they make a tunnel's routes do something, and
    let its connection take a report.
    """

    def __init__(
        self,
        plan: GatewayPlan,
        kernel: Host,
        journal: Journal,
        roster: Roster,
        clock: Callable[[], float],
        set_routes: Callable[[Tunnel, RouteState], None],
        tell_connection: Callable[[Tunnel, Report], None],
    ) -> None:
        self.tally = Tally()
        self.watchers: list[Watcher] = []
        self._plan = plan
        self._kernel = kernel
        self._journal = journal
        self._roster = roster
        self._clock = clock
        self._set_routes = set_routes
        self._tell_connection = tell_connection
        self._reception = Reception(
            roster,
            lambda level, text, name: journal.write(level, (text,), name),
            kernel.set_addresses,
            self._on_moved,
        )

    def send(self, data: bytes, path: Path) -> bool:
        """Send an IKE datagram."""
        return self._kernel.send(data, path)

    def send_keepalive(self, path: Path) -> None:
        """Send a NAT keepalive."""
        self._kernel.send_keepalive(path)

    def to_worker(self, message: Message) -> bool:
        """Say something to the packet worker."""
        return self._kernel.to_worker(message)

    def key_of(self, connection: str) -> Secret | None:
        """Return a connection's pre-shared key; none for one that is held down."""
        tunnel = self._roster.by_name.get(connection)
        return tunnel.plan.psk if tunnel is not None and tunnel.core.admits_peer else None

    def answer(self, asked: Asked) -> Answer:
        """Answer what is asked of users, passwords and inner addresses."""
        return self._reception.answer(asked)

    def assigned(self, assigned: Assigned) -> None:
        """Take the inner address that a peer gave us."""
        self._reception.assigned(assigned)

    def path_mtu(self, path: Path) -> int:
        """Return the MTU towards a peer, at most the configured one."""
        found = path_mtu(path.remote[0], self._plan.mark)
        return min(found or self._plan.mtu, self._plan.mtu)

    def treatment_of(self, connection: str) -> Treatment:
        """Return how a connection's packets are wrapped."""
        tunnel = self._roster.by_name.get(connection)
        return tunnel.plan.treatment if tunnel is not None else PLAIN

    def installed(self, spec: ChildSpec, mtu: int) -> None:
        """Take note that a child is in the worker."""
        tunnel = self._roster.by_name.get(spec.connection)
        if tunnel is not None:
            tunnel.mtu = WHOLE if spec.mode is Mode.TRANSPORT else mtu
            self._kernel.fit_mtu(mtu)
            if tunnel.core.admits_peer:  # before the peer hears that it may send
                self._set_routes(tunnel, RouteState.ACTIVE)
        self._kernel.keylog_child(spec)

    def report(self, report: Report) -> None:
        """Tell a connection what happened to its SA."""
        tunnel = self._roster.by_name.get(report.connection)
        level, text, code = tell(report)
        if text and not is_half_open(report, tunnel):
            self._journal.write(level, text, report.connection, code)
        if isinstance(report, Established | Closed):
            self._reception.heard(report)
        if tunnel is None:
            return
        if is_change(report):
            tunnel.last_change, tunnel.last_change_at = text[0], time.time()
        self._enter(tunnel, report)
        self.watch(tunnel.name, report)
        self._tell_connection(tunnel, report)

    def _on_moved(self, tunnel: Tunnel) -> None:
        """Let a tunnel's routes go by its inner address; one taken out begins nothing anew."""
        if self._roster.by_name.get(tunnel.name) is tunnel:
            self._kernel.begin_routes(tunnel)
        else:
            self._kernel.set_routes(tunnel)

    def _enter(self, tunnel: Tunnel, report: Report) -> None:
        """Keep the tunnel's books."""
        now = self._clock()
        match report:
            case Established():
                since = tunnel.established_at.pop(report.replaces, now)
                tunnel.established_at[report.sa] = since  # of the authentication, not of the keys
            case Closed():
                tunnel.established_at.pop(report.sa, None)
            case ChildEstablished():
                spi = report.inbound_spi
                tunnel.counts[spi] = self.tally.open(spi, now)
                self._roster.add_child(spi, tunnel)
            case ChildClosed():
                counts = tunnel.counts.pop(report.inbound_spi, None)
                if counts is not None:
                    tunnel.past.add(counts)
                self._roster.remove_child(report.inbound_spi)
                self.tally.close(report.inbound_spi)
            case _:
                pass

    def trace(self, record: Record) -> None:
        """Show a record to the log, the key log and whoever watches."""
        if isinstance(record, KeysDerived):
            self._kernel.keylog(record)
        self._journal.trace(record)
        self.watch(record.connection, record)

    def watch(self, name: str, what: Record | Report | Ended) -> None:
        """Show something to whoever watches."""
        for watcher in tuple(self.watchers):
            watcher(name, what)

    def count(self, reason: str) -> None:
        """Count a dropped IKE datagram."""
        self.tally.drop(reason)

    def broken(self, broken: Broken) -> None:
        """Write a bug's traceback into the log."""
        self.count("internal_error")
        lines = tuple(broken.traceback.splitlines())
        self._journal.write(Level.ERROR, lines, broken.connection, "INTERNAL_ERROR")
