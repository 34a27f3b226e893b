"""Compile a configuration to what the daemon works from: frozen, comparable, without pydantic.

Two plans of one tunnel are equal when nothing that concerns the daemon differs, the pre-shared key
included; names and remarks for people are not in them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from ikebana.config.access import Access, Directory
from ikebana.config.connection import CloseAction, Connection, DpdAction, Initiation
from ikebana.config.crypto import effective
from ikebana.config.fields import Network
from ikebana.config.gateway import Gateway
from ikebana.config.model import Config
from ikebana.config.networks import children_of
from ikebana.config.policies import compile_policies
from ikecore.child import UNLIMITED, ChildLimits, Mode
from ikecore.identities import Identity
from ikecore.profile import (
    ANY,
    Childless,
    ChildProfile,
    IkeVersion,
    LegacyTerms,
    Limits,
    Profile,
    Uniqueness,
)
from ikecore.proposals import Proposal, Protocol
from ikecore.retry import RetryPlan
from policy.selectors import TrafficSelector
from policy.spd import Policy
from policy.treatment import PLAIN, Treatment
from suites.secret import Secret

KB: Final = 1024
"""Octets of a KB of ``lifetime_kb``."""
EMPTY: Final = Directory()
PAUSE: Final = 2.0
"""Seconds between the first tries, until the state says failed."""


@dataclass(frozen=True, slots=True)
class GatewayPlan:
    """The process: where it listens and its bounds.  ``addresses`` empty: all; ``mtu`` octets.

    ``offload`` is whether many packets may go in one call, ``vectors`` whether numpy may be used.
    """

    name: str
    addresses: tuple[str, ...]
    port: int
    nat_port: int
    mtu: int
    tun_name: str
    routing_table: int
    mark: int
    limits: Limits
    offload: bool = True
    vectors: bool = True


@dataclass(frozen=True, slots=True)
class Tries:
    """When a negotiation is tried again.  Times in seconds.

    The first try and ``count`` more, ``pause`` apart; then the state says failed, and a try follows
    ``interval`` after each failure, without end.
    """

    count: int = 3
    interval: float = 12.0
    pause: float = PAUSE

    def wait(self, failures: int) -> float:
        """Return the wait before the next try after so many failures in a row (1 or more)."""
        return self.pause if failures <= self.count else self.interval

    def is_failed(self, failures: int) -> bool:
        """Tell whether the state says failed after so many failures in a row."""
        return failures > self.count


@dataclass(frozen=True, slots=True)
class TunnelPlan:
    """One connection as the daemon works on it.

    ``peer`` is an address, a host name or ``any``; ``local_addresses`` empty: whichever the route
    to the peer takes.  An identity of None is the address of its end.  Unhashable, as its key is.

    ``children`` and the networks are empty for a child in transport mode between the two ends
    themselves: :meth:`children_at` makes it of their addresses.
    """

    name: str
    enabled: bool
    peer: str
    is_any_peer: bool
    initiation: Initiation
    psk: Secret
    local_addresses: tuple[str, ...]
    local_id: Identity | None
    remote_id: Identity | None
    children: tuple[ChildProfile, ...]  # in the order they are negotiated
    local_subnets: tuple[Network, ...]  # of all children
    remote_subnets: tuple[Network, ...]
    ike_proposals: tuple[Proposal, ...]
    esp_proposals: tuple[Proposal, ...]
    ike_lifetime: float
    child_lifetime: float
    nat_traversal: bool
    force_encap: bool
    dpd: bool
    dpd_interval: float
    dpd_timeout: float
    dpd_action: DpdAction
    tries: Tries
    try_timeout: float
    retry: RetryPlan
    close_action: CloseAction  # after the peer deleted the last child, or the IKE SA
    child_limits: ChildLimits = UNLIMITED
    mode: Mode = Mode.TUNNEL
    later_fragments: bool = False
    reauth: bool = False
    auth_lifetime: float = 0.0
    uniqueness: Uniqueness = Uniqueness.REPLACE
    childless: Childless = Childless.ALLOW
    fragmentation: bool = True
    mobike: bool = True
    window: int = 1
    treatment: Treatment = PLAIN
    version: IkeVersion = IkeVersion.IKEV2
    legacy: LegacyTerms = field(default_factory=LegacyTerms)
    access: Access = field(default_factory=Access)

    def local_for(self, remote: str, route: Callable[[str], str]) -> str:
        """Return our address for a peer at ``remote``: the configured one, else the route's."""
        version = ip_address(remote).version
        fitting = (one for one in self.local_addresses if ip_address(one).version == version)
        return next(fitting, "") or route(remote)

    def profile(self, local: str, remote: frozenset[str], tried: str = "") -> Profile:
        """Return the profile for the cores, now that addresses are known.

        ``remote`` are all addresses of the peer, none for ``any``; ``tried`` is the one a
        negotiation goes to, which the peer's identity defaults to (else the lowest of our IP
        version).  Raises ValueError when an identity needs an address that is not given.
        """
        return Profile(
            name=self.name,
            local_id=self.local_id or Identity.of_address(local),
            remote_id=self.remote_id or Identity.of_address(tried or _lowest(local, remote)),
            ike_proposals=self.ike_proposals,
            esp_proposals=self.esp_proposals,
            children=self.children_at(local, remote, tried),
            remote=remote,
            local=frozenset(self.local_addresses) or ANY,
            ike_lifetime=self.ike_lifetime,
            child_lifetime=self.child_lifetime,
            child_limits=self.child_limits,
            mode=self.mode,
            later_fragments=self.later_fragments,
            reauth=self.reauth,
            auth_lifetime=self.auth_lifetime,
            uniqueness=self.uniqueness,
            childless=self.childless,
            fragmentation=self.fragmentation,
            mobike=self.mobike,
            window=self.window,
            nat_traversal=self.nat_traversal,
            force_encap=self.force_encap,
            dpd=self.dpd,
            dpd_interval=self.dpd_interval,
            dpd_timeout=self.dpd_timeout,
            keep_on_timeout=self.dpd_action is DpdAction.NONE,
            try_timeout=self.try_timeout,
            retry=self.retry,
            version=self.version,
            legacy=self.legacy,
        )

    def children_at(
        self, local: str, remote: frozenset[str], tried: str = ""
    ) -> tuple[ChildProfile, ...]:
        """Return the children, now that addresses are known (as :meth:`profile` takes them).

        A child between the two ends themselves goes to the address tried, and takes a peer from
        any of its addresses of our IP version.  Raises ValueError when it lacks an address.
        """
        if self.children:
            return self.children
        if not local:
            raise ValueError("there is no address of ours for a child in transport mode")
        here = TrafficSelector.from_cidr(local)
        ends = map(
            TrafficSelector.from_cidr, _ordered(local, frozenset((tried,)) if tried else remote)
        )
        there = tuple(end for end in ends if end.version == here.version)
        if not there:
            raise ValueError("the peer has no address for a child in transport mode")
        return (ChildProfile((here,), there),)


def _lowest(local: str, remote: frozenset[str]) -> str:
    for address in _ordered(local, remote):
        return address
    raise ValueError("the peer has no address to take its identity from")


def _ordered(local: str, remote: frozenset[str]) -> list[str]:
    """Return addresses in order, those of our IP version first."""
    version = ip_address(local).version if local else 0
    ordered = sorted(map(ip_address, remote), key=lambda one: (one.version != version, one.packed))
    return list(map(str, ordered))


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the daemon works from; ``policies`` come before those of the tunnels."""

    gateway: GatewayPlan
    tunnels: tuple[TunnelPlan, ...]
    policies: tuple[Policy, ...] = ()


def compile_config(config: Config) -> Plan:
    """Return the plan of a configuration."""
    gateway = compile_gateway(config.gateway)
    tunnels = (compile_tunnel(one, config.gateway, config.directory) for one in config.connections)
    return Plan(gateway, tuple(tunnels), compile_policies(config.gateway.policies))


def compile_gateway(gateway: Gateway) -> GatewayPlan:
    """Return the plan of the process itself."""
    limits = gateway.limits
    return GatewayPlan(
        name=gateway.name,
        addresses=gateway.addresses,
        port=gateway.port,
        nat_port=gateway.nat_port,
        mtu=gateway.mtu,
        tun_name=gateway.tun_name,
        routing_table=gateway.routing_table,
        mark=gateway.mark,
        limits=Limits(
            half_open=limits.half_open,
            half_open_per_address=limits.half_open_per_address,
            cookie_threshold=limits.cookie_threshold,
            cookie_threshold_per_address=limits.cookie_threshold_per_address,
            half_open_timeout=float(limits.half_open_timeout_s),
            ike_sas=limits.ike_sas,
            cookie_lifetime=float(limits.cookie_lifetime_s),
        ),
        offload=gateway.offload == "auto",
        vectors=gateway.lab.vectors,
    )


def compile_tunnel(one: Connection, gateway: Gateway, directory: Directory = EMPTY) -> TunnelPlan:
    """Return the plan of one connection; the preset's values fill what it leaves open."""
    preset = one.preset
    ike_lifetime, child_lifetime = one.ike.lifetime_s, one.ipsec.lifetime_s
    ike_numbers, ipsec_numbers = gateway.private_ids.of_version(one.ike.version)
    local_subnets, remote_subnets = one.networks
    return TunnelPlan(
        name=one.name,
        enabled=one.enabled,
        peer=one.peer,
        is_any_peer=one.is_any_peer,
        initiation=one.initiation,
        psk=psk_of(one),
        local_addresses=(one.local_address,) if one.local_address else gateway.addresses,
        local_id=Identity.parse(one.local_id) if one.local_id else None,
        remote_id=Identity.parse(one.remote_id) if one.remote_id else None,
        children=children_of(one.rules, per_mapping=one.per_mapping_sa),
        local_subnets=local_subnets,
        remote_subnets=remote_subnets,
        ike_proposals=effective(one.ike.keywords(preset), Protocol.IKE, ike_numbers),
        esp_proposals=effective(one.ipsec.keywords(preset), one.ipsec.protocol_id, ipsec_numbers),
        ike_lifetime=float(preset.ike_lifetime if ike_lifetime is None else ike_lifetime),
        child_lifetime=float(preset.ipsec_lifetime if child_lifetime is None else child_lifetime),
        nat_traversal=one.nat_traversal,
        force_encap=one.force_encap,
        dpd=one.dpd.enabled,
        dpd_interval=float(one.dpd.interval_s),
        dpd_timeout=float(one.dpd.timeout_s),
        dpd_action=one.dpd.action,
        tries=Tries(one.retry.count, float(one.retry.interval_s)),
        try_timeout=float(one.retry.try_timeout_s),
        retry=RetryPlan(first=one.retry.first_s, factor=one.retry.factor),
        close_action=one.close_action,
        child_limits=ChildLimits(
            hard_octets=one.ipsec.lifetime_kb * KB, hard_packets=one.ipsec.lifetime_packets
        ),
        mode=Mode(one.ipsec.mode),
        later_fragments=one.ipsec.fragments_also,
        reauth=one.ike.reauth,
        auth_lifetime=float(one.ike.auth_lifetime_s),
        uniqueness=one.uniqueness,
        childless=one.childless,
        fragmentation=one.ike.fragmentation,
        mobike=one.mobike,
        window=one.ike.window,
        treatment=one.packets.treatment,
        version=one.ike.version,
        legacy=LegacyTerms(
            mode=one.ike.mode,
            allow_aggressive_psk=one.ike.allow_aggressive_psk,
            xauth=one.xauth.role,
            addresses=one.address.role,
            config_mode=one.address.method,
            private=gateway.private_ids.legacy,
        ),
        access=directory.access(one),
    )


def psk_of(connection: Connection) -> Secret:
    """Return the pre-shared key's octets."""
    return connection.psk.secret
