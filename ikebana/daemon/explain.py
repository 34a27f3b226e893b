"""Which policy a packet falls under and why: the database walked in order, for people.

What the kernel said of the packet's way goes in; nothing is asked or changed here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ikebana.control.question import protocol_name, told
from ikebana.control.view import ConsideredView, ExplainView
from ikebana.daemon.database import IKE
from ikebana.daemon.tunnels import Tunnel
from ikecore.actions import ChildEstablished
from policy.flow import Flow
from policy.mismatch import mismatch
from policy.selectors import TrafficSelector
from policy.spd import DEFAULT, Action, Policy, SelectorPair
from tundev.lookup import Fate, Way

TUNNEL: Final = "tunnel"
CLEAR: Final = "clear"
UNKNOWN: Final = "unknown"
_UDP: Final = 17
_ASKED: Final = frozenset((0, 1, 6, 17, 58))  # protocols that the kernel tells the way of


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What surrounds a packet: the database, the tunnels by name, the device, the ports of IKE."""

    policies: Sequence[Policy]
    tunnels: Mapping[str, Tunnel]
    device: str
    ike_ports: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What comes of a packet, and how that is said."""

    fate: str
    lines: tuple[str, ...]
    counter: str = ""
    child: ChildEstablished | None = None


def explain(flow: Flow, around: Surroundings, way: Way | None) -> ExplainView:
    """Tell which policy a packet of this host or through it falls under, and what comes of it.

    ``way`` is the kernel's answer, None without one.
    """
    considered, hit = _walk(flow, around, way)
    tunnel = around.tunnels.get(hit.tunnel)
    name = _way(hit, flow, way, around.device)
    outcome = _outcome(flow, hit, tunnel, name, way)
    pair = _pair(hit, flow)
    child = outcome.child
    hints = tuple(_turned(flow, around)) if hit is DEFAULT else ()
    return ExplainView(
        packet=told(flow),
        policy=hit.name,
        action=hit.action.value,
        way=name,
        fate=outcome.fate,
        tunnel=hit.tunnel,
        selectors=f"{pair.local} === {pair.remote}" if pair is not None else "",
        state=str(tunnel.core.state) if tunnel is not None else "",
        inbound_spi=child.inbound_spi if child is not None else 0,
        outbound_spi=child.outbound_spi if child is not None else 0,
        device=way.device if way is not None else "",
        counter=outcome.counter,
        lines=(*outcome.lines, *hints),
        considered=considered,
    )


def _walk(
    flow: Flow, around: Surroundings, way: Way | None
) -> tuple[tuple[ConsideredView, ...], Policy]:
    """Return the policies up to the first that matches, and that one."""
    to_ike = flow.protocol == _UDP and flow.target_port in around.ike_ports
    if to_ike and way is not None and way.is_own:
        ike = Policy(IKE, Action.BYPASS, ())
        return (ConsideredView(IKE, ike.action.value, hit=True),), ike
    seen: list[ConsideredView] = []
    for policy in around.policies:
        view = ConsideredView(policy.name, policy.action.value, policy.tunnel)
        if _pair(policy, flow) is not None:
            return (*seen, replace(view, hit=True)), policy
        found = mismatch(policy, flow)
        seen.append(replace(view, part=found.part.value, why=found.why))
    return tuple(seen), DEFAULT


def _way(hit: Policy, flow: Flow, way: Way | None, device: str) -> str:
    if flow.protocol not in _ASKED and hit.action is not Action.PROTECT and hit is not DEFAULT:
        # the kernel has a rule for it, and cannot be asked
        return CLEAR if hit.action is Action.BYPASS else Fate.PROHIBITED.value
    if way is None:
        return UNKNOWN
    if way.fate is Fate.DEVICE:
        return TUNNEL if way.device == device else CLEAR
    return way.fate.value


def _outcome(
    flow: Flow, hit: Policy, tunnel: Tunnel | None, way: str, found: Way | None
) -> _Outcome:
    match way:
        case "tunnel" | "unknown":
            outcome = _at_worker(flow, hit, tunnel)
            if way == UNKNOWN:
                told_first = "The kernel cannot be asked: this holds if it comes to the worker."
                return replace(outcome, lines=(told_first, *outcome.lines))
            return outcome
        case "clear":
            where = f" by {found.device}" if found is not None and found.device else ""
            return _Outcome("clear", tuple(_in_clear(hit, where)))
        case "local":
            return _Outcome(
                "local",
                (
                    "It is for this host itself: no policy is asked.",
                    "What comes in by a tunnel is held against the selectors of its SA.",
                ),
            )
        case "prohibited":
            return _Outcome("dropped", tuple(_prohibited(hit)))
        case "unreachable":
            return _Outcome("dropped", tuple(_unreachable(hit, tunnel)))
        case _:
            return _Outcome(
                "dropped",
                (
                    "The kernel takes no such packet: nothing comes from there (rp_filter), or "
                    "forwarding is off.",
                    "Is the source right? sysctl net.ipv4.ip_forward, net.ipv4.conf.all.rp_filter",
                ),
            )


def _at_worker(flow: Flow, hit: Policy, tunnel: Tunnel | None) -> _Outcome:
    """Tell what the packet worker does with a packet from the tunnel device."""
    if hit.action is Action.BYPASS:
        why = "It may go in clear, yet came into the tunnel device: dropped, never sent again."
        return _Outcome("dropped", (why,), "bypass")
    if tunnel is None:
        what = "No policy matches" if hit is DEFAULT else f"The policy {hit.name} discards it"
        return _Outcome("dropped", (f"{what}: dropped.",), "policy")
    name, core = tunnel.name, tunnel.core
    child = next((one for one in reversed(core.children) if _carries(one, flow)), None)
    if child is not None:
        spis = f"SPI {child.outbound_spi:08x} out, {child.inbound_spi:08x} back"
        text = f"The tunnel {name} ({core.state}) protects it: {child.suite}, {spis}."
        return _Outcome("sealed", (text,), child=child)
    if core.armed:
        text = f"The tunnel {name} ({core.state}) has no child for it: it is held, and starts one."
        return _Outcome("held", (text,), "acquires")
    if core.children:
        text = f"The tunnel {name} is {core.state}, but the peer left this out: dropped."
        return _Outcome("dropped", (text, f"See: ikebana status {name}"), "selectors")
    return _Outcome("dropped", tuple(_down(tunnel)), "no_sa")


def _in_clear(hit: Policy, where: str) -> Iterator[str]:
    match hit.action:
        case Action.BYPASS:
            yield f"The policy {hit.name} lets it go in clear{where}, past the tunnels."
        case Action.PROTECT:
            yield f"It leaves in clear{where}: no route of ours brings it to {hit.tunnel}."
            yield "Look for rules before ours, and for a local network around the target: ip rule"
        case _:
            what = "no policy speaks of it" if hit is DEFAULT else "the kernel's rules let it by"
            yield f"It goes in clear{where}: {what}, and no route brings it to a tunnel."


def _prohibited(hit: Policy) -> Iterator[str]:
    if hit.action is Action.DISCARD and hit is not DEFAULT:
        yield f"The policy {hit.name} discards it: the kernel prohibits it, tunnel or not."
    else:
        yield "A rule or route that is none of ours prohibits it: ip rule, ip route get"


def _unreachable(hit: Policy, tunnel: Tunnel | None) -> Iterator[str]:
    if tunnel is not None:
        yield from _down(tunnel)
    else:
        yield "The kernel has no route for it: dropped."
        if hit.action is Action.BYPASS:
            yield f"The policy {hit.name} lets it go in clear, where a route leads."


def _down(tunnel: Tunnel) -> Iterator[str]:
    yield (
        f"The tunnel {tunnel.name} is {tunnel.core.state}: its sender is told that the target is "
        "unreachable, and nothing leaves in clear."
    )
    yield f"To bring it up: ikebana up {tunnel.name}"


def _turned(flow: Flow, around: Surroundings) -> Iterator[str]:
    """Find the packet's way back: the commonest slip is to ask for it."""
    back = replace(
        flow,
        source=flow.target,
        target=flow.source,
        source_port=flow.target_port,
        target_port=flow.source_port,
    )
    for policy in around.policies:
        if _pair(policy, back) is not None:
            yield (
                f"It would be the way in of {policy.name}; policies are asked on the way out: "
                f"ikebana policy explain {told(replace(back, protocol=0, target_port=-1))}"
                + (f" {protocol_name(flow.protocol)}" if flow.protocol else "")
            )
            return


def _pair(policy: Policy, flow: Flow) -> SelectorPair | None:
    """Return the pair that a flow is inside of; ports not told are not those of a fragment."""
    return next((pair for pair in policy.selectors if pair.matches(flow)), None)


def _carries(child: ChildEstablished, flow: Flow) -> bool:
    return _in(child.local_ts, flow, flow.source, flow.source_port) and _in(
        child.remote_ts, flow, flow.target, flow.target_port
    )


def _in(side: Sequence[TrafficSelector], flow: Flow, address: int, port: int) -> bool:
    return any(
        one.version == flow.version and one.matches(address, flow.protocol, port) for one in side
    )
