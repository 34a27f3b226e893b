"""The connections of a gateway: each with its plan, its core, its routes and its counters."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from ikebana.config.compile import TunnelPlan
from ikebana.daemon.connection import Connection
from ikebana.daemon.course import Terms
from ikebana.daemon.orders import RouteState
from ikebana.daemon.runner import Report
from ikebana.daemon.tally import Counts
from ikecore.actions import Closed
from ikecore.diagnosis import Diagnosis
from ikecore.entropy import Entropy
from ikecore.lease import Lease
from ikecore.profile import NO_CHILD, Childless, ChildProfile
from policy.spd import Action, Policy, SelectorPair

Network = IPv4Network | IPv6Network


@dataclass(slots=True)
class Tunnel:
    """One connection as the daemon runs it."""

    plan: TunnelPlan
    core: Connection
    policy: Policy
    local: str = ""
    remote: frozenset[str] = frozenset()  # the peer's addresses when last resolved
    lease: Lease | None = None  # the inner address that the peer gave us
    routes: RouteState = RouteState.BLOCKED
    mtu: int = 0
    established_at: dict[bytes, float] = field(default_factory=dict)
    counts: dict[int, Counts] = field(default_factory=dict)
    past: Counts = field(default_factory=Counts)  # of children that are gone: totals only grow
    last_change: str = ""  # the last rekey or move in one line
    last_change_at: float = 0.0  # seconds of the Unix epoch
    reason: Diagnosis | None = None
    reason_since: float = 0.0

    @property
    def name(self) -> str:
        """Return the connection's name."""
        return self.plan.name

    @property
    def remote_nets(self) -> tuple[Network, ...]:
        """Return what the routes lead to: the peer itself for a child between the two ends.

        A client that names no networks goes by what its gateway tells.
        """
        if self.lease is not None and self.lease.subnets and self.plan.access.learns_networks:
            return tuple(map(ip_network, self.lease.subnets))
        if self.plan.children:
            return self.plan.remote_subnets
        return tuple(ip_network(address) for address in sorted(self.remote))

    @property
    def local_nets(self) -> tuple[Network, ...]:
        """Return where this host's own packets come from.

        Our end, for a child between the two; the inner address of a client.
        """
        if self.lease is not None:
            return (ip_network(self.lease.address),)
        between = not self.plan.children and self.local
        return (ip_network(self.local),) if between else self.plan.local_subnets

    def find_policy(self) -> bool:
        """Make the policy of a child between the two ends; tell whether it changed."""
        if self.plan.children or not self.local:
            return False
        there = (self.plan.children_at(self.local, self.remote, one) for one in sorted(self.remote))
        policy = policy_of(self.plan, (child for children in there for child in children))
        changed = policy != self.policy
        self.policy = policy
        return changed

    @property
    def is_known(self) -> bool:
        """Return whether it is known where the peer may come from."""
        return self.plan.is_any_peer or bool(self.remote)

    @property
    def is_ready(self) -> bool:
        """Return whether enough is known for the peer to be let in."""
        return self.is_known and bool(self.local or self.plan.local_id)

    @property
    def is_named(self) -> bool:
        """Return whether the peer is given by a host name."""
        if self.plan.is_any_peer:
            return False
        try:
            ip_address(self.plan.peer)
        except ValueError:
            return True
        return False

    def note_reason(self, now: float) -> None:
        """Note when the reason of the last failure or end changed."""
        if self.core.reason is not self.reason:
            self.reason, self.reason_since = self.core.reason, now


def make_tunnel(plan: TunnelPlan, entropy: Entropy) -> Tunnel:
    """Return a connection that has not begun."""
    terms = Terms(
        plan.initiation,
        plan.dpd_action,
        plan.close_action,
        plan.tries,
        plan.children or (NO_CHILD,),
        plan.childless is Childless.PREFER,
    )
    core = Connection(plan.name, terms, entropy, enabled=plan.enabled)
    return Tunnel(plan, core, policy_of(plan, plan.children))


def policy_of(plan: TunnelPlan, children: Iterable[ChildProfile]) -> Policy:
    """Return a connection's line of the SPD: all pairs of each of its children."""
    pairs = (
        SelectorPair(local, remote)
        for child in children
        for local in child.local_ts
        for remote in child.remote_ts
        if local.version == remote.version
    )
    selectors = tuple(dict.fromkeys(pairs))
    return Policy(plan.name, Action.PROTECT, selectors, plan.name, plan.later_fragments)


def is_half_open(report: Report, tunnel: Tunnel | None) -> bool:
    """Tell whether an SA ends that never came up: a flood of those would flood the log."""
    if not isinstance(report, Closed):
        return False
    if tunnel is None:
        return not report.connection
    return report.sa not in tunnel.established_at
