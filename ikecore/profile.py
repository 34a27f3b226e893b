"""What a core knows of a connection: compiled from the configuration, frozen."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ikecore.child import UNLIMITED, ChildLimits, Mode
from ikecore.identities import Identity
from ikecore.proposals import Proposal
from ikecore.retry import RetryPlan
from policy.selectors import TrafficSelector, is_subset

ANY: Final[frozenset[str]] = frozenset()


class IkeVersion(StrEnum):
    """Which IKE a connection speaks; ``any``: as its responder, what the peer speaks."""

    IKEV1 = "ikev1"
    IKEV2 = "ikev2"
    ANY = "any"

    def speaks(self, major: int) -> bool:
        """Tell whether a message of this major version is for such a connection."""
        return self is IkeVersion.ANY or self == f"ikev{major}"


class Phase1Mode(StrEnum):
    """How IKEv1 makes its first SA (RFC 2409 section 5)."""

    MAIN = "main"
    AGGRESSIVE = "aggressive"


class Role(StrEnum):
    """Which side of XAUTH or mode config we are, if any."""

    NONE = "none"
    CLIENT = "client"
    SERVER = "server"


class ConfigMode(StrEnum):
    """Who speaks first of addresses: the client asks (pull) or the server tells (push)."""

    PULL = "pull"
    PUSH = "push"


@dataclass(frozen=True, slots=True)
class LegacyTerms:
    """What a connection wants of IKEv1 alone."""

    mode: Phase1Mode = Phase1Mode.MAIN
    allow_aggressive_psk: bool = False  # as responder: gives everybody a hash to guess the PSK by
    xauth: Role = Role.NONE  # draft-beaulieu-ike-xauth-02
    addresses: Role = Role.NONE  # mode config: whether we ask for an address or give them out
    config_mode: ConfigMode = ConfigMode.PULL
    private: tuple[tuple[str, int], ...] = ()  # configured numbers, by registry and keyword


class Uniqueness(StrEnum):
    """What happens to an older IKE SA with the same peer when a new one comes up."""

    NEVER = "never"  # both stay
    KEEP = "keep"  # the old one stays, the new one is refused
    REPLACE = "replace"  # the new one stays


class Childless(StrEnum):
    """Whether IKE_AUTH makes the first child (RFC 6023)."""

    NEVER = "never"  # always, and nothing else is said to be possible
    ALLOW = "allow"  # yes as initiator; as responder as the peer wants
    PREFER = "prefer"  # as initiator no, where the peer can do without


@dataclass(frozen=True, slots=True)
class ChildProfile:
    """One CHILD_SA that a connection wants; selectors from our side."""

    local_ts: tuple[TrafficSelector, ...]
    remote_ts: tuple[TrafficSelector, ...]

    def exceeds(
        self, local_ts: Sequence[TrafficSelector], remote_ts: Sequence[TrafficSelector]
    ) -> bool:
        """Tell whether more is wanted than a child with these selectors carries."""
        return not (is_subset(self.local_ts, local_ts) and is_subset(self.remote_ts, remote_ts))

    def __str__(self) -> str:
        local, remote = (", ".join(map(str, ts)) for ts in (self.local_ts, self.remote_ts))
        return f"{local} === {remote}"


NO_CHILD: Final = ChildProfile((), ())


@dataclass(frozen=True, slots=True)
class Profile:
    """One connection as the protocol cores see it.  Times in seconds; 0 means no limit."""

    name: str
    remote_id: Identity
    ike_proposals: tuple[Proposal, ...]
    esp_proposals: tuple[Proposal, ...]
    children: tuple[ChildProfile, ...]  # in the order they are negotiated
    local_id: Identity
    remote: frozenset[str] = ANY  # addresses the peer may come from; empty: any
    local: frozenset[str] = ANY  # our addresses it may come to; empty: any
    ike_lifetime: float = 86400.0
    child_lifetime: float = 3600.0
    child_limits: ChildLimits = UNLIMITED  # the hard ones; the soft ones come of them
    mode: Mode = Mode.TUNNEL
    later_fragments: bool = False  # ask for NON_FIRST_FRAGMENTS_ALSO
    reauth: bool = False  # at the end of ike_lifetime authenticate anew instead of rekeying
    auth_lifetime: float = 0.0  # what we tell peers as their responder (RFC 4478)
    uniqueness: Uniqueness = Uniqueness.REPLACE
    childless: Childless = Childless.ALLOW
    fragmentation: bool = True  # RFC 7383
    mobike: bool = True  # RFC 4555
    window: int = 1  # requests that the peer may have under way at a time: SET_WINDOW_SIZE
    nat_traversal: bool = True
    force_encap: bool = False
    nat_port: int = 4500  # where IKE and ESP go when there is a NAT (RFC 7296 section 2.23)
    dpd: bool = True
    dpd_interval: float = 8.0  # silence before a probe
    dpd_timeout: float = 30.0  # from the first unanswered probe to the peer's death
    keep_on_timeout: bool = False  # dpd.action none: report the death, keep the SAs
    try_timeout: float = 10.0  # a negotiation's longest wait for an answer
    retry: RetryPlan = field(default_factory=RetryPlan)
    version: IkeVersion = IkeVersion.IKEV2
    legacy: LegacyTerms = field(default_factory=LegacyTerms)

    @property
    def local_ts(self) -> tuple[TrafficSelector, ...]:
        """Return the selectors of our side of all children."""
        return tuple(dict.fromkeys(ts for child in self.children for ts in child.local_ts))

    @property
    def remote_ts(self) -> tuple[TrafficSelector, ...]:
        """Return the selectors of the peer's side of all children."""
        return tuple(dict.fromkeys(ts for child in self.children for ts in child.remote_ts))

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
