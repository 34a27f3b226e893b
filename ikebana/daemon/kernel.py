"""Everything the daemon holds of the outside: sockets, TUN, routes, worker, key log."""

import asyncio
from collections.abc import Callable
from functools import partial
from socket import socket
from typing import Protocol

from ikebana.config.compile import GatewayPlan
from ikebana.daemon import priority
from ikebana.daemon.backlog import Backlog
from ikebana.daemon.database import ike_ports
from ikebana.daemon.roaming import usable
from ikebana.daemon.routing import Routing, packet_rules
from ikebana.daemon.sockets import Sockets
from ikebana.daemon.supervisor import Supervisor
from ikebana.daemon.tunnels import Tunnel
from ikebana.daemon.worker_process import WorkerProcess
from ikebana.render.keylog_files import KeyLog
from ikebana.worker.messages import Message
from ikecore.child import ChildSpec
from ikecore.trace import KeysDerived
from policy.flow import Flow
from policy.mtu import tunnel_mtu
from policy.path import Path
from policy.selectors import address_of
from policy.spd import Policy
from tundev import udp
from tundev.addresses import Addresses
from tundev.changes import Changes
from tundev.lookup import Way, way_of
from tundev.paths import local_addresses
from tundev.routes import Routes
from tundev.tun import Tun


class Host(Protocol):
    """What the gateway needs of the machine; :class:`Kernel` is the real one."""

    @property
    def listening(self) -> tuple[str, ...]:
        """Return what is listened on, for people."""
        ...

    @property
    def worker_pid(self) -> int:
        """Return the packet worker's process number."""
        ...

    @property
    def restarts(self) -> int:
        """Return how often the packet worker was started again."""
        ...

    def send(self, data: bytes, path: Path) -> bool:
        """Send an IKE datagram; tell whether the kernel took it."""
        ...

    def send_keepalive(self, path: Path) -> None:
        """Send a NAT keepalive."""
        ...

    def to_worker(self, message: Message) -> bool:
        """Say something to the packet worker; False when it is gone or does not keep up."""
        ...

    def begin_routes(self, tunnel: Tunnel) -> None:
        """Take the routes of a tunnel over."""
        ...

    def set_routes(self, tunnel: Tunnel) -> None:
        """Let the routes of a tunnel do what it says."""
        ...

    def end_routes(self, tunnel: Tunnel) -> None:
        """Give the routes of a tunnel back."""
        ...

    def set_addresses(self, addresses: frozenset[str]) -> None:
        """Let the tunnel device have these inner addresses and no others."""
        ...

    def set_policies(self, policies: tuple[Policy, ...]) -> None:
        """Let the operator's policies decide about packets before any tunnel does."""
        ...

    def way(self, flow: Flow) -> Way:
        """Return which way a packet would take; raises OSError when nobody knows."""
        ...

    def usable(self) -> frozenset[str]:
        """Return the addresses of this host that IKE may leave from."""
        ...

    def fit_mtu(self, mtu: int) -> None:
        """Let the device carry inner packets of ``mtu`` octets."""
        ...

    def keylog(self, record: KeysDerived) -> None:
        """Write an IKE SA's keys, if the operator asked for it."""
        ...

    def keylog_child(self, spec: ChildSpec) -> None:
        """Write a child's keys, if the operator asked for it."""
        ...


class Kernel:
    """Open everything on construction; raises OSError with a text that says what to do."""

    def __init__(
        self, plan: GatewayPlan, keylog_dir: str, complain: Callable[[str, str], None]
    ) -> None:
        self.sockets = Sockets(plan.addresses, plan.mark, plan.port, plan.nat_port)
        self._complain = complain
        self._keylog = KeyLog(keylog_dir) if keylog_dir else None
        self._mtu = tunnel_mtu(plan.mtu, 6, True, 16, 16, 16)  # holds for every path and transform
        self._loop: asyncio.AbstractEventLoop | None = None
        try:
            self._tun = Tun(plan.tun_name, mtu=self._mtu, offload=plan.offload)
            self._tun.up()
            self._routes = Routes(
                plan.tun_name,
                plan.routing_table,
                plan.mark,
                adopt=True,
                ike_ports=ike_ports(plan),
            )
            self._addresses = Addresses(plan.tun_name)
            self._routing = Routing(self._routes, local_addresses, complain)
            worker = partial(
                WorkerProcess,
                self._tun.fileno(),
                self.sockets,
                nice=priority.current(),
                vnet=self._tun.vnet,
                uso="uso4" in self._tun.offloads,
                offload=plan.offload,
                vectors=plan.vectors,
            )
            self._worker = Supervisor(worker)
            self._backlog = Backlog(self._worker.send)
            self._changes = Changes()
        except OSError:
            self.sockets.close()
            raise

    def watch(
        self,
        loop: asyncio.AbstractEventLoop,
        on_datagram: Callable[[bytes, Path], None],
        on_unreachable: Callable[[str, str], None],
        on_worker: Callable[[Message], None],
        on_worker_restarted: Callable[[], None],
        on_changes: Callable[[], None],
    ) -> None:
        """Let the loop call these; the daemon reads 500, the worker's pair, and netlink."""
        self._loop = loop

        def readable(sock: socket) -> None:
            found = False
            for data, path in self.sockets.receive(sock):
                found = True
                on_datagram(data, path)
            if not found:
                for error in udp.read_errors(sock):
                    on_unreachable(error.remote[0], error.kind.value)

        for sock in self.sockets.ike.values():
            loop.add_reader(sock.fileno(), readable, sock)

        def changed() -> None:
            if self._changes.read():
                on_changes()

        loop.add_reader(self._changes.fileno(), changed)

        def restarted() -> None:
            self._backlog.clear()
            on_worker_restarted()

        self._backlog.watch(loop.call_later)
        self._worker.watch(loop, on_worker, restarted)

    @property
    def listening(self) -> tuple[str, ...]:
        """Return what is listened on, for people."""
        return self.sockets.listening

    @property
    def worker_pid(self) -> int:
        """Return the packet worker's process number."""
        return self._worker.pid

    @property
    def restarts(self) -> int:
        """Return how often the packet worker was started again."""
        return self._worker.restarts

    def send(self, data: bytes, path: Path) -> bool:
        """Send an IKE datagram; tell whether the kernel took it."""
        return self.sockets.send(data, path)

    def send_keepalive(self, path: Path) -> None:
        """Send a NAT keepalive."""
        self.sockets.send_keepalive(path)

    def to_worker(self, message: Message) -> bool:
        """Say something to the packet worker; it waits while that does not keep up."""
        return self._backlog.send(message)

    def begin_routes(self, tunnel: Tunnel) -> None:
        """Take the routes of a tunnel over."""
        self._routing.begin(tunnel)

    def set_routes(self, tunnel: Tunnel) -> None:
        """Let the routes of a tunnel do what it says."""
        self._routing.set(tunnel)

    def end_routes(self, tunnel: Tunnel) -> None:
        """Give the routes of a tunnel back."""
        self._routing.end(tunnel)

    def set_addresses(self, addresses: frozenset[str]) -> None:
        """Let the tunnel device have these inner addresses and no others."""
        self._try("an inner address", partial(self._addresses.set, addresses))

    def set_policies(self, policies: tuple[Policy, ...]) -> None:
        """Let the operator's policies decide about packets before any tunnel does."""
        self._try("a policy", partial(self._routes.set_policies, packet_rules(policies)))

    def way(self, flow: Flow) -> Way:
        """Return which way a packet would take; raises OSError when nobody knows."""
        ends = (address_of(flow.version, flow.source), address_of(flow.version, flow.target))
        return way_of(*ends, flow.protocol, max(flow.source_port, 0), max(flow.target_port, 0))

    def usable(self) -> frozenset[str]:
        """Return the addresses of this host that IKE may leave from."""
        return usable(self.sockets.ike, local_addresses())

    def fit_mtu(self, mtu: int) -> None:
        """Let the device carry the largest inner packet that any child does."""
        if mtu > self._mtu:
            self._mtu = mtu
            self._try("the MTU", partial(self._tun.set_mtu, mtu))

    def started(self) -> None:
        """Remove what a predecessor left and nobody claimed."""
        self._routes.sweep()

    def keylog(self, record: KeysDerived) -> None:
        """Write an IKE SA's keys, if the operator asked for it."""
        if self._keylog is not None:
            self._try("keys", partial(self._keylog.ike, record))

    def keylog_child(self, spec: ChildSpec) -> None:
        """Write a child's keys, if the operator asked for it."""
        if self._keylog is not None:
            self._try("keys", partial(self._keylog.esp, spec))

    def close(self) -> None:
        """Give everything back: routes first, so that none points into a device that is gone."""
        if self._loop is not None:
            for sock in self.sockets.ike.values():
                self._loop.remove_reader(sock.fileno())
            self._loop.remove_reader(self._changes.fileno())
            self._loop = None
        self._changes.close()
        self._worker.close()
        self._routes.close()
        self._tun.close()
        self.sockets.close()
        if self._keylog is not None:
            self._keylog.close()

    def _try(self, what: str, change: Callable[[], None]) -> None:
        try:
            change()
        except OSError as error:  # a full disk, say: no reason to lose the tunnel
            self._complain("", f"the system refused {what}: {error}")
