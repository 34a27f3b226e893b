"""What an SA of either IKE version holds: a state, children, SPIs that none has yet."""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Generic, Protocol, TypeVar

from ikecore.actions import Action, ChildClosed, Failed, Reason, RemoveChild, Traced
from ikecore.child import ChildSpec
from ikecore.diagnosis import Diagnosis
from ikecore.profile import ChildProfile
from ikecore.spipool import SpiPool
from ikecore.trace import StateChanged

LINGER: Final = 5.0  # seconds in which packets that were on their way are still taken


@dataclass(slots=True)
class BookedChild:
    """A child in an SA's books, as far as both versions have the same of it.

    ``wanted`` is which of the connection's children it is; ``nonce`` the lowest that it was made
    with, and ``initiator`` whether we began that exchange: they decide between two made at once.
    """

    spec: ChildSpec
    wanted: ChildProfile
    nonce: bytes
    initiator: bool

    @property
    def spi(self) -> int:
        """Return the inbound SPI, under which it is known here."""
        return self.spec.inbound_spi

    def change(self, **changes: object) -> None:
        """Replace fields of what the worker has."""
        self.spec = replace(self.spec, **changes)  # type: ignore[arg-type]  # its own fields


class HeldChild(Protocol):
    """A child in an SA's books."""

    wanted: ChildProfile
    is_told: bool

    @property
    def spi(self) -> int:
        """Return its inbound SPI."""
        ...


C = TypeVar("C", bound=HeldChild)
E = TypeVar("E", bound=Enum)


class Holder(Generic[C, E]):
    """The part of an SA that is the same for both versions; ``sa`` is our SPI."""

    sa: bytes
    connection: str
    initiator: bool
    state: E

    def __init__(self, pool: SpiPool) -> None:
        self.children: dict[int, C] = {}  # by our inbound SPI
        self.offered_spis: set[int] = set()  # ours in the pool, and no child has them yet
        self._pool = pool

    def offer_spi(self, now: float) -> int:
        """Return an inbound SPI for a child to be; it goes back to the pool if none comes of it."""
        spi = self._pool.take(now)
        self.offered_spis.add(spi)
        return spi

    def take_back(self, spi: int, now: float) -> None:
        """Give an SPI back to the pool: no child came of it."""
        self.offered_spis.discard(spi)
        self._pool.free(spi, now)

    def become(self, state: E, why: str) -> Traced:
        """Go to another state."""
        old, self.state = self.state, state
        return Traced(StateChanged(self.connection, self.sa, old.value, state.value, why))

    def fail(self, diagnosis: Diagnosis, child: ChildProfile | None = None) -> Failed:
        """Say why the negotiation failed; with ``child`` only that of one child."""
        return Failed(self.connection, self.sa, self.initiator, diagnosis, child)

    def drop_child(self, child: C, reason: Reason, now: float) -> list[Action]:
        """Take one child down at once, without a word to the peer."""
        del self.children[child.spi]
        self._pool.free(child.spi, now)
        if not child.is_told:
            return [RemoveChild(child.spi)]
        gone = ChildClosed(self.sa, self.connection, child.spi, reason, child.wanted)
        return [RemoveChild(child.spi), gone]

    def remove_children(self, reason: Reason, now: float) -> list[Action]:
        """Take all children down, and take back what was offered for one."""
        actions: list[Action] = []
        for spi in tuple(self.offered_spis):
            self.take_back(spi, now)
        for child in tuple(self.children.values()):
            actions += self.drop_child(child, reason, now)
        return actions
