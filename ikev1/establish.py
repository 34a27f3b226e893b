"""An ISAKMP SA goes into service: its clocks, its news, its place among others with that peer."""

from typing import Final

from ikecore.actions import Action, Established
from ikecore.profile import Role
from ikecore.share import soft_share
from ikecore.timetable import NEVER
from ikev1.exchanges.quick import InitiateQuick
from ikev1.liveness import probe
from ikev1.sa import IkeSa
from ikev1.state import State
from ikev1.uniqueness import (
    elder_of,
    is_kept_out,
    others,
    refuse,
    remove_stale,
    rivals,
    take_over,
    yield_to,
)

KEEPALIVE_INTERVAL: Final = 20.0  # RFC 3948 section 4


def establish(sa: IkeSa, now: float) -> list[Action]:
    """Take the SA into service, and make the first child if we began."""
    if is_kept_out(sa):
        return refuse(sa, now)
    changed = sa.become(State.ESTABLISHED, "both ends are authenticated")
    _start_clocks(sa, now)
    sa.is_told = True
    stale = remove_stale(sa, now)
    elder = elder_of(sa)
    replaces = b"" if elder is None else elder.sa
    told: list[Action] = [established(sa, replaces, now)]
    if elder is not None:
        told += take_over(sa, elder, now)
    for rival in rivals(sa):
        loser, winner = yield_to(sa, rival)
        told += [established(winner, loser.sa, now), *take_over(winner, loser, now)]
    first = _first_child(sa, now)
    # without a quick mode nothing would show whether the peer has our last message
    asked = [] if sa.is_confirmed or first else probe(sa, now)
    return [changed, *stale, *told, *first, *asked]


def established(sa: IkeSa, replaces: bytes, now: float) -> Established:
    """Return what tells that an SA is up, and which one it replaces."""
    return Established(
        sa.sa,
        sa.connection,
        sa.initiator,
        *sa.spis,
        sa.peer,
        sa.suite,
        sa.path,
        sa.nat.here,
        sa.nat.there,
        0.0 if sa.rekey_at == NEVER else sa.rekey_at,
        replaces,
        "a new phase 1 with the same peer" if replaces else "",
        now - sa.started_at,
        1,
        sa.vendors.told,
        sa.user,
    )


def _start_clocks(sa: IkeSa, now: float) -> None:
    sa.established_at = now
    sa.expires_at = NEVER
    # a lifetime is the initiator's word; the shorter one of both ends counts (RFC 2407 4.5.4)
    limits = [one for one in (sa.profile.ike_lifetime, sa.lifetime) if one > 0]
    if limits:
        sa.lifetime_ends_at = now + min(limits)
        share = soft_share(sa.resources.entropy, early=sa.initiator)
        if sa.profile.legacy.xauth is not Role.SERVER:  # a user logs in by himself
            sa.rekey_at = now + min(limits) * share
    if sa.nat.here:
        sa.keepalive_at = now + KEEPALIVE_INTERVAL


def _first_child(sa: IkeSa, now: float) -> list[Action]:
    if not sa.initiator or sa.elder or not sa.profile.children:
        return []
    home = sa if sa.state is State.ESTABLISHED else next(iter(others(sa)), sa)
    return home.start(InitiateQuick(sa.profile.children[0]), now)
