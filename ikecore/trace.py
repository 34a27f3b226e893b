"""Trace records: what a core did, for the ladder, the log, the key log and the capture."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from ikecore.proposals import Suite
from policy.path import Path
from suites.secret import Secret

_VERSION: Final = 17  # octet of the header: major and minor (RFC 2408 3.1, RFC 7296 3.1)


@dataclass(frozen=True, slots=True)
class MessageTraced:
    """One IKE message: its octets on the wire, and its payloads' labels (``SA KE N(COOKIE)``)."""

    connection: str
    sa: bytes
    sent: bool
    exchange: str
    response: bool
    message_id: int
    labels: tuple[str, ...]
    raw: bytes
    path: Path

    @property
    def version(self) -> int:
        """Return IKE's major version, which stands in either header at one place."""
        return self.raw[_VERSION] >> 4 if len(self.raw) > _VERSION else 2


@dataclass(frozen=True, slots=True)
class Retransmitted:
    """The request under way was sent once more, octet for octet (RFC 7296 section 2.1)."""

    connection: str
    sa: bytes


@dataclass(frozen=True, slots=True)
class KeysDerived:
    """The keys of an IKE SA, by their RFC 7296 names; values print as ``<32 octets>``."""

    connection: str
    initiator_spi: bytes
    responder_spi: bytes
    suite: Suite
    keys: tuple[tuple[str, Secret], ...]


@dataclass(frozen=True, slots=True)
class StateChanged:
    """An IKE SA went from one state to another, and why."""

    connection: str
    sa: bytes
    old: str
    new: str
    why: str


Record: TypeAlias = MessageTraced | Retransmitted | KeysDerived | StateChanged
