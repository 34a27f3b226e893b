"""CREATE_CHILD_SA that renews an IKE SA, as its initiator (RFC 7296 sections 1.3.2, 2.8, 2.25).

    SK { SA (with our new SPI), Ni, KEi }  ──►
                         ◄── SK { SA (with its new SPI), Nr, KEr }   or   SK { N(error) }

The children go over to the new SA, and the old one is deleted on itself.  When both ends did it at
once, the SA made with the lowest of the four nonces is deleted by its initiator, and the other one
inherits (section 2.8.2).
"""

from dataclasses import dataclass, replace
from typing import Final

from ikecore.actions import Action, Reason, ReauthWanted
from ikecore.diagnosis import Code, Diagnosis, diagnose
from ikecore.findings import proposals_text
from ikecore.profile import Profile
from ikecore.proposals import Proposal, Suite, TransformType, choose
from ikev2.children import groups_of
from ikev2.exchange import Alone
from ikev2.exchanges.informational import delete, presume_dead
from ikev2.failures import refused_by_peer
from ikev2.heir import NewKeys, inherit, make_heir
from ikev2.keys import derive_rekeyed
from ikev2.message import Exchange, Message
from ikev2.payloads.chain import Payload
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import OCTETS, Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.types import NotifyType, is_error
from ikev2.sa import IkeSa, State
from suites.kex import GROUP_BY_ID, BadPublicValue, Group, KeyExchange

COURTESY: Final = 10.0  # seconds in which its initiator may delete an SA that has to go
_PAUSE: Final = 1.0  # seconds; a busy peer is asked again after one to three of it
_TURNS: Final = 30


@dataclass(frozen=True, slots=True)
class RivalSa:
    """The IKE SA that the peer made of the same one at the same time."""

    nonce: bytes
    sa: IkeSa


def renewing(profile: Profile, suite: Suite, spi: bytes) -> tuple[Proposal, ...]:
    """Return the offer: the suite in use, its group first and then our other ones."""
    fixed = [t for t in suite.proposal().transforms if t.type != TransformType.KE]
    mine = suite.proposal().of(TransformType.KE)
    others = (t for p in profile.ike_proposals for t in p.of(TransformType.KE))
    groups = dict.fromkeys((*mine, *others))
    return (Proposal(suite.protocol, (*fixed, *groups), spi),)


class RekeyIke(Alone):
    """Our request to renew the keys of the IKE SA it is sent on."""

    kind = Exchange.CREATE_CHILD_SA

    def __init__(
        self, why: str, group: Group | None = None, turns: int = 0, began_at: float = -1.0
    ) -> None:
        self.why = why
        self.rivals: list[RivalSa] = []
        self._group = group
        self._turns = turns
        self._began_at = began_at
        self._nonce = b""
        self._spi = b""
        self._offered: tuple[Proposal, ...] = ()
        self._kex: KeyExchange

    def is_moot(self, sa: IkeSa) -> bool:
        """Return whether the SA is on its way out."""
        return sa.state is not State.ESTABLISHED

    def payloads(self, sa: IkeSa, now: float) -> tuple[Payload, ...]:
        """Return the offer, with a fresh SPI, nonce and public value."""
        self._began_at = now if self._began_at < 0 else self._began_at
        entropy = sa.resources.entropy
        self._spi, self._nonce = entropy.octets(8), entropy.octets(OCTETS)
        self._offered = renewing(sa.profile, sa.suite, self._spi)
        self._kex = (self._group or groups_of(self._offered)[0]).generate()
        return (
            SecurityAssociation(self._offered),
            Nonce(self._nonce),
            KeyExchangeData(self._kex.group.iana, self._kex.public),
        )

    def on_response(self, sa: IkeSa, message: Message, now: float) -> list[Action]:
        """Go over to the new SA, or let the peer's inherit."""
        error = next((n for n in message.notifies() if is_error(n.type)), None)
        if error is not None and message.one(SecurityAssociation) is None:
            return self._on_error(sa, error, now) if sa.state is not State.DELETING else []
        new = self._agreed(sa, message)
        if sa.state is State.DELETING:  # the peer has gone over to an SA that nobody wants now
            return self._abandon(sa, new, now)
        if isinstance(new, Diagnosis):  # the peer has an SA that we do not: only a new start helps
            return [sa.fail(new), *delete(sa, Reason.FAILED, now)]
        heir, traced = make_heir(sa, new, now)
        if sa.state is State.REKEYED:  # the peer's was seen in use
            return [traced, *delete(heir, Reason.REDUNDANT, now)]
        rival = next(iter(self.live_rivals()), None)
        if rival is not None and min(new.nonces) < rival.nonce:
            away = delete(heir, Reason.REDUNDANT, now)
            return [traced, *take_over(sa, rival.sa, now), *away]
        if rival is not None:
            doom(rival.sa, Reason.REDUNDANT, now)
        moved = inherit(sa, heir, self.why, self._began_at, now)
        return [traced, *moved, *delete(sa, Reason.REKEYED, now)]

    def on_silence(self, sa: IkeSa, now: float) -> list[Action]:
        """Take it that the peer is gone."""
        return presume_dead(sa, now)

    def _abandon(self, sa: IkeSa, new: NewKeys | Diagnosis, now: float) -> list[Action]:
        if isinstance(new, Diagnosis):
            return []
        heir, traced = make_heir(sa, new, now)
        return [traced, *delete(heir, Reason.DELETED, now)]

    def _agreed(self, sa: IkeSa, message: Message) -> NewKeys | Diagnosis:
        chosen, data, nonce = (
            message.one(SecurityAssociation),
            message.one(KeyExchangeData),
            message.one(Nonce),
        )
        if chosen is None or data is None or nonce is None:
            return diagnose(1, Code.INVALID_SYNTAX, evidence="an answer without SA, KE or nonce")
        settled = choose(self._offered, chosen.proposals) if len(chosen.proposals) == 1 else None
        if (
            settled is None
            or settled[0].group != self._kex.group
            or data.group != self._kex.group.iana
            or len(settled[1].spi) != 8
            or not any(settled[1].spi)
        ):
            mine, theirs = proposals_text(self._offered), proposals_text(chosen.proposals)
            return diagnose(1, Code.PROPOSAL_REFUSED_BY_PEER, mine, theirs)
        try:
            shared = self._kex.shared(data.data)
        except BadPublicValue as error:
            return diagnose(1, Code.INVALID_SYNTAX, evidence=f"public value: {error}")
        spis, nonces = (self._spi, settled[1].spi), (self._nonce, nonce.data)
        keys = derive_rekeyed(sa.keys, settled[0], shared, nonces, spis, initiator=True)
        return NewKeys(spis, settled[0], keys, nonces, initiator=True)

    def live_rivals(self) -> list[RivalSa]:
        """Return the SAs that the peer made meanwhile and has not deleted."""
        return [rival for rival in self.rivals if rival.sa.state is State.ESTABLISHED]

    def _on_error(self, sa: IkeSa, error: Notify, now: float) -> list[Action]:
        if sa.state is State.REKEYED:
            return []
        for rival in self.live_rivals():  # the peer has gone over to its own
            return take_over(sa, rival.sa, now)
        if error.type == NotifyType.INVALID_KE_PAYLOAD:
            wanted = int.from_bytes(error.data, "big") if len(error.data) == 2 else 0
            group = GROUP_BY_ID.get(wanted)
            if self._group is None and group in groups_of(self._offered):
                return sa.start(RekeyIke(self.why, group, self._turns, self._began_at), now)
        if error.type == NotifyType.TEMPORARY_FAILURE and self._turns < _TURNS:
            draw = sa.resources.entropy.octets(1)[0] / 255
            again = RekeyIke(self.why, self._group, self._turns + 1, self._began_at)
            sa.postpone(again, now + _PAUSE * (1 + 2 * draw))
            return []
        refused = replace(refused_by_peer(sa.profile, error.type, "CREATE_CHILD_SA"), stage=1)
        return [sa.fail(refused), ReauthWanted(sa.sa, sa.connection)]


def inherit_from_rival(sa: IkeSa, now: float) -> list[Action]:
    """Let the SA that the peer made inherit, if it made one while ours was being made."""
    for exchange in sa.under_way(RekeyIke) if sa.state is State.ESTABLISHED else ():
        for rival in exchange.live_rivals():
            sa.requests.stop()
            return take_over(sa, rival.sa, now)
    return []


def claim(sa: IkeSa, now: float) -> list[Action]:
    """Let an SA inherit that the peer uses, though we are renewing the same one ourselves."""
    for elder in sa.elders:
        if elder.state is State.ESTABLISHED:
            return take_over(elder, sa, now)
    return []


def take_over(sa: IkeSa, heir: IkeSa, now: float) -> list[Action]:
    """Let an SA that the peer made inherit; it deletes the old one."""
    moved = inherit(sa, heir, "the peer renewed it", now, now)
    doom(sa, Reason.REKEYED, now)
    return moved


def doom(sa: IkeSa, reason: Reason, now: float) -> None:
    """Delete an SA ourselves if its other end, whose turn it is, does not.

    Not before it has given up what it may still repeat: the answer may have got lost.
    """
    sa.doom = reason
    sa.expires_at = now + sa.profile.dpd_timeout + COURTESY
