"""What the control socket says: the daemon's state in frozen dataclasses, JSON on the wire.

The JSON is stable: names and meanings stay, new ones may come.  Times in seconds, SPIs of ESP
integers, of IKE hexadecimal text.  The reference is docs/reference/control.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Self, TypeAlias

from ikebana.control.codec import Undecodable, decode, encode

DEFAULT_PATH: Final = "/run/ikebana/ikebana.sock"


class _Json:
    """Give a dataclass its two doors to JSON."""

    __slots__ = ()

    def to_json(self) -> dict[str, Any]:
        """Return the object as :func:`json.dumps` takes it."""
        found: dict[str, Any] = encode(self)
        return found

    @classmethod
    def from_json(cls, raw: object) -> Self:
        """Read what :meth:`to_json` made.  Raises :exc:`~ikebana.control.codec.Undecodable`."""
        return decode(cls, raw)


class ConnectionState(StrEnum):
    """Where a connection stands; exactly these words."""

    DISABLED = "disabled"
    IDLE = "idle"
    CONNECTING_PHASE1 = "connecting_phase1"
    CONNECTING_PHASE2 = "connecting_phase2"
    CONNECTED = "connected"
    PARTIALLY_CONNECTED = "partially_connected"
    REKEYING = "rekeying"
    PHASE1_FAILED = "phase1_failed"
    PHASE2_FAILED = "phase2_failed"
    DOWN = "down"

    @property
    def is_up(self) -> bool:
        """Tell whether traffic passes."""
        return self in _UP

    @property
    def is_failed(self) -> bool:
        """Tell whether negotiation failed and is tried again every so often."""
        return self in (ConnectionState.PHASE1_FAILED, ConnectionState.PHASE2_FAILED)


_UP: Final = frozenset(
    {
        ConnectionState.CONNECTED,
        ConnectionState.PARTIALLY_CONNECTED,
        ConnectionState.REKEYING,
    }
)


class Level(StrEnum):
    """How much a log line matters."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Direction(StrEnum):
    """Which way a message went."""

    SENT = "sent"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class ChildView(_Json):
    """One pair of ESP SAs; counts are of inner packets and octets."""

    inbound_spi: int
    outbound_spi: int
    esp: str = ""
    local_ts: tuple[str, ...] = ()
    remote_ts: tuple[str, ...] = ()
    age_s: float = 0.0
    rekey_in_s: float | None = None
    packets_in: int = 0
    packets_out: int = 0
    octets_in: int = 0
    octets_out: int = 0
    mode: str = ""  # "tunnel", "transport"
    protocol: str = ""  # "esp", "ah"
    drops: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MappingView(_Json):
    """A pair of networks and the child that carries it; SPIs are 0 while there is none.

    ``state`` is ``up``, ``negotiating``, ``trap`` (its next packet starts it), ``down`` or
    ``narrowed`` (the peer left it out).  Counts are the child's, which may carry other mappings.
    """

    local: str
    remote: str
    state: str
    inbound_spi: int = 0
    outbound_spi: int = 0
    packets_in: int = 0
    packets_out: int = 0
    octets_in: int = 0
    octets_out: int = 0


@dataclass(frozen=True, slots=True)
class ConnectionView(_Json):
    """One connection, and its SAs while there are some."""

    name: str
    state: ConnectionState
    peer: str = ""
    peer_id: str = ""
    local_id: str = ""
    ike: str = ""  # aes128-sha256-x25519; empty without an SA, as esp
    esp: str = ""
    age_s: float | None = None  # since the IKE SA was established
    rekey_in_s: float | None = None
    packets_in: int = 0
    packets_out: int = 0
    octets_in: int = 0
    octets_out: int = 0
    rate_in_bps: float = 0.0
    rate_out_bps: float = 0.0
    reason_code: str = ""  # of the last failure or end; empty when there was none
    reason: tuple[str, ...] = ()
    reason_since: float | None = None  # seconds of the Unix epoch
    tries: int = 0
    next_try_in_s: float | None = None
    nat: str = ""  # "none", "here", "there", "both"; empty when not known
    encapsulation: str = ""  # "udp", "esp"; empty without an SA
    mappings_up: int = 0
    mappings_total: int = 0
    narrowed: bool = False
    initiator_spi: str = ""
    responder_spi: str = ""
    children: tuple[ChildView, ...] = ()
    drops: Mapping[str, int] = field(default_factory=dict)
    mode: str = ""  # "tunnel", "transport"
    last_change: str = ""  # the last rekey or move in one line; empty when there was none
    last_change_at: float | None = None  # seconds of the Unix epoch
    mappings: tuple[MappingView, ...] = ()  # where one connection was asked for
    version: str = ""  # "ikev1", "ikev2"; without an SA as configured, so "any", too
    badges: tuple[str, ...] = ()  # "legacy": it speaks IKEv1
    vendor: str = ""  # what the peer says it is
    user: str = ""  # who the peer is to XAUTH
    inner_address: str = ""  # what the peer gave us


@dataclass(frozen=True, slots=True)
class WorkerView(_Json):
    """The packet worker; ``pid`` 0 while there is none.  Counts are of all that there have been."""

    pid: int = 0
    restarts: int = 0
    packets_in: int = 0
    packets_out: int = 0
    octets_in: int = 0
    octets_out: int = 0
    means: tuple[str, ...] = ()  # ikebana.worker.messages.MEANS; none: one packet at a time


@dataclass(frozen=True, slots=True)
class GatewayView(_Json):
    """The daemon itself."""

    name: str
    version: str = ""
    pid: int = 0
    started: float = 0.0  # seconds of the Unix epoch
    listening: tuple[str, ...] = ()
    worker: WorkerView = WorkerView()
    drops: Mapping[str, int] = field(default_factory=dict)
    half_open: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StatusView(_Json):
    """The whole answer of ``GET /v1/status``."""

    gateway: GatewayView
    connections: tuple[ConnectionView, ...] = ()


@dataclass(frozen=True, slots=True)
class LogLine(_Json):
    """One line of the log.  ``at`` in seconds of the Unix epoch; no connection: the gateway's."""

    at: float
    connection: str
    level: Level
    text: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class StepDone(_Json):
    """A milestone of ``up``: an exchange is over, ``ms`` after it began."""

    ok: bool
    text: str
    ms: float = 0.0
    detail: str = ""
    event: str = "step"


@dataclass(frozen=True, slots=True)
class StepMessage(_Json):
    """An IKE message went by during ``up``, ``ms`` after its beginning."""

    direction: Direction
    exchange: str
    response: bool
    message_id: int
    labels: tuple[str, ...] = ()
    again: bool = False
    ms: float = 0.0
    event: str = "message"
    version: int = 2

    @property
    def sent(self) -> bool:
        """Tell whether it was ours."""
        return self.direction is Direction.SENT


@dataclass(frozen=True, slots=True)
class StepRefused(_Json):
    """We refused an attempt of the peer during ``up``; ``lines`` are the diagnosis."""

    code: str
    lines: tuple[str, ...] = ()
    event: str = "refused"


@dataclass(frozen=True, slots=True)
class StepResult(_Json):
    """The end of ``up``: connected, or why not (``lines`` of the diagnosis).

    ``timed_out`` means that the wait is over and the negotiation goes on.
    """

    ok: bool
    state: ConnectionState
    code: str = ""
    lines: tuple[str, ...] = ()
    timed_out: bool = False
    event: str = "result"


@dataclass(frozen=True, slots=True)
class Change(_Json):
    """One SA that another one replaced, or that is new, or gone.

    SPIs are hexadecimal text, ours of a child, the initiator's of an IKE SA; ``old`` is empty for
    one that is new, ``new`` for one that is only gone.
    """

    what: str  # "child", "IKE SA"
    old: str
    new: str
    ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome(_Json):
    """How ``rekey``, ``reauth`` or ``renegotiate`` ended; ``lines`` of the diagnosis if it failed.

    ``timed_out`` means that the wait is over and the exchange goes on.
    """

    ok: bool
    state: ConnectionState
    changes: tuple[Change, ...] = ()
    code: str = ""
    lines: tuple[str, ...] = ()
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class ConsideredView(_Json):
    """One policy that was looked at; ``part`` says what of the packet is outside, ``why`` how."""

    name: str
    action: str  # "protect", "bypass", "discard"
    tunnel: str = ""
    hit: bool = False
    part: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class ExplainView(_Json):
    """Which policy a packet falls under, and what comes of it.

    ``considered`` are the policies up to the one it falls under, ``policy``: "default" when there
    is none.  ``way`` is what the kernel says: ``tunnel``, ``clear``, ``prohibited``,
    ``unreachable``, ``local``, ``refused`` or ``unknown``; ``fate`` what comes of the packet:
    ``sealed``, ``held``, ``clear``, ``local`` or ``dropped``, by the ``counter`` if one counts it.
    """

    packet: str
    policy: str
    action: str
    way: str
    fate: str
    tunnel: str = ""
    selectors: str = ""
    state: str = ""  # of the tunnel
    inbound_spi: int = 0
    outbound_spi: int = 0
    device: str = ""
    counter: str = ""
    lines: tuple[str, ...] = ()
    considered: tuple[ConsideredView, ...] = ()


Step: TypeAlias = StepDone | StepMessage | StepRefused | StepResult
_STEPS: Final[dict[str, type[Step]]] = {
    "step": StepDone,
    "message": StepMessage,
    "refused": StepRefused,
    "result": StepResult,
}


def step_from_json(raw: object) -> Step:
    """Read one line of ``up``.  Raises :exc:`~ikebana.control.codec.Undecodable`."""
    kind = _STEPS.get(str(raw.get("event"))) if isinstance(raw, dict) else None
    if kind is None:
        raise Undecodable(f"event: none of {', '.join(_STEPS)}")
    return kind.from_json(raw)
