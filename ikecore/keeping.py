"""What the endpoints of both IKE versions have in common: their table, and who acts in it."""

import traceback
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from ikecore.actions import Action, Broken, Failed, Reason
from ikecore.diagnosis import Code, Diagnosis, diagnose
from ikecore.halfopen import HalfOpen
from ikecore.profile import Limits
from ikecore.table import Sa, SaTable, Standing
from policy.path import Path


class Kept(Sa, Protocol):
    """An SA that can be made to end."""

    def fail(self, diagnosis: Diagnosis) -> Failed:
        """Say why it failed."""
        ...

    def close(self, reason: Reason, now: float) -> list[Action]:
        """End at once."""
        ...


S = TypeVar("S", bound=Kept)


class Keeping(Generic[S]):
    """Keep the SAs of one endpoint within its limits, and answer for them."""

    def __init__(
        self,
        limits: Limits | None,
        standing: Callable[[S], Standing],
        wakes_at: Callable[[S], float],
    ) -> None:
        self._limits = limits if limits is not None else Limits()
        self._half_open = HalfOpen(self._limits)
        self._sas = SaTable[S](self._half_open, standing, wakes_at)

    @property
    def half_open(self) -> int:
        """Return how many peers are not authenticated yet."""
        return self._half_open.total

    def has_sa(self, sa: bytes) -> bool:
        """Tell whether the SA with this SPI of ours is known here."""
        return sa in self._sas

    def has_child(self, spi: int) -> bool:
        """Tell whether the child with this inbound SPI is known here."""
        return self._sas.of_child(spi) is not None

    def path_of(self, sa: bytes) -> Path | None:
        """Return where an SA's peer is now: it may have moved since it was established."""
        found = self._sas.get(sa)
        return None if found is None else found.path

    def next_timeout(self) -> float | None:
        """Return when time does something to an SA next, or None."""
        return self._sas.next_due()

    def _let_act(self, sa: S, what: Callable[[S], list[Action]], now: float) -> list[Action]:
        """Let one SA act; whatever escapes it closes it, and it alone."""
        try:
            return what(sa)
        except Exception:
            broken = Broken(sa.sa, sa.connection, traceback.format_exc())
            failed = sa.fail(diagnose(1, Code.INTERNAL_ERROR))
            return [broken, failed, *sa.close(Reason.INTERNAL_ERROR, now)]
