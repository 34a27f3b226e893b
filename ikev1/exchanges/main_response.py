"""Main mode as its responder (RFC 2409 section 5.4): the peer is known by its addresses at first.

The key has to be chosen before the identity can be read, which is enciphered under it.  Where the
addresses fit several connections, the keys of all of them are tried on message 5.
"""

from typing import Final

from ikecore.actions import Action, Dropped, Failed
from ikecore.findings import identity_mismatch
from ikecore.profile import Profile
from ikev1.channel import SealedChannel, UndecidedChannel
from ikev1.completion import complete
from ikev1.exchanges.phase1 import Phase1, heed_contact, initial_contact
from ikev1.failures import unreadable
from ikev1.flight import Flight
from ikev1.flights import PHASE1
from ikev1.keys import Keys1, WeakKey
from ikev1.message import Exchange, Message
from ikev1.payloads.chain import Payload
from ikev1.payloads.hash import Hash
from ikev1.payloads.ident import Identification
from ikev1.payloads.notify import Notify
from ikev1.payloads.sa import SecurityAssociation
from ikev1.payloads.types import NotifyType
from ikev1.payloads.vendor import VendorId
from ikev1.phase1_offer import Chosen1
from ikev1.refusal import refusal
from ikev1.rules import Place
from ikev1.sa import IkeSa
from ikev1.vendors import ours
from suites.exchange import BadPublicValue
from suites.secret import Secret

_TRIED: Final = 32  # connections whose key is tried on one message, which costs 50 us each


class RespondMain(Phase1):
    """Three answers, each sent once; they are repeated when the peer repeats itself."""

    answers_repeats = True

    def __init__(self, candidates: tuple[Profile, ...], chosen: Chosen1) -> None:
        super().__init__(Exchange.MAIN, Place.MM3)
        self._candidates = candidates[:_TRIED]
        self._chosen = chosen
        self._keys: dict[str, Keys1] = {}  # by connection

    def answer(self, sa: IkeSa, flight: Flight, message: Message, now: float) -> list[Action]:
        """Take message 1: name what we choose, and what we can do."""
        self.agree(sa, self._chosen)
        self.hear(sa, message)
        self.sa_body = message.body_of(SecurityAssociation)
        named = SecurityAssociation((self._chosen.proposal,))
        words: tuple[VendorId, ...] = ours(sa.profile, sa.vendors)
        if len(named.body()) + sum(4 + len(one.data) for one in words) > 2 * len(message.raw):
            words = ()  # an address that is forged shall not get much more than was sent
        return sa.say(flight, (named, *words), now, again=False)

    def on_message(self, sa: IkeSa, flight: Flight, message: Message, now: float) -> list[Action]:
        """Take message 3 or 5."""
        if self.place is Place.MM3:
            return self._on_key(sa, flight, message, now)
        return self._on_proof(sa, flight, message, now)

    def on_silence(self, _sa: IkeSa, _flight: Flight, _now: float) -> list[Action]:
        """Wait on: half-open SAs have a time of their own."""
        return []

    def on_unreadable(self, sa: IkeSa) -> list[Action]:
        """Tell of a message 5 that no key of ours opens, and the peer: one has a wrong key."""
        if self.place is not Place.MM5:
            return []
        told: list[Action] = [
            Failed(one.name, sa.sa, False, unreadable(one)) for one in self._candidates
        ]
        return [*told, refusal(sa.spis, NotifyType.PAYLOAD_MALFORMED, sa.back)]

    def _on_key(self, sa: IkeSa, flight: Flight, message: Message, now: float) -> list[Action]:
        try:
            public, nonce = self.take_key(sa, message)
            self.publics, sa.nonces = (public, b""), (nonce, b"")
            words = self.offer_key(sa)
            self.shared = self.own.shared(public)
        except BadPublicValue as error:
            self.publics, sa.nonces = (b"", b""), (b"", b"")
            return [Dropped("public_value", str(error))]
        flight.take()
        sa.path = sa.back  # it may have gone over to another port since (RFC 3947 section 4)
        self.hear_more(sa, message)
        self.judge_nat(sa, message)
        self.place = Place.MM5
        said = sa.say(flight, (*words, *self.nat_payloads(sa)), now, again=False)
        return [*said, *self.ask_key(sa)]

    def authorized(self, sa: IkeSa, psk: Secret, now: float) -> list[Action]:
        """Take a connection's key, and ask for the next one's."""
        if sa.profile.name not in self._keys:
            try:
                self._keys[sa.profile.name] = self.derive_keys(sa, psk)
            except WeakKey as error:
                return [Dropped("weak_key", str(error))]
        return self._go_on(sa, now)

    def refused(self, sa: IkeSa, now: float) -> list[Action]:
        """Do without the key of one connection; end if there is none at all."""
        self._candidates = tuple(p for p in self._candidates if p.name != sa.profile.name)
        if self._candidates:
            return self._go_on(sa, now)
        return super().refused(sa, now)

    def _go_on(self, sa: IkeSa, _now: float) -> list[Action]:
        left = [one for one in self._candidates if one.name not in self._keys]
        if left:
            sa.profile = left[0]
            return self.ask_key(sa)
        self.stop_waiting(sa)
        sa.profile = self._candidates[0]
        choices: tuple[Keys1, ...] = ()
        for keys in (self._keys[one.name] for one in self._candidates):
            choices += () if keys in choices else (keys,)
        flight = sa.flights.get(PHASE1)
        if flight is not None:
            flight.iv = choices[0].iv
        sa.keys = choices[0]
        sa.channel = UndecidedChannel(choices, lambda keys: setattr(sa, "keys", keys))
        return [self.traced_keys(sa, keys) for keys in choices]

    def _on_proof(self, sa: IkeSa, flight: Flight, message: Message, now: float) -> list[Action]:
        ident, stated = message.one(Identification), message.one(Hash)
        body = message.body_of(Identification)
        if ident is None or not self.is_proved(sa, sa.keys, stated, body):
            return [Dropped("integrity", "HASH_I")]
        flight.take()
        self.hear_more(sa, message)
        sa.path = sa.nat.reached(sa.back)
        sa.channel = SealedChannel(sa.keys)
        sa.peer = ident.identity()
        same_key = [p for p in self._candidates if self._keys[p.name] == sa.keys]
        fitting = [p for p in same_key if p.remote_id.matches(sa.peer)]
        if not fitting:
            sa.profile = same_key[0]
            wrong = identity_mismatch([one.remote_id for one in same_key], sa.peer)
            told = sa.tell(Notify(NotifyType.INVALID_ID_INFORMATION))
            return [*told, *self.give_up(sa, wrong, now)]
        sa.profile = fitting[0]
        heed_contact(sa, message)
        own = Identification.of_identity(sa.profile.local_id)
        sa.alone = not sa.resources.mates(sa.profile.name)
        words: tuple[Payload, ...] = (own, self.prove(sa, own), *initial_contact(sa))
        return [*sa.say(flight, words, now, again=False), *complete(sa, flight, now)]
