"""Quick mode as its initiator: a child, new or in the place of another (RFC 2409 section 5.5).

    HDR*, HASH(1), SA, Ni [, KE], IDci, IDcr [, NAT-OA]  ──►
                    ◄──  HDR*, HASH(2), SA, Nr [, KE], IDci, IDcr [, N(RESPONDER-LIFETIME)]
    HDR*, HASH(3)                                        ──►

A responder that repeats QM2 gets QM3 again.  The commit bit is passed over: our packets wait for
the peer's anyway, or come right after QM3, when it has the child.
"""

from typing import Final

from ikecore.actions import Action, Reason
from ikecore.diagnosis import Code, Diagnosis, diagnose
from ikecore.profile import ChildProfile
from ikecore.wire import Malformed
from ikev1.child import Child, ChildState
from ikev1.clients import clients_of, is_echo
from ikev1.failures import refused_in_quick_mode
from ikev1.flight import Flight
from ikev1.install import Agreed, Made, home_of, install, our_life, shorter
from ikev1.keys import quick_hash1, quick_hash2, quick_hash3
from ikev1.lifetimes import told_life
from ikev1.message import Exchange, Message
from ikev1.payloads.chain import Payload
from ikev1.payloads.ident import Identification
from ikev1.payloads.ke import KeyExchangeData
from ikev1.payloads.nonce import OCTETS, Nonce
from ikev1.payloads.notify import Notify
from ikev1.payloads.sa import ProposalPayload, SecurityAssociation
from ikev1.payloads.types import NotifyType
from ikev1.phase2_offer import Chosen2, accepted_phase2, offer_phase2, pfs_group
from ikev1.proposals import Life
from ikev1.rules import Place
from ikev1.sa import IkeSa
from ikev1.succession import AGAIN, OwnQuick, begin, carrier, give_up, of_traffic
from ikev1.transport import as_told, original_addresses
from suites.exchange import BadPublicValue, KeyExchange

LOWEST_SPI: Final = 256  # RFC 4303 section 2.1


class InitiateQuick(OwnQuick):
    """Our request for a child; ``replaces`` is the inbound SPI of the one it renews, 0 for none."""

    kind = Exchange.QUICK
    place = Place.QM2

    def __init__(self, wanted: ChildProfile, replaces: int = 0, why: str = "") -> None:
        # one pair of networks: who wants several asks for each by itself
        super().__init__(ChildProfile(wanted.local_ts[:1], wanted.remote_ts[:1]))
        self.wanted = wanted  # which of the connection's children it is
        self.replaces = replaces
        self.why = why
        self._offered: tuple[ProposalPayload, ...] = ()
        self._nonce = b""
        self._kex: KeyExchange | None = None
        self._clients: tuple[Identification, Identification]  # what QM1 says

    # -- message 1 ------------------------------------------------------------------------------
    def begin(self, sa: IkeSa, flight: Flight, now: float) -> list[Action]:
        """Ask for the child, unless it is there, or the peer is making it."""
        home = home_of(sa)
        old = home.children.get(self.replaces)
        if old is not None:
            self.traffic = ChildProfile(old.spec.local_ts, old.spec.remote_ts)
        if self._is_moot(home, old):
            flight.end(now)
            return []
        code = Code.TS_MISMATCH
        try:
            self._clients = clients_of(self.traffic)
            code = Code.ESP_PROPOSAL_MISMATCH
            said = self._offer(sa, old, now)
        except ValueError as error:
            flight.end(now)
            return self._failed(sa, diagnose(2, code, f"not to be said in IKEv1: {error}"), now)
        return sa.say(flight, said, now, lambda rest: quick_hash1(sa.keys, flight.message_id, rest))

    def _is_moot(self, home: IkeSa, old: Child | None) -> bool:
        if self.replaces and (old is None or not old.is_live):
            return True
        if any(one.state is ChildState.PENDING for one in of_traffic(home, self.traffic)):
            return True
        return not self.replaces and carrier(home, self.traffic) is not None

    def _offer(self, sa: IkeSa, old: Child | None, now: float) -> tuple[Payload, ...]:
        profile = sa.profile
        renews = None if old is None else old.spec.suite
        encapsulation = sa.nat.encapsulation(profile.mode)
        self.spi = sa.offer_spi(now)
        try:
            self._offered = offer_phase2(profile, self.spi, encapsulation, renews)
        except ValueError:
            sa.take_back(self.spi, now)
            raise
        self.protocol = self._offered[0].protocol
        self._nonce = sa.resources.entropy.octets(OCTETS)
        group = pfs_group(profile, renews)
        self._kex = None if group is None else group.generate()
        key = () if self._kex is None else (KeyExchangeData(self._kex.public),)
        return (
            SecurityAssociation(self._offered),
            Nonce(self._nonce),
            *key,
            *self._clients,
            *original_addresses(sa, initiator=True),
        )

    # -- message 2 ------------------------------------------------------------------------------
    def expected_hash(self, sa: IkeSa, message: Message) -> bytes:
        """Return HASH(2)."""
        message_id = message.header.message_id
        return quick_hash2(sa.keys, message_id, self._nonce, message.after_first)

    def on_message(self, sa: IkeSa, flight: Flight, message: Message, now: float) -> list[Action]:
        """Take the child, install it, and only then send QM3."""
        settled = self._settle(sa, message)
        if isinstance(settled, Diagnosis):
            return [*give_up(sa, flight, self, now), *self._failed(sa, settled, now)]
        agreed, shared, nonces = settled
        home = home_of(sa)
        if home.deleted.has(agreed.chosen.outbound_spi, now):
            gone = diagnose(2, Code.PEER_DELETED, evidence="a Delete for it came before message 2")
            return [*give_up(sa, flight, self, now), *self._failed(sa, gone, now)]
        made = Made(nonces, shared, True, flight.message_id, flight.started, self.why)
        standby = carrier(home, self.traffic) is not None
        child, installed = install(sa, agreed, made, self.wanted, self.spi, now, standby=standby)
        message_id = flight.message_id
        last = sa.say(
            flight, (), now, lambda _: quick_hash3(sa.keys, message_id, nonces), again=False
        )
        sa.end(flight, now)
        return [installed, *last, *begin(home, child, now)]

    def _settle(
        self, sa: IkeSa, message: Message
    ) -> tuple[Agreed, bytes, tuple[bytes, bytes]] | Diagnosis:
        """Return what was agreed, the shared secret (b"" without KE) and the nonces."""
        answer, nonce = message.one(SecurityAssociation), message.one(Nonce)
        if answer is None or nonce is None:
            return _nonsense("an answer without SA or nonce")
        try:
            chosen = accepted_phase2(sa.profile, self._offered, answer)
            if not is_echo(sa, message, self._clients):
                told = " === ".join(str(one.selector()) for one in message.all(Identification))
                return diagnose(2, Code.TS_MISMATCH, str(self.traffic), told)
            shared = self._shared(message, chosen)
        except (ValueError, Malformed) as error:
            return _nonsense(str(error))
        if chosen.outbound_spi < LOWEST_SPI:
            return _nonsense(f"SPI {chosen.outbound_spi}")
        notify = message.notify(NotifyType.RESPONDER_LIFETIME)
        life = shorter(our_life(sa.profile), Life() if notify is None else told_life(notify))
        agreed = Agreed(chosen, self.traffic, life, as_told(sa, message, initiator=True))
        return agreed, shared, (self._nonce, nonce.data)

    def _shared(self, message: Message, chosen: Chosen2) -> bytes:
        data = message.one(KeyExchangeData)
        if self._kex is None or chosen.suite.group is None:
            return b""
        if data is None:
            raise BadPublicValue("an answer with a group and no KE")
        return self._kex.shared(data.data)

    # -- what else may come ---------------------------------------------------------------------
    def refused(self, sa: IkeSa, flight: Flight, notify: Notify, now: float) -> list[Action]:
        """Take it that the peer does not want this child."""
        sa.end(flight, now)
        sa.take_back(self.spi, now)
        diagnosis = refused_in_quick_mode(sa.profile, self.traffic, notify.type)
        return self._failed(sa, diagnosis, now)

    def on_silence(self, sa: IkeSa, flight: Flight, now: float) -> list[Action]:
        """Give up; whether the peer lives is for its probe to find out.

        One that cannot be asked is taken for dead, if nothing else shows that it lives.
        """
        silent = diagnose(2, Code.PEER_NO_RESPONSE, evidence="no answer to quick mode message 1")
        actions = [*give_up(sa, flight, self, now), *self._failed(sa, silent, now)]
        home = home_of(sa)
        if sa.vendors.dpd or home.children or sa.heard_at > flight.started:
            return actions
        return [*actions, *sa.close(Reason.DPD_TIMEOUT, now)]

    def _failed(self, sa: IkeSa, diagnosis: Diagnosis, now: float) -> list[Action]:
        """Say so; a child that was to be renewed serves on, and it is tried again."""
        old = home_of(sa).children.get(self.replaces)
        if old is not None and old.is_live:
            old.rekey_at = now + AGAIN
        return [sa.fail(diagnosis, self.wanted)]


def refused_by_peer(sa: IkeSa, notify: Notify, now: float) -> list[Action]:
    """Take an error that came under a verified HASH for the quick mode of ours that it is about.

    The SPI tells which one: ours, as the peer has it from QM1.  Without that it is about our only
    one, if there is but one.  No action at all: it is about none.
    """
    ours = [
        (flight, flight.negotiation)
        for flight in sa.flights
        if not flight.is_over and isinstance(flight.negotiation, InitiateQuick)
    ]
    named = [(flight, one) for flight, one in ours if one.spi.to_bytes(4, "big") == notify.spi]
    meant = named or (ours if len(ours) == 1 else [])
    for flight, one in meant:
        return one.refused(sa, flight, notify, now)
    return []


def _nonsense(seen: str) -> Diagnosis:
    return diagnose(2, Code.INVALID_SYNTAX, evidence=f"quick mode message 2: {seen}")
