"""Aggressive mode as its responder (RFC 2409 section 5.4): the peer says who it is at once.

Our answer holds a hash over the PSK that anybody may ask for and try keys on: it is only given by
connections that allow it, and not often to one address.
"""

from ikecore.actions import Action, Dropped, Reason
from ikecore.profile import Profile
from ikev1.channel import SealedChannel
from ikev1.completion import complete
from ikev1.exchanges.phase1 import Phase1, heed_contact
from ikev1.failures import wrong_proof
from ikev1.flight import Flight
from ikev1.flights import PHASE1
from ikev1.keys import WeakKey
from ikev1.message import Exchange, Message
from ikev1.payloads.chain import Payload
from ikev1.payloads.hash import Hash
from ikev1.payloads.ident import Identification
from ikev1.payloads.sa import SecurityAssociation
from ikev1.phase1_offer import Chosen1
from ikev1.rules import Place
from ikev1.sa import IkeSa
from ikev1.vendors import ours
from suites.exchange import BadPublicValue
from suites.secret import Secret


class RespondAggressive(Phase1):
    """One answer, sent once; it is repeated when the peer repeats itself."""

    answers_repeats = True

    def __init__(self, profile: Profile, chosen: Chosen1) -> None:
        super().__init__(Exchange.AGGRESSIVE, Place.AM3)
        self._profile = profile
        self._chosen = chosen
        self._id_body = b""
        self._words: tuple[Payload, ...] = ()

    def answer(self, sa: IkeSa, _flight: Flight, message: Message, _now: float) -> list[Action]:
        """Take message 1; raise BadPublicValue.  The answer waits for the key."""
        ident = message.one(Identification)
        if ident is None:
            raise BadPublicValue("no ID payload")
        self.agree(sa, self._chosen)
        self.hear(sa, message)
        self.sa_body = message.body_of(SecurityAssociation)
        self._id_body = message.body_of(Identification)
        sa.peer = ident.identity()
        public, nonce = self.take_key(sa, message)
        self.publics, sa.nonces = (public, b""), (nonce, b"")
        self._words = self.offer_key(sa)
        self.shared = self.own.shared(public)
        return self.ask_key(sa)

    def authorized(self, sa: IkeSa, psk: Secret, now: float) -> list[Action]:
        """Answer: our half of everything, and the proof that we have the key."""
        flight = sa.flights.get(PHASE1)
        if flight is None:
            return [Dropped("not_waiting")]
        self.stop_waiting(sa)
        try:
            sa.keys = self.derive_keys(sa, psk)
        except WeakKey as error:
            return [Dropped("weak_key", str(error)), *sa.close(Reason.FAILED, now)]
        own = Identification.of_identity(sa.profile.local_id)
        proof = self.prove(sa, own)
        named = SecurityAssociation((self._chosen.proposal,))
        nat = self.nat_payloads(sa)
        words = (named, *self._words, own, proof, *ours(sa.profile, sa.vendors), *nat)
        said = sa.say(flight, words, now, again=False)
        flight.iv = sa.keys.iv
        sa.channel = SealedChannel(sa.keys, takes_clear=True)
        return [self.traced_keys(sa, sa.keys), *said]

    def on_silence(self, _sa: IkeSa, _flight: Flight, _now: float) -> list[Action]:
        """Wait on: half-open SAs have a time of their own."""
        return []

    def on_message(self, sa: IkeSa, flight: Flight, message: Message, now: float) -> list[Action]:
        """Take message 3: the peer's proof."""
        if not self.is_proved(sa, sa.keys, message.one(Hash), self._id_body):
            return [Dropped("integrity", "HASH_I")]
        flight.take()
        self.answers_repeats = False  # message 2 would bring message 3 again, and so on
        self.hear_more(sa, message)
        self.judge_nat(sa, message)
        sa.path = sa.nat.reached(sa.back)
        heed_contact(sa, message)
        return complete(sa, flight, now)

    def on_unreadable(self, sa: IkeSa) -> list[Action]:
        """Tell of a message 3 that our key does not open."""
        sa.connection = self._profile.name
        return [sa.fail(wrong_proof(self._profile))]
