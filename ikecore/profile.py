"""What a core knows of a connection: compiled from the configuration, frozen."""

from dataclasses import dataclass, field
from typing import Final

from ikecore.identities import Identity
from ikecore.proposals import Proposal
from ikecore.retry import RetryPlan
from policy.selectors import TrafficSelector

ANY: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Profile:
    """One connection as the protocol cores see it.  Times in seconds; 0 means no limit."""

    name: str
    remote_id: Identity
    ike_proposals: tuple[Proposal, ...]
    esp_proposals: tuple[Proposal, ...]
    local_ts: tuple[TrafficSelector, ...]
    remote_ts: tuple[TrafficSelector, ...]
    local_id: Identity
    remote: frozenset[str] = ANY  # addresses the peer may come from; empty: any
    local: frozenset[str] = ANY  # our addresses it may come to; empty: any
    ike_lifetime: float = 86400.0
    child_lifetime: float = 3600.0
    nat_traversal: bool = True
    force_encap: bool = False
    nat_port: int = 4500  # where IKE and ESP go when there is a NAT (RFC 7296 section 2.23)
    dpd: bool = True
    dpd_interval: float = 8.0  # silence before a probe
    dpd_timeout: float = 30.0  # from the first unanswered probe to the peer's death
    keep_on_timeout: bool = False  # dpd.action none: report the death, keep the SAs
    try_timeout: float = 10.0  # a negotiation's longest wait for an answer
    retry: RetryPlan = field(default_factory=RetryPlan)

    def admits(self, local: str, remote: str) -> bool:
        """Return whether a peer at ``remote`` may reach this connection at ``local``."""
        return (not self.remote or remote in self.remote) and (
            not self.local or local in self.local
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one endpoint, against floods (RFC 7296 section 2.6)."""

    half_open: int = 1000  # responder SAs not yet authenticated, in all
    half_open_per_address: int = 20
    cookie_threshold: int = 50  # half-open SAs above which a COOKIE is asked for
    cookie_threshold_per_address: int = 5
    half_open_timeout: float = 30.0
    ike_sas: int = 10_000
    cookie_lifetime: float = 60.0  # the secret changes this often; the one before still counts
