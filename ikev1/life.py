"""What time does to an ISAKMP SA: retransmission, probes, keepalives, lifetimes, expiry."""

from ikecore.actions import Action, Keepalive, Reason
from ikecore.timetable import NEVER
from ikev1.children import handle_children, next_child_timeout
from ikev1.deletion import fall_back
from ikev1.establish import KEEPALIVE_INTERVAL
from ikev1.exchanges.informational import delete
from ikev1.failures import no_more_came
from ikev1.flights import PHASE1
from ikev1.liveness import handle_liveness, probe_at
from ikev1.sa import IkeSa
from ikev1.state import State

AGAIN = 30.0  # seconds after which the next SA is tried again, while the present one lasts


def next_timeout(sa: IkeSa) -> float:
    """Return when :func:`handle_timeout` wants to be called for ``sa``, or ``NEVER``."""
    return min(
        sa.flights.due,
        sa.expires_at,
        sa.rekey_at,
        sa.lifetime_ends_at,
        sa.keepalive_at,
        probe_at(sa),
        next_child_timeout(sa),
    )


def handle_timeout(sa: IkeSa, now: float) -> list[Action]:
    """Do everything that is due."""
    actions: list[Action] = []
    if sa.expires_at <= now:
        actions += _expire(sa, now)
    elif sa.lifetime_ends_at <= now:
        sa.lifetime_ends_at = NEVER
        actions += delete(sa, Reason.LIFETIME, now)
    elif sa.rekey_at <= now:
        sa.rekey_at = now + AGAIN
        sa.wants_heir = True
    actions += handle_children(sa, now)
    actions += sa.retransmit(now)
    actions += fall_back(sa, now) or handle_liveness(sa, now)
    if sa.keepalive_at <= now:
        sa.keepalive_at = now + KEEPALIVE_INTERVAL
        actions.append(Keepalive(sa.path))
    return actions


def _expire(sa: IkeSa, now: float) -> list[Action]:
    """End what had only so long: a half-open SA, or one that another one has replaced."""
    sa.expires_at = NEVER
    match sa.state:
        case State.NEGOTIATING:
            phase1 = sa.flights.get(PHASE1)
            if _came_otherwise(sa):
                sa.is_told = False
                return sa.close(Reason.FAILED, now)
            sa.connection = sa.profile.name
            told: list[Action] = []
            if phase1 is None or sa.hints.is_unreadable:  # the cause was told already
                pass
            elif sa.hints.is_refused:
                told = phase1.negotiation.on_unreadable(sa)
            else:
                told = [sa.fail(no_more_came(sa.profile, phase1.negotiation.place))]
            return [*told, *sa.close(Reason.FAILED, now)]
        case State.CONFIGURING | State.ESTABLISHED | State.REPLACED:
            return delete(sa, sa.doom, now)
        case State.CLOSED:
            return []


def _came_otherwise(sa: IkeSa) -> bool:
    """Tell whether the peer has made another SA with us since it began this one.

    If it has deleted this one, before its proof came, any will do: it has our key.
    """
    mates = sa.resources.mates(sa.profile.name)
    up = [mate for mate in mates if mate.state is State.ESTABLISHED]
    return any(mate.established_at > sa.started_at or sa.hints.is_refused for mate in up)
