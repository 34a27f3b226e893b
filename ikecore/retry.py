"""When a request is sent again, and when the peer is given up (RFC 7296 section 2.4)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """Exponential waits: ``first`` seconds, then each ``factor`` times the one before.

    ``longest`` bounds a single wait.  Giving up is the exchange's deadline, not the plan's: how
    often a request is sent and how long a peer may be silent are two settings.
    """

    first: float = 0.5
    factor: float = 1.8
    longest: float = 20.0

    def wait(self, attempt: int) -> float:
        """Return the wait in seconds after sending number ``attempt`` (0 is the first)."""
        return float(min(self.longest, self.first * self.factor ** min(attempt, 64)))
