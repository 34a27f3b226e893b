"""What the kernel does with packets for the remote networks, as connections and policies want."""

from collections.abc import Callable, Iterable
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final, NamedTuple, Protocol

from ikebana.daemon.orders import RouteState
from ikebana.daemon.tunnels import Tunnel
from policy.mtu import MINIMUM
from policy.selectors import TrafficSelector
from policy.spd import Action, Policy
from tundev.rules import PacketRule

Network = IPv4Network | IPv6Network
_ICMP: Final = frozenset((1, 58))


class Table(Protocol):
    """The kernel's side: :class:`tundev.routes.Routes`."""

    def tunnel(self, prefix: str, mtu: int | None = None, source: str | None = None) -> None:
        """Send ``prefix`` into the tunnel device."""
        ...

    def unreachable(self, prefix: str) -> None:
        """Refuse packets for ``prefix``."""
        ...

    def throw(self, prefix: str) -> None:
        """Leave ``prefix`` to the other tables."""
        ...

    def remove(self, prefix: str) -> None:
        """Forget ``prefix``."""
        ...


def packet_rules(policies: Iterable[Policy]) -> tuple[PacketRule, ...]:
    """Return the operator's policies as the kernel's rules, in order.

    It cannot tell ICMP types apart: those are discarded where a tunnel brings them to the packet
    worker, and the configuration has no bypass after them.
    """
    return tuple(
        PacketRule(
            policy.action is Action.BYPASS,
            pair.local.version,
            _prefix(source),
            _prefix(target),
            pair.local.protocol or pair.remote.protocol,
            _ports(pair.local),
            _ports(pair.remote),
        )
        for policy in policies
        for pair in policy.selectors
        if pair.local.protocol not in _ICMP or pair.local.is_any_port
        for source in pair.local.networks
        for target in pair.remote.networks
    )


def _prefix(network: Network) -> str:
    return str(network) if network.prefixlen else ""


def _ports(side: TrafficSelector) -> tuple[int, int] | None:
    return None if side.is_any_port else (side.start_port, side.end_port)


class _Begun(NamedTuple):
    """The networks of a tunnel that has begun."""

    remote: tuple[Network, ...] = ()
    local: tuple[Network, ...] = ()


class Routing:
    """Set the routes of tunnels; ``complain`` gets a line when the kernel refuses one.

    Several connections may have a network in common.  It leads into the device while one of them
    wants that: which of them takes a packet is the SPD's to say, and none takes it in clear.  A
    network that is remote to one connection and local to another is remote: a throw route would
    let its packets leave in clear.
    """

    def __init__(
        self,
        table: Table,
        addresses: Callable[[], set[str]],
        complain: Callable[[str, str], None],
    ) -> None:
        self._table = table
        self._addresses = addresses
        self._complain = complain
        self._remote: dict[Network, list[Tunnel]] = {}
        self._local: dict[Network, list[Tunnel]] = {}
        self._begun: dict[int, _Begun] = {}  # by the identity of a tunnel: names come again
        self._ours: set[str] = set()

    def begin(self, tunnel: Tunnel) -> None:
        """Block the remote networks, and leave the local ones to the host's own routes.

        Once more, it goes over to where the networks are now: those of a child between the two
        ends themselves are the ends' addresses.
        """
        self._ours = self._addresses()
        before = self._begun.get(id(tunnel), _Begun())
        local = tuple(net for net in tunnel.plan.local_subnets if net.prefixlen)
        now = self._begun[id(tunnel)] = _Begun(tunnel.remote_nets, local)
        for net in set(now.remote) - set(before.remote):
            self._remote.setdefault(net, []).append(tunnel)
        for net in set(now.local) - set(before.local):
            self._local.setdefault(net, []).append(tunnel)
            self._settle(net, tunnel)
        self.set(tunnel)
        for net in set(before.remote) - set(now.remote):
            self._leave(self._remote, net, tunnel)

    def set(self, tunnel: Tunnel) -> None:
        """Let the routes to the remote networks do what ``tunnel.routes`` says."""
        for net in self._begun.get(id(tunnel), _Begun()).remote:
            self._settle(net, tunnel)

    def end(self, tunnel: Tunnel) -> None:
        """Remove what only this tunnel needed; one that never began needed nothing."""
        begun = self._begun.pop(id(tunnel), _Begun())
        for net in begun.remote:
            self._leave(self._remote, net, tunnel)
        for net in begun.local:
            self._leave(self._local, net, tunnel)

    def _leave(self, users: dict[Network, list[Tunnel]], net: Network, tunnel: Tunnel) -> None:
        users[net] = [other for other in users[net] if other is not tunnel]
        if not users[net]:
            del users[net]
        self._settle(net, tunnel)

    def _settle(self, net: Network, tunnel: Tunnel) -> None:
        """Let the kernel have what the tunnels with this network want; ``tunnel`` asks for it."""
        users = self._remote.get(net)
        if users is None:
            thrown = net in self._local
            change = self._table.throw if thrown else self._table.remove
            self._do(tunnel.name, partial(change, str(net)))
            return
        open_ = [one for one in users if one.routes is not RouteState.BLOCKED]
        if not open_:
            self._do(tunnel.name, partial(self._table.unreachable, str(net)))
            return
        mtu = min((one.mtu for one in open_ if one.mtu), default=None)
        if mtu:  # what no path may refuse is cut outside
            mtu = max(mtu, MINIMUM[net.version])
        source = self._source(open_[0].local_nets, net.version)
        self._do(tunnel.name, partial(self._table.tunnel, str(net), mtu, source))

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
