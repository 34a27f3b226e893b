"""Message IDs and retransmission (RFC 7296 sections 2.1 to 2.3), window size 1 both ways."""

from dataclasses import dataclass, field
from typing import Final

from ikecore.retry import RetryPlan

NEVER: Final = float("inf")


@dataclass(slots=True)
class RequestWindow:
    """Our requests: at most one is under way.

    ``due`` is when to look again (a retransmission, or the deadline), ``NEVER`` when idle.
    """

    plan: RetryPlan
    next_id: int = 0
    sent: bytes = b""
    due: float = NEVER
    deadline: float = NEVER
    started: float = 0.0
    _attempt: int = 0

    @property
    def open(self) -> bool:
        """Return whether a request may start."""
        return not self.sent

    def start(self, request: bytes, now: float, patience: float) -> None:
        """Note a request just sent; it is given up after ``patience`` seconds."""
        if self.sent:
            raise RuntimeError("a request is under way")
        self.sent, self.started, self._attempt = request, now, 0
        self.deadline = now + patience
        self.due = min(self.deadline, now + self.plan.wait(0))

    def expects(self, message_id: int) -> bool:
        """Return whether a response with this ID would answer the request under way."""
        return bool(self.sent) and message_id == self.next_id

    def finish(self) -> None:
        """Close the request under way: it was answered."""
        self.next_id += 1
        self.stop()

    def stop(self) -> None:
        """Forget the request under way; its ID stays (IKE_SA_INIT is sent anew under 0)."""
        self.sent, self.due, self.deadline = b"", NEVER, NEVER

    def again(self, now: float) -> bytes:
        """Return the request to send again, and plan the next time."""
        self._attempt += 1
        self.due = min(self.deadline, now + self.plan.wait(self._attempt))
        return self.sent

    def hurry(self, deadline: float) -> None:
        """Bring the deadline forward: unauthenticated word came that there is no hope."""
        self.deadline = min(self.deadline, deadline)
        self.due = min(self.due, self.deadline)

    def extend(self, deadline: float) -> None:
        """Put the deadline off: the peer was heard meanwhile."""
        self.deadline = deadline


@dataclass(slots=True)
class ResponseWindow:
    """The peer's requests: answer each ID once, and the same octets with the same octets."""

    expected: int = 0
    _request: bytes = field(default=b"", repr=False)
    _response: bytes = field(default=b"", repr=False)

    def is_repeat(self, datagram: bytes) -> bool:
        """Return whether ``datagram`` is the last request once more, octet for octet."""
        return bool(self._request) and datagram == self._request

    @property
    def response(self) -> bytes:
        """Return the answer to the last request; empty while it is being worked on."""
        return self._response

    def accept(self, request: bytes) -> None:
        """Note a request whose answer comes later (an authorization is asked for)."""
        self.expected += 1
        self._request, self._response = request, b""

    def reword(self, request: bytes) -> None:
        """Note that the request accepted last now comes in these octets; its answer stays."""
        self._request = request

    def answer(self, response: bytes) -> None:
        """Keep the answer to the request accepted last."""
        self._response = response
