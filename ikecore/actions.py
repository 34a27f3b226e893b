"""What a protocol core asks of the outside, and what it tells it; carried out in order.

``sa`` is the local IKE SPI of the SA an action belongs to.  Later actions of the same list wait
until ``InstallChild`` and ``RemoveChild`` have taken effect in the worker.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self, TypeAlias

from ikecore.child import ChildSpec, Mode
from ikecore.diagnosis import Diagnosis
from ikecore.identities import Identity
from ikecore.lease import Lease
from ikecore.profile import NO_CHILD, ChildProfile
from ikecore.proposals import Suite
from ikecore.timetable import NEVER
from ikecore.trace import Record
from policy.path import Path
from policy.selectors import TrafficSelector
from suites.secret import Secret


class Reason(StrEnum):
    """Why an IKE SA or a child ended."""

    FAILED = "failed"
    PEER_DELETED = "deleted by peer"
    DPD_TIMEOUT = "peer does not answer"
    DELETED = "deleted"
    REKEYED = "rekeyed"
    REPLACED = "replaced by a newer SA"
    REDUNDANT = "both sides had started at once"
    LIFETIME = "lifetime reached"
    RECONFIGURED = "configuration changed"
    INTERNAL_ERROR = "internal error"


@dataclass(frozen=True, slots=True)
class Send:
    """Send an IKE datagram; the runner puts the non-ESP marker before it if encapsulated."""

    data: bytes
    path: Path


@dataclass(frozen=True, slots=True)
class Keepalive:
    """Send one octet 0xFF to keep the NAT's mapping (RFC 3948 section 2.3)."""

    path: Path


@dataclass(frozen=True, slots=True)
class InstallChild:
    """Give this pair of ESP SAs to the worker."""

    spec: ChildSpec


@dataclass(frozen=True, slots=True)
class RemoveChild:
    """Take the pair with this inbound SPI from the worker."""

    spi: int


@dataclass(frozen=True, slots=True)
class UseChild:
    """Send on this child from now on: it was on standby (RFC 7296 section 2.8)."""

    spi: int


@dataclass(frozen=True, slots=True)
class RetireChild:
    """Send nothing on this child any more; what is still on its way to us is taken."""

    spi: int


@dataclass(frozen=True, slots=True)
class MoveChild:
    """The peer is elsewhere now: send this child's packets there."""

    spi: int
    path: Path


@dataclass(frozen=True, slots=True)
class Authorize:
    """Ask for the pre-shared key of ``connection``; the exchange waits for the answer."""

    sa: bytes
    connection: str
    local_id: Identity
    remote_id: Identity


@dataclass(frozen=True, slots=True)
class AskCredentials:
    """Ask for our own user name and password; ``Credentials`` or ``Refused`` goes on (XAUTH)."""

    sa: bytes
    connection: str


@dataclass(frozen=True, slots=True)
class CheckUser:
    """Ask whether a user's password is right; ``UserAccepted`` or ``Refused`` goes on (XAUTH)."""

    sa: bytes
    connection: str
    user: str
    password: Secret


@dataclass(frozen=True, slots=True)
class AskLease:
    """Ask for the peer's inner address and what comes with it; ``Leased`` or ``Refused`` goes on.

    ``holder`` is who it is for: the same one gets the same address again.  It is given back when
    the SA is ``Closed``; one that ``replaces`` this SA has it then.
    """

    sa: bytes
    connection: str
    holder: str


@dataclass(frozen=True, slots=True)
class Assigned:
    """The peer gave us an inner address, and told us of its networks (mode config)."""

    sa: bytes
    connection: str
    lease: Lease


@dataclass(frozen=True, slots=True)
class Established:
    """Both ends of an IKE SA are authenticated.

    ``replaces`` is the SA that was rekeyed into this one, whose children it has now; ``why`` it
    was, and how long that ``took`` in seconds; b"" for a new one.
    """

    sa: bytes
    connection: str
    initiator: bool
    initiator_spi: bytes
    responder_spi: bytes
    remote_id: Identity
    suite: Suite
    path: Path
    nat_here: bool
    nat_there: bool
    reauth_at: float  # when its authentication ends or its keys are replaced; 0: never
    replaces: bytes = b""
    why: str = ""
    took: float = 0.0
    version: int = 2  # of IKE
    vendor: str = ""  # what the peer says it is, by its vendor ids
    user: str = ""  # who the peer is to XAUTH


@dataclass(frozen=True, slots=True)
class ChildEstablished:
    """A CHILD_SA is up; ``narrowed`` when it carries less than was configured.

    ``child`` is which of the connection's children it is.  ``replaces`` is the inbound SPI of the
    one it renews, ``why`` it does, and how long that ``took`` in seconds; 0 for a new one.
    """

    sa: bytes
    connection: str
    inbound_spi: int
    outbound_spi: int
    suite: Suite
    local_ts: tuple[TrafficSelector, ...]
    remote_ts: tuple[TrafficSelector, ...]
    narrowed: bool
    rekey_at: float  # 0: never
    child: ChildProfile = NO_CHILD
    mode: Mode = Mode.TUNNEL
    replaces: int = 0
    why: str = ""
    took: float = 0.0

    @classmethod
    def of(
        cls,
        spec: ChildSpec,
        child: ChildProfile,
        rekey_at: float,
        replaces: int,
        why: str,
        took: float,
    ) -> Self:
        """Return what tells of a child as the worker has it; ``rekey_at`` may be ``NEVER``."""
        return cls(
            spec.sa,
            spec.connection,
            spec.inbound_spi,
            spec.outbound_spi,
            spec.suite,
            spec.local_ts,
            spec.remote_ts,
            child.exceeds(spec.local_ts, spec.remote_ts),
            0.0 if rekey_at == NEVER else rekey_at,
            child,
            spec.mode,
            replaces,
            why,
            took,
        )


@dataclass(frozen=True, slots=True)
class ChildClosed:
    """A CHILD_SA is gone.  ``reason`` is REKEYED when another one carries its traffic."""

    sa: bytes
    connection: str
    inbound_spi: int
    reason: Reason = Reason.DELETED
    child: ChildProfile = NO_CHILD


@dataclass(frozen=True, slots=True)
class Failed:
    """A negotiation failed.  ``connection`` is empty if it could not be told which.

    With ``child`` only that one is not there: the IKE SA stays and others may be tried on it.
    """

    connection: str
    sa: bytes
    initiator: bool
    diagnosis: Diagnosis
    child: ChildProfile | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """An IKE SA and its children go another way now."""

    sa: bytes
    connection: str
    old: Path
    new: Path
    why: str
    took: float = 0.0


@dataclass(frozen=True, slots=True)
class Noted:
    """Something an operator wants to read in the connection's log: one line."""

    sa: bytes
    connection: str
    text: str


@dataclass(frozen=True, slots=True)
class Closed:
    """An IKE SA is gone, and all its children."""

    sa: bytes
    connection: str
    initiator: bool
    reason: Reason


@dataclass(frozen=True, slots=True)
class ReauthWanted:
    """The SA nears its lifetime: make the next one, if this end may start the connection."""

    sa: bytes
    connection: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """A datagram was ignored; ``reason`` names a counter, ``detail`` is for the trace."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """A bug closed one SA; ``traceback`` is for the log."""

    sa: bytes
    connection: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Traced:
    """Something happened that a reader wants to see."""

    record: Record


Action: TypeAlias = (
    Send
    | Keepalive
    | InstallChild
    | RemoveChild
    | UseChild
    | RetireChild
    | MoveChild
    | Authorize
    | AskCredentials
    | CheckUser
    | AskLease
    | Assigned
    | Established
    | ChildEstablished
    | ChildClosed
    | Failed
    | Closed
    | Moved
    | Noted
    | ReauthWanted
    | Dropped
    | Broken
    | Traced
)
