"""What the worker needs to run one pair of ESP or AH SAs."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ikecore.proposals import Suite
from policy.path import Path
from policy.selectors import TrafficSelector
from suites.secret import Secret


class Mode(StrEnum):
    """What is protected: whole packets, or only what follows their IP header (RFC 4301 3.2)."""

    TUNNEL = "tunnel"
    TRANSPORT = "transport"


@dataclass(frozen=True, slots=True)
class Keys:
    """Keying material of one direction (RFC 7296 section 2.17): encryption with salt, integrity."""

    encr: Secret
    integ: Secret


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """How much one direction of a child may carry; 0: no limit (RFC 4301 section 4.4.2.1).

    At the soft limit the worker tells of it and goes on, at the hard one it stops.
    """

    soft_octets: int = 0
    hard_octets: int = 0
    soft_packets: int = 0
    hard_packets: int = 0

    def softened(self, share: float) -> "ChildLimits":
        """Return the same hard limits with soft ones at this share of them."""
        octets, packets = int(self.hard_octets * share), int(self.hard_packets * share)
        return ChildLimits(octets, self.hard_octets, packets, self.hard_packets)


UNLIMITED: Final = ChildLimits()


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One negotiated CHILD_SA.  SPIs are ours (inbound) and theirs (outbound).

    ``standby`` is a child whose outbound half waits for ``UseChild`` or the peer's first packet on
    it: the peer may not have it yet (RFC 7296 section 2.8).  ``original`` are our and the peer's
    address as the peer sees them, where a NAT made others of them and the mode is transport: the
    inner checksums were made with those (section 2.23.1); the unspecified address where only a NAT
    is known, empty without one.  ``tfc`` is whether
    the peer takes padding beyond the packet; ``later_fragments`` whether both ends put fragments
    that show no ports into an SA for certain ports (RFC 4301 section 7).
    """

    connection: str
    sa: bytes
    inbound_spi: int
    outbound_spi: int
    suite: Suite
    inbound: Keys
    outbound: Keys
    local_ts: tuple[TrafficSelector, ...]
    remote_ts: tuple[TrafficSelector, ...]
    path: Path
    mode: Mode = Mode.TUNNEL
    standby: bool = False
    limits: ChildLimits = UNLIMITED
    original: tuple[str, str] = ("", "")
    tfc: bool = True
    later_fragments: bool = False
