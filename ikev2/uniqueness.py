"""Which of several IKE SAs with one peer stay (RFC 7296 sections 2.4 and 2.8.1).

* INITIAL_CONTACT removes, without a word, the SAs established before the IKE_SA_INIT of the SA
  that carries it was sent or seen: the peer has lost them.
* Of two SAs made at once, the one created with the lowest of the four nonces goes.
* Otherwise the newer replaces the older, once it has a child; unless the connection's policy is to
  keep the older, or to let both be.

An SA that has to go is deleted by its initiator, once the other is up; its responder deletes it
itself only when that has not happened for a while, for not every peer has our rule.
"""

from collections.abc import Iterable
from typing import Final

from ikecore.actions import Action, Reason
from ikecore.holder import LINGER
from ikecore.profile import ChildProfile, Uniqueness
from ikev2.exchanges.informational import delete
from ikev2.heir import bequeath, leave_to_newer, use_standby
from ikev2.sa import IkeSa, State
from ikev2.window import NEVER

_MOST: Final = 8  # SAs of one connection, where not all of them are to stay
_COURTESY: Final = 10.0  # seconds in which the other end may delete the SA that has to go


def remove_stale(newer: IkeSa, others: Iterable[IkeSa], now: float) -> list[Action]:
    """Remove the SAs that the peer says it has lost, now that it is authenticated."""
    if not newer.initial_contact or newer.profile.uniqueness is Uniqueness.NEVER:
        return []
    actions: list[Action] = []
    for other in _others(newer, others):
        if other.established_at <= newer.started_at:
            actions += other.close(Reason.REPLACED, now)
    return actions


def thin_out(newer: IkeSa, others: Iterable[IkeSa], now: float) -> list[Action]:
    """Delete SAs of a peer that makes one after the other, those without children first.

    They would wait for a child that decides which of them stays, and fill the table for all.
    """
    if newer.profile.uniqueness is Uniqueness.NEVER:
        return []
    standing = sorted(_others(newer, others), key=lambda sa: (bool(sa.children), sa.established_at))
    actions: list[Action] = []
    for sa in standing[: max(0, len(standing) + 1 - _MOST)]:
        left = leave_to_newer(sa, now) if sa.children else []
        actions += [*left, *delete(sa, Reason.REPLACED, now)]
    return actions


def settle(newer: IkeSa, others: Iterable[IkeSa], now: float) -> list[Action]:
    """Decide on all SAs of one connection, now that ``newer`` carries packets."""
    others = list(_others(newer, others))
    if newer.initiator and any(_has_more(other, newer) for other in others):
        return []  # its other children are still to be made, before the older one goes
    newer.is_settled = True
    if newer.profile.uniqueness is Uniqueness.NEVER or newer.state is not State.ESTABLISHED:
        return []
    actions: list[Action] = []
    for other in others:
        if other.established_at <= newer.started_at:
            actions += _dismiss(other, newer, Reason.REPLACED, now, ours=newer.initiator)
        elif other.is_settled:
            loser = min(newer, other, key=lambda sa: min(sa.nonces))
            winner = other if loser is newer else newer
            actions += _dismiss(loser, winner, Reason.REDUNDANT, now, ours=loser.initiator)
    return actions


def keeps_another(newer: IkeSa) -> bool:
    """Tell whether a peer is refused because an older SA with it stays."""
    if newer.profile.uniqueness is not Uniqueness.KEEP or newer.initial_contact:
        return False
    return any(True for _ in _others(newer, newer.resources.mates(newer.connection)))


def replaces_another(newer: IkeSa, wanted: ChildProfile) -> bool:
    """Tell whether an older SA with the peer carries the packets of this child now."""
    others = _others(newer, newer.resources.mates(newer.connection))
    return any(c.is_live and c.wanted == wanted for sa in others for c in sa.children.values())


def reprieve(others: Iterable[IkeSa]) -> list[Action]:
    """Let the last SA live though it was to go (crossed rules), and send on it."""
    live = [sa for sa in others if sa.state is State.ESTABLISHED and sa.is_told]
    if len(live) != 1:
        return []
    live[0].expires_at = NEVER
    return use_standby(live[0])


def _others(newer: IkeSa, mates: Iterable[IkeSa]) -> Iterable[IkeSa]:
    return (sa for sa in mates if sa is not newer and sa.state is State.ESTABLISHED and sa.is_told)


def _has_more(older: IkeSa, newer: IkeSa) -> bool:
    """Tell whether an SA that is to be replaced has children that the newer one lacks."""
    if older.established_at > newer.started_at:
        return False
    have = {child.wanted for child in newer.children.values() if child.is_live}
    return any(child.is_live and child.wanted not in have for child in older.children.values())


def _dismiss(
    loser: IkeSa, winner: IkeSa, reason: Reason, now: float, *, ours: bool
) -> list[Action]:
    if ours and winner.initiator:
        return [*bequeath(loser, winner, now), *delete(loser, reason, now)]
    # the responder of the winner does not know yet that its initiator has it
    loser.doom = reason
    loser.expires_at = now + (LINGER if ours else _COURTESY)
    return []
