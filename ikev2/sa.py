"""One IKE SA: windows, timers, children, and which exchanges are under way (RFC 7296 section 2).

Theory of operation.  The SA itself knows how messages come and go: IDs, repeats, retransmissions,
deadlines, addresses.  What an exchange means lives in ``exchanges``: our own requests are objects
of :class:`OwnExchange`, as many under way as the peer's window takes and the rest in a queue; the
peer's requests go through ``Resources.handlers``, a table of (state, exchange): what is not in it
is dropped.

    INIT_SENT ─► AUTHORIZING ─► AUTH_SENT ──────► ESTABLISHED ─► DELETING ─► CLOSED    initiator
    INIT_ANSWERED ─► AUTHORIZING ───────────────► ESTABLISHED ─► …                     responder
                                                  ESTABLISHED ─► REKEYED ──► …         of a rekey
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
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
from ikecore.diagnosis import Code, diagnose
from ikecore.entropy import Entropy
from ikecore.holder import Holder
from ikecore.identities import Identity
from ikecore.profile import Limits, Profile
from ikecore.proposals import Suite
from ikecore.spipool import SpiPool
from ikecore.trace import Retransmitted
from ikecore.wire import Malformed
from ikev2.channel import Channel, ClearChannel
from ikev2.child import Child
from ikev2.exchange import OwnExchange, Waiting
from ikev2.fragments import DATAGRAM
from ikev2.keys import IkeKeys
from ikev2.message import Exchange, Header, MalformedInside, Message
from ikev2.mobike import Mobility
from ikev2.payloads.chain import Payload
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from ikev2.rules import RuleBroken, check, unknown_critical
from ikev2.sizes import answer_again, pieces, room_of, seal_again, to_keep
from ikev2.tracing import trace_received, trace_sent
from ikev2.window import NEVER, RequestWindow, ResponseWindow
from policy.path import Path
from suites.sealers import IntegrityError

_QUEUE_LIMIT: Final = 1024  # a connection has at most 200 mappings, each with a rekey and a Delete
_FAREWELL: Final = 3.0  # a Delete is a courtesy: nobody waits long for its answer
X = TypeVar("X")


class State(Enum):
    """Where an IKE SA stands."""

    INIT_SENT = "IKE_SA_INIT sent"
    INIT_ANSWERED = "IKE_SA_INIT answered"
    AUTHORIZING = "waiting for the key"
    AUTH_SENT = "IKE_AUTH sent"
    ESTABLISHED = "established"
    REKEYED = "rekeyed; the peer will delete it"
    DELETING = "deleting"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Resources:
    """What all SAs of an endpoint draw on."""

    entropy: Entropy
    spis: SpiPool
    limits: Limits
    handlers: Mapping[tuple["State", int], "Handler"]
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
        self.spis = spis
        self.initiator = initiator
        self.sa = spis[0] if initiator else spis[1]
        self.line = self.sa  # the first one's, of all that came of renewing it
        self.path = path
        self.back = path  # where the request under work came from: its answer goes there
        self.profile = profile
        self.connection = profile.name if initiator else ""  # a responder learns it in IKE_AUTH
        self.state = State.INIT_SENT if initiator else State.INIT_ANSWERED
        self.channel: Channel = ClearChannel()
        self.requests = RequestWindow[OwnExchange](profile.retry)
        self.responses = ResponseWindow()
        self.queue: list[OwnExchange] = []  # requests that wait for the window to open
        self.postponed: list[tuple[float, OwnExchange]] = []  # the peer was busy with something
        self.waiting: Waiting = Waiting()
        self.elders: list[IkeSa] = []  # of which this one was made, until it is decided who stays
        self.heirs: list[IkeSa] = []  # made by rekeying this one; the endpoint takes them over
        self.started_at = now
        self.established_at = NEVER
        self.initial_contact = False  # the peer said that it has no other SA with us
        self.alone = True  # no other SA or attempt with this peer: INITIAL_CONTACT may be said
        self.is_told = True  # that it is there, or tried; otherwise nobody hears of its end
        self.largest = DATAGRAM  # octets of an IP datagram that we send
        self.nonces = (b"", b"")
        self.keys: IkeKeys  # from here on: what IKE_SA_INIT and IKE_AUTH bring
        self.suite: Suite
        self.peer: Identity
        self.waits = False  # with sending, until the peer gives up an older SA for this one
        self.is_settled = False  # which of several SAs with the peer stay, once it has a child
        self.nat_here = False
        self.nat_there = False
        self.mobility = Mobility(decides=initiator)
        self.icmp = ""  # what the network said of our datagrams: evidence, never a fact
        self.heard_at = now
        self.expires_at = NEVER  # half-open, lingering or doomed until then
        self.doom = Reason.DELETED
        self.rekey_at = NEVER
        self.reauth_at = NEVER
        self.lifetime_ends_at = NEVER  # of its keys
        self.auth_ends_at = NEVER  # of what its authentication is good for
        self.keepalive_at = NEVER

    # -- datagrams ------------------------------------------------------------------------------
    def handle_datagram(
        self, header: Header, datagram: bytes, path: Path, now: float
    ) -> list[Action]:
        """Take a datagram that carries this SA's SPIs."""
        if not header.response and self._is_repeat(header, datagram):
            return self._repeat(header, path)
        if self.state is State.CLOSED:
            return [Dropped("closed")]
        if header.response:
            flight = self.requests.get(header.message_id)
            if flight is None:
                return [Dropped("unexpected_response", f"message ID {header.message_id}")]
            if header.exchange != flight.exchange.kind:
                return [Dropped("unexpected_response", f"exchange {header.exchange}")]
        elif not self.responses.admits(header.message_id):
            return [Dropped("message_id", f"{header.message_id}, not {self.responses.expected}")]
        elif (self.state, header.exchange) not in self.resources.handlers:
            return [Dropped("unexpected_request", f"exchange {header.exchange} {self.state.name}")]
        try:
            message = self.channel.open(datagram, header, now)
        except IntegrityError as error:
            return [Dropped("integrity", str(error))]
        except MalformedInside as error:
            return self._on_authentic_nonsense(header, datagram, str(error), path, now)
        except Malformed as error:
            return [Dropped("malformed", str(error))]
        if message is None:  # the rest of it is on its way
            return []
        traced = trace_received(self, message, path)
        try:
            check(message)
        except RuleBroken as error:
            if not message.protected:
                return [traced, Dropped("malformed", str(error))]
            return [traced, *self._on_authentic_nonsense(header, datagram, str(error), path, now)]
        self.back = path
        moved = self._heard(message, path, now) if message.protected else []
        if header.response:
            return [traced, *moved, *self._on_response(message, now)]
        return [traced, *moved, *self._on_request(message, now)]

    def _is_repeat(self, header: Header, datagram: bytes) -> bool:
        """Tell whether a request came once more, also when it is cut smaller this time."""
        if self.responses.is_repeat(header.message_id, datagram):
            return True
        taken = self.responses.has_taken(header.message_id)
        return taken and self.channel.is_first_fragment(datagram, header)

    def _repeat(self, header: Header, path: Path) -> list[Action]:
        answer = answer_again(self, header)
        if not answer:
            return [Dropped("repeat", "its answer is being worked on")]
        return [Send(datagram, path) for datagram in answer]

    def _on_request(self, message: Message, now: float) -> list[Action]:
        self.responses.accept(message.header.message_id, *pieces(self, message))
        critical = unknown_critical(message)
        if critical is not None:
            refusal = Notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, bytes((critical,)))
            return self.answer(message.header, (refusal,), now)
        return self.resources.handlers[self.state, message.header.exchange](self, message, now)

    def _on_response(self, message: Message, now: float) -> list[Action]:
        flight = self.requests.get(message.header.message_id)
        if flight is None:
            return []
        if message.protected:  # a forged answer in clear must not end the exchange
            self.requests.finish(flight.message_id)
        makes_sa = flight.exchange.alone and flight.exchange.kind is Exchange.CREATE_CHILD_SA
        if self.state is State.DELETING and self.queue and not makes_sa:  # it lost its point
            return self.go_on(now)
        actions = flight.exchange.on_response(self, message, now)
        return [*actions, *self.go_on(now)]

    def _on_authentic_nonsense(
        self, header: Header, datagram: bytes, why: str, path: Path, now: float
    ) -> list[Action]:
        """Answer a peer that broke the syntax under a good ICV (RFC 7296 section 2.21.3)."""
        broken = diagnose(1, Code.INVALID_SYNTAX, evidence=why)
        actions: list[Action] = [Dropped("malformed", why), self.fail(broken)]
        if header.response:
            self.requests.finish(header.message_id)
            return [*actions, *self.close(Reason.FAILED, now)]
        self.responses.accept(header.message_id, datagram)
        self.back = path
        actions += self.answer(header, (Notify(NotifyType.INVALID_SYNTAX),), now)
        return [*actions, *self.close(Reason.FAILED, now)]

    def _heard(self, message: Message, path: Path, now: float) -> list[Action]:
        """Note that the peer lives, and follow it to a new address or port (section 2.23).

        Only ids inside the window come here, so a replayed datagram moves nothing; an end behind
        a NAT does not follow, for its own mapping would be lost.
        """
        self.heard_at = now
        if path == self.path or message.header.response or not self.mobility.follows_ike:
            return []
        if self.nat_here and self.state is not State.INIT_ANSWERED:
            return []
        return self.move(self.path.over(path))

    def move(self, path: Path) -> list[Action]:
        """Talk to the peer on another path from now on, its children too."""
        self.path = path
        moved: list[Action] = []
        for spi, child in self.children.items():
            child.change(path=path)
            moved.append(MoveChild(spi, path))
        return moved

    # -- our requests ---------------------------------------------------------------------------
    def start(self, exchange: OwnExchange, now: float) -> list[Action]:
        """Put a request into the queue; it is sent when the window opens."""
        if len(self.queue) >= _QUEUE_LIMIT or self.state is State.CLOSED:
            return [Dropped("queue_full" if self.queue else "closed", exchange.kind.name)]
        self.queue.append(exchange)
        return self.go_on(now)

    def postpone(self, exchange: OwnExchange, at: float) -> None:
        """Put a request into the queue later."""
        self.postponed.append((at, exchange))

    @property
    def is_busy(self) -> bool:
        """Return whether requests of ours are under way or wait."""
        return bool(self.queue) or len(self.requests) > 0

    def under_way(self, kind: type[X]) -> list[X]:
        """Return our exchanges of one class that were sent and are not answered."""
        return [f.exchange for f in self.requests if isinstance(f.exchange, kind)]

    def go_on(self, now: float) -> list[Action]:
        """Send what waits, as far as the window is open."""
        actions: list[Action] = []
        while self.queue and self._may_start(self.queue[0]):
            exchange = self.queue.pop(0)
            if not exchange.is_moot(self):
                actions += self._send(exchange, now)
        return actions

    def _may_start(self, exchange: OwnExchange) -> bool:
        if self.state is State.CLOSED or not self.requests.is_open:
            return False
        if exchange.alone:
            return len(self.requests) == 0
        return not any(flight.exchange.alone for flight in self.requests)

    def _send(self, exchange: OwnExchange, now: float) -> list[Action]:
        header = self.header(exchange.kind, self.requests.next_id, response=False)
        payloads = exchange.payloads(self, now)
        datagrams = self.channel.seal(header, payloads, room_of(self))
        self.requests.start(exchange, payloads, datagrams, now, self.patience)
        sent: list[Action] = [Send(datagram, self.path) for datagram in datagrams]
        return [*sent, trace_sent(self, header, payloads, datagrams, self.path)]

    def send_anew(self, exchange: OwnExchange, now: float) -> list[Action]:
        """Send the only request under way in other words under the same ID (section 2.6)."""
        self.requests.rewind()
        return self._send(exchange, now)

    @property
    def patience(self) -> float:
        """How long a request waits for its answer, in seconds."""
        if self.state is State.DELETING:
            return _FAREWELL
        live = self.state in (State.ESTABLISHED, State.REKEYED)
        return self.profile.dpd_timeout if live else self.profile.try_timeout

    def retransmit(self, now: float) -> list[Action]:
        """Send the requests that are due again, or give up on them."""
        actions: list[Action] = []
        for flight in self.requests:
            if flight.due > now:
                continue
            if now >= flight.deadline:
                last = self.queue[-1] if self.state is State.DELETING and self.queue else None
                actions += (last or flight.exchange).on_silence(self, now)
            if self.requests.get(flight.message_id) is flight and now < flight.deadline:
                seal_again(self, flight)
                again = self.requests.again(flight, now)
                actions += [Send(datagram, self.path) for datagram in again]
                actions.append(Traced(Retransmitted(self.connection, self.sa)))
        return actions

    # -- answers --------------------------------------------------------------------------------
    def answer(self, header: Header, payloads: tuple[Payload, ...], _now: float) -> list[Action]:
        """Answer a request accepted before, to where the last one came from (section 2.11)."""
        answer = self.header(header.exchange, header.message_id, response=True)
        datagrams = self.channel.seal(answer, payloads, room_of(self))
        self.responses.answer(header.message_id, *datagrams, payloads=to_keep(payloads, datagrams))
        sent: list[Action] = [Send(datagram, self.back) for datagram in datagrams]
        return [*sent, trace_sent(self, answer, payloads, datagrams, self.back)]

    def header(self, exchange: int, message_id: int, *, response: bool) -> Header:
        """Return the header of a message of ours."""
        return Header(*self.spis, exchange, message_id, self.initiator, response)

    # -- state ----------------------------------------------------------------------------------
    def close(self, reason: Reason, now: float) -> list[Action]:
        """End the SA at once; it lingers only to repeat its last answer."""
        if self.state is State.CLOSED:
            return []
        changed = self.become(State.CLOSED, reason.value)
        self.requests.stop()
        self.queue.clear()
        self.postponed.clear()
        self.waiting = Waiting()
        self.keepalive_at = self.rekey_at = self.reauth_at = NEVER
        self.lifetime_ends_at = self.auth_ends_at = NEVER
        self.expires_at = now + self.resources.limits.half_open_timeout
        gone = self.remove_children(reason, now)
        if not self.is_told:
            return [*gone, changed]
        return [*gone, changed, Closed(self.sa, self.connection, self.initiator, reason)]


Handler = Callable[[IkeSa, Message, float], list[Action]]
