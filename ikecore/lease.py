"""What a gateway gives a client beside the tunnel: an inner address, and what lies behind it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lease:
    """One client's configuration (draft-dukes-ike-mode-cfg-02, Unity's split-include).

    ``address`` is IPv4; ``netmask`` the length of the prefix it belongs to, 32 for itself alone.
    ``subnets`` are the networks to be reached through the tunnel, as CIDRs; empty: everything.
    ``banner`` is text for people, already safe to show.
    """

    address: str
    netmask: int = 32
    dns: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    banner: str = ""
