"""What an inner address makes of a connection's children, at either end of mode config.

The client's side of each child is its address and nothing else; the server sees to that as well,
so that no client speaks for another.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from ikecore.lease import Lease
from ikecore.profile import ChildProfile
from policy.selectors import TrafficSelector, is_subset

EVERYTHING: Final = TrafficSelector.from_cidr("0.0.0.0/0")


def client_children(children: Iterable[ChildProfile], lease: Lease) -> tuple[ChildProfile, ...]:
    """Return a client's children, now that it has an address.

    Where the configuration says everything, the networks that the server names are what counts,
    each in a child of its own: IKEv1's carries one on each side.
    """
    address = TrafficSelector.from_cidr(lease.address)
    named = tuple(map(TrafficSelector.from_cidr, lease.subnets))
    found = [
        ChildProfile((_narrowed(child.local_ts, address),), remote)
        for child in children
        for remote in _remote(child.remote_ts, named)
    ]
    if not found:
        found = [ChildProfile((address,), (ts,)) for ts in named or (EVERYTHING,)]
    return tuple(dict.fromkeys(found))


def server_children(children: Iterable[ChildProfile], lease: Lease) -> tuple[ChildProfile, ...]:
    """Return a server's children for the client that has this address.

    A network of the client's side that holds the address shrinks to it; others are of no pool, and
    stay as they are configured.
    """
    address = TrafficSelector.from_cidr(lease.address)
    found = (
        ChildProfile(
            child.local_ts,
            tuple(dict.fromkeys(ts.intersect(address) or ts for ts in child.remote_ts)),
        )
        for child in children
    )
    return tuple(dict.fromkeys(found))


def parts_of(wanted: ChildProfile, children: tuple[ChildProfile, ...]) -> tuple[ChildProfile, ...]:
    """Return what an SA has for a child that is wanted: itself, or what addresses made of it.

    Who wants it knows the configuration, and not what was told since.
    """
    within = tuple(one for one in children if not one.exceeds(wanted.local_ts, wanted.remote_ts))
    return (wanted,) if wanted in children or not within else within


def meant_by_client(children: Iterable[ChildProfile], asked: ChildProfile) -> ChildProfile:
    """Return what a Cisco client means, from the server's side.

    It asks for everything behind the server, whatever networks it was told of, and sends only what
    is for them: so it gets its first child's network.
    """
    if asked.local_ts != (EVERYTHING,):
        return asked
    fitting = (one for one in children if is_subset(asked.remote_ts, one.remote_ts))
    local = next((one.local_ts for one in fitting), asked.local_ts)
    return ChildProfile(local, asked.remote_ts)


def _narrowed(local: Iterable[TrafficSelector], address: TrafficSelector) -> TrafficSelector:
    """Return the address with the protocol and ports that are configured for our side."""
    fitting = (ts.intersect(address) for ts in local)
    return next((ts for ts in fitting if ts is not None), address)


def _remote(
    remote: tuple[TrafficSelector, ...], named: tuple[TrafficSelector, ...]
) -> Iterator[tuple[TrafficSelector, ...]]:
    """Find what the children of one that is configured have on the server's side."""
    usable = tuple(ts for ts in remote if ts.version == EVERYTHING.version)
    if named and EVERYTHING in usable:
        yield from ((ts,) for ts in named)
    elif usable:
        yield usable
