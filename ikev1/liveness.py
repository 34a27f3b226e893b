"""Whether the peer lives: dead peer detection (RFC 3706).

After a silence an R-U-THERE goes out, and then again as the connection's retry plan says, until
anything protected comes back.  Each has a number and a message ID of its own.  The peer is dead
``dpd_timeout`` after the first one, however many there were.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ikecore.actions import Action, Dropped, Noted, Reason
from ikecore.diagnosis import Code, diagnose
from ikecore.timetable import NEVER
from ikev1.payloads.notify import Notify
from ikev1.payloads.types import NotifyType, ProtocolId
from ikev1.state import State

if TYPE_CHECKING:
    from ikev1.sa import IkeSa

_NUMBER: Final = 4  # octets
_ALL: Final = 1 << 32
_HALF: Final = 1 << 31  # a first number lies below it, so that none comes round (section 6.2)
_REPEATS: Final = 8  # answers to one number: some peers use it again when they hear nothing


@dataclass(slots=True)
class Liveness:
    """What is asked of the peer.  ``number`` is the last R-U-THERE's, ``theirs`` the peer's."""

    number: int = -1
    theirs: int = -1
    repeats: int = 0  # of ``theirs``
    since: float = NEVER  # when the first one was sent that is not answered yet
    due: float = NEVER  # when it is sent again
    attempt: int = 0
    is_noted: bool = False  # that this peer cannot be asked

    @property
    def is_asking(self) -> bool:
        """Return whether an answer is awaited."""
        return self.since < NEVER

    def answered(self) -> None:
        """Take it that the peer lives: anything protected shows that."""
        self.since = self.due = NEVER
        self.attempt = 0


def probe_at(sa: "IkeSa") -> float:
    """Return when :func:`handle_liveness` wants to be called, or NEVER."""
    live, profile = sa.liveness, sa.profile
    if sa.state is not State.ESTABLISHED:
        return NEVER
    if _is_unanswered(sa):
        return min(live.due, live.since + profile.dpd_timeout)
    if not profile.dpd or live.is_noted:
        return NEVER
    return sa.heard_at + profile.dpd_interval


def handle_liveness(sa: "IkeSa", now: float) -> list[Action]:
    """Ask, ask again, or take it that the peer is dead: what is due."""
    if probe_at(sa) > now:
        return []
    if not _is_unanswered(sa):
        return probe(sa, now)
    if is_over(sa, now):
        return presume_dead(sa, now)
    return _ask(sa, now)


def is_over(sa: "IkeSa", now: float) -> bool:
    """Tell whether the peer's time to answer is over."""
    return _is_unanswered(sa) and sa.liveness.since + sa.profile.dpd_timeout <= now


def probe(sa: "IkeSa", now: float) -> list[Action]:
    """Ask whether the peer lives, unless that is being asked; once told, if it cannot be."""
    live = sa.liveness
    if sa.state is not State.ESTABLISHED or _is_unanswered(sa):
        return []
    if not sa.vendors.dpd:
        return _note(sa)
    live.since, live.attempt = now, 0
    return _ask(sa, now)


def presume_dead(sa: "IkeSa", now: float) -> list[Action]:
    """Declare the peer dead; where all is to stay as it is, it is only reported."""
    waited = now - sa.liveness.since
    failed = sa.fail(diagnose(1, Code.DPD_TIMEOUT, evidence=f"no answer for {waited:.0f} s"))
    if not sa.profile.keep_on_timeout:
        return [failed, *sa.close(Reason.DPD_TIMEOUT, now)]
    sa.liveness.since, sa.liveness.attempt = now, 0
    return [failed, *_ask(sa, now)]


def answer_probe(sa: "IkeSa", notify: Notify) -> list[Action]:
    """Answer an R-U-THERE of this SA whose number is not an old one (section 6).

    The SA has seen to it that a message recorded and sent again does not get here.
    """
    number, live = _number_in(sa, notify), sa.liveness
    if number is None:
        return [Dropped("dpd", "R_U_THERE of another SA, or without a number")]
    ahead = (number - live.theirs) % _ALL if live.theirs >= 0 else 1
    live.repeats = 0 if ahead else live.repeats + 1
    if ahead >= _HALF or live.repeats > _REPEATS:
        return [Dropped("dpd", f"R_U_THERE {number} after {live.theirs}")]
    live.theirs = number
    return sa.tell(_notify(sa, NotifyType.R_U_THERE_ACK, number))


def take_answer(sa: "IkeSa", notify: Notify) -> list[Action]:
    """Take an R-U-THERE-ACK: that the peer lives was noted when its HASH proved right."""
    if _number_in(sa, notify) == sa.liveness.number:
        return []
    return [Dropped("dpd", "R_U_THERE_ACK of another number")]


def _is_unanswered(sa: "IkeSa") -> bool:
    """Tell whether neither IKE nor a child has brought anything since the first question."""
    if sa.liveness.is_asking and sa.heard_at > sa.liveness.since:
        sa.liveness.answered()
    return sa.liveness.is_asking


def _ask(sa: "IkeSa", now: float) -> list[Action]:
    live = sa.liveness
    if live.number < 0:
        live.number = int.from_bytes(sa.resources.entropy.octets(_NUMBER), "big") % _HALF
    else:
        live.number = (live.number + 1) % _ALL
    live.due = now + sa.profile.retry.wait(live.attempt)
    live.attempt += 1
    return [*sa.last_words(), *sa.tell(_notify(sa, NotifyType.R_U_THERE, live.number))]


def _note(sa: "IkeSa") -> list[Action]:
    if sa.liveness.is_noted:
        return []
    sa.liveness.is_noted = True
    text = "the peer does not know dead peer detection (RFC 3706): its silence goes unnoticed"
    return [Noted(sa.sa, sa.connection, text)]


def _notify(sa: "IkeSa", kind: NotifyType, number: int) -> Notify:
    data = number.to_bytes(_NUMBER, "big")
    return Notify(kind, data, ProtocolId.ISAKMP, b"".join(sa.spis))


def _number_in(sa: "IkeSa", notify: Notify) -> int | None:
    """Return the number, of a notify that has one and names this SA."""
    if notify.spi != b"".join(sa.spis) or len(notify.data) != _NUMBER:
        return None
    return int.from_bytes(notify.data, "big")
