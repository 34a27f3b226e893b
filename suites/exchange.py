"""What a key exchange method is: the row, the private half in use, and the one refusal."""

from dataclasses import dataclass, field
from typing import Protocol

from suites.status import Status


class BadPublicValue(ValueError):
    """The peer's public value is not one an honest peer can send (RFC 6989); str() says why."""


class KeyExchange(Protocol):
    """One side of one exchange: a private value, used once and forgotten."""

    @property
    def group(self) -> "Group":
        """The row this belongs to."""
        ...

    @property
    def public(self) -> bytes:
        """Key Exchange Data to send, ``group.public`` octets."""
        ...

    def shared(self, peer_public: bytes) -> bytes:
        """Return the shared secret, or raise :exc:`BadPublicValue` before computing with it."""
        ...


class Method(Protocol):
    """How a group's exchanges are made, and what of a peer's value can be refused at once."""

    def make(self, group: "Group", private: bytes | None) -> KeyExchange:
        """Return an exchange of a given private value, or of a fresh one for None."""
        ...

    def check(self, group: "Group", peer_public: bytes) -> None:
        """Raise :exc:`BadPublicValue` as far as that costs nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Group:
    """One row of Transform Type 4 (key exchange method, "Diffie-Hellman group")."""

    iana: int
    name: str
    public: int
    """Octets of Key Exchange Data on the wire."""
    status: Status
    method: Method = field(repr=False, compare=False)
    instead: str = ""
    """Keyword to propose to who uses a row that has aged."""

    def generate(self) -> KeyExchange:
        """Return an exchange with a fresh private value."""
        return self.method.make(self, None)

    def check(self, peer_public: bytes) -> None:
        """Raise :exc:`BadPublicValue` for what is seen to be bad before a private value is made.

        A responder asks first: the largest groups' private values cost milliseconds.
        """
        self.method.check(self, peer_public)

    def from_private(self, private: bytes) -> KeyExchange:
        """Return the exchange of a known private value: for vectors and lessons only.

        Big-endian for MODP and ECP, the RFC 7748 octets for x25519 and x448.  ValueError when it is
        no private value of the group.
        """
        return self.method.make(self, private)


def check_length(group: Group, peer_public: bytes) -> None:
    """Raise :exc:`BadPublicValue` unless the value has the length the group prescribes."""
    if len(peer_public) != group.public:
        raise BadPublicValue(
            f"{group.name} takes {group.public} octets of public value, not {len(peer_public)}"
        )
