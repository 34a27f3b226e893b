"""Which of several IKE SAs with one peer stay (RFC 7296 sections 2.4 and 2.8.1).

* INITIAL_CONTACT removes, without a word, the SAs established before the IKE_SA_INIT of the SA
  that carries it was sent or seen: the peer has lost them.
* Of two SAs made at once, the one created with the lowest of the four nonces goes.
* Otherwise the newer replaces the older.

An SA that has to go is deleted by its initiator, once the other is up; its responder deletes it
itself only when that has not happened for a while, for not every peer has our rule.
"""

from collections.abc import Iterable
from typing import Final

from ikecore.actions import Action, Reason
from ikev2.exchanges.informational import delete
from ikev2.sa import IkeSa, State
from ikev2.window import NEVER

_COURTESY: Final = 10.0  # seconds in which the other end may delete the SA that has to go


def settle(
    newer: IkeSa, others: Iterable[IkeSa], now: float, *, initial_contact: bool
) -> list[Action]:
    """Decide on all SAs of one connection, now that ``newer``'s peer is authenticated.

    When ``newer`` got no child and is on its way out, only what INITIAL_CONTACT says counts.
    """
    actions: list[Action] = []
    stays = newer.state is State.ESTABLISHED
    for other in others:
        if other is newer or other.state is not State.ESTABLISHED:
            continue
        if other.established_at <= newer.started_at:
            if initial_contact:
                actions += other.close(Reason.REPLACED, now)
            elif stays:
                actions += _dismiss(other, newer.initiator, Reason.REPLACED, now)
        elif stays:
            loser = min(newer, other, key=lambda sa: min(sa.nonces))
            actions += _dismiss(loser, loser.initiator, Reason.REDUNDANT, now)
    return actions


def reprieve(others: Iterable[IkeSa]) -> None:
    """Let an SA live that was to go, when those for whose sake it was are gone (crossed rules)."""
    live = [sa for sa in others if sa.state is State.ESTABLISHED]
    if len(live) == 1:
        live[0].expires_at = NEVER


def _dismiss(loser: IkeSa, ours: bool, reason: Reason, now: float) -> list[Action]:
    if ours:
        return delete(loser, reason, now)
    loser.doom = reason
    loser.expires_at = now + _COURTESY
    return []
