"""Why a packet does not fall under a policy: the selector that came closest, and what it wants."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policy.flow import Flow
from policy.selectors import OPAQUE, TrafficSelector, address_of
from policy.spd import Policy, SelectorPair

_ICMP: Final = frozenset((1, 58))


class Part(StrEnum):
    """What of a packet is outside, in the order in which it is looked at."""

    NOTHING = "nothing"  # the policy selects no packet
    VERSION = "version"
    SOURCE = "source"
    TARGET = "target"
    PROTOCOL = "protocol"
    SOURCE_PORT = "source_port"
    TARGET_PORT = "target_port"


_ORDER: Final = {part: rank for rank, part in enumerate(Part)}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The ``part`` of a packet that is outside, and ``why`` in words."""

    part: Part
    why: str

    @property
    def is_near(self) -> bool:
        """Tell whether both addresses fit, so that only protocol or ports keep them apart."""
        return _ORDER[self.part] > _ORDER[Part.TARGET]


def mismatch(policy: Policy, flow: Flow) -> Mismatch:
    """Tell why an outgoing flow is in none of a policy's selectors: of the nearest of them.

    A flow without protocol (0) or ports (OPAQUE) is one of which they are not known.
    """
    found = [(pair, _part(pair, flow)) for pair in policy.selectors]
    if not found:
        return Mismatch(Part.NOTHING, "it selects nothing yet")
    pair, part = max(found, key=lambda one: _ORDER[one[1]])
    alike = sum(one is part for _, one in found)
    return Mismatch(part, _why(pair, part, flow, alike))


def _part(pair: SelectorPair, flow: Flow) -> Part:
    local, remote = pair.local, pair.remote
    if flow.version != local.version:
        return Part.VERSION
    if not local.start <= flow.source <= local.end:
        return Part.SOURCE
    if not remote.start <= flow.target <= remote.end:
        return Part.TARGET
    if any(one.protocol not in (0, flow.protocol) for one in (local, remote)):
        return Part.PROTOCOL
    inside = local.matches(flow.source, flow.protocol, flow.source_port)
    return Part.TARGET_PORT if inside else Part.SOURCE_PORT


def _why(pair: SelectorPair, part: Part, flow: Flow, alike: int) -> str:
    more = f", nor in {alike - 1} more" if alike > 1 else ""
    match part:
        case Part.VERSION:
            return f"only IPv{pair.local.version}"
        case Part.SOURCE:
            return f"source {_address(flow, flow.source)} is not in {_net(pair.local)}{more}"
        case Part.TARGET:
            return f"target {_address(flow, flow.target)} is not in {_net(pair.remote)}{more}"
        case Part.PROTOCOL:
            side = pair.local if pair.local.protocol else pair.remote
            return f"only {_upper(side).partition('/')[0]}{_untold(not flow.protocol)}"
        case Part.SOURCE_PORT:
            return f"{_what(pair.local, 'source')} is not {_span(pair.local)}" + _untold(
                flow.source_port == OPAQUE
            )
        case _:
            return f"{_what(pair.remote, 'target')} is not {_span(pair.remote)}" + _untold(
                flow.target_port == OPAQUE
            )


def _untold(is_untold: bool) -> str:
    return " (not told)" if is_untold else ""


def _address(flow: Flow, number: int) -> str:
    return address_of(flow.version, number)


def _net(side: TrafficSelector) -> str:
    return str(side).partition("[")[0]


def _upper(side: TrafficSelector) -> str:
    """Return what a selector says of the upper layer: ``tcp/443``."""
    return str(side).partition("[")[2].rstrip("]") or "any"


def _span(side: TrafficSelector) -> str:
    return _upper(side).partition("/")[2]


def _what(side: TrafficSelector, which: str) -> str:
    return "ICMP type" if side.protocol in _ICMP else f"{which} port"
