"""Which of several ISAKMP SAs with one peer counts.

Children belong to the connection, not to the ISAKMP SA that made them: they go over to the newest
one, and the older one lingers for what the peer still says on it.

* INITIAL-CONTACT removes, without a word, the SAs established before the peer began the one that
  carries it: the peer has lost them (RFC 2407 section 4.6.3.3).
* Of two made at once, the one with the lowest of the four nonces goes (RFC 7296 section 2.8.1 has
  this rule; IKEv1 has none).  It is deleted by its initiator, and by its responder only when that
  has not happened for a while, for not every peer has our rule.
"""

from typing import Final

from ikecore.actions import Action, Reason, Traced
from ikecore.diagnosis import Code, diagnose
from ikecore.profile import Uniqueness
from ikecore.timetable import NEVER
from ikev1.children import adopt
from ikev1.payloads.notify import Notify
from ikev1.payloads.types import NotifyType
from ikev1.sa import IkeSa
from ikev1.state import State

_COURTESY: Final = 10.0  # seconds in which the other end may delete the SA that has to go
_SETTLING: Final = 1.0  # seconds until both ends have the one that stays
_UNDECIDED: Final = 2 * _COURTESY  # seconds in which the ends may differ in which one stays
_LINGERING: Final = 600.0  # seconds of an SA replaced, when no lifetime ends it sooner
_MOST: Final = 8  # SAs of one connection and peer that linger


def others(sa: IkeSa) -> list[IkeSa]:
    """Return the other SAs with the same peer that count, newest first."""
    mates = (mate for mate in sa.resources.mates(sa.connection) if mate is not sa)
    same = [m for m in mates if m.state is State.ESTABLISHED and _is_same(m, sa)]
    return sorted(same, key=lambda one: one.established_at, reverse=True)


def elder_of(sa: IkeSa) -> IkeSa | None:
    """Return the SA whose place this one takes at once: that it was made for, or the peer's last.

    Of one that we began anew it is told first that it is up, and then that it replaces another.
    """
    if sa.profile.uniqueness is Uniqueness.NEVER and not sa.elder:
        return None
    for other in others(sa):
        if other.sa == sa.elder:
            return other
        if other.established_at <= sa.started_at:
            return other
    return None


def rivals(sa: IkeSa) -> list[IkeSa]:
    """Return the other SAs with the peer, where only one is to stay."""
    return [] if sa.profile.uniqueness is Uniqueness.NEVER else others(sa)


def yield_to(sa: IkeSa, rival: IkeSa) -> tuple[IkeSa, IkeSa]:
    """Return which of two goes, and which stays: the newer, or of two made at once by nonces.

    The two ends may differ in whether two were made at once.  What then comes of it is that one
    deletes what the other has kept, which goes back to the one before: see :func:`revive`.
    """
    loser = rival
    if _at_once(sa, rival):
        loser = min(sa, rival, key=lambda one: min(one.nonces))
    return loser, (rival if loser is sa else sa)


def revive(sa: IkeSa, now: float) -> tuple[IkeSa | None, list[Action]]:
    """Let the SA count again that ``sa`` has only just replaced: the peer has deleted that.

    Later than that, or when no children are left, a Delete means what it says.
    """
    found = max(lingering(sa), key=lambda one: one.established_at, default=None)
    if found is None or not sa.children or sa.established_at < now - _UNDECIDED:
        return None, []
    return found, [come_back(found, "the peer deleted the one that replaced it")]


def come_back(sa: IkeSa, why: str) -> Traced:
    """Let an SA that was replaced count again."""
    sa.home, sa.expires_at = sa, NEVER
    return sa.become(State.ESTABLISHED, why)


def lingering(sa: IkeSa) -> list[IkeSa]:
    """Return the SAs that this one, or one before it, has replaced."""
    mates = sa.resources.mates(sa.connection)
    return [one for one in mates if one.state is State.REPLACED and _is_same(one, sa)]


def _at_once(one: IkeSa, other: IkeSa) -> bool:
    began, up = (one.started_at, other.started_at), (one.established_at, other.established_at)
    return max(began) < min(up)


def take_over(newer: IkeSa, older: IkeSa, now: float) -> list[Action]:
    """Let one SA take the place of another, with its children and what it was about to do."""
    moved = adopt(newer, older)
    newer.queue += older.queue
    older.queue = []
    older.home = newer
    older.rekey_at = older.keepalive_at = NEVER
    older.doom = Reason.REKEYED
    older.expires_at = min(older.lifetime_ends_at, now + _LINGERING)
    if _at_once(newer, older):
        older.doom = Reason.REDUNDANT
        older.expires_at = now + (_SETTLING if older.initiator else _COURTESY)
    return [*moved, older.become(State.REPLACED, older.doom.value), *_thin_out(newer, now)]


def _thin_out(newer: IkeSa, now: float) -> list[Action]:
    """Close the oldest that linger: a peer that makes one after the other fills no table."""
    oldest = sorted(lingering(newer), key=lambda one: one.established_at)
    return [a for one in oldest[:-_MOST] for a in one.close(Reason.REPLACED, now)]


def remove_stale(sa: IkeSa, now: float) -> list[Action]:
    """Remove the SAs that the peer says it has lost, now that it is authenticated."""
    if not sa.initial_contact or sa.profile.uniqueness is Uniqueness.NEVER:
        return []
    stale = [one for one in others(sa) if one.established_at <= sa.started_at]
    return [action for one in stale for action in one.close(Reason.REPLACED, now)]


def is_kept_out(sa: IkeSa) -> bool:
    """Tell whether the SA is refused because an older one with the peer stays."""
    if sa.profile.uniqueness is not Uniqueness.KEEP or sa.initial_contact or sa.elder:
        return False
    return bool(others(sa))


def refuse(sa: IkeSa, now: float) -> list[Action]:
    """End an SA that an older one keeps out."""
    told = sa.tell(Notify(NotifyType.AUTHENTICATION_FAILED))
    return [*told, sa.fail(diagnose(1, Code.ANOTHER_STAYS)), *sa.close(Reason.FAILED, now)]


def _is_same(one: IkeSa, other: IkeSa) -> bool:
    return one.peer.matches(other.peer) and one.user == other.user
