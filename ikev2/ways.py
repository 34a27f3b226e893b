"""Which pairs of addresses an IKE SA may go over (RFC 4555 sections 3.4, 3.5 and 3.10)."""

from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from policy.path import Path
from policy.selectors import Address, TrafficSelector

if TYPE_CHECKING:
    from ikev2.sa import IkeSa

_TOLD: Final = 8  # addresses of ours that a peer hears of
_WAYS: Final = 16


def additional(sa: "IkeSa") -> tuple[str, ...]:
    """Return our addresses beside the one in use, as the peer may hear of them (section 3.4)."""
    others = sorted(sa.mobility.usable - {sa.path.local[0]})
    return tuple(address for address in others if may_leave_from(sa, address))[:_TOLD]


def may_leave_from(sa: "IkeSa", address: str) -> bool:
    """Return whether we listen on this address of ours, and the connection may use it.

    An address behind the tunnel is no way to it: those inside a local network are none, unless
    the address in use is in there, too.
    """
    mobility, allowed = sa.mobility, sa.profile.local
    there = address in mobility.usable if mobility.is_told else address == sa.path.local[0]
    return there and (not allowed or address in allowed) and not _is_behind(sa, address)


def _is_behind(sa: "IkeSa", address: str) -> bool:
    ours, here = ip_address(address), ip_address(sa.path.local[0])
    return any(_holds(ts, ours) and not _holds(ts, here) for ts in sa.profile.local_ts)


def _holds(selector: TrafficSelector, address: Address) -> bool:
    return selector.version == address.version and selector.start <= int(address) <= selector.end


def ways(sa: "IkeSa") -> tuple[Path, ...]:
    """Return the address pairs that may work, most promising first (section 3.10).

    For each of the peer's addresses first the pair that the kernel would take, then our others.
    """
    mobility, here = sa.mobility, sa.path.local[0]
    homes = (move.old.remote[0] for move in mobility.moves)
    heard = sa.back.remote[0]  # of the peer's last message: it was there
    theirs = tuple(dict.fromkeys((sa.path.remote[0], heard, *homes, *mobility.peers)))
    routed = [(mobility.routes.get(there, here) or here, there) for there in theirs]
    others = [(mine, there) for there in theirs for mine in (here, *sorted(mobility.usable))]
    pairs = [
        (mine, there)
        for mine, there in dict.fromkeys((*routed, *others))
        if _is_pair(mine, there)
        and may_leave_from(sa, mine)
        and (mine, there) not in mobility.refused
        and mobility.routes.get(there, mine)  # "" where no route leads
    ]
    return tuple(way(sa, *pair) for pair in pairs[:_WAYS])


def where_heard(sa: "IkeSa") -> Path:
    """Return the path that the message under work came over; from ours if that end is gone."""
    path, here = sa.path.over(sa.back), sa.path.local
    if may_leave_from(sa, path.local[0]):
        return path
    return replace(path, local=here) if _is_pair(here[0], path.remote[0]) else sa.path


def way(sa: "IkeSa", mine: str, there: str) -> Path:
    """Return the path between two addresses, framed as now; where a NAT is likely, ESP in UDP.

    The peer's port is the one it was heard from at that address: its NAT chose it.
    """
    path = sa.path
    port = sa.profile.nat_port if path.encapsulated else path.local[1]
    heard = (path, sa.back, *(move.old for move in sa.mobility.moves))
    seen = (one.remote for one in heard if one.encapsulated == path.encapsulated)
    remote = next((one for one in seen if one[0] == there), (there, port))
    likely_nat = mine != path.local[0] and _is_private(mine) and not _is_private(there)
    return replace(
        path,
        local=(mine, path.local[1]),
        remote=remote,
        plain_esp=path.plain_esp and not likely_nat,
    )


def _is_pair(mine: str, there: str) -> bool:
    return (":" in mine) == (":" in there)


def _is_private(address: str) -> bool:
    return ip_address(address).is_private


def carried(sa: "IkeSa", path: Path) -> Path:
    """Return ``path`` with ESP as the NATs that were found want it (RFC 7296 section 2.23)."""
    in_udp = sa.nat_here or sa.nat_there or sa.profile.force_encap
    return replace(path, plain_esp=path.encapsulated and not in_udp)
