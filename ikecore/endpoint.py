"""What the runner and the daemon know of an IKE version: one endpoint of it."""

from typing import Protocol

from ikecore.actions import Action
from ikecore.events import Event
from policy.path import Path


class Endpoint(Protocol):
    """All IKE SAs in one process, behind three calls."""

    def handle(self, event: Event, now: float) -> list[Action]:
        """Take one event; return what to do, in order.  No input raises."""
        ...

    def handle_timeout(self, now: float) -> list[Action]:
        """Do what is due at ``now`` (seconds of a clock that never goes back)."""
        ...

    def next_timeout(self) -> float | None:
        """Return when :meth:`handle_timeout` wants to be called, or None."""
        ...


class VersionEndpoint(Endpoint, Protocol):
    """All IKE SAs of one version: the three calls, and what can be asked."""

    def has_sa(self, sa: bytes) -> bool:
        """Tell whether the SA with this SPI of ours is this endpoint's."""
        ...

    def has_child(self, spi: int) -> bool:
        """Tell whether the child with this inbound SPI is this endpoint's."""
        ...

    def path_of(self, sa: bytes) -> Path | None:
        """Return where an SA's peer is now: it may have moved since it was established."""
        ...

    def knows(self, address: str) -> bool:
        """Tell whether a peer of some connection may come from ``address``."""
        ...

    @property
    def half_open(self) -> int:
        """Return how many peers are not authenticated yet."""
        ...

    @property
    def remotes(self) -> frozenset[str]:
        """Return where peers are or may be: what routes have to be known for."""
        ...
