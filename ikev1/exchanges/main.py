"""Main mode as its initiator (RFC 2409 sections 5 and 5.4).

we     HDR, SA, V…                ─►
       ◄─  HDR, SA, V…                       peer
       HDR, KE, Ni, NAT-D…        ─►
       ◄─  HDR, KE, Nr, NAT-D…
       HDR*, IDii, HASH_I         ─►         from here on port 4500, if there is a NAT
       ◄─  HDR*, IDir, HASH_R
"""

from ikecore.actions import Action, Dropped
from ikecore.findings import identity_mismatch
from ikev1.channel import SealedChannel
from ikev1.completion import complete
from ikev1.exchanges.phase1 import Phase1, auth_method, heed_contact, initial_contact
from ikev1.failures import not_offered
from ikev1.flight import Flight
from ikev1.flights import PHASE1
from ikev1.keys import WeakKey
from ikev1.message import Exchange, Message
from ikev1.payloads.chain import Payload
from ikev1.payloads.hash import Hash
from ikev1.payloads.ident import Identification
from ikev1.payloads.sa import ProposalPayload, SecurityAssociation
from ikev1.phase1_offer import accepted_phase1, offer_phase1
from ikev1.rules import Place
from ikev1.sa import IkeSa
from ikev1.vendors import ours
from suites.exchange import BadPublicValue
from suites.secret import Secret


class InitiateMain(Phase1):
    """Three messages of ours, each sent until it is answered."""

    def __init__(self) -> None:
        super().__init__(Exchange.MAIN, Place.MM2)
        self._offered: tuple[ProposalPayload, ...] = ()

    def begin(self, sa: IkeSa, flight: Flight, now: float) -> list[Action]:
        """Offer proposals, and say what we can do."""
        self._offered = offer_phase1(sa.profile, auth_method(sa.profile, initiator=True))
        offer = SecurityAssociation(self._offered)
        self.sa_body = offer.body()
        return sa.say(flight, (offer, *ours(sa.profile)), now)

    def on_message(self, sa: IkeSa, flight: Flight, message: Message, now: float) -> list[Action]:
        """Take message 2, 4 or 6."""
        match self.place:
            case Place.MM2:
                return self._on_suite(sa, flight, message, now)
            case Place.MM4:
                return self._on_key(sa, flight, message, now)
            case _:
                return self._on_proof(sa, flight, message, now)

    def _on_suite(self, sa: IkeSa, flight: Flight, message: Message, now: float) -> list[Action]:
        answer = message.one(SecurityAssociation)
        try:
            if answer is None or not any(message.header.responder_cookie):
                raise ValueError("no SA payload, or no cookie: our own message sent back")
            chosen = accepted_phase1(sa.profile, self._offered, answer)
        except ValueError as error:  # in clear: the true answer may still come
            sa.hints.note(not_offered(str(error)).evidence)
            return [Dropped("malformed", str(error))]
        flight.take()
        sa.spis = (sa.spis[0], message.header.responder_cookie)
        self.agree(sa, chosen)
        self.hear(sa, message)
        self.place = Place.MM4
        return sa.say(flight, (*self.offer_key(sa), *self.nat_payloads(sa)), now)

    def _on_key(self, sa: IkeSa, flight: Flight, message: Message, now: float) -> list[Action]:
        try:
            public, nonce = self.take_key(sa, message)
            self.shared = self.own.shared(public)
        except BadPublicValue as error:
            return [Dropped("public_value", str(error))]
        flight.take()
        self.publics, sa.nonces = (self.publics[0], public), (sa.nonces[0], nonce)
        self.hear_more(sa, message)
        self.judge_nat(sa, message)
        self.place = Place.MM6
        flight.deadline = now + sa.patience
        return self.ask_key(sa)

    def authorized(self, sa: IkeSa, psk: Secret, now: float) -> list[Action]:
        """Prove who we are."""
        flight = sa.flights.get(PHASE1)
        if flight is None:
            return [Dropped("not_waiting")]
        self.stop_waiting(sa)
        try:
            sa.keys = self.derive_keys(sa, psk)
        except WeakKey as error:
            return self.give_up(sa, not_offered(str(error)), now)
        sa.channel = SealedChannel(sa.keys)
        flight.iv = sa.keys.iv
        self.float_path(sa)
        ident = Identification.of_identity(sa.profile.local_id)
        words: tuple[Payload, ...] = (ident, self.prove(sa, ident), *initial_contact(sa))
        return [self.traced_keys(sa, sa.keys), *sa.say(flight, words, now)]

    def _on_proof(self, sa: IkeSa, flight: Flight, message: Message, now: float) -> list[Action]:
        ident, stated = message.one(Identification), message.one(Hash)
        body = message.body_of(Identification)
        if ident is None or not self.is_proved(sa, sa.keys, stated, body):
            return [Dropped("integrity", "HASH_R")]
        flight.take()
        self.hear_more(sa, message)
        sa.peer = ident.identity()
        if not sa.profile.remote_id.matches(sa.peer):
            wrong = identity_mismatch([sa.profile.remote_id], sa.peer)
            return self.leave(sa, wrong, now)
        heed_contact(sa, message)
        return complete(sa, flight, now)
