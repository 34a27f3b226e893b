"""What the packet path counts: traffic, and every discarded packet by its reason."""

from typing import Final

TRAFFIC: Final = ("packets_in", "packets_out", "octets_in", "octets_out")
DROPS: Final = (
    # on the way in, in the order of the checks
    "malformed",  # too short, or an inner packet whose headers are not all there
    "no_sa",  # unknown SPI; on the way out: a tunnel without any SA that nothing will bring up
    "replay",
    "integrity",
    "padding",
    "dummy",  # next header 59: traffic flow confidentiality, meant to be discarded
    "inner",  # next header is not IP, or the inner packet's version or lengths lie
    "selectors",  # not between the networks that were negotiated (either direction)
    # on the way out
    "policy",  # DISCARD, or no policy at all
    "bypass",  # BYPASS: a packet in the TUN device cannot leave in clear from there
    "fragment",  # transport mode protects whole datagrams only (RFC 4303 section 3.3.4)
    "options",  # IPv4 options, IPv6 extension headers: not in transport mode, nor outside AH
    "too_big",  # answered by "fragmentation needed"
    "sequence_exhausted",
    "lifetime",  # a child came to a hard limit and was not replaced in time (either direction)
    # for the worker around the engine
    "no_key",
    "queue_full",
)
OTHERS: Final = (
    "acquires",  # packets handed back because their tunnel has to come up first
    "fragments",  # packets above the MTU that may be fragmented: sealed, fragmented outside
    "mss_clamped",
    "soft_limits",
    "hard_limits",
    "moved",
)


class Counters:
    """Monotonic named counts; ``counts`` is open to the hot path, which adds once per batch."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: dict[str, int] = dict.fromkeys(TRAFFIC + DROPS + OTHERS, 0)

    def count(self, name: str, amount: int = 1) -> None:
        """Raise one counter; a name not in the tables starts at 0."""
        self.counts[name] = self.counts.get(name, 0) + amount

    def snapshot(self) -> dict[str, int]:
        """Return a copy of all counts."""
        return dict(self.counts)
