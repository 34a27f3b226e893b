"""How often something failed in a row, and when it is tried again."""

from typing import Final

from ikebana.config.compile import Tries
from ikecore.entropy import Entropy
from ikecore.timetable import NEVER

AT_ONCE: Final = 0.0
"""A time that has come on every clock."""
_JITTER: Final = 0.1


class Attempts:
    """The tries of one thing: an IKE SA, or a child on it.

    ``at`` is when the next one is due, ``NEVER`` when none is planned; ``failures`` those in a row.
    """

    __slots__ = ("_entropy", "_plan", "at", "failures")

    def __init__(self, plan: Tries, entropy: Entropy) -> None:
        self._plan = plan
        self._entropy = entropy
        self.at = NEVER
        self.failures = 0

    @property
    def is_planned(self) -> bool:
        """Return whether another try will come."""
        return self.at < NEVER

    @property
    def has_failed(self) -> bool:
        """Return whether the first tries are over: the state says failed."""
        return self._plan.is_failed(self.failures)

    def fail(self, now: float) -> None:
        """Take it that a try failed, and plan the next; the long pauses are spread by a tenth."""
        self.failures += 1
        pause = self._plan.wait(self.failures)
        self.at = now + (self._spread(pause) if self.has_failed else pause)

    def put_off(self, now: float) -> None:
        """Try again after the long pause; that there was a failure does not count."""
        self.at = now + self._spread(self._plan.interval)

    def rest(self) -> None:
        """Plan no try."""
        self.at = NEVER

    def forget(self) -> None:
        """Take it that it worked: no failures, and no try to come."""
        self.failures, self.at = 0, NEVER

    def _spread(self, seconds: float) -> float:
        draw = self._entropy.octets(1)[0] / 255
        return seconds * (1 - _JITTER + 2 * _JITTER * draw)
