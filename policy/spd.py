"""Which policy a packet falls under: an ordered list, remembered per flow (RFC 4301 4.4.1)."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from policy.flow import Flow, MalformedPacket, flow_key, flow_of
from policy.selectors import OPAQUE, TrafficSelector

__all__ = ["DEFAULT", "Action", "MalformedPacket", "Policy", "SelectorPair", "Spd"]

_MEMORY_LIMIT: Final = 8192


class Action(Enum):
    """What happens to a packet (RFC 4301 section 4.4.1)."""

    PROTECT = "protect"
    BYPASS = "bypass"
    DISCARD = "discard"


@dataclass(frozen=True, slots=True)
class SelectorPair:
    """Both sides as seen on the way out: ``local`` is the source, ``remote`` the target."""

    local: TrafficSelector
    remote: TrafficSelector

    def matches(self, flow: Flow, *, later_fragments: bool = False) -> bool:
        """Tell whether an outgoing flow is inside.

        With ``later_fragments`` fragments that show no ports are where their first one may be.
        """
        if later_fragments and flow.source_port == OPAQUE:
            return (
                flow.version == self.local.version == self.remote.version
                and self.local.matches_fragment(flow.source, flow.protocol)
                and self.remote.matches_fragment(flow.target, flow.protocol)
            )
        return (
            flow.version == self.local.version == self.remote.version
            and self.local.matches(flow.source, flow.protocol, flow.source_port)
            and self.remote.matches(flow.target, flow.protocol, flow.target_port)
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """One line of the database.  ``tunnel`` names whose SAs protect; empty unless PROTECT.

    ``later_fragments`` is whether fragments without visible ports count as if they had the ports
    that the selectors name (RFC 4301 section 7).
    """

    name: str
    action: Action
    selectors: tuple[SelectorPair, ...]
    tunnel: str = ""
    later_fragments: bool = False

    def pair_of(self, flow: Flow) -> SelectorPair | None:
        """Return the first pair of selectors that an outgoing flow is inside of."""
        for pair in self.selectors:
            if pair.matches(flow, later_fragments=self.later_fragments):
                return pair
        return None


DEFAULT: Final = Policy("default", Action.DISCARD, ())


class Spd:
    """An ordered policy list.  First match wins; no match discards (RFC 4301 section 5.1).

    A linear search costs microseconds per policy, so what a flow was found to match is
    remembered.  ``generation`` changes with every new list, for memories built on this one.
    """

    __slots__ = ("_policies", "_remembered", "generation")

    def __init__(self, policies: tuple[Policy, ...] = ()) -> None:
        self.generation = 0
        self._policies = policies
        self._remembered: dict[bytes, Policy] = {}

    @property
    def policies(self) -> tuple[Policy, ...]:
        """Return the list in force."""
        return self._policies

    def replace(self, policies: tuple[Policy, ...]) -> None:
        """Install a new list, whole, and forget what was remembered under the old one."""
        self._policies = policies
        self._remembered.clear()
        self.generation += 1

    def lookup(self, packet: bytes) -> Policy:
        """Return the policy for ``packet``; raise :exc:`MalformedPacket` if it has no flow."""
        key = flow_key(packet)
        policy = self._remembered.get(key)
        if policy is None:
            policy = self.find(flow_of(packet))
            if len(self._remembered) >= _MEMORY_LIMIT:  # a port scan must not grow it for ever
                self._remembered.clear()
            self._remembered[key] = policy
        return policy

    def find(self, flow: Flow) -> Policy:
        """Return the policy for an outgoing flow, without memory."""
        for policy in self._policies:
            if policy.pair_of(flow) is not None:
                return policy
        return DEFAULT
