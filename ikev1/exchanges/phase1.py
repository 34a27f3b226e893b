"""What main and aggressive mode have in common: keys, identities, HASHes (RFC 2409 section 5).

The values that HASH_I and HASH_R cover are kept as they stood on the wire, never encoded again.
"""

from dataclasses import replace

from ikecore.actions import Action, Authorize, Reason, Traced
from ikecore.diagnosis import Diagnosis
from ikecore.profile import Profile, Role
from ikecore.trace import KeysDerived
from ikev1.exchange import Waiting
from ikev1.failures import no_key, silent_in_phase1
from ikev1.flight import Flight
from ikev1.keys import Keys1, derive, hash_i, hash_r, is_hash_good, plain_hash
from ikev1.message import Exchange, Message
from ikev1.nat import detection_payloads, judge
from ikev1.payloads.chain import Payload
from ikev1.payloads.delete import Delete
from ikev1.payloads.hash import Hash
from ikev1.payloads.ident import Identification
from ikev1.payloads.ke import KeyExchangeData
from ikev1.payloads.nonce import OCTETS, Nonce
from ikev1.payloads.notify import Notify
from ikev1.payloads.types import NotifyType, ProtocolId
from ikev1.payloads.vendor import VendorId
from ikev1.phase1_offer import Chosen1
from ikev1.registry import Method
from ikev1.rules import Place
from ikev1.sa import IkeSa
from ikev1.state import State
from ikev1.vendors import NatVariant, Vendors
from suites.exchange import BadPublicValue, Group, KeyExchange
from suites.secret import Secret


def auth_method(profile: Profile, *, initiator: bool) -> Method:
    """Return how the ends prove who they are; XAUTH says which of them is a user as well."""
    match profile.legacy.xauth:
        case Role.NONE:
            return Method.PSK
        case Role.CLIENT:
            return Method.XAUTH_INIT_PSK if initiator else Method.XAUTH_RESP_PSK
        case Role.SERVER:
            return Method.XAUTH_RESP_PSK if initiator else Method.XAUTH_INIT_PSK


class Phase1(Waiting):
    """One phase 1 as one end sees it; pairs are (the initiator's, the responder's)."""

    answers_repeats = False

    def __init__(self, kind: Exchange, place: Place) -> None:
        self.kind = kind
        self.place = place
        self.sa_body = b""  # the initiator's SA payload, all that it offered
        self.publics = (b"", b"")
        self._said: tuple[VendorId, ...] = ()
        self.chosen: Chosen1  # from here on: what the first messages bring
        self.own: KeyExchange
        self.shared: bytes

    # -- what the protocol of negotiations asks -------------------------------------------------
    def expected_hash(self, _sa: IkeSa, _message: Message) -> bytes:
        """Return nothing: phase 1 checks HASH_I and HASH_R itself."""
        return b""

    def on_unreadable(self, _sa: IkeSa) -> list[Action]:
        """Let it be."""
        return []

    def on_silence(self, sa: IkeSa, _flight: Flight, now: float) -> list[Action]:
        """Give up, with what can be told of the cause."""
        return [*self._recant(sa), *self.give_up(sa, silent_in_phase1(sa, self.place), now)]

    def _recant(self, sa: IkeSa) -> list[Action]:
        """Delete what the peer has and we have not, under the SA that it was to replace."""
        mates = sa.resources.mates(sa.profile.name) if self.place is Place.MM6 else []
        elders = [one for one in mates if one.sa == sa.elder and one.state is State.ESTABLISHED]
        gone = Delete(ProtocolId.ISAKMP, (b"".join(sa.spis),))
        return [action for one in elders for action in one.tell(gone)]

    def refused(self, sa: IkeSa, now: float) -> list[Action]:
        """End: there is no key for this peer."""
        return self.give_up(sa, no_key(sa), now)

    def give_up(self, sa: IkeSa, diagnosis: Diagnosis, now: float) -> list[Action]:
        """Fail."""
        sa.connection = sa.profile.name
        return [sa.fail(diagnosis), *sa.close(Reason.FAILED, now)]

    def leave(self, sa: IkeSa, diagnosis: Diagnosis, now: float) -> list[Action]:
        """Fail, and tell the peer, which takes phase 1 for done, that it is not."""
        told = sa.tell(Notify(NotifyType.AUTHENTICATION_FAILED))
        return [*told, *self.give_up(sa, diagnosis, now)]

    # -- keys -----------------------------------------------------------------------------------
    def agree(self, sa: IkeSa, chosen: Chosen1) -> None:
        """Take the suite."""
        self.chosen = chosen
        sa.suite = chosen.suite
        sa.lifetime = chosen.lifetime

    def hear(self, sa: IkeSa, message: Message) -> None:
        """Take what the peer says it can do."""
        self._said = message.all(VendorId)
        sa.vendors = Vendors.of(self._said)

    def hear_more(self, sa: IkeSa, message: Message) -> None:
        """Take what it says of that later: Cisco's gateways have DPD in main mode message 5 or 6.

        How NAT traversal is spoken was settled by what came first.
        """
        self._said += message.all(VendorId)
        sa.vendors = replace(Vendors.of(self._said), nat=sa.vendors.nat)

    def group(self) -> Group:
        """Return the group of the suite."""
        group = self.chosen.suite.group
        if group is None:
            raise BadPublicValue("no group")
        return group

    def offer_key(self, sa: IkeSa) -> tuple[Payload, ...]:
        """Make our half of the key exchange, and our nonce."""
        self.own = self.group().generate()
        nonce = sa.resources.entropy.octets(OCTETS)
        if sa.initiator:
            self.publics, sa.nonces = (self.own.public, b""), (nonce, b"")
        else:
            self.publics = (self.publics[0], self.own.public)
            sa.nonces = (sa.nonces[0], nonce)
        return KeyExchangeData(self.own.public), Nonce(nonce)

    def take_key(self, sa: IkeSa, message: Message) -> tuple[bytes, bytes]:
        """Return the peer's public value and nonce; raise BadPublicValue for what none can be."""
        theirs, nonce = message.one(KeyExchangeData), message.one(Nonce)
        if theirs is None or nonce is None:
            raise BadPublicValue("no KE or no nonce")
        self.group().check(theirs.data)
        if theirs.data in self.publics or nonce.data in sa.nonces:
            raise BadPublicValue("our own value sent back")
        return theirs.data, nonce.data

    def ask_key(self, sa: IkeSa) -> list[Action]:
        """Ask for the connection's PSK, and wait for it."""
        sa.waiting = self
        profile = sa.profile
        return [Authorize(sa.sa, profile.name, profile.local_id, profile.remote_id)]

    @staticmethod
    def stop_waiting(sa: IkeSa) -> None:
        """Take it that all keys are there."""
        sa.waiting = Waiting()

    def derive_keys(self, sa: IkeSa, psk: Secret) -> Keys1:
        """Return the keys; raises :exc:`~ikev1.keys.WeakKey`."""
        return derive(self.chosen.suite, psk, sa.nonces, self.shared, sa.spis, self.publics)

    def traced_keys(self, sa: IkeSa, keys: Keys1) -> Traced:
        """Return the record of the keys."""
        record = KeysDerived(sa.profile.name, *sa.spis, self.chosen.suite, keys.named)
        return Traced(record)

    # -- who is who -----------------------------------------------------------------------------
    def prove(self, sa: IkeSa, ident: Identification) -> Hash:
        """Return our HASH_I or HASH_R, over our ID payload's body."""
        make = hash_i if sa.initiator else hash_r
        return Hash(make(sa.keys, self.publics, sa.spis, self.sa_body, ident.body()))

    def is_proved(self, sa: IkeSa, keys: Keys1, stated: Hash | None, id_body: bytes) -> bool:
        """Tell whether the peer's HASH is that of who has the key."""
        make = hash_r if sa.initiator else hash_i
        expected = make(keys, self.publics, sa.spis, self.sa_body, id_body)
        return stated is not None and is_hash_good(expected, stated.data)

    # -- NAT ------------------------------------------------------------------------------------
    def nat_payloads(self, sa: IkeSa) -> tuple[Payload, ...]:
        """Return our NAT-D payloads, if both ends know NAT traversal."""
        return detection_payloads(
            self._variant(sa),
            self._hash_of,
            sa.spis,
            sa.path,
            sa.resources.entropy,
            pretend=sa.profile.force_encap,
        )

    def judge_nat(self, sa: IkeSa, message: Message) -> None:
        """Find out about NATs by the peer's NAT-D payloads."""
        sa.nat = judge(message, self._variant(sa), self._hash_of, sa.spis, sa.back)
        if sa.nat.speaks is not None and sa.profile.force_encap:
            sa.nat = replace(sa.nat, here=True)

    def float_path(self, sa: IkeSa) -> None:
        """Go over to port 4500 when there is a NAT (RFC 3947 section 4)."""
        sa.path = sa.nat.floated(sa.path, sa.profile.nat_port)

    def _hash_of(self, data: bytes) -> bytes:
        return plain_hash(self.chosen.suite, data)

    @staticmethod
    def _variant(sa: IkeSa) -> NatVariant | None:
        return next(iter(sa.vendors.nat), None) if sa.profile.nat_traversal else None


def initial_contact(sa: IkeSa) -> tuple[Notify, ...]:
    """Return what tells the peer that we have no other SA with it (RFC 2407 section 4.6.3.3).

    One that the peer began may have come up since ours was begun.
    """
    others = [mate for mate in sa.resources.mates(sa.profile.name) if mate is not sa]
    if not sa.alone or sa.elder or others:
        return ()
    return (Notify(NotifyType.INITIAL_CONTACT, spi=b"".join(sa.spis)),)


def heed_contact(sa: IkeSa, message: Message) -> None:
    """Take note that the peer has no other SA with us; only an enciphered word counts."""
    said = message.notify(NotifyType.INITIAL_CONTACT) is not None
    sa.initial_contact = said and message.header.encrypted
