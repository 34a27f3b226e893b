"""What the packet path counts: traffic, every discarded packet by its reason, and events.

One table; docs/reference/counters.md is rendered from it.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class Kind(StrEnum):
    """What a count means for an operator."""

    TRAFFIC = "traffic"
    DROP = "drop"  # a packet went no further
    EVENT = "event"  # something worth knowing, and nothing was lost


class Counter(NamedTuple):
    """One row: ``per_sa`` when it is also kept for each pair of SAs."""

    name: str
    kind: Kind
    per_sa: bool
    meaning: str


_CARRIED, _LOST, _SEEN = Kind.TRAFFIC, Kind.DROP, Kind.EVENT
COUNTERS: Final = (
    Counter("packets_in", _CARRIED, True, "inner packets handed to the TUN device"),
    Counter("packets_out", _CARRIED, True, "inner packets sealed"),
    Counter("octets_in", _CARRIED, True, "octets of those packets, with their IP headers"),
    Counter("octets_out", _CARRIED, True, "octets of those packets, with their IP headers"),
    # on the way in, in the order of the checks
    Counter(
        "malformed",
        _LOST,
        True,
        "too short, or an inner packet whose headers are not all there (either direction)",
    ),
    Counter(
        "no_sa",
        _LOST,
        False,
        "in: no SA has this SPI; out: a tunnel without any SA that nothing will bring up",
    ),
    Counter("replay", _LOST, True, "a sequence number seen before, or older than the window"),
    Counter("integrity", _LOST, True, "the ICV is wrong: forged, or damaged on the way"),
    Counter("padding", _LOST, True, "decrypted padding that RFC 4303 section 2.4 does not permit"),
    Counter(
        "inner",
        _LOST,
        True,
        "authentic, but the next header is not IP, or the inner version or lengths lie",
    ),
    Counter(
        "selectors", _LOST, True, "not between the networks that were negotiated (either direction)"
    ),
    Counter(
        "ecn",
        _LOST,
        True,
        "congestion on the way, for a packet that could not be marked (RFC 6040 section 4.2)",
    ),
    Counter("tun_full", _LOST, False, "the TUN device did not take an opened packet"),
    # on the way out
    Counter("policy", _LOST, False, "DISCARD, or no policy at all"),
    Counter("bypass", _LOST, False, "BYPASS: from inside the TUN device nothing leaves in clear"),
    Counter(
        "fragment",
        _LOST,
        True,
        "transport mode and AH protect whole datagrams only (RFC 4303 section 3.3.4)",
    ),
    Counter(
        "options",
        _LOST,
        True,
        "IPv4 options or IPv6 extension headers, in transport mode or outside AH",
    ),
    Counter("too_big", _LOST, True, 'above the MTU; answered by "fragmentation needed"'),
    Counter("sequence_exhausted", _LOST, True, "the SA has no sequence number left"),
    Counter(
        "no_key",
        _LOST,
        True,
        "the SA is there, but its keys came to a hard limit before others were in place "
        "(either direction)",
    ),
    Counter("held_expired", _LOST, False, "waited for a tunnel that did not come up in time"),
    Counter(
        "queue_full",
        _LOST,
        True,
        "no room: in a socket (one SA counts for all that shared a send), among the packets that "
        "wait for a tunnel, or towards the daemon",
    ),
    Counter("no_socket", _LOST, False, "no socket for the address that the SA sends from"),
    # between worker and daemon
    Counter("ike_rate", _LOST, False, "IKE datagrams above the rate that the daemon is given"),
    Counter("odd_message", _LOST, False, "a message between worker and daemon that does not fit"),
    # what is no loss
    Counter("dummy", _SEEN, True, "next header 59: cover traffic of the peer, meant to be dropped"),
    Counter(
        "fragments", _SEEN, False, "packets above the MTU that are sealed and sent in fragments"
    ),
    Counter("mss_clamped", _SEEN, False, "TCP SYNs whose maximum segment size was lowered"),
    Counter(
        "acquires", _SEEN, False, "packets that wait because their tunnel has to come up first"
    ),
    Counter("icmp_in", _SEEN, False, "ICMP errors that came for packets of ours"),
    Counter("keepalives", _SEEN, False, "NAT keepalives received (RFC 3948 section 2.3)"),
    Counter("moved", _SEEN, False, "authentic packets that came from elsewhere than before"),
    Counter("soft_limits", _SEEN, False, "SAs near the end of octets, packets or sequence numbers"),
    Counter("hard_limits", _SEEN, False, "SAs whose keys ended for that reason"),
)
TRAFFIC: Final = tuple(one.name for one in COUNTERS if one.kind is Kind.TRAFFIC)
DROPS: Final = tuple(one.name for one in COUNTERS if one.kind is Kind.DROP)
OTHERS: Final = tuple(one.name for one in COUNTERS if one.kind is Kind.EVENT)
OF_SA: Final = frozenset(one.name for one in COUNTERS if one.per_sa) - frozenset(TRAFFIC)
"""What a child may be said to have dropped or seen, beside its traffic."""


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
