"""What an SA has under way: negotiations of one exchange each, and what it waits for besides."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

from ikecore.actions import Action, Dropped
from ikecore.lease import Lease
from ikev1.message import Exchange, Message
from ikev1.rules import Place
from suites.secret import Secret

if TYPE_CHECKING:
    from ikev1.flight import Flight
    from ikev1.sa import IkeSa

MakeHash: TypeAlias = Callable[[bytes], bytes]
"""From the octets after the HASH payload, what the HASH payload says."""


class Negotiation(Protocol):
    """One exchange, ours or the peer's: what its messages, or their absence, mean.

    All messages under one message ID belong to it (RFC 2408 section 3.1); phase 1 has ID 0.
    """

    @property
    def kind(self) -> Exchange:
        """Return the exchange type."""
        ...

    @property
    def place(self) -> Place:
        """Return which message of the exchange comes next: the rule it has to obey."""
        ...

    @property
    def answers_repeats(self) -> bool:
        """Return whether a message taken before gets our last one again."""
        ...

    def expected_hash(self, sa: "IkeSa", message: Message) -> bytes:
        """Return what the HASH payload of the next message must say.

        It is asked only once phase 1 is over: before that a negotiation checks the HASH itself.
        """
        ...

    def on_message(
        self, sa: "IkeSa", flight: "Flight", message: Message, now: float
    ) -> list[Action]:
        """Take the next message.  One under a HASH that was checked is ``protected``."""
        ...

    def on_silence(self, sa: "IkeSa", flight: "Flight", now: float) -> list[Action]:
        """Take it that the message awaited does not come."""
        ...

    def on_unreadable(self, sa: "IkeSa") -> list[Action]:
        """Take it that something came, while it is phase 1, which our key does not open; once."""
        ...


class Phase2:
    """Half of a negotiation under an SA that is up: what only phase 1 has to know."""

    answers_repeats = True

    def on_unreadable(self, _sa: "IkeSa") -> list[Action]:
        """Let it be: somebody else's octets."""
        return []


class OwnNegotiation(Negotiation, Protocol):
    """One that we begin."""

    def begin(self, sa: "IkeSa", flight: "Flight", now: float) -> list[Action]:
        """Send the first message."""
        ...


class Waiting:
    """What an SA waits for besides messages; this one, the default, waits for nothing."""

    def authorized(self, _sa: "IkeSa", _psk: Secret, _now: float) -> list[Action]:
        """Go on with this key."""
        return [Dropped("not_waiting")]

    def refused(self, _sa: "IkeSa", _now: float) -> list[Action]:
        """Take it that there is none of what was asked for."""
        return [Dropped("not_waiting")]

    def credentials(self, _sa: "IkeSa", _user: str, _password: Secret, _now: float) -> list[Action]:
        """Go on as this user."""
        return [Dropped("not_waiting")]

    def accepted(self, _sa: "IkeSa", _now: float) -> list[Action]:
        """Go on: the peer is the user it says."""
        return [Dropped("not_waiting")]

    def leased(self, _sa: "IkeSa", _lease: Lease, _now: float) -> list[Action]:
        """Go on with what the peer gets."""
        return [Dropped("not_waiting")]
