"""What the kernel does with packets for the remote networks, as each connection wants it."""

from collections.abc import Callable, Iterable
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address

from ikebana.daemon.connection import RouteState
from ikebana.daemon.tunnels import Tunnel
from tundev.paths import local_addresses
from tundev.routes import Routes

Network = IPv4Network | IPv6Network


class Routing:
    """Set the routes of tunnels; ``complain`` gets a line when the kernel refuses one."""

    def __init__(self, routes: Routes, complain: Callable[[str, str], None]) -> None:
        self._routes = routes
        self._complain = complain
        self._thrown: dict[Network, set[str]] = {}
        self._ours: set[str] = set()

    def begin(self, tunnel: Tunnel) -> None:
        """Block the remote networks, and leave the local ones to the host's own routes."""
        self._ours = local_addresses()
        remote = set(tunnel.plan.remote_subnets)
        for net in tunnel.plan.local_subnets:
            if net.prefixlen and net not in remote:
                self._thrown.setdefault(net, set()).add(tunnel.name)
                self._do(tunnel.name, partial(self._routes.throw, str(net)))
        self.set(tunnel, tunnel.routes)

    def set(self, tunnel: Tunnel, state: RouteState) -> None:
        """Let the routes to the remote networks do this; nothing leaves in clear meanwhile."""
        tunnel.routes = state
        for net in tunnel.plan.remote_subnets:
            if state is RouteState.BLOCKED:
                self._do(tunnel.name, partial(self._routes.unreachable, str(net)))
            else:
                source = self._source(tunnel.plan.local_subnets, net.version)
                self._do(
                    tunnel.name,
                    partial(self._routes.tunnel, str(net), tunnel.mtu or None, source),
                )

    def end(self, tunnel: Tunnel, others: Iterable[Tunnel]) -> None:
        """Remove what only this connection needed."""
        kept = {net for other in others for net in other.plan.remote_subnets}
        for net in tunnel.plan.remote_subnets:
            if net not in kept:
                self._do(tunnel.name, partial(self._routes.remove, str(net)))
        for net in tunnel.plan.local_subnets:
            users = self._thrown.get(net, set())
            users.discard(tunnel.name)
            if not users and self._thrown.pop(net, None) is not None:
                self._do(tunnel.name, partial(self._routes.remove, str(net)))

    def _source(self, local: Iterable[Network], version: int) -> str | None:
        """Return an address of ours inside the local networks, for this host's own packets."""
        nets = [net for net in local if net.version == version and net.prefixlen]
        for text in sorted(self._ours):
            address = ip_address(text.partition("%")[0])
            if any(address.version == net.version and address in net for net in nets):
                return text
        return None

    def _do(self, name: str, change: Callable[[], None]) -> None:
        try:
            change()
        except OSError as error:
            self._complain(name, f"the kernel refused a route: {error}")
