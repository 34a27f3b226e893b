"""Aggressive mode as its initiator (RFC 2409 section 5.4): three messages, identities in clear.

    we     HDR, SA, KE, Ni, IDii, V…                    ─►
           ◄─  HDR, SA, KE, Nr, IDir, HASH_R, V…, NAT-D…        peer
           HDR*, HASH_I, NAT-D…                         ─►

Whoever listens, or answers in the peer's place, gets a hash to guess the PSK by off line.
"""

from ikecore.actions import Action, Dropped
from ikecore.findings import identity_mismatch
from ikev1.channel import SealedChannel
from ikev1.completion import complete
from ikev1.exchanges.phase1 import Phase1, auth_method, initial_contact
from ikev1.failures import not_offered
from ikev1.flight import Flight
from ikev1.flights import PHASE1
from ikev1.keys import WeakKey
from ikev1.message import Exchange, Message
from ikev1.payloads.hash import Hash
from ikev1.payloads.ident import Identification
from ikev1.payloads.sa import ProposalPayload, SecurityAssociation
from ikev1.phase1_offer import accepted_phase1, aggressive_group, offer_phase1
from ikev1.rules import Place
from ikev1.sa import IkeSa
from ikev1.vendors import ours
from suites.exchange import BadPublicValue, Group
from suites.secret import Secret


class InitiateAggressive(Phase1):
    """Everything is offered at once, so that there is one group and no choice of another."""

    answers_repeats = True  # of message 2: our last one may be lost

    def __init__(self) -> None:
        super().__init__(Exchange.AGGRESSIVE, Place.AM2)
        self._offered: tuple[ProposalPayload, ...] = ()
        self._group: Group
        self._answer: Message

    def group(self) -> Group:
        """Return the one group that is offered."""
        return self._group

    def begin(self, sa: IkeSa, flight: Flight, now: float) -> list[Action]:
        """Offer everything, and say who we are."""
        self._group = aggressive_group(sa.profile)
        self._offered = offer_phase1(sa.profile, auth_method(sa.profile, initiator=True))
        offer = SecurityAssociation(self._offered)
        self.sa_body = offer.body()
        ident = Identification.of_identity(sa.profile.local_id)
        words = (offer, *self.offer_key(sa), ident, *ours(sa.profile))
        return sa.say(flight, words, now)

    def on_message(self, sa: IkeSa, _flight: Flight, message: Message, _now: float) -> list[Action]:
        """Take message 2; its HASH_R can only be checked with the key."""
        answer, ident = message.one(SecurityAssociation), message.one(Identification)
        if sa.waiting is self:
            return [Dropped("unexpected", "another message 2, while the key is fetched")]
        try:
            if answer is None or ident is None or not any(message.header.responder_cookie):
                raise ValueError("no SA or ID payload, or no cookie")
            chosen = accepted_phase1(sa.profile, self._offered, answer)
            public, nonce = self.take_key(sa, message)
            shared = self.own.shared(public)
        except BadPublicValue as error:
            return [Dropped("public_value", str(error))]
        except ValueError as error:
            return [Dropped("malformed", str(error))]
        sa.spis = (sa.spis[0], message.header.responder_cookie)
        self.agree(sa, chosen)
        self.hear(sa, message)
        self.shared = shared
        self.publics, sa.nonces = (self.publics[0], public), (sa.nonces[0], nonce)
        self._answer = message
        sa.peer = ident.identity()
        return self.ask_key(sa)

    def authorized(self, sa: IkeSa, psk: Secret, now: float) -> list[Action]:
        """Check who the peer is, and prove who we are."""
        flight, message = sa.flights.get(PHASE1), self._answer
        if flight is None:
            return [Dropped("not_waiting")]
        self.stop_waiting(sa)
        try:
            keys = self.derive_keys(sa, psk)
        except WeakKey as error:
            return self.give_up(sa, not_offered(str(error)), now)
        traced = self.traced_keys(sa, keys)
        if not self.is_proved(sa, keys, message.one(Hash), message.body_of(Identification)):
            # it may be forged, and the true answer still on its way: the peer has another chance
            self.publics, sa.nonces = (self.publics[0], b""), (sa.nonces[0], b"")
            sa.spis = (sa.spis[0], bytes(8))
            sa.hints.is_unreadable = True
            return [traced, Dropped("integrity", "HASH_R")]
        flight.take()
        sa.keys, flight.iv = keys, keys.iv
        sa.channel = SealedChannel(keys)
        if not sa.profile.remote_id.matches(sa.peer):
            wrong = identity_mismatch([sa.profile.remote_id], sa.peer)
            return [traced, *self.leave(sa, wrong, now)]
        self.judge_nat(sa, message)
        self.float_path(sa)
        words = self.nat_payloads(sa)  # of the ports that the message goes over
        proof = self.prove(sa, Identification.of_identity(sa.profile.local_id))
        said = sa.say(flight, (proof, *words, *initial_contact(sa)), now, again=False)
        sa.is_confirmed = False  # until something protected shows that the peer has our proof
        return [traced, *said, *complete(sa, flight, now)]
