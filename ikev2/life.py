"""What time does to an IKE SA: retransmission, probes, keepalives, lifetimes, expiry."""

from dataclasses import replace
from typing import Final

from ikecore.actions import Action, Keepalive, Reason, ReauthWanted
from ikecore.diagnosis import Code, diagnose
from ikev2.exchanges.informational import Probe, delete
from ikev2.sa import IkeSa, State
from ikev2.window import NEVER

KEEPALIVE_INTERVAL: Final = 20.0  # RFC 3948 section 4
_SOFT: Final = 0.9  # share of a lifetime after which its initiator makes the next SA
_SOFT_RESPONDER: Final = 0.98  # later: the responder only steps in for an initiator that does not
_SPREAD: Final = 0.05  # taken off at random, so that many SAs do not come due together


def next_timeout(sa: IkeSa) -> float:
    """Return when :func:`handle_timeout` wants to be called for ``sa``, or ``NEVER``."""
    return min(
        sa.requests.due,
        sa.expires_at,
        sa.reauth_at,
        sa.lifetime_ends_at,
        sa.keepalive_at,
        probe_at(sa),
    )


def probe_at(sa: IkeSa) -> float:
    """Return when silence has lasted long enough to ask whether the peer lives."""
    if sa.state is not State.ESTABLISHED or not sa.profile.dpd or sa.queue:
        return NEVER
    return sa.heard_at + sa.profile.dpd_interval


def handle_timeout(sa: IkeSa, now: float) -> list[Action]:
    """Do everything that is due."""
    actions: list[Action] = []
    if sa.expires_at <= now:
        actions += _expire(sa, now)
    elif sa.lifetime_ends_at <= now:
        sa.lifetime_ends_at = NEVER
        actions += delete(sa, Reason.LIFETIME, now)
    elif sa.reauth_at <= now:
        sa.reauth_at = NEVER
        actions.append(ReauthWanted(sa.sa, sa.connection))
    if sa.requests.due <= now:
        actions += sa.retransmit(now)
    if probe_at(sa) <= now:
        actions += sa.start(Probe(), now)
    if sa.keepalive_at <= now:
        sa.keepalive_at = now + KEEPALIVE_INTERVAL
        actions.append(Keepalive(sa.path))
    return actions


def _expire(sa: IkeSa, now: float) -> list[Action]:
    """End what had only so long: a half-open SA, or one that has to make room for another."""
    sa.expires_at = NEVER
    match sa.state:
        case State.INIT_ANSWERED | State.AUTHORIZING:
            text = "the peer did not go on after our IKE_SA_INIT answer"
            sa.connection = sa.profile.name
            silent = diagnose(1, Code.PEER_NO_RESPONSE, evidence=text)
            failed = sa.fail(replace(silent, proven=False))  # the address may be forged
            return [failed, *sa.close(Reason.FAILED, now)]
        case State.ESTABLISHED:
            return delete(sa, sa.doom, now)
    return []


def begin(sa: IkeSa, now: float) -> None:
    """Start the clocks of an SA just established."""
    sa.established_at = now
    sa.expires_at = NEVER
    lifetimes = [t for t in (sa.profile.ike_lifetime, sa.profile.child_lifetime) if t > 0]
    if lifetimes:
        span = min(lifetimes)
        jitter = sa.resources.entropy.octets(1)[0] / 255 * _SPREAD
        sa.lifetime_ends_at = now + span
        soft = _SOFT if sa.initiator else _SOFT_RESPONDER
        sa.reauth_at = now + span * (soft - jitter)
    if sa.nat_here:
        sa.keepalive_at = now + KEEPALIVE_INTERVAL
