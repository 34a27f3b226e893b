"""What time does to an IKE SA: retransmission, probes, keepalives, lifetimes, expiry."""

from dataclasses import replace
from typing import Final

from ikecore.actions import Action, Keepalive, Reason, ReauthWanted
from ikecore.diagnosis import Code, diagnose
from ikecore.share import soft_share
from ikev2.child import Child
from ikev2.exchanges.delete_child import close_child, replace_by, use_heir
from ikev2.exchanges.informational import delete
from ikev2.exchanges.rekey_child import RekeyChild
from ikev2.exchanges.rekey_ike import COURTESY, RekeyIke
from ikev2.exchanges.update_addresses import ProbeMapping
from ikev2.heir import is_outlived, leave_to_newer
from ikev2.roaming import search
from ikev2.sa import IkeSa, State
from ikev2.window import NEVER

KEEPALIVE_INTERVAL: Final = 20.0  # RFC 3948 section 4
_SOFT_RESPONDER: Final = 0.98  # of reauthentication: for an initiator that does not
WHY_AGE: Final = "its lifetime nears its end"


def next_timeout(sa: IkeSa) -> float:
    """Return when :func:`handle_timeout` wants to be called for ``sa``, or ``NEVER``."""
    return min(
        sa.requests.due,
        sa.expires_at,
        sa.rekey_at,
        sa.reauth_at,
        sa.lifetime_ends_at,
        sa.auth_ends_at,
        sa.keepalive_at,
        probe_at(sa),
        min((at for at, _ in sa.postponed), default=NEVER),
        min((min(c.rekey_at, c.ends_at) for c in sa.children.values()), default=NEVER),
    )


def probe_at(sa: IkeSa) -> float:
    """Return when silence has lasted long enough to ask whether the peer lives."""
    if sa.state is not State.ESTABLISHED or not sa.profile.dpd or sa.is_busy:
        return NEVER
    return sa.heard_at + sa.profile.dpd_interval


def handle_timeout(sa: IkeSa, now: float) -> list[Action]:
    """Do everything that is due."""
    actions: list[Action] = []
    if sa.expires_at <= now:
        actions += _expire(sa, now)
    elif min(sa.lifetime_ends_at, sa.auth_ends_at) <= now:
        sa.lifetime_ends_at = sa.auth_ends_at = NEVER
        actions += delete(sa, Reason.LIFETIME, now)
    elif sa.reauth_at <= now:
        sa.reauth_at = NEVER
        actions.append(ReauthWanted(sa.sa, sa.connection))
    elif sa.rekey_at <= now:
        sa.rekey_at = NEVER
        actions += sa.start(RekeyIke(WHY_AGE), now)
    for child in [c for c in sa.children.values() if min(c.rekey_at, c.ends_at) <= now]:
        actions += _age(sa, child, now)
    due = [exchange for at, exchange in sa.postponed if at <= now]
    sa.postponed = [one for one in sa.postponed if one[0] > now]
    for exchange in due:
        actions += sa.start(exchange, now)
    if sa.requests.due <= now:
        actions += [*search(sa, now), *sa.retransmit(now)]
    if probe_at(sa) <= now:
        actions += sa.start(ProbeMapping(), now)
    if sa.keepalive_at <= now:
        sa.keepalive_at = now + KEEPALIVE_INTERVAL
        actions.append(Keepalive(sa.path))
    return actions


def _age(sa: IkeSa, child: Child, now: float) -> list[Action]:
    """Renew a child, or end it."""
    if child.ends_at <= now:
        child.ends_at = NEVER
        reason = Reason.REKEYED if child.heir else Reason.LIFETIME
        return close_child(sa, child, reason, now)
    child.rekey_at = NEVER
    heir = sa.children.get(child.heir)
    if heir is not None:  # it lost against the one that the peer made at the same time
        return [*use_heir(sa, child), *replace_by(sa, child, heir, now)]
    return renew_child(sa, child, WHY_AGE, now)


def renew_child(sa: IkeSa, child: Child, why: str, now: float) -> list[Action]:
    """Ask for a child in the place of this one, unless that is being done."""
    under_way = (*sa.under_way(RekeyChild), *sa.queue, *(one for _, one in sa.postponed))
    if any(isinstance(one, RekeyChild) and one.old is child for one in under_way):
        return []
    return sa.start(RekeyChild(child, why), now)


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
        case State.ESTABLISHED if not is_outlived(sa):
            sa.expires_at = now + COURTESY
            return []
        case State.ESTABLISHED | State.REKEYED:
            return [*leave_to_newer(sa, now), *delete(sa, sa.doom, now)]
    return []


def begin(sa: IkeSa, now: float) -> None:
    """Start the clocks of an SA just established."""
    sa.established_at = now
    sa.expires_at = NEVER
    profile = sa.profile
    if profile.ike_lifetime > 0:
        ends = now + profile.ike_lifetime
        share = soft_share(sa.resources.entropy, early=sa.initiator)
        if profile.reauth:
            sa.auth_ends_at = ends
            share = share if sa.initiator else _SOFT_RESPONDER
            sa.reauth_at = now + profile.ike_lifetime * share
        else:
            sa.lifetime_ends_at = ends
            sa.rekey_at = now + profile.ike_lifetime * share
    if profile.auth_lifetime > 0 and not sa.initiator:  # what the peer is told of (RFC 4478)
        sa.auth_ends_at = min(sa.auth_ends_at, now + profile.auth_lifetime)
    if sa.nat_here:
        sa.keepalive_at = now + KEEPALIVE_INTERVAL
