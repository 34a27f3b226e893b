"""Packets that no connection decides about: ``[[gateway.policies]]``, before all connections.

The kernel's routing rules carry them out, so that a packet to be left alone never comes to the
packet worker.  What those rules cannot tell apart is refused here rather than half done.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Final, Self, TypeAlias

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, Strict, model_validator

from ikebana.config.fields import Listed, Model, Name, cidr, distinct, filled
from ikebana.config.networks import (
    ANY_PORT,
    ICMP,
    ICMPV6,
    Ports,
    Span,
    protocol_number,
    spans_of,
    upper_layer_refusals,
)
from ikebana.config.problems import Loc, Refusal, refuse, refuse_all
from policy.selectors import TrafficSelector, any_of
from policy.spd import Action, Policy, SelectorPair

MOST_RULES: Final = 512
"""Routing rules of all policies: the kernel walks them for every route it looks up."""
Pairs: TypeAlias = Sequence[SelectorPair]


class PolicyAction(StrEnum):
    """What happens to a packet."""

    BYPASS = "bypass"
    DISCARD = "discard"


def _range(value: object) -> TrafficSelector:
    """Read a network, an address, or a range of addresses."""
    if not isinstance(value, str) or "-" not in value:
        return TrafficSelector.from_cidr(cidr(value))
    try:
        return TrafficSelector.from_cidr(value)
    except ValueError:
        raise refuse(
            "not a range of addresses, first to last", 'such as "10.1.0.5-10.1.0.9"'
        ) from None


_Range = Annotated[TrafficSelector, PlainValidator(_range), PlainSerializer(str, return_type=str)]
Ranges = Annotated[tuple[_Range, ...], Listed, AfterValidator(filled), AfterValidator(distinct)]
_RANGES: Final = {"type": "list of networks, addresses, ranges", "shown": "all"}


class ExplicitPolicy(Model):
    """Packets to leave in clear or to drop, whatever the connections say: ``[[gateway.policies]]``.

    The first policy that matches decides, and all of them come before the connections.
    """

    name: Name | None = Field(
        default=None,
        description="Name, for people.",
        json_schema_extra={"type": "text", "shown": "`policy 1` for the first, and so on"},
    )
    action: Annotated[PolicyAction, Strict(False)] = Field(
        description="`bypass`: they go in clear, past the tunnels; `discard`: they are dropped."
    )
    local: Ranges = Field(
        default=(), description="Addresses that packets come from.", json_schema_extra={**_RANGES}
    )
    remote: Ranges = Field(
        default=(), description="Addresses that packets go to.", json_schema_extra={**_RANGES}
    )
    protocol: Annotated[int, PlainValidator(protocol_number)] | None = Field(
        default=None,
        description="The only protocol meant, by name or number.",
        json_schema_extra={"type": "name or 1-255", "shown": "all"},
    )
    local_ports: Ports = Field(
        default=(),
        description="Ports that packets come from, 1-65534; needs a protocol with ports.",
        json_schema_extra={"type": "list of ports and ranges", "shown": "all"},
    )
    remote_ports: Ports = Field(
        default=(),
        description="Ports that packets go to, 1-65534.",
        json_schema_extra={"type": "list of ports and ranges", "shown": "all"},
    )
    icmp_type: int | None = Field(
        default=None,
        ge=0,
        le=255,
        description="The only ICMP type meant; only with `discard`, of packets for a tunnel.",
        json_schema_extra={"type": "0-255", "shown": "all"},
    )
    icmp_code: int | None = Field(
        default=None,
        ge=0,
        le=255,
        description="The only code of that type.",
        json_schema_extra={"type": "0-255", "shown": "all"},
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        found = list(_refusals(self))
        if found:
            raise refuse_all("ExplicitPolicy", found)
        return self

    @property
    def is_bypass(self) -> bool:
        """Tell whether packets leave in clear."""
        return self.action is PolicyAction.BYPASS

    @property
    def pairs(self) -> tuple[SelectorPair, ...]:
        """Return what it matches."""
        ours = spans_of(self.local_ports, self.icmp_type, self.icmp_code)
        theirs = spans_of(self.remote_ports, self.icmp_type, self.icmp_code)
        return tuple(
            SelectorPair(_with(local, self.protocol, here), _with(remote, self.protocol, there))
            for local, remote in self._addresses()
            for here in ours
            for there in theirs
        )

    @property
    def size(self) -> int:
        """Return the number of routing rules it takes, without making them."""
        spans = (len(self.local_ports) or 1) * (len(self.remote_ports) or 1)
        return spans * sum(len(a.networks) * len(b.networks) for a, b in self._addresses())

    def meets(self, other: "ExplicitPolicy") -> bool:
        """Tell whether some packet fits both."""
        return any(
            one.local.intersect(two.local) and one.remote.intersect(two.remote)
            for one in self.pairs
            for two in other.pairs
        )

    def covers(self, pair: SelectorPair) -> bool:
        """Tell whether all packets of a pair fall under one pair of this policy."""
        return any(
            mine.local.version == pair.local.version
            and mine.local.contains(pair.local)
            and mine.remote.contains(pair.remote)
            for mine in self.pairs
        )

    def _addresses(self) -> Iterator[tuple[TrafficSelector, TrafficSelector]]:
        for version in _versions(self.protocol):
            everything = (any_of(version),)
            ours = [one for one in self.local or everything if one.version == version]
            theirs = [one for one in self.remote or everything if one.version == version]
            yield from ((local, remote) for local in ours for remote in theirs)


def _versions(protocol: int | None) -> tuple[int, ...]:
    return {ICMP: (4,), ICMPV6: (6,)}.get(protocol or 0, (4, 6))


def _with(base: TrafficSelector, protocol: int | None, span: Span) -> TrafficSelector:
    return TrafficSelector(base.version, base.start, base.end, protocol or 0, *span)


def _refusals(policy: ExplicitPolicy) -> Iterator[Refusal]:
    yield from upper_layer_refusals(policy)
    if policy.icmp_type is not None and policy.is_bypass:
        yield Refusal(
            ("icmp_type",),
            "the kernel's routing rules cannot tell ICMP types apart",
            "leave it out: all of ICMP goes in clear then",
        )
    for name in ("local_ports", "remote_ports"):
        for at, span in enumerate(getattr(policy, name)):
            if span != ANY_PORT and (span[0] == 0 or span[1] == 65535):
                yield Refusal(
                    (name, at),
                    "the kernel's routing rules know the ports 1 to 65534",
                    f"{max(span[0], 1)}-{min(span[1], 65534)}",
                )
    if not any(True for _ in policy._addresses()):
        which = "remote" if policy.remote else "local"
        yield Refusal(
            (which,),
            "no address on one side is of an IP version of the other side, or of the protocol",
            "IPv4 with icmp, IPv6 with icmpv6, and both sides alike",
        )


def policy_refusals(policies: Iterable[ExplicitPolicy]) -> Iterator[Refusal]:
    """Find what does not fit together between the policies; places relative to the gateway."""
    earlier: list[tuple[int, ExplicitPolicy]] = []  # discards that the kernel cannot carry out
    count = 0
    for at, policy in enumerate(policies):
        count += policy.size
        if count > MOST_RULES:
            yield Refusal(
                ("policies", at),
                f"more than {MOST_RULES} routing rules in all, one for each pair of networks and "
                "of ports",
                "join networks, or write a range that is one network",
            )
            return
        if policy.icmp_type is not None:
            earlier.append((at, policy))
        for other_at, other in earlier if policy.is_bypass else ():
            if other.meets(policy):
                yield Refusal(
                    ("policies", at),
                    f"what policies[{other_at}] discards by its ICMP type would go in clear by "
                    "this one: routing rules cannot tell types apart",
                    "leave icmp_type out there",
                )


def policy_warnings(policies: Sequence[ExplicitPolicy]) -> Iterator[Refusal]:
    """Find a bypass that fragments take although an earlier policy discards by ports."""
    for at, policy in enumerate(policies):
        for other_at, other in enumerate(policies[:at] if policy.is_bypass else ()):
            by_ports = other.local_ports or other.remote_ports
            if not other.is_bypass and by_ports and other.meets(policy):
                yield Refusal(
                    ("gateway", "policies", at),
                    f"forwarded fragments show no ports: those that policies[{other_at}] means go "
                    "in clear by this one",
                    "discard without ports, or name the protocol's ports here",
                )
                break


def compile_policies(policies: Iterable[ExplicitPolicy]) -> tuple[Policy, ...]:
    """Return the first lines of the SPD (RFC 4301 section 4.4.1), in the file's order."""
    return tuple(
        Policy(one.name or f"policy {number}", Action(one.action.value), one.pairs)
        for number, one in enumerate(policies, start=1)
    )


def covered_refusal(
    policies: Iterable[ExplicitPolicy], pairs: Pairs, connection: str
) -> Iterator[Refusal]:
    """Find the bypass that leaves a connection's mapping nothing; ``pairs`` are its mappings."""
    for at, policy in enumerate(policies):
        pair = next((one for one in pairs if policy.is_bypass and policy.covers(one)), None)
        if pair is not None:
            place: Loc = ("gateway", "policies", at)
            yield Refusal(
                place,
                f"bypass_covers_connection: all that {connection!r} protects from {pair.local} to "
                f"{pair.remote} would go in clear",
                "narrow the policy, or disable the connection",
            )
