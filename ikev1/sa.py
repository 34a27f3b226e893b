"""One ISAKMP SA and what goes on under it: messages, repeats, keys (RFC 2408, RFC 2409).

Theory of operation.  Every exchange under way is a :class:`~ikev1.flight.Flight`, found by its
message ID; phase 1 has ID 0.  The SA itself knows how messages come and go: cookies, IVs, HASHes,
repeats, fragments, addresses.  What a message means is its flight's ``negotiation``.  An exchange
that the peer begins goes through ``Resources.handlers``, a table of (state, exchange): what is not
in it is dropped.  Once phase 1 is over no negotiation sees a message whose HASH was not checked.

    NEGOTIATING ─► CONFIGURING ─► ESTABLISHED ─► REPLACED ─► CLOSED
         └──────── no XAUTH ──────────▲
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from ikecore.actions import (
    Action,
    Closed,
    Dropped,
    MoveChild,
    Reason,
    Send,
    Traced,
)
from ikecore.entropy import Entropy
from ikecore.holder import Holder
from ikecore.identities import Identity
from ikecore.profile import ChildProfile, Limits, Phase1Mode, Profile
from ikecore.proposals import Suite
from ikecore.spipool import SpiPool
from ikecore.timetable import NEVER
from ikecore.trace import Retransmitted
from ikecore.wire import Malformed
from ikev1.channel import CLEAR, Channel
from ikev1.child import Child
from ikev1.deleted import Deleted
from ikev1.exchange import MakeHash, Negotiation, OwnNegotiation, Waiting
from ikev1.flight import Flight
from ikev1.flights import PHASE1, QUICK_MODES, Flights
from ikev1.fragments import Reassembly, cut
from ikev1.hints import Hints
from ikev1.keys import Keys1, informational_hash, is_hash_good, phase2_iv
from ikev1.liveness import Liveness
from ikev1.message import Exchange, Header, Message, parse_header
from ikev1.nat import Nat
from ikev1.payloads.chain import Payload
from ikev1.payloads.hash import Hash
from ikev1.payloads.types import PayloadType
from ikev1.rules import RuleBroken, check
from ikev1.state import State
from ikev1.tracing import trace_received, trace_sent
from ikev1.vendors import Vendors
from policy.path import Path

_QUEUE: Final = 1024
_ROOM: Final = 1200  # octets of a message that need no cutting, on any path
_REMEMBERED: Final = 60.0  # seconds in which a repeat of the last message is answered
N = TypeVar("N")


@dataclass(frozen=True, slots=True)
class Resources:
    """What all SAs of an endpoint draw on."""

    entropy: Entropy
    spis: SpiPool
    limits: Limits
    handlers: Mapping[tuple[State, int], "Callable[[IkeSa], Negotiation]"]
    mates: "Callable[[str], list[IkeSa]]"  # the live SAs of a connection, attempts included


class IkeSa(Holder[Child, State]):
    """Feed it datagrams and timeouts; carry out the actions it returns, in order."""

    def __init__(
        self,
        resources: Resources,
        spis: tuple[bytes, bytes],
        path: Path,
        profile: Profile,
        now: float,
        *,
        initiator: bool,
    ) -> None:
        super().__init__(resources.spis)
        self.resources = resources
        self.spis = spis  # the cookies: the initiator's, the responder's
        self.initiator = initiator
        self.sa = spis[0] if initiator else spis[1]
        self.path = path
        self.back = path  # where the message under work came from
        self.profile = profile
        self.connection = profile.name if initiator else ""  # a responder learns it in phase 1
        self.state = State.NEGOTIATING
        self.channel: Channel = CLEAR
        self.last_block = b""  # of phase 1's ciphertext: the IVs of all else begin there
        self.deleted = Deleted()  # outbound SPIs that no child has
        self.reassembly = Reassembly()
        self.fragments_sent = 0
        self.flights = Flights()
        self.queue: list[OwnNegotiation] = []  # wait for one of those under way to end
        self.waiting: Waiting = Waiting()
        self.hints = Hints()  # what nobody vouches for: evidence, never a fact
        self.vendors = Vendors()
        self.nat = Nat()
        self.nonces = (b"", b"")
        self.keys: Keys1  # from here on: what phase 1 brings
        self.suite: Suite
        self.peer: Identity
        self.user = ""  # who the peer is to XAUTH
        self.configured: tuple[ChildProfile, ...] = ()  # children, before an address changed them
        self.lifetime = 0.0  # seconds, as agreed; 0: no limit
        self.initial_contact = False  # the peer said that it has no other SA with us
        self.alone = True  # no other SA or attempt with this peer: INITIAL-CONTACT may be said
        self.elder = b""  # the SA that this one is made to replace
        self.home = self  # where its children are now: in the SA that replaced it
        self.wants_heir = False  # the endpoint makes one
        self.is_confirmed = True  # the peer has all of phase 1; otherwise our last message goes on
        self.is_told = True  # that it is there, or tried; otherwise nobody hears of its end
        self.started_at = now
        self.established_at = NEVER
        self.heard_at = now
        self.liveness = Liveness()
        self.expires_at = NEVER  # half-open, lingering or doomed until then
        self.doom = Reason.DELETED
        self.rekey_at = NEVER
        self.lifetime_ends_at = NEVER
        self.keepalive_at = NEVER

    # -- datagrams ------------------------------------------------------------------------------
    def handle_datagram(
        self, header: Header, datagram: bytes, path: Path, now: float
    ) -> list[Action]:
        """Take a datagram that carries this SA's cookies."""
        if header.first == PayloadType.FRAGMENT:
            return self._on_fragment(header, datagram, path, now)
        known = self.flights.get(header.message_id)
        if known is not None and known.is_repeat(datagram):
            return self._repeat(known, path)
        if self.state is State.CLOSED:
            return [Dropped("closed")]
        if header.exchange == Exchange.INFORMATIONAL and not header.encrypted:
            return self.hints.take_clear(self, header, datagram, path, now)
        flight = known or self._admit(header, now)
        if isinstance(flight, Dropped):
            return [flight]
        if flight.is_over or header.exchange != flight.negotiation.kind:
            return [Dropped("unexpected", f"exchange {header.exchange}, {self.state.name}")]
        try:
            message, iv = self.channel.open(header, datagram, flight.iv)
            check(message, flight.negotiation.place)
        except (Malformed, RuleBroken) as error:
            return [
                Dropped("malformed", str(error)),
                *self.hints.unreadable(self, header, datagram, now),
            ]
        flight.look_at(datagram, iv)
        self.back = path
        if flight.message_id == PHASE1:
            traced = trace_received(self, message, path)
            return [traced, *flight.negotiation.on_message(self, flight, message, now)]
        expected = flight.negotiation.expected_hash(self, message)
        stated = message.one(Hash)
        if stated is None or not is_hash_good(expected, stated.data):
            wrong = Dropped("integrity", f"HASH of exchange {header.exchange}")
            return [wrong, *self.hints.unreadable(self, header, datagram, now)]
        return self._on_verified(flight, message.authenticated(), path, now)

    def _on_verified(
        self, flight: Flight, message: Message, path: Path, now: float
    ) -> list[Action]:
        flight.take()
        if not flight.ours:
            self.flights.use(flight.message_id)
        if message.header.exchange != Exchange.INFORMATIONAL:  # which is one message, and over
            self.flights.add(flight)
        moved = self.heard(path, now) if self.state is not State.NEGOTIATING else []
        traced = trace_received(self, message, path)
        actions = flight.negotiation.on_message(self, flight, message, now)
        return [traced, *moved, *actions, *self.go_on(now)]

    def _on_fragment(self, header: Header, datagram: bytes, path: Path, now: float) -> list[Action]:
        if not self.profile.fragmentation:
            return [Dropped("fragment", "fragmentation is off")]
        try:
            whole = self.reassembly.add(header, datagram, now)
            if whole is None:  # the rest of it is on its way
                return []
            return self.handle_datagram(parse_header(whole), whole, path, now)
        except Malformed as error:
            return [Dropped("malformed", str(error))]

    def _admit(self, header: Header, now: float) -> "Flight | Dropped":
        """Return the flight of an exchange that the peer begins, if it may."""
        begin = self.resources.handlers.get((self.state, header.exchange))
        is_sealed = header.encrypted and self.channel.is_sealed
        if begin is None or header.message_id == 0 or not is_sealed:
            return Dropped("unexpected", f"exchange {header.exchange}, {self.state.name}")
        if self.flights.is_used(header.message_id):
            return Dropped("message_id", "used before")
        is_quick = header.exchange == Exchange.QUICK
        if is_quick and self.flights.quick_modes(ours=False) >= QUICK_MODES:
            return Dropped("quick_limit", f"{QUICK_MODES} quick modes under way")
        flight = Flight(header.message_id, begin(self), self.profile.retry, now, ours=False)
        flight.iv = self.first_iv(header.message_id)
        return flight

    def _repeat(self, flight: Flight, path: Path) -> list[Action]:
        if not flight.negotiation.answers_repeats or not flight.may_repeat():
            return [Dropped("repeat")]
        return [Send(datagram, path) for datagram in flight.sent]

    def heard(self, path: Path, now: float) -> list[Action]:
        """Note that the peer lives, and follow it to a new address or port (RFC 3947 section 4)."""
        self.heard_at, self.is_confirmed = now, True
        self.liveness.answered()
        return self.move(self.path.over(path)) if self.nat.follows(self.path, path) else []

    def move(self, path: Path) -> list[Action]:
        """Talk to the peer on another path from now on, its children too."""
        self.path = path
        moved: list[Action] = []
        for spi, child in self.children.items():
            child.change(path=path)
            moved.append(MoveChild(spi, path))
        return moved

    # -- our exchanges --------------------------------------------------------------------------
    def start(self, negotiation: OwnNegotiation, now: float) -> list[Action]:
        """Begin an exchange, as soon as there is room for one more quick mode."""
        if self.state is State.CLOSED or len(self.queue) >= _QUEUE:
            return [Dropped("queue_full" if self.queue else "closed", negotiation.kind.name)]
        self.queue.append(negotiation)
        return self.go_on(now)

    def go_on(self, now: float) -> list[Action]:
        """Begin what waits, as far as there is room."""
        actions: list[Action] = []
        while self.queue and self._may_begin(self.queue[0]):
            actions += self.begin(self.queue.pop(0), self.fresh_id(), now)
        return actions

    def begin(self, negotiation: OwnNegotiation, message_id: int, now: float) -> list[Action]:
        """Begin an exchange at once."""
        flight = Flight(message_id, negotiation, self.profile.retry, now)
        if message_id != PHASE1:
            flight.iv = self.first_iv(message_id)
        self.flights.add(flight)
        return negotiation.begin(self, flight, now)

    def wanted(self, kind: type[N]) -> list[N]:
        """Return the negotiations of one class that are under way or wait."""
        return [*self.flights.under_way(kind), *(n for n in self.queue if isinstance(n, kind))]

    def fresh_id(self) -> int:
        """Return a message ID for an exchange of ours."""
        return self.flights.fresh_id(self.resources.entropy)

    def first_iv(self, message_id: int) -> bytes:
        """Return the first IV of an exchange other than phase 1 (RFC 2409 appendix B)."""
        phase1 = self.flights.get(PHASE1)
        return phase2_iv(self.keys, self.last_block or getattr(phase1, "iv", b""), message_id)

    def _may_begin(self, negotiation: OwnNegotiation) -> bool:
        if self.state not in (State.ESTABLISHED, State.CONFIGURING):
            return False
        if negotiation.kind is not Exchange.QUICK:
            return True
        return self.state is State.ESTABLISHED and self.flights.quick_modes(ours=True) < QUICK_MODES

    def say(
        self,
        flight: Flight,
        payloads: tuple[Payload, ...],
        now: float,
        make_hash: MakeHash | None = None,
        *,
        again: bool = True,
    ) -> list[Action]:
        """Send the next message of an exchange; with ``again`` until it is answered.

        ``make_hash`` puts a HASH payload in front.
        """
        header = self.header(flight.negotiation.kind, flight.message_id)
        sealed = self.channel.seal(header, payloads, flight.iv, make_hash)
        flight.iv = sealed.iv
        datagrams = self._cut(sealed.datagram)
        (flight.say if again else flight.say_once)(datagrams, now, self.patience)
        hashed = make_hash is not None
        sent: list[Action] = [Send(datagram, self.path) for datagram in datagrams]
        return [*sent, trace_sent(self, header, payloads, sealed.datagram, hashed=hashed)]

    def tell(self, *payloads: Payload) -> list[Action]:
        """Send an INFORMATIONAL, which nobody answers (RFC 2409 section 5.7)."""
        message_id = self.fresh_id()
        header = self.header(Exchange.INFORMATIONAL, message_id)
        sealed = self.channel.seal(
            header,
            payloads,
            self.first_iv(message_id),
            lambda rest: informational_hash(self.keys, message_id, rest),
        )
        sent: list[Action] = [Send(one, self.path) for one in self._cut(sealed.datagram)]
        return [*sent, trace_sent(self, header, payloads, sealed.datagram, hashed=True)]

    def _cut(self, datagram: bytes) -> tuple[bytes, ...]:
        """Return a message in pieces if it is long and the peer takes them."""
        if len(datagram) <= _ROOM or not (
            self.vendors.fragmentation and self.profile.fragmentation
        ):
            return (datagram,)
        self.fragments_sent = self.fragments_sent % 0xFFFF + 1
        aggressive = self.profile.legacy.mode is Phase1Mode.AGGRESSIVE
        first = Exchange.AGGRESSIVE if aggressive else Exchange.MAIN
        return cut(datagram, _ROOM, self.fragments_sent, first)

    def header(self, exchange: Exchange, message_id: int) -> Header:
        """Return the header of a message of ours."""
        return Header(*self.spis, exchange, message_id, encrypted=self.channel.is_sealed)

    @property
    def patience(self) -> float:
        """How long a message waits for its answer, in seconds."""
        return self.profile.try_timeout

    def retransmit(self, now: float) -> list[Action]:
        """Send what is due again, give up on what waited too long, forget what is over."""
        actions: list[Action] = []
        for flight in self.flights:
            if flight.forget_at <= now:
                self.flights.forget(flight)
            elif flight.deadline <= now:
                flight.deadline = flight.due = NEVER
                actions += flight.negotiation.on_silence(self, flight, now)
            elif flight.due <= now:
                actions += [*self.last_words(), *(Send(d, self.path) for d in flight.again(now))]
                actions.append(Traced(Retransmitted(self.connection, self.sa)))
        return [*actions, *self.go_on(now)]

    def last_words(self) -> list[Action]:
        """Return phase 1's last message once more, while nothing shows that the peer has it."""
        phase1 = self.flights.get(PHASE1)
        said = () if phase1 is None or self.is_confirmed else phase1.sent
        return [Send(one, self.path) for one in said]

    def end(self, flight: Flight, now: float) -> None:
        """Let an exchange be over; repeats of its last message are answered for a while."""
        flight.end(now + _REMEMBERED)

    # -- state ----------------------------------------------------------------------------------
    def close(self, reason: Reason, now: float) -> list[Action]:
        """End the SA at once, without a word to the peer."""
        if self.state is State.CLOSED:
            return []
        was_told = self.is_told and self.state is not State.REPLACED
        changed = self.become(State.CLOSED, reason.value)
        self.queue.clear()
        self.waiting = Waiting()
        self.flights.end_all()
        self.keepalive_at = self.rekey_at = self.lifetime_ends_at = NEVER
        self.expires_at = now + self.resources.limits.half_open_timeout
        gone = self.remove_children(reason, now)
        if not was_told:
            return [*gone, changed]
        return [*gone, changed, Closed(self.sa, self.connection, self.initiator, reason)]
