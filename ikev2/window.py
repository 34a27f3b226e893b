"""Message IDs and retransmission (RFC 7296 sections 2.1 to 2.3).

Both windows are one message wide until SET_WINDOW_SIZE says more.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from ikecore.retry import RetryPlan
from ikev2.payloads.chain import Payload

NEVER: Final = float("inf")
WIDEST: Final = 16  # requests of ours under way at once, whatever the peer allows
E = TypeVar("E")


@dataclass(slots=True)
class Flight(Generic[E]):
    """One request of ours under way.  ``datagrams`` are more than one when it was fragmented."""

    message_id: int
    exchange: E
    payloads: tuple[Payload, ...]  # to cut it smaller if need be
    datagrams: tuple[bytes, ...]
    started: float
    deadline: float
    due: float
    attempt: int = 0


@dataclass(slots=True)
class RequestWindow(Generic[E]):
    """Our requests under way, oldest first; ``size`` is how many the peer takes at a time."""

    plan: RetryPlan
    size: int = 1
    next_id: int = 0
    _flights: dict[int, Flight[E]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Flight[E]]:
        return iter(tuple(self._flights.values()))

    def __len__(self) -> int:
        return len(self._flights)

    @property
    def is_open(self) -> bool:
        """Return whether another request may start (section 2.3)."""
        return not self._flights or self.next_id < next(iter(self._flights)) + self.size

    @property
    def due(self) -> float:
        """Return when to look again (a retransmission, or a deadline); NEVER when idle."""
        return min((flight.due for flight in self._flights.values()), default=NEVER)

    @property
    def started(self) -> float:
        """Return when the oldest request under way was sent first; NEVER when idle."""
        return next((flight.started for flight in self._flights.values()), NEVER)

    def start(
        self,
        exchange: E,
        payloads: tuple[Payload, ...],
        datagrams: tuple[bytes, ...],
        now: float,
        patience: float,
    ) -> None:
        """Note a request just sent under ``next_id``; it is given up after ``patience`` seconds."""
        if not self.is_open:
            raise RuntimeError("the window is full")
        deadline = now + patience
        due = min(deadline, now + self.plan.wait(0))
        flight = Flight(self.next_id, exchange, payloads, datagrams, now, deadline, due)
        self._flights[self.next_id] = flight
        self.next_id += 1

    def get(self, message_id: int) -> Flight[E] | None:
        """Return the request that a response with this ID would answer."""
        return self._flights.get(message_id)

    def finish(self, message_id: int) -> None:
        """Forget a request: it was answered."""
        self._flights.pop(message_id, None)

    def rewind(self) -> None:
        """Forget the only request under way, whose ID is used again (IKE_SA_INIT under 0)."""
        self.next_id = next(iter(self._flights), self.next_id)
        self._flights.clear()

    def stop(self) -> None:
        """Forget all that is under way."""
        self._flights.clear()

    def again(self, flight: Flight[E], now: float) -> tuple[bytes, ...]:
        """Return the datagrams to send again, and plan the next time."""
        flight.attempt += 1
        flight.due = min(flight.deadline, now + self.plan.wait(flight.attempt))
        return flight.datagrams

    def hurry(self, deadline: float) -> None:
        """Bring all deadlines forward: there is little hope, or little need."""
        for flight in self._flights.values():
            flight.deadline = min(flight.deadline, deadline)
            flight.due = min(flight.due, flight.deadline)

    def extend(self, deadline: float) -> None:
        """Put all deadlines off: the peer was heard meanwhile."""
        for flight in self._flights.values():
            flight.deadline = max(flight.deadline, deadline)


@dataclass(slots=True)
class _Taken:
    """A request of the peer, and its answer once there is one."""

    request: tuple[bytes, ...] = field(repr=False)
    response: tuple[bytes, ...] = field(default=(), repr=False)
    payloads: tuple[Payload, ...] = ()  # of the answer, to cut it smaller if need be
    repeats: int = 0


@dataclass(slots=True)
class ResponseWindow:
    """The peer's requests: answer each ID once, and the same octets with the same octets.

    ``expected`` is the lowest ID that did not come yet; ``size`` how many of ours the peer may
    have under way.
    """

    size: int = 1
    expected: int = 0
    _taken: dict[int, _Taken] = field(default_factory=dict)

    def admits(self, message_id: int) -> bool:
        """Return whether a request with this ID is new and inside the window."""
        inside = self.expected <= message_id < self.expected + self.size
        return inside and message_id not in self._taken

    def has_taken(self, message_id: int) -> bool:
        """Return whether this ID was taken, and its answer is still known."""
        return message_id in self._taken

    def is_repeat(self, message_id: int, datagram: bytes) -> bool:
        """Return whether ``datagram`` is the request once more, octet for octet.

        Of a fragmented one the first fragment counts for the whole (RFC 7383 section 2.6.1).
        """
        taken = self._taken.get(message_id)
        return taken is not None and datagram == taken.request[0]

    def response(self, message_id: int) -> tuple[bytes, ...]:
        """Return the answer given under an ID; empty while it is being worked on."""
        taken = self._taken.get(message_id)
        return () if taken is None else taken.response

    def accept(self, message_id: int, *request: bytes) -> None:
        """Note a request whose answer comes now or later (an authorization is asked for)."""
        self._taken[message_id] = _Taken(request[:1])  # the first fragment stands for all
        while self.expected in self._taken:
            self.expected += 1
        for old in [one for one in self._taken if one < self.expected - self.size]:
            del self._taken[old]

    def reword(self, message_id: int, request: bytes) -> None:
        """Note that a request accepted before now comes in these octets; its answer stays."""
        self._taken[message_id].request = (request,)

    def answer(self, message_id: int, *response: bytes, payloads: tuple[Payload, ...] = ()) -> None:
        """Keep the answer to a request accepted before."""
        taken = self._taken.get(message_id)
        if taken is not None:
            taken.response, taken.payloads = response, payloads

    def count_repeat(self, message_id: int) -> tuple[int, tuple[Payload, ...]]:
        """Return how often a request has come again by now, and what its answer says."""
        taken = self._taken[message_id]
        taken.repeats += 1
        return taken.repeats, taken.payloads
