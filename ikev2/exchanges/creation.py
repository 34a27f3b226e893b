"""CREATE_CHILD_SA that makes a child, as its initiator (RFC 7296 sections 1.3.1 and 1.3.3).

    SK { [N(REKEY_SA)], [N(USE_TRANSPORT_MODE)], SA, Ni, [KEi], TSi, TSr }  ──►
                                     ◄── SK { …, SA, Nr, [KEr], TSi, TSr }   or   SK { N(error) }

What is the same for a new child and for one that renews another: keys, groups, a busy peer, and
the peer that makes the same child at the same time.  Of two such children the one made with the
lowest of the four nonces goes, and its initiator deletes it (section 2.8.1).
"""

from dataclasses import dataclass
from typing import Final

from ikecore.actions import Action, Reason
from ikecore.diagnosis import Code, Diagnosis, diagnose
from ikecore.holder import LINGER
from ikecore.profile import ChildProfile
from ikecore.proposals import Suite
from ikev2.child import Child, ChildState, tell
from ikev2.children import Agreed, Answered, accepted, groups_of, offer, selectors, wishes
from ikev2.exchanges.delete_child import DeleteChild, close_child, live_heir
from ikev2.exchanges.informational import presume_dead
from ikev2.failures import refused_by_peer
from ikev2.install import Made, install
from ikev2.message import Exchange, Message
from ikev2.payloads.chain import Payload
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import OCTETS, Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.types import NotifyType, is_error
from ikev2.sa import IkeSa
from ikev2.transport import answered_behind_nat
from suites.kex import GROUP_BY_ID, BadPublicValue, Group, KeyExchange

_PAUSE: Final = 1.0  # seconds; a busy peer is asked again after one to three of it
_TURNS: Final = 30  # how often a busy peer is asked: about a minute


@dataclass(frozen=True, slots=True)
class Rival:
    """What the peer made at the same time: its lowest nonce, and its inbound SPI here."""

    nonce: bytes
    spi: int


class Creation:
    """One request for a child; a subclass knows what the child is for."""

    kind = Exchange.CREATE_CHILD_SA
    alone = False

    def __init__(self, wanted: ChildProfile, why: str, group: Group | None = None) -> None:
        self.wanted = wanted  # which of the connection's children it is
        self.why = why
        self.rivals: list[Rival] = []
        self.unwanted = False  # the child was closed here meanwhile
        self.deleted: set[int] = set()  # the peer's SPIs that it deleted before its answer came
        self.turns = 0
        self.began_at = -1.0  # of the first try
        self._group = group
        self._kex: KeyExchange | None = None
        self._nonce = b""
        self._spi = 0

    # -- what a subclass decides ----------------------------------------------------------------
    def is_moot(self, sa: IkeSa) -> bool:
        """Return whether there is no point in it any more."""
        raise NotImplementedError

    def asked(self, sa: IkeSa) -> ChildProfile:
        """Return the selectors to ask for."""
        raise NotImplementedError

    def renews(self, _sa: IkeSa) -> Suite | None:
        """Return the algorithms to keep, None when all of the configuration's are offered."""
        return None

    def head(self, _sa: IkeSa) -> tuple[Notify, ...]:
        """Return the notifies that say what the child is for."""
        return ()

    def again(self, group: Group | None) -> "Creation":
        """Return the same request anew, with this group first."""
        raise NotImplementedError

    def made(self, sa: IkeSa, child: Child, now: float) -> list[Action]:
        """Go on: the child is there, and no rival of it."""
        raise NotImplementedError

    def refused(self, sa: IkeSa, notify: int, now: float) -> list[Action]:
        """Go on without: the peer said no."""
        raise NotImplementedError

    def has_elder(self, _sa: IkeSa) -> bool:
        """Return whether another child carries the packets until this one does."""
        return False

    def lost(self, sa: IkeSa, child: Child, rival: Child, now: float) -> list[Action]:
        """Delete our child, for the peer's stays: at once when it carries nothing."""
        child.heir = rival.spi
        if not self.has_elder(sa):  # the peer may not have its own yet: this one serves till then
            child.rekey_at = now + LINGER
            return []
        child.state = ChildState.DELETING
        return sa.start(DeleteChild(child.spec.suite.protocol, child.spi), now)

    # -- the exchange ---------------------------------------------------------------------------
    def payloads(self, sa: IkeSa, now: float) -> tuple[Payload, ...]:
        """Return the offer, with a fresh nonce and public value."""
        if self.began_at < 0:
            self.began_at = now
        self._spi = sa.offer_spi(now)
        self._nonce = sa.resources.entropy.octets(OCTETS)
        self._asked = self.asked(sa)
        self._mine = offer(sa.profile, self._spi, renews=self.renews(sa))
        groups = groups_of(self._mine)
        self._kex = (self._group or groups[0]).generate() if groups else None
        key = (
            () if self._kex is None else (KeyExchangeData(self._kex.group.iana, self._kex.public),)
        )
        head = (*self.head(sa), *wishes(sa.profile))
        offered = SecurityAssociation(self._mine)
        return (*head, offered, Nonce(self._nonce), *key, *selectors(self._asked))

    def on_response(self, sa: IkeSa, message: Message, now: float) -> list[Action]:
        """Take the child, or what the peer wants otherwise."""
        error = next((n for n in message.notifies() if is_error(n.type)), None)
        if error is not None and message.one(SecurityAssociation) is None:
            sa.take_back(self._spi, now)
            rival = self._rival(sa)
            told = [] if rival is None else tell(rival)
            return [*told, *self._on_error(sa, error, now)]
        settled = self._settle(sa, message)
        if isinstance(settled, Diagnosis):
            return self._disown(sa, settled, now)
        agreed, shared, nonces = settled
        made = Made(nonces, shared, True, self.began_at, self.replaces(sa), self.why)
        rival = self._rival(sa)
        lost = rival is not None and self._loses(rival, min(nonces))
        standby = lost and self.has_elder(sa)
        child, before, after = install(
            sa, agreed, made, self.wanted, self._spi, now, standby=standby
        )
        if rival is not None and lost:
            child.is_told = False
            return [*before, *tell(rival), *self.lost(sa, child, rival, now)]
        actions = [*before, *after]
        if rival is not None:
            rival.state, rival.heir = ChildState.REKEYED, child.spi
            rival.ends_at = min(rival.ends_at, now + sa.profile.dpd_timeout)
        actions += self.made(sa, child, now)
        if agreed.outbound_spi in self.deleted:
            actions += sa.drop_child(child, Reason.PEER_DELETED, now)
        elif self.unwanted:
            actions += close_child(sa, child, Reason.DELETED, now)
        return actions

    def on_silence(self, sa: IkeSa, now: float) -> list[Action]:
        """Take it that the peer is gone."""
        return presume_dead(sa, now)

    def replaces(self, sa: IkeSa) -> int:
        """Return the inbound SPI whose place a child of ours takes: a rival's, if it lost."""
        rival = self._rival(sa)
        return rival.spi if rival is not None and rival.is_told else 0

    def _loses(self, rival: Child, nonce: bytes) -> bool:
        """Tell whether our child goes; one that was renewed meanwhile stays in any case."""
        made_with = {other.spi: other.nonce for other in self.rivals}
        return rival.spi not in made_with or nonce < min(made_with.values())

    def _rival(self, sa: IkeSa) -> Child | None:
        """Return the child that the peer made meanwhile, if it is still there."""
        found = (live_heir(sa, rival.spi) for rival in self.rivals)
        return next((child for child in found if child is not None), None)

    def _settle(
        self, sa: IkeSa, message: Message
    ) -> tuple[Agreed, bytes, tuple[bytes, bytes]] | Diagnosis:
        """Return what was agreed, the shared secret (b"" without KE) and the nonces."""
        ours = self._kex.group if self._kex is not None else None
        answered = answered_behind_nat(sa, Answered.of(message))
        agreed = accepted(sa.profile, self._asked, self._mine, message, answered, ours)
        if isinstance(agreed, Diagnosis):
            return agreed
        shared = self._shared(message, agreed.suite.group)
        if isinstance(shared, Diagnosis):
            return shared
        nonce = message.one(Nonce)
        return agreed, shared, (self._nonce, nonce.data if nonce is not None else b"")

    def _shared(self, message: Message, group: Group | None) -> bytes | Diagnosis:
        data = message.one(KeyExchangeData)
        if self._kex is None or group is None:
            return b""
        if data is None:
            return diagnose(2, Code.INVALID_SYNTAX, evidence="an answer with a group and no KE")
        if data.group != self._kex.group.iana:
            return diagnose(2, Code.PFS_MISMATCH, self._kex.group.name, f"group {data.group}")
        try:
            return self._kex.shared(data.data)
        except BadPublicValue as error:
            return diagnose(2, Code.INVALID_SYNTAX, evidence=f"public value: {error}")

    def _disown(self, sa: IkeSa, wrong: Diagnosis, now: float) -> list[Action]:
        """Delete what the peer has made and we do not want."""
        protocol = self._mine[0].protocol
        sa.take_back(self._spi, now)
        return [sa.fail(wrong, self.wanted), *sa.start(DeleteChild(protocol, self._spi), now)]

    def _on_error(self, sa: IkeSa, error: Notify, now: float) -> list[Action]:
        if error.type == NotifyType.INVALID_KE_PAYLOAD:
            wanted = int.from_bytes(error.data, "big") if len(error.data) == 2 else 0
            group = GROUP_BY_ID.get(wanted)
            if self._group is None and group in groups_of(self._mine):
                return sa.start(self._anew(group), now)
        if error.type == NotifyType.TEMPORARY_FAILURE and self.turns < _TURNS:
            draw = sa.resources.entropy.octets(1)[0] / 255
            again = self._anew(self._group)
            again.turns = self.turns + 1
            sa.postpone(again, now + _PAUSE * (1 + 2 * draw))
            return []
        return self.refused(sa, error.type, now)

    def _anew(self, group: Group | None) -> "Creation":
        again = self.again(group)
        again.began_at, again.turns = self.began_at, self.turns
        return again


def failed(sa: IkeSa, wanted: ChildProfile, notify: int) -> Action:
    """Return what tells that the peer refused a child."""
    return sa.fail(refused_by_peer(sa.profile, notify, "CREATE_CHILD_SA", child=wanted), wanted)
