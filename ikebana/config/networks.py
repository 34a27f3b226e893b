"""Which packets a connection carries: rules of networks, protocols and ports, and their children.

A rule with one local and two remote networks is two mappings; a child carries a whole rule, or one
mapping with ``per_mapping_sa``.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Annotated, Final, Protocol, Self, TypeAlias

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, model_validator

from ikebana.config.fields import Cidrs, Listed, Model, Network, filled
from ikebana.config.problems import Refusal, did_you_mean, refuse, refuse_all
from ikecore.profile import ChildProfile
from policy.selectors import LIMIT, TrafficSelector

ICMP: Final = 1
ICMPV6: Final = 58
PROTOCOLS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "icmp": ICMP, "igmp": 2, "ipip": 4, "tcp": 6, "udp": 17, "dccp": 33, "ipv6": 41, "gre": 47,
        "icmpv6": ICMPV6, "ipv6-icmp": ICMPV6, "eigrp": 88, "ospf": 89, "pim": 103, "vrrp": 112,
        "l2tp": 115, "sctp": 132, "udplite": 136,
    }
)  # fmt: skip
"""https://www.iana.org/assignments/protocol-numbers, what people write in rules."""
_PORTED: Final = frozenset({6, 17, 33, 132, 136})  # those whose ports a selector can see

Span: TypeAlias = tuple[int, int]
ANY_PORT: Final[Span] = (0, 65535)


def protocol_number(value: object) -> int:
    """Read a protocol's name or number from 1 to 255."""
    number = PROTOCOLS.get(value.lower()) if isinstance(value, str) else value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 3:
        number = int(value)
    if isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= 255:
        return number
    hint = did_you_mean(value, PROTOCOLS) if isinstance(value, str) else ""
    raise refuse("not a protocol: a name or a number from 1 to 255", hint or 'such as "tcp"')


def _span(value: object) -> Span:
    """Read ``443``, ``"443"`` or ``"1000-2000"``."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    parts = text.split("-") if isinstance(text, str) and len(text) <= 16 else []
    numbers = [one.strip() for one in parts]
    if not 1 <= len(numbers) <= 2 or not all(one.isascii() and one.isdigit() for one in numbers):
        raise refuse("neither a port nor a range of ports", 'such as "443" or "1000-2000"')
    first, last = int(numbers[0]), int(numbers[-1])
    if last > 65535:
        raise refuse("a port is at most 65535", "the nearest accepted is 65535")
    if first > last:
        raise refuse("the range ends before it begins", f'did you mean "{last}-{first}"?')
    return first, last


def _shown(span: Span) -> str:
    return str(span[0]) if span[0] == span[1] else f"{span[0]}-{span[1]}"


def _apart(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    ordered = sorted(spans)
    for one, other in pairwise(ordered):
        if other[0] <= one[1]:
            raise refuse(f"{_shown(one)} and {_shown(other)} overlap", "name each port once")
    return spans


_Port = Annotated[Span, PlainValidator(_span), PlainSerializer(_shown, return_type=str)]
Ports = Annotated[tuple[_Port, ...], Listed, AfterValidator(filled), AfterValidator(_apart)]
_PORTS: Final = {"type": "list of ports and ranges", "shown": "all"}


class SpdPolicy(Model):
    """One rule of a connection in policy mode: ``[[connection.spd_policies]]``."""

    local_cidrs: Cidrs = Field(
        description="Networks behind this gateway.", json_schema_extra={"type": "list of networks"}
    )
    remote_cidrs: Cidrs = Field(
        description="Networks behind the peer.", json_schema_extra={"type": "list of networks"}
    )
    protocol: Annotated[int, PlainValidator(protocol_number)] | None = Field(
        default=None,
        description="The only protocol carried, by name (`tcp`, `udp`, `icmp`, `icmpv6`, `gre`, …) "
        "or number.",
        json_schema_extra={"type": "name or 1-255", "shown": "all"},
    )
    local_ports: Ports = Field(
        default=(),
        description='Ports on this side, such as `["443", "1000-2000"]`; needs a protocol with '
        "ports.",
        json_schema_extra={**_PORTS},
    )
    remote_ports: Ports = Field(
        default=(),
        description="Ports on the peer's side, as above.",
        json_schema_extra={**_PORTS},
    )
    icmp_type: int | None = Field(
        default=None,
        ge=0,
        le=255,
        description="The only ICMP type carried; needs `icmp` or `icmpv6`.",
        json_schema_extra={"type": "0-255", "shown": "all"},
    )
    icmp_code: int | None = Field(
        default=None,
        ge=0,
        le=255,
        description="The only code of that type carried.",
        json_schema_extra={"type": "0-255", "shown": "all"},
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        found = list(_rule_refusals(self))
        if found:
            raise refuse_all("SpdPolicy", found)
        return self

    @property
    def mappings(self) -> Iterator[tuple[Network, Network]]:
        """Return each pair of a local and a remote network of one IP version, in order."""
        return (
            (local, remote)
            for local in self.local_cidrs
            for remote in self.remote_cidrs
            if local.version == remote.version
        )

    @property
    def size(self) -> int:
        """Return the number of mappings, without making them."""
        return sum(
            sum(net.version == version for net in self.local_cidrs)
            * sum(net.version == version for net in self.remote_cidrs)
            for version in (4, 6)
        )

    def meets(self, other: "SpdPolicy") -> bool:
        """Tell whether some packet fits both rules' protocols and ports, networks aside."""
        if self.protocol and other.protocol and self.protocol != other.protocol:
            return False
        return all(
            any(a[0] <= b[1] and b[0] <= a[1] for a in mine for b in theirs)
            for mine, theirs in (
                (self._spans(self.local_ports), other._spans(other.local_ports)),
                (self._spans(self.remote_ports), other._spans(other.remote_ports)),
            )
        )

    def covers(self, other: "SpdPolicy") -> bool:
        """Tell whether every protocol and port of the other rule is this one's, networks aside."""
        if self.protocol not in (None, other.protocol):
            return False
        return all(
            any(a[0] <= b[0] and b[1] <= a[1] for a in mine)
            for mine, theirs in (
                (self._spans(self.local_ports), other._spans(other.local_ports)),
                (self._spans(self.remote_ports), other._spans(other.remote_ports)),
            )
            for b in theirs
        )

    def child(
        self, local: Iterable[Network] | None = None, remote: Iterable[Network] | None = None
    ) -> ChildProfile:
        """Return the child that carries these networks of the rule, by default all."""
        return ChildProfile(
            self._selectors(self.local_cidrs if local is None else local, self.local_ports),
            self._selectors(self.remote_cidrs if remote is None else remote, self.remote_ports),
        )

    def _selectors(
        self, networks: Iterable[Network], ports: tuple[Span, ...]
    ) -> tuple[TrafficSelector, ...]:
        return tuple(
            TrafficSelector(net.version, int(net[0]), int(net[-1]), self.protocol or 0, first, last)
            for net in networks
            for first, last in self._spans(ports)
        )

    def _spans(self, ports: tuple[Span, ...]) -> tuple[Span, ...]:
        return spans_of(ports, self.icmp_type, self.icmp_code)


def spans_of(
    ports: tuple[Span, ...], icmp_type: int | None, icmp_code: int | None
) -> tuple[Span, ...]:
    """Return the port ranges of one side: ICMP's are type and code (RFC 4301 4.4.1.1)."""
    if icmp_type is None:
        return ports or (ANY_PORT,)
    first = icmp_type << 8
    return ((first, first | 255),) if icmp_code is None else ((first | icmp_code,) * 2,)


def _rule_refusals(rule: SpdPolicy) -> Iterator[Refusal]:
    for name, ports, networks in (
        ("local_ports", rule.local_ports, rule.local_cidrs),
        ("remote_ports", rule.remote_ports, rule.remote_cidrs),
    ):
        if len(ports or "-") * len(networks) > LIMIT:
            yield Refusal(
                (name,),
                f"{len(networks)} networks with {len(ports)} ranges of ports each: more than "
                f"{LIMIT} selectors",
                "write several rules",
            )
    yield from upper_layer_refusals(rule)
    version = {ICMP: 4, ICMPV6: 6}.get(rule.protocol or 0)
    if version and any(net.version != version for net in (*rule.local_cidrs, *rule.remote_cidrs)):
        other = "icmpv6" if version == 4 else "icmp"
        yield Refusal(
            ("protocol",),
            f"this protocol is IPv{version}'s, and a network is of the other version",
            f'write a rule of its own with protocol = "{other}"',
        )
    elif not rule.size:
        yield Refusal(("remote_cidrs",), *NO_COMMON_VERSION)


class UpperLayer(Protocol):
    """What a rule says of the upper layer."""

    @property
    def protocol(self) -> int | None:
        """Return the only protocol, None for all."""
        ...

    @property
    def local_ports(self) -> tuple[Span, ...]:
        """Return our ports, none for all."""
        ...

    @property
    def remote_ports(self) -> tuple[Span, ...]:
        """Return the other side's ports, none for all."""
        ...

    @property
    def icmp_type(self) -> int | None:
        """Return the only ICMP type, None for all."""
        ...

    @property
    def icmp_code(self) -> int | None:
        """Return the only code of that type, None for all."""
        ...


def upper_layer_refusals(rule: UpperLayer) -> Iterator[Refusal]:
    """Find ports and ICMP types where the protocol has none."""
    for name, ports in (("local_ports", rule.local_ports), ("remote_ports", rule.remote_ports)):
        if ports and rule.protocol not in _PORTED:
            yield Refusal((name,), "only some protocols have ports", 'add protocol = "tcp"')
    if rule.icmp_type is not None and rule.protocol not in (ICMP, ICMPV6):
        yield Refusal(("icmp_type",), "only ICMP has types", 'add protocol = "icmp"')
    if rule.icmp_code is not None and rule.icmp_type is None:
        yield Refusal(("icmp_code",), "a code belongs to a type", "add icmp_type")


NO_COMMON_VERSION: Final = (
    "of another IP version than every local network",
    "both sides need a network of the same IP version",
)


def children_of(rules: Iterable[SpdPolicy], *, per_mapping: bool) -> tuple[ChildProfile, ...]:
    """Return the children that carry the rules, in the order they are negotiated."""
    if not per_mapping:
        return tuple(rule.child() for rule in rules)
    return tuple(rule.child((a,), (b,)) for rule in rules for a, b in rule.mappings)


def on_both_sides(rules: Iterable[SpdPolicy]) -> Iterator[tuple[int, int, Network, Network]]:
    """Return each remote network that overlaps a local one, with rule and place in the rule."""
    listed = list(rules)
    ours = {net for rule in listed for net in rule.local_cidrs}
    edges = {version: _Edges(net for net in ours if net.version == version) for version in (4, 6)}
    for at, rule in enumerate(listed):
        for index, remote in enumerate(rule.remote_cidrs):
            local = edges[remote.version].overlapping(remote)
            if local is not None:
                yield at, index, remote, local


class _Edges:
    """The outermost of some networks of one IP version, in order, to be searched by halving."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._outer: list[Network] = []
        for net in sorted(networks, key=lambda net: (int(net[0]), net.prefixlen)):
            if not self._outer or int(net[0]) > int(self._outer[-1][-1]):
                self._outer.append(net)
        self._starts = [int(net[0]) for net in self._outer]

    def overlapping(self, other: Network) -> Network | None:
        """Return one that shares an address with another network, if there is any."""
        last = bisect_right(self._starts, int(other[-1])) - 1
        found = last >= 0 and int(self._outer[last][-1]) >= int(other[0])
        return self._outer[last] if found else None
