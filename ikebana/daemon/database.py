"""The security policy database of the gateway, in its order (RFC 4301 section 4.4.1).

IKE                 this host's UDP to ports 500 and 4500: past the tunnels, always
[[gateway.policies]]   in the file's order: past the tunnels, or dropped
connections         in the file's order: protected by their tunnel
what is left        dropped; routes let nothing else come to the packet worker
"""

from collections.abc import Iterable
from typing import Final

from ikebana.config.compile import GatewayPlan
from ikebana.daemon.tunnels import Tunnel
from ikecore.child import Mode
from policy.selectors import TrafficSelector, any_of
from policy.spd import Action, Policy, SelectorPair

IKE: Final = "IKE"
"""Name of the policy for IKE's own packets."""
_UDP: Final = 17
_PORTS: Final = (500, 4500)


def ike_ports(plan: GatewayPlan) -> tuple[int, ...]:
    """Return the UDP ports to which this host's packets are never tunnelled."""
    return tuple(sorted({*_PORTS, plan.port, plan.nat_port}))


def spd_of(
    explicit: Iterable[Policy], tunnels: Iterable[Tunnel], ports: tuple[int, ...]
) -> tuple[Policy, ...]:
    """Return the whole database; ``explicit`` are the operator's policies."""
    enabled = [one for one in tunnels if one.plan.enabled]
    return (*_ike(enabled, ports), *explicit, *(one.policy for one in enabled))


def _ike(tunnels: Iterable[Tunnel], ports: tuple[int, ...]) -> tuple[Policy, ...]:
    """Return the policy for IKE of our ends in transport mode, whose packets look like any other.

    Those of a tunnel's inner hosts are theirs, and protected like everything they send.
    """
    ends = dict.fromkeys(
        (pair.local.version, pair.local.start, pair.local.end)
        for tunnel in tunnels
        if tunnel.plan.mode is not Mode.TUNNEL
        for pair in tunnel.policy.selectors
    )
    pairs = tuple(
        SelectorPair(
            TrafficSelector(version, start, end, _UDP),
            TrafficSelector(version, 0, any_of(version).end, _UDP, port, port),
        )
        for version, start, end in ends
        for port in ports
    )
    return (Policy(IKE, Action.BYPASS, pairs),) if pairs else ()
