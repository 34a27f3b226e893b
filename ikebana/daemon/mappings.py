"""The mappings of a connection, each with where it stands: pairs of networks, in order."""

from collections.abc import Iterator

from ikebana.control.view import MappingView
from ikebana.daemon.orders import RouteState
from ikebana.daemon.tally import Counts
from ikebana.daemon.tunnels import Tunnel
from ikecore.actions import ChildEstablished
from ikecore.profile import ChildProfile
from policy.selectors import TrafficSelector


def mapping_views(tunnel: Tunnel) -> tuple[MappingView, ...]:
    """Return every pair of a local and a remote selector that the connection wants."""
    return tuple(_views(tunnel))


def _views(tunnel: Tunnel) -> Iterator[MappingView]:
    core = tunnel.core
    up = {child.inbound_spi: child for child in core.children}
    for child, spis, is_making in core.wanted:
        carriers = [up[spi] for spi in sorted(spis, key=list(up).index, reverse=True)]
        waiting = "negotiating" if is_making else _waiting(tunnel)
        for local, remote in _pairs(tunnel, child):
            carrier = next((one for one in carriers if _is_in(one, local, remote)), None)
            if carrier is None:
                yield MappingView(str(local), str(remote), "narrowed" if carriers else waiting)
                continue
            counts = tunnel.counts.get(carrier.inbound_spi, Counts())
            yield MappingView(
                str(local),
                str(remote),
                "up",
                carrier.inbound_spi,
                carrier.outbound_spi,
                counts.packets_in,
                counts.packets_out,
                counts.octets_in,
                counts.octets_out,
            )


def _waiting(tunnel: Tunnel) -> str:
    """Return the state of a mapping that no child carries and none is being made for."""
    core = tunnel.core
    if tunnel.routes is RouteState.TRAP or core.armed:
        return "trap"
    return "down"


def _pairs(
    tunnel: Tunnel, child: ChildProfile
) -> Iterator[tuple[TrafficSelector, TrafficSelector]]:
    """Return the pairs of a child; of one between the two ends those of its policy."""
    if not tunnel.plan.children:
        yield from ((pair.local, pair.remote) for pair in tunnel.policy.selectors)
        return
    for local in child.local_ts:
        yield from (
            (local, remote) for remote in child.remote_ts if local.version == remote.version
        )


def _is_in(child: ChildEstablished, local: TrafficSelector, remote: TrafficSelector) -> bool:
    """Tell whether a child carries some of a pair: the peer may have narrowed it."""
    return any(one.intersect(local) for one in child.local_ts) and any(
        one.intersect(remote) for one in child.remote_ts
    )
