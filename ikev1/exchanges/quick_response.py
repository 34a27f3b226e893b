"""Quick mode as its responder (RFC 2409 section 5.5).

The child is in the worker before QM2 leaves, and nothing is sent on it before the initiator shows
that it has it: by QM3, or by a packet.  QM2 is repeated until then.
"""

from typing import Final

from ikecore.actions import Action, Dropped, Reason, Send
from ikecore.child import Mode
from ikecore.diagnosis import Code, Diagnosis, diagnose
from ikecore.findings import mode_mismatch, proposals_text
from ikecore.profile import NO_CHILD, ChildProfile
from ikecore.wire import Malformed
from ikev1.child import ChildState
from ikev1.clients import asked_of, best_fit, refusal
from ikev1.exchange import Phase2
from ikev1.exchanges.quick import LOWEST_SPI
from ikev1.flight import Flight
from ikev1.install import Agreed, Made, home_of, install, life_notify, of_offer, our_life, shorter
from ikev1.keys import quick_hash1, quick_hash2, quick_hash3
from ikev1.message import Exchange, Message
from ikev1.payloads.chain import Payload
from ikev1.payloads.ident import Identification
from ikev1.payloads.ke import KeyExchangeData
from ikev1.payloads.nonce import OCTETS, Nonce
from ikev1.payloads.notify import Notify
from ikev1.payloads.sa import SecurityAssociation
from ikev1.payloads.types import NotifyType
from ikev1.phase2_offer import Chosen2, choose_phase2
from ikev1.phase2_told import ours_phase2, refusal_phase2, theirs_phase2
from ikev1.rules import Place
from ikev1.sa import IkeSa
from ikev1.succession import carrier, close_child, confirm
from ikev1.transport import as_told, original_addresses
from suites.exchange import BadPublicValue

_CHILDREN: Final = 512  # of one peer, those on their way out included


class RespondQuick(Phase2):
    """A child that the peer asks for."""

    kind = Exchange.QUICK

    def __init__(self, _sa: IkeSa) -> None:
        self.place = Place.QM1
        self.answers_repeats = True
        self._nonces = (b"", b"")
        self._spi = 0
        self._asked = NO_CHILD

    def expected_hash(self, sa: IkeSa, message: Message) -> bytes:
        """Return HASH(1) or HASH(3), of whichever message comes next."""
        message_id = message.header.message_id
        if self.place is Place.QM1:
            return quick_hash1(sa.keys, message_id, message.after_first)
        return quick_hash3(sa.keys, message_id, self._nonces)

    def on_message(self, sa: IkeSa, flight: Flight, message: Message, now: float) -> list[Action]:
        """Make the child, or take it for confirmed."""
        if self.place is Place.QM1:
            return self._make(sa, flight, message, now)
        self.answers_repeats = False  # QM2 is what a repeated QM3 would get
        sa.end(flight, now)
        home = home_of(sa)
        child = home.children.get(self._spi)
        return [] if child is None else confirm(home, child, now)

    def on_silence(self, sa: IkeSa, flight: Flight, now: float) -> list[Action]:
        """Take the child down: the initiator may not have it."""
        sa.end(flight, now)
        home = home_of(sa)
        child = home.children.get(self._spi)
        if child is None or child.state is not ChildState.PENDING:
            return []
        gone = close_child(home, child, Reason.FAILED, now)
        if carrier(home, self._asked) is not None:  # then nothing is missing
            return gone
        silent = diagnose(2, Code.PEER_NO_RESPONSE, evidence="no quick mode message 3")
        return [*gone, sa.fail(silent, child.wanted)]

    # -- message 1 ------------------------------------------------------------------------------
    def _make(self, sa: IkeSa, flight: Flight, message: Message, now: float) -> list[Action]:
        self.place = Place.QM3
        home = home_of(sa)
        if len(home.children) >= _CHILDREN:
            sa.end(flight, now)
            return [Dropped("child_limit", f"{_CHILDREN} children of one peer")]
        offer, nonce = message.one(SecurityAssociation), message.one(Nonce)
        if offer is None or nonce is None:  # not after the rules
            return [Dropped("malformed", "no SA or no nonce")]
        try:
            asked = self._asked = asked_of(sa, message)
        except Malformed as error:
            nonsense = diagnose(2, Code.INVALID_SYNTAX, evidence=f"IDci, IDcr: {error}")
            return self._refuse(sa, flight, NotifyType.INVALID_ID_INFORMATION, nonsense, now)
        wanted = best_fit(home, asked)
        if wanted is None:
            unknown = refusal(sa.profile, asked)
            return self._refuse(sa, flight, NotifyType.INVALID_ID_INFORMATION, unknown, now)
        old = carrier(home, asked)
        encapsulation = sa.nat.encapsulation(sa.profile.mode)
        self._spi = sa.offer_spi(now)
        renews = None if old is None else old.spec.suite
        chosen = choose_phase2(sa.profile, offer, self._spi, encapsulation, renews)
        if chosen is None or chosen.outbound_spi < LOWEST_SPI:
            mismatch = _mismatch(sa, offer, encapsulation)
            return self._refuse(
                sa, flight, NotifyType.NO_PROPOSAL_CHOSEN, mismatch, now, offer, wanted
            )
        if home.deleted.has(chosen.outbound_spi, now):
            sa.take_back(self._spi, now)
            sa.end(flight, now)
            return [Dropped("deleted", f"{chosen.outbound_spi:08x} before it was made")]
        try:
            shared, key = _exchange_keys(chosen, message)
        except BadPublicValue as error:
            wrong = diagnose(2, Code.INVALID_SYNTAX, evidence=f"public value: {error}")
            return self._refuse(
                sa, flight, NotifyType.INVALID_KEY_INFORMATION, wrong, now, offer, wanted
            )
        mine = sa.resources.entropy.octets(OCTETS)
        self._nonces = (nonce.data, mine)
        offered = of_offer(chosen)
        life = shorter(offered, our_life(sa.profile))
        agreed = Agreed(chosen, asked, life, as_told(sa, message, initiator=False))
        why = "" if old is None else "the peer renewed it"
        made = Made(self._nonces, shared, False, flight.message_id, now, why)
        _, installed = install(sa, agreed, made, wanted, self._spi, now, standby=True)
        said: tuple[Payload, ...] = (
            SecurityAssociation((chosen.proposal,)),
            Nonce(mine),
            *key,
            *message.all(Identification),
            *life_notify(offered, life, chosen, self._spi),
            *original_addresses(sa, initiator=False),
        )
        message_id = flight.message_id
        answer = sa.say(
            flight, said, now, lambda rest: quick_hash2(sa.keys, message_id, nonce.data, rest)
        )
        return [installed, *answer]

    def _refuse(
        self,
        sa: IkeSa,
        flight: Flight,
        notify: NotifyType,
        diagnosis: Diagnosis,
        now: float,
        offer: SecurityAssociation | None = None,
        wanted: ChildProfile | None = None,
    ) -> list[Action]:
        """Say no, as often as the peer asks."""
        if self._spi:
            sa.take_back(self._spi, now)
        first = offer.proposals[0] if offer is not None and offer.proposals else None
        about = () if first is None else (first.protocol, first.spi)
        told = sa.tell(Notify(notify, b"", *about))
        flight.sent = tuple(one.data for one in told if isinstance(one, Send))
        sa.end(flight, now)
        first_of_ours = next(iter(sa.profile.children), NO_CHILD)
        return [*told, sa.fail(diagnosis, wanted or first_of_ours)]


def _mismatch(sa: IkeSa, offer: SecurityAssociation, encapsulation: int) -> Diagnosis:
    profile = sa.profile
    code = refusal_phase2(profile, offer, encapsulation)
    if code is Code.ENCAPSULATION_MISMATCH:
        return mode_mismatch(profile.mode, transport=profile.mode is Mode.TUNNEL)
    ours = proposals_text(ours_phase2(profile))
    return diagnose(2, code, ours, proposals_text(theirs_phase2(offer, profile.legacy.private)))


def _exchange_keys(chosen: Chosen2, message: Message) -> tuple[bytes, tuple[KeyExchangeData, ...]]:
    group, data = chosen.suite.group, message.one(KeyExchangeData)
    if group is None:
        return b"", ()
    if data is None:
        raise BadPublicValue("a group and no KE")
    group.check(data.data)
    kex = group.generate()
    return kex.shared(data.data), (KeyExchangeData(kex.public),)
