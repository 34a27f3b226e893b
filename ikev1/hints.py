"""What nobody vouches for: errors told in clear, and what cannot be read (RFC 2409 section 5.7).

Whoever knows a cookie can send these, so that they end nothing: a negotiation that would have
waited longer is given up a little sooner, and its diagnosis names them as evidence.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ikecore.actions import Action, Dropped
from ikecore.wire import Malformed
from ikev1.flights import PHASE1
from ikev1.labels import notify_name
from ikev1.message import Exchange, Header, parse_clear
from ikev1.payloads.types import is_error
from ikev1.rules import Place, RuleBroken, check
from ikev1.tracing import trace_received
from policy.path import Path

if TYPE_CHECKING:
    from ikev1.flight import Flight
    from ikev1.sa import IkeSa

_KEPT: Final = 4
_PATIENCE: Final = 1.0  # seconds for the true answer, should the refusal be forged
_SHORTEST: Final = 40  # octets: no message 5 is as short as our refusal of one
_REPEATS: Final = 5.0  # seconds for it, should it be lost, and what we cannot read come after it


@dataclass(slots=True)
class Hints:
    """Names of the errors told in clear, and whether something came that we cannot read."""

    told: list[str] = field(default_factory=list)
    is_unreadable: bool = False
    is_refused: bool = False  # in what may be the words of who has another key
    icmp: str = ""

    def take_clear(
        self, sa: "IkeSa", header: Header, datagram: bytes, path: Path, now: float
    ) -> list[Action]:
        """Take an INFORMATIONAL in clear, which only matters while there are no keys."""
        try:
            message = parse_clear(datagram, header)
            check(message, Place.INFORMATIONAL)
        except (Malformed, RuleBroken) as error:
            return [Dropped("malformed", str(error))]
        errors = [notify_name(n.type) for n in message.notifies() if is_error(n.type)]
        phase1 = sa.flights.get(PHASE1)
        if phase1 is None or phase1.is_over or not errors:
            return [Dropped("unauthenticated", "INFORMATIONAL in clear")]
        self.note(*errors)
        if sa.initiator:
            phase1.hurry(now + _PATIENCE)
        return [trace_received(sa, message, path), Dropped("unauthenticated", errors[0])]

    def note(self, *seen: str) -> None:
        """Remember what was seen, the last few."""
        self.told = [*self.told, *seen][-_KEPT:]

    def unreadable(self, sa: "IkeSa", header: Header, datagram: bytes, now: float) -> list[Action]:
        """Take it that something came which our key does not open, or whose HASH is wrong."""
        phase1 = sa.flights.get(PHASE1)
        if phase1 is None or phase1.is_over or not header.encrypted:
            return []
        if len(datagram) < _SHORTEST:  # nobody's message, and its answer would be larger
            return []
        is_new, is_proof = not self.is_unreadable, header.message_id == PHASE1
        self.is_unreadable = is_proof or sa.initiator or self.is_unreadable
        if header.exchange == Exchange.INFORMATIONAL:
            self._on_news(sa, phase1, now)
        if sa.initiator or not (is_new and is_proof):
            return []
        return phase1.negotiation.on_unreadable(sa)

    def _on_news(self, sa: "IkeSa", phase1: "Flight", now: float) -> None:
        """Wait less long: under another key it says that the peer cannot read what we said.

        Under ours it means that a message before it is lost, which the peer will repeat.
        """
        if sa.initiator:
            phase1.hurry(now + _REPEATS)
        elif phase1.negotiation.place is Place.AM3:
            self.is_refused = True
            sa.expires_at = min(sa.expires_at, now + _REPEATS)
