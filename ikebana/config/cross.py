"""What no connection can tell of itself: names, peers, quotas and networks taken twice."""

import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, TypeAlias

from ikebana.config.connection import Connection, RoutingMode
from ikebana.config.fields import Network
from ikebana.config.gateway import Gateway, Quotas
from ikebana.config.networks import SpdPolicy, children_of
from ikebana.config.policies import covered_refusal
from ikebana.config.private import lacking
from ikebana.config.problems import Loc, Refusal
from ikecore.profile import ChildProfile, IkeVersion, Phase1Mode
from ikecore.proposals import Protocol
from policy.selectors import TrafficSelector, any_of
from policy.spd import SelectorPair

Numbered: TypeAlias = Sequence[tuple[int, Connection]]
"""Connections that are valid by themselves, each with its index in the file."""

_Range: TypeAlias = tuple[int, int, int]
_UNIQUE: Final = "give one of them another local_id or remote_id"


def cross_refusals(gateway: Gateway, numbered: Numbered) -> Iterator[Refusal]:
    """Find what is wrong between connections; places start at the root."""
    yield from _names(numbered)
    yield from _ambiguous(numbered)
    yield from _one_key_per_address(numbered)
    yield from _addresses(gateway, numbered)
    yield from _quotas(gateway.quotas, numbered)
    yield from _mappings(gateway.quotas, numbered)
    yield from _destinations(numbered)
    yield from _hidden(numbered)
    yield from _in_clear(gateway, numbered)
    yield from _unnumbered(gateway, numbered)


def _names(numbered: Numbered) -> Iterator[Refusal]:
    first: dict[str, Connection] = {}
    for at, one in numbered:
        earlier = first.setdefault(one.name.casefold(), one)
        if earlier is not one:
            yield Refusal(
                ("connection", at, "name"),
                f"name_taken: there is a connection {earlier.name!r} already",
                "names are unique without regard to case",
            )


def _ambiguous(numbered: Numbered) -> Iterator[Refusal]:
    """Compare the four things by which a responder selects its connection."""
    first: dict[tuple[str, str, str, str], Connection] = {}
    for at, one in numbered:
        key = (
            one.local_address or "",
            one.peer,
            (one.local_id or one.local_address or "").casefold(),
            (one.remote_id or one.peer).casefold(),
        )
        earlier = first.setdefault(key, one)
        if earlier is not one:
            yield Refusal(
                ("connection", at, "peer"),
                f"ambiguous_peer: {earlier.name!r} has the same addresses and identities",
                _UNIQUE,
            )


def _one_key_per_address(numbered: Numbered) -> Iterator[Refusal]:
    """IKEv1's main mode selects the PSK by addresses alone: no identity was told yet."""
    taken: dict[str, list[Connection]] = {}
    for at, one in numbered:
        if not one.ike.version.speaks(1) or one.ike.mode is not Phase1Mode.MAIN:
            continue
        there = taken.setdefault(one.peer, [])
        for earlier in there:
            here = {one.local_address, earlier.local_address}
            is_same = None in here or len(here) == 1
            if is_same and earlier.psk.secret != one.psk.secret:
                yield Refusal(
                    ("connection", at, "psk"),
                    f"ambiguous_peer: {earlier.name!r} has another PSK for the same addresses, and "
                    "IKEv1's main mode finds it by these alone",
                    'the same PSK, another local_address, or ike.mode = "aggressive"',
                )
                break
        else:
            there.append(one)


def _unnumbered(gateway: Gateway, numbered: Numbered) -> Iterator[Refusal]:
    for at, one in numbered:
        is_old = one.ike.version is IkeVersion.IKEV1
        ike, ipsec = gateway.private_ids.of_version(one.ike.version)
        protocol = one.ipsec.protocol_id
        found = chain(
            lacking("ike", one.ike, Protocol.IKE, one.preset, ike, is_old=is_old),
            lacking("ipsec", one.ipsec, protocol, one.preset, ipsec, is_old=is_old),
        )
        for why in found:
            yield Refusal(("connection", at, *why.loc), why.message, why.hint)


def _addresses(gateway: Gateway, numbered: Numbered) -> Iterator[Refusal]:
    ours = set(gateway.addresses)
    versions = {ipaddress.ip_address(one).version for one in ours}
    for at, one in numbered:
        if not ours:
            return
        if one.local_address is not None and one.local_address not in ours:
            yield Refusal(
                ("connection", at, "local_address"),
                "not one of gateway.addresses",
                f"one of: {', '.join(gateway.addresses[:8])}",
            )
        if one.peer in ours:
            yield Refusal(
                ("connection", at, "peer"),
                "an address of this gateway itself",
                "give the other gateway's address",
            )
        elif one.peer_address and ipaddress.ip_address(one.peer).version not in versions:
            yield Refusal(
                ("connection", at, "peer"),
                "no address in gateway.addresses is of this IP version",
                "add one to gateway.addresses",
            )


def _quotas(quotas: Quotas, numbered: Numbered) -> Iterator[Refusal]:
    seen: Counter[str] = Counter()
    for at, one in numbered:
        seen[one.peer] += 1
        if seen[one.peer] == quotas.tunnels_per_peer + 1:
            yield Refusal(
                ("connection", at, "peer"),
                f"more than {quotas.tunnels_per_peer} connections to this peer",
                "raise gateway.quotas.tunnels_per_peer",
            )
        for rule_at, rule in enumerate(one.rules):
            for field, side in (("local", rule.local_cidrs), ("remote", rule.remote_cidrs)):
                if len(side) > quotas.segments_per_tunnel:
                    yield Refusal(
                        ("connection", at, *one.place(rule_at, field)),
                        f"{len(side)} networks, more than {quotas.segments_per_tunnel}",
                        "join some, or raise gateway.quotas.segments_per_tunnel (at most 64)",
                    )


@dataclass(frozen=True, slots=True)
class _Mapping:
    """A pair of networks of one rule."""

    local: _Range
    remote: _Range
    rule: SpdPolicy
    owner: Connection

    def meets(self, other: "_Mapping") -> bool:
        """Tell whether some packet fits both: then both sides intersect, and protocol and ports."""
        return (
            _meet(self.local, other.local)
            and _meet(self.remote, other.remote)
            and self.rule.meets(other.rule)
        )

    def covers(self, other: "_Mapping") -> bool:
        """Tell whether every packet of the other one fits here, too."""
        return (
            _holds(self.local, other.local)
            and _holds(self.remote, other.remote)
            and self.rule.covers(other.rule)
        )

    def is_told(self, other: "_Mapping") -> bool:
        """Tell whether the other refusals name the two already."""
        modes = {self.owner.routing_mode, other.owner.routing_mode}
        is_routed = modes == {RoutingMode.DESTINATION} and self.remote == other.remote
        return modes == {RoutingMode.POLICY} or is_routed or self.owner is other.owner

    def __str__(self) -> str:
        return f"{_shown(self.local)} - {_shown(self.remote)}"


def _mappings(quotas: Quotas, numbered: Numbered) -> Iterator[Refusal]:
    """Two mappings of policy mode must not meet; those with an SA each are counted, too."""
    taken: list[_Mapping] = []
    count = 0
    for at, one in numbered:
        is_policy = one.routing_mode is RoutingMode.POLICY
        for rule_at, rule in enumerate(one.rules if is_policy or one.per_mapping_sa else ()):
            place = ("connection", at, *one.place(rule_at))
            count += rule.size
            if count > quotas.mappings_per_gateway:
                yield Refusal(
                    place,
                    f"more than {quotas.mappings_per_gateway} mappings in all",
                    "join networks, or raise gateway.quotas.mappings_per_gateway",
                )
                return
            if is_policy:
                new = [_Mapping(_range(a), _range(b), rule, one) for a, b in rule.mappings]
                yield from _conflict(place, new, taken)
                taken += new


def _conflict(place: Loc, new: list[_Mapping], taken: list[_Mapping]) -> Iterator[Refusal]:
    """Return the first of the new mappings that meets one of those taken, or of its own rule."""
    for at, mine in enumerate(new):
        other = next((one for one in chain(taken, new[:at]) if one.meets(mine)), None)
        if other is not None:
            whose = "this connection" if other.owner is mine.owner else repr(other.owner.name)
            yield Refusal(
                place,
                f"mapping_conflict: {whose} has {other} already",
                "one side must not intersect",
            )
            return


def _range(net: Network) -> _Range:
    return net.version, int(net.network_address), int(net.broadcast_address)


def _meet(one: _Range, other: _Range) -> bool:
    return one[0] == other[0] and one[1] <= other[2] and other[1] <= one[2]


def _holds(one: _Range, other: _Range) -> bool:
    return one[0] == other[0] and one[1] <= other[1] and other[2] <= one[2]


def _shown(span: _Range) -> str:
    make: Mapping[int, type[ipaddress.IPv4Address | ipaddress.IPv6Address]] = {
        4: ipaddress.IPv4Address,
        6: ipaddress.IPv6Address,
    }
    first, last = make[span[0]](span[1]), make[span[0]](span[2])
    return ", ".join(str(net) for net in ipaddress.summarize_address_range(first, last))


def _destinations(numbered: Numbered) -> Iterator[Refusal]:
    """In destination mode routes decide, and a routing table holds a destination once."""
    taken: dict[Network, Connection] = {}
    for at, one in numbered:
        if one.routing_mode is not RoutingMode.DESTINATION or not one.enabled:
            continue
        for index, net in enumerate(one.networks[1]):
            earlier = taken.setdefault(net, one)
            if earlier is not one:
                name = "peer" if one.is_between_ends else "remote_subnets"
                given = "remote_subnets" in one.model_fields_set
                yield Refusal(
                    ("connection", at, name, *((index,) if given else ())),
                    f"route_conflict: {earlier.name!r} routes {net} already",
                    "each network once, or routing_mode = policy",
                )
                break


def _hidden(numbered: Numbered) -> Iterator[Refusal]:
    """Find a mapping that an earlier connection takes all packets of: the first match decides."""
    earlier: dict[_Range, list[_Mapping]] = {}  # by the peer's network
    widths: set[tuple[int, int]] = set()  # IP version and prefix length of those
    for at, one in numbered:
        if not one.enabled:
            continue
        mine = []
        for rule_at, rule in enumerate(one.rules):
            for local, remote in rule.mappings:
                new = _Mapping(_range(local), _range(remote), rule, one)
                mine.append((remote, new))
                other = _taker(new, _around(remote, widths, earlier))
                if other is not None:
                    yield Refusal(
                        ("connection", at, *one.place(rule_at)),
                        f"mapping_conflict: {other.owner.name!r} comes before and has {other}, so "
                        f"that nothing is left of {new}",
                        "put this connection before it, or let the networks differ",
                    )
                    break
        for remote, new in mine:
            earlier.setdefault(new.remote, []).append(new)
            widths.add((remote.version, remote.prefixlen))


def _around(
    remote: Network, widths: Iterable[tuple[int, int]], earlier: Mapping[_Range, list[_Mapping]]
) -> Iterator[_Mapping]:
    """Return the earlier mappings whose network at the peer holds another one."""
    first = int(remote.network_address)
    for version, width in widths:
        if version == remote.version and width <= remote.prefixlen:
            size = 1 << (remote.max_prefixlen - width)
            start = first - first % size
            yield from earlier.get((version, start, start + size - 1), ())


def _taker(new: _Mapping, around: Iterable[_Mapping]) -> _Mapping | None:
    found = (other for other in around if other.covers(new) and not other.is_told(new))
    return next(found, None)


def _in_clear(gateway: Gateway, numbered: Numbered) -> Iterator[Refusal]:
    """Find a bypass under which all packets of a mapping would leave in clear."""
    if not any(policy.is_bypass for policy in gateway.policies):
        return
    for _, one in numbered:
        if not one.enabled:
            continue
        pairs = [
            SelectorPair(local, remote)
            for child in children_of(one.rules, per_mapping=False) or _between(one)
            for local in child.local_ts
            for remote in child.remote_ts
            if local.version == remote.version
        ]
        yield from covered_refusal(gateway.policies, pairs, one.name)


def _between(one: Connection) -> tuple[ChildProfile, ...]:
    """Return the child between the two ends, as far as the file tells where they are."""
    ours, theirs = one.networks
    there = tuple(map(TrafficSelector.from_cidr, theirs))
    here = tuple(map(TrafficSelector.from_cidr, ours))
    return tuple(ChildProfile(here or (any_of(end.version),), (end,)) for end in there)
