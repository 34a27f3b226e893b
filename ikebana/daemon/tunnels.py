"""The connections of a gateway: each with its plan, its core, its routes and its counters."""

from dataclasses import dataclass, field
from typing import Final

from ikebana.config.compile import TunnelPlan
from ikebana.daemon.connection import Connection, RouteState
from ikecore.entropy import Entropy
from policy.selectors import TrafficSelector
from policy.spd import Action, Policy, SelectorPair

_STALE: Final = 2.5  # seconds; the worker tells every second of what changed


@dataclass(slots=True)
class Counts:
    """Inner packets and octets of one child, as the worker last told, and the rate before."""

    since: float = 0.0  # when the child came up
    at: float = 0.0
    packets_in: int = 0
    octets_in: int = 0
    packets_out: int = 0
    octets_out: int = 0
    rate_in: float = 0.0  # bits a second
    rate_out: float = 0.0

    def update(self, row: tuple[int, int, int, int], now: float) -> bool:
        """Take new totals, ``row``: packets in, octets in, packets out, octets out.

        Tell whether packets came in, which shows that the peer lives.
        """
        elapsed, heard = now - self.at, row[0] > self.packets_in
        if self.at and elapsed > 0:
            self.rate_in = (row[1] - self.octets_in) * 8 / elapsed
            self.rate_out = (row[3] - self.octets_out) * 8 / elapsed
        self.at = now
        self.packets_in, self.octets_in, self.packets_out, self.octets_out = row
        return heard

    def rates(self, now: float) -> tuple[float, float]:
        """Return the rates in and out; the worker is silent about a child without traffic."""
        return (self.rate_in, self.rate_out) if now - self.at < _STALE else (0.0, 0.0)


@dataclass(slots=True)
class Tunnel:
    """One connection as the daemon runs it."""

    plan: TunnelPlan
    core: Connection
    local: str = ""
    remote: frozenset[str] = frozenset()  # the peer's addresses when last resolved
    routes: RouteState = RouteState.BLOCKED
    mtu: int = 0
    established_at: dict[bytes, float] = field(default_factory=dict)
    counts: dict[int, Counts] = field(default_factory=dict)
    reason_since: float = 0.0

    @property
    def name(self) -> str:
        """Return the connection's name."""
        return self.plan.name

    @property
    def is_known(self) -> bool:
        """Return whether enough is known for the peer to be let in."""
        return self.plan.is_any_peer or bool(self.remote)

    def policy(self) -> Policy:
        """Return this connection's line of the SPD: all pairs of its networks."""
        local = [TrafficSelector.from_cidr(net) for net in self.plan.local_subnets]
        remote = [TrafficSelector.from_cidr(net) for net in self.plan.remote_subnets]
        pairs = tuple(SelectorPair(a, b) for a in local for b in remote if a.version == b.version)
        return Policy(self.name, Action.PROTECT, pairs, self.name)


def make_tunnel(plan: TunnelPlan, entropy: Entropy) -> Tunnel:
    """Return a connection that has not begun."""
    core = Connection(
        plan.name,
        plan.initiation,
        plan.dpd_action,
        plan.tries,
        entropy,
        enabled=plan.enabled,
    )
    return Tunnel(plan, core)
