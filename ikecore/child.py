"""What the worker needs to run one pair of ESP SAs."""

from dataclasses import dataclass

from ikecore.proposals import Suite
from policy.path import Path
from policy.selectors import TrafficSelector
from suites.secret import Secret


@dataclass(frozen=True, slots=True)
class Keys:
    """Keying material of one direction (RFC 7296 section 2.17): encryption with salt, integrity."""

    encr: Secret
    integ: Secret


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One negotiated CHILD_SA, tunnel mode.  SPIs are ours (inbound) and theirs (outbound)."""

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
