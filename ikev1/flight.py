"""Retransmission, repeats and IVs of one exchange (RFC 2408 section 5.1, RFC 2409 appendix B).

A message that was taken is known by its digest: the same octets again are a repeat, and get our
last message once more where the exchange wants that.  Only a message that was taken moves the IV
on, so that forged octets cannot put the two ends out of step.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final

from ikecore.retry import RetryPlan
from ikecore.timetable import NEVER
from ikev1.exchange import Negotiation

_REPEATS: Final = 20  # answers to one message that came again and again


def digest(datagram: bytes) -> bytes:
    """Return what a message is known by."""
    return hashlib.sha256(datagram).digest()


@dataclass(slots=True)
class Flight:
    """One exchange under way, or over and kept for the peer's repeats until ``forget_at``."""

    message_id: int
    negotiation: Negotiation
    plan: RetryPlan
    started: float
    ours: bool = True  # we began the exchange
    iv: bytes = field(default=b"", repr=False)  # for the next message, either way
    sent: tuple[bytes, ...] = field(default=(), repr=False)  # our last message
    taken: bytes = b""  # digest of the last message that we took
    looked_at: tuple[bytes, bytes] = field(default=(b"", b""), repr=False)  # digest, IV after it
    deadline: float = NEVER  # until when the next message is waited for
    due: float = NEVER  # when our last one goes out again
    forget_at: float = NEVER
    attempt: int = 0
    repeats: int = 0
    is_over: bool = False

    def look_at(self, datagram: bytes, iv: bytes) -> None:
        """Note the message that is being judged, and the IV that follows it."""
        self.looked_at = digest(datagram), iv

    def take(self) -> None:
        """Accept the message looked at: what we sent is answered."""
        self.taken, iv = self.looked_at
        self.iv = iv or self.iv
        self.due = self.deadline = NEVER
        self.attempt = self.repeats = 0

    def is_repeat(self, datagram: bytes) -> bool:
        """Return whether a message is the one taken last, octet for octet."""
        return bool(self.taken) and digest(datagram) == self.taken

    def may_repeat(self) -> bool:
        """Count a repeat; return whether it still gets an answer."""
        self.repeats += 1
        return bool(self.sent) and self.repeats <= _REPEATS

    def say(self, datagrams: tuple[bytes, ...], now: float, patience: float) -> None:
        """Note a message just sent, which goes out again until it is answered."""
        self.sent = datagrams
        self.attempt = 0
        self.deadline = now + patience
        self.due = min(self.deadline, now + self.plan.wait(0))

    def say_once(self, datagrams: tuple[bytes, ...], now: float, patience: float) -> None:
        """Note a message just sent, which goes out again only when the peer repeats its own."""
        self.sent = datagrams
        self.due = self.deadline = now + patience

    def again(self, now: float) -> tuple[bytes, ...]:
        """Return the datagrams to send again, and plan the next time."""
        self.attempt += 1
        self.due = min(self.deadline, now + self.plan.wait(self.attempt))
        return self.sent

    def hurry(self, deadline: float) -> None:
        """Bring the deadline forward: there is little hope."""
        self.deadline = min(self.deadline, deadline)
        self.due = min(self.due, self.deadline)

    def end(self, forget_at: float) -> None:
        """Be over; what comes again is answered until then."""
        self.is_over = True
        self.due = self.deadline = NEVER
        self.forget_at = forget_at
