"""What the runner knows of an IKE version: one endpoint of it."""

from typing import Protocol

from ikecore.actions import Action
from ikecore.events import Event


class Endpoint(Protocol):
    """All IKE SAs of one version in one process, behind three calls."""

    def handle(self, event: Event, now: float) -> list[Action]:
        """Take one event; return what to do, in order."""
        ...

    def handle_timeout(self, now: float) -> list[Action]:
        """Do what is due at ``now`` (seconds of a clock that never goes back)."""
        ...

    def next_timeout(self) -> float | None:
        """Return when :meth:`handle_timeout` wants to be called, or None."""
        ...
