"""One IKE SA: windows, timers, children, and which exchange is under way (RFC 7296 section 2).

Theory of operation.  The SA itself knows how messages come and go: IDs, repeats, retransmissions,
deadlines, addresses.  What an exchange means lives in ``exchanges``: our own requests are objects
of :class:`OwnExchange`, one under way at a time and the rest in a queue; the peer's requests go
through ``Resources.handlers``, a table of (state, exchange): what is not in it is dropped.

    INIT_SENT ─► AUTHORIZING ─► AUTH_SENT ──────► ESTABLISHED ─► DELETING ─► CLOSED    initiator
    INIT_ANSWERED ─► AUTHORIZING ───────────────► ESTABLISHED ─► …                     responder
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Protocol

from ikecore.actions import (
    Action,
    ChildClosed,
    Closed,
    Dropped,
    Failed,
    MoveChild,
    Reason,
    RemoveChild,
    Send,
    Traced,
)
from ikecore.child import ChildSpec
from ikecore.diagnosis import Code, Diagnosis, diagnose
from ikecore.entropy import Entropy
from ikecore.profile import Limits, Profile
from ikecore.spipool import SpiPool
from ikecore.trace import MessageTraced, Retransmitted, StateChanged
from ikecore.wire import Malformed
from ikev2.channel import Channel, ClearChannel
from ikev2.labels import labels
from ikev2.message import Exchange, Header, MalformedInside, Message
from ikev2.payloads.chain import Payload
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from ikev2.rules import RuleBroken, check, unknown_critical
from ikev2.window import NEVER, RequestWindow, ResponseWindow
from policy.path import Path
from suites.sealers import IntegrityError
from suites.secret import Secret

_QUEUE_LIMIT: Final = 16
_FAREWELL: Final = 3.0  # a Delete is a courtesy: nobody waits long for its answer


class State(Enum):
    """Where an IKE SA stands."""

    INIT_SENT = "IKE_SA_INIT sent"
    INIT_ANSWERED = "IKE_SA_INIT answered"
    AUTHORIZING = "waiting for the key"
    AUTH_SENT = "IKE_AUTH sent"
    ESTABLISHED = "established"
    DELETING = "deleting"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Resources:
    """What all SAs of an endpoint draw on."""

    entropy: Entropy
    spis: SpiPool
    limits: Limits
    handlers: Mapping[tuple["State", int], "Handler"]


class OwnExchange(Protocol):
    """A request of ours: what to send, and what its answer, or none, means."""

    kind: Exchange

    def payloads(self, sa: "IkeSa") -> tuple[Payload, ...]:
        """Return what the request says."""
        ...

    def on_response(self, sa: "IkeSa", message: Message, now: float) -> list[Action]:
        """Take the answer."""
        ...

    def on_silence(self, sa: "IkeSa", now: float) -> list[Action]:
        """Take it that there is no answer."""
        ...


class Waiting:
    """What an SA waits for besides answers; this one, the default, waits for nothing."""

    def on_cookie(self, _sa: "IkeSa", _message: Message, _path: Path) -> list[Action]:
        """Take the peer's IKE_SA_INIT request once more, with a good cookie now."""
        return [Dropped("message_id", "another IKE_SA_INIT under the SPI of one answered")]

    def on_request(self, _sa: "IkeSa", _message: Message, _now: float) -> list[Action]:
        """Take the peer's IKE_AUTH request."""
        return [Dropped("not_waiting")]

    def configured(self, _sa: "IkeSa", _profiles: tuple[Profile, ...], _now: float) -> list[Action]:
        """Take it that the connections are now these."""
        return []

    def authorized(self, _sa: "IkeSa", _psk: Secret, _now: float) -> list[Action]:
        """Go on with this key."""
        return [Dropped("not_waiting")]

    def refused(self, _sa: "IkeSa", _now: float) -> list[Action]:
        """End: there is no key."""
        return [Dropped("not_waiting")]


class IkeSa:
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
        self.resources = resources
        self.spis = spis
        self.initiator = initiator
        self.sa = spis[0] if initiator else spis[1]
        self.path = path
        self.back = path  # where the request under work came from: its answer goes there
        self.profile = profile
        self.connection = profile.name if initiator else ""  # a responder learns it in IKE_AUTH
        self.state = State.INIT_SENT if initiator else State.INIT_ANSWERED
        self.channel: Channel = ClearChannel()
        self.requests = RequestWindow(profile.retry)
        self.responses = ResponseWindow()
        self.queue: deque[OwnExchange] = deque()  # the first is under way while the window is shut
        self.waiting: Waiting = Waiting()
        self.children: dict[int, ChildSpec] = {}  # by our inbound SPI
        self.offered_spis: set[int] = set()  # ours in the pool, and no child has them yet
        self.started_at = now
        self.established_at = NEVER
        self.initial_contact = False  # the peer said that it has no other SA with us
        self.alone = True  # no other SA or attempt with this peer: INITIAL_CONTACT may be said
        self.nonces = (b"", b"")
        self.nat_here = False
        self.nat_there = False
        self.icmp = ""  # what the network said of our datagrams: evidence, never a fact
        self.heard_at = now
        self.expires_at = NEVER  # half-open, lingering or doomed until then
        self.doom = Reason.DELETED
        self.reauth_at = NEVER
        self.lifetime_ends_at = NEVER
        self.keepalive_at = NEVER

    # -- datagrams ------------------------------------------------------------------------------
    def handle_datagram(
        self, header: Header, datagram: bytes, path: Path, now: float
    ) -> list[Action]:
        """Take a datagram that carries this SA's SPIs."""
        if not header.response and self.responses.is_repeat(datagram):
            return self._repeat(path)
        if self.state is State.CLOSED:
            return [Dropped("closed")]
        if header.response:
            if not self.requests.expects(header.message_id):
                return [Dropped("unexpected_response", f"message ID {header.message_id}")]
            if header.exchange != self.queue[0].kind:
                return [Dropped("unexpected_response", f"exchange {header.exchange}")]
        elif header.message_id != self.responses.expected:
            return [Dropped("message_id", f"{header.message_id}, not {self.responses.expected}")]
        elif (self.state, header.exchange) not in self.resources.handlers:
            return [Dropped("unexpected_request", f"exchange {header.exchange} {self.state.name}")]
        try:
            message = self.channel.open(datagram, header)
        except IntegrityError as error:
            return [Dropped("integrity", str(error))]
        except MalformedInside as error:
            return self._on_authentic_nonsense(header, datagram, str(error), path, now)
        except Malformed as error:
            return [Dropped("malformed", str(error))]
        traced = self.trace_received(message, path)
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
        return [traced, *moved, *self._on_request(message, datagram, now)]

    def _repeat(self, path: Path) -> list[Action]:
        if not self.responses.response:
            return [Dropped("repeat", "its answer is being worked on")]
        return [Send(self.responses.response, path)]

    def _on_request(self, message: Message, datagram: bytes, now: float) -> list[Action]:
        self.responses.accept(datagram)
        critical = unknown_critical(message)
        if critical is not None:
            refusal = Notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, bytes((critical,)))
            return self.answer(message.header, (refusal,), now)
        return self.resources.handlers[self.state, message.header.exchange](self, message, now)

    def _on_response(self, message: Message, now: float) -> list[Action]:
        exchange = self.queue[0]
        if message.protected:  # a forged answer in clear must not end the exchange
            self.finish_request()
        if self.state is State.DELETING and self.queue:  # this one has lost its point
            return self._start_next(now)
        actions = exchange.on_response(self, message, now)
        return [*actions, *self._start_next(now)]

    def _on_authentic_nonsense(
        self, header: Header, datagram: bytes, why: str, path: Path, now: float
    ) -> list[Action]:
        """Answer a peer that broke the syntax under a good ICV (RFC 7296 section 2.21.3)."""
        broken = diagnose(1, Code.INVALID_SYNTAX, evidence=why)
        actions: list[Action] = [Dropped("malformed", why), self.fail(broken)]
        if header.response:
            self.finish_request()
            return [*actions, *self.close(Reason.FAILED, now)]
        self.responses.accept(datagram)
        self.back = path
        actions += self.answer(header, (Notify(NotifyType.INVALID_SYNTAX),), now)
        return [*actions, *self.close(Reason.FAILED, now)]

    def _heard(self, message: Message, path: Path, now: float) -> list[Action]:
        """Note that the peer lives, and follow it to a new address or port (section 2.23).

        Only ids inside the window come here, so a replayed datagram moves nothing; an end behind
        a NAT does not follow, for its own mapping would be lost.
        """
        self.heard_at = now
        if path == self.path or message.header.response:
            return []
        if self.nat_here and self.state is not State.INIT_ANSWERED:
            return []
        return self.move(path)

    def move(self, path: Path) -> list[Action]:
        """Talk to the peer on another path from now on, its children too."""
        self.path = path
        moved: list[Action] = []
        for spi, spec in self.children.items():
            self.children[spi] = replace(spec, path=path)
            moved.append(MoveChild(spi, path))
        return moved

    # -- our requests ---------------------------------------------------------------------------
    def start(self, exchange: OwnExchange, now: float) -> list[Action]:
        """Put a request into the queue; it is sent when the window opens."""
        if len(self.queue) >= _QUEUE_LIMIT or self.state is State.CLOSED:
            return [Dropped("queue_full" if self.queue else "closed", exchange.kind.name)]
        self.queue.append(exchange)
        return self._start_next(now)

    def _start_next(self, now: float) -> list[Action]:
        if not self.queue or not self.requests.open or self.state is State.CLOSED:
            return []
        return self.send_request(now)

    def send_request(self, now: float) -> list[Action]:
        """Send what stands first in the queue."""
        exchange = self.queue[0]
        header = self._header(exchange.kind, self.requests.next_id, response=False)
        payloads = exchange.payloads(self)
        datagram = self.channel.seal(header, payloads)
        self.requests.start(datagram, now, self.patience)
        return [Send(datagram, self.path), self._trace_sent(header, payloads, datagram)]

    @property
    def patience(self) -> float:
        """How long a request waits for its answer, in seconds."""
        if self.state is State.DELETING:
            return _FAREWELL
        live = self.state is State.ESTABLISHED
        return self.profile.dpd_timeout if live else self.profile.try_timeout

    def finish_request(self) -> None:
        """Close the request under way: it was answered."""
        self.requests.finish()
        self.queue.popleft()

    def retransmit(self, now: float) -> list[Action]:
        """Send the request under way again, or give up on it."""
        if now < self.requests.deadline:
            return [
                Send(self.requests.again(now), self.path),
                Traced(Retransmitted(self.connection, self.sa)),
            ]
        exchange = self.queue[-1 if self.state is State.DELETING else 0]
        return exchange.on_silence(self, now)

    # -- answers --------------------------------------------------------------------------------
    def answer(self, header: Header, payloads: tuple[Payload, ...], _now: float) -> list[Action]:
        """Answer the request accepted last, to where it came from (section 2.11)."""
        answer = self._header(header.exchange, header.message_id, response=True)
        datagram = self.channel.seal(answer, payloads)
        self.responses.answer(datagram)
        told = self._traced(answer, labels(payloads), datagram, self.back, sent=True)
        return [Send(datagram, self.back), told]

    def _header(self, exchange: int, message_id: int, *, response: bool) -> Header:
        return Header(*self.spis, exchange, message_id, self.initiator, response)

    # -- state ----------------------------------------------------------------------------------
    def offer_spi(self, now: float) -> int:
        """Return an inbound SPI for a child to be; it goes back to the pool if none comes of it."""
        spi = self.resources.spis.take(now)
        self.offered_spis.add(spi)
        return spi

    def become(self, state: State, why: str) -> Traced:
        """Go to another state."""
        old, self.state = self.state, state
        return Traced(StateChanged(self.connection, self.sa, old.value, state.value, why))

    def fail(self, diagnosis: Diagnosis) -> Failed:
        """Say why the negotiation failed."""
        return Failed(self.connection, self.sa, self.initiator, diagnosis)

    def remove_children(self, now: float) -> list[Action]:
        """Take all children down, and take back what was offered for one."""
        actions: list[Action] = []
        for spi in self.offered_spis:
            self.resources.spis.free(spi, now)
        self.offered_spis.clear()
        for spi in self.children:
            self.resources.spis.free(spi, now)
            actions += [RemoveChild(spi), ChildClosed(self.sa, self.connection, spi)]
        self.children.clear()
        return actions

    def close(self, reason: Reason, now: float) -> list[Action]:
        """End the SA at once; it lingers only to repeat its last answer."""
        if self.state is State.CLOSED:
            return []
        changed = self.become(State.CLOSED, reason.value)
        self.requests.stop()
        self.queue.clear()
        self.waiting = Waiting()
        self.keepalive_at = self.reauth_at = self.lifetime_ends_at = NEVER
        self.expires_at = now + self.resources.limits.half_open_timeout
        gone = self.remove_children(now)
        return [*gone, changed, Closed(self.sa, self.connection, self.initiator, reason)]

    # -- trace ----------------------------------------------------------------------------------
    def _trace_sent(self, header: Header, payloads: tuple[Payload, ...], datagram: bytes) -> Traced:
        return self._traced(header, labels(payloads), datagram, self.path, sent=True)

    def trace_received(self, message: Message, path: Path) -> Traced:
        """Return the record of a message that came in."""
        return self._traced(message.header, labels(message.payloads), message.raw, path, sent=False)

    def _traced(
        self, header: Header, names: tuple[str, ...], datagram: bytes, path: Path, *, sent: bool
    ) -> Traced:
        return Traced(
            MessageTraced(
                self.connection,
                self.sa,
                sent,
                Exchange(header.exchange).name,
                header.response,
                header.message_id,
                names,
                datagram,
                path,
            )
        )


Handler = Callable[[IkeSa, Message, float], list[Action]]
