"""The IKE SAs of one endpoint: found by SPI, by child, by connection, by who waits next."""

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, Final, Generic, Protocol, TypeVar

from ikecore.actions import Action, InstallChild, RemoveChild
from ikecore.halfopen import HalfOpen
from ikecore.timetable import Timetable
from policy.path import Path

_LINGERING: Final = 1000  # closed SAs kept to repeat their last answer


class Standing(Enum):
    """Where an SA stands, as far as a table cares."""

    BEING_MADE = "being made"
    UP = "up"
    LIVING_ON = "lives on, and another one counts"
    ENDING = "ending"
    CLOSED = "closed"


class Sa(Protocol):
    """An SA of either IKE version; ``spis`` are (initiator's, responder's), ``sa`` is ours."""

    sa: bytes
    spis: tuple[bytes, bytes]
    path: Path
    connection: str

    @property
    def children(self) -> Mapping[int, Any]:
        """Return its children by inbound SPI."""
        ...


S = TypeVar("S", bound=Sa)
_SETTLED: Final = (Standing.UP, Standing.ENDING, Standing.CLOSED)


class SaTable(Generic[S]):
    """Every look-up and every change costs the same however many SAs there are.

    ``standing`` tells where an SA stands, ``wakes_at`` when it wants to be called.
    """

    def __init__(
        self,
        half_open: HalfOpen,
        standing: Callable[[S], Standing],
        wakes_at: Callable[[S], float],
    ) -> None:
        self._half_open = half_open
        self._standing = standing
        self._wakes_at = wakes_at
        self._sas: dict[bytes, S] = {}  # by our SPI
        self._inits: dict[tuple[bytes, str], S] = {}  # responders, by SPIi and address
        self._init_keys: dict[bytes, tuple[bytes, str]] = {}
        self._mates: dict[str, dict[bytes, None]] = {}  # live SAs of a connection
        self._owners: dict[int, bytes] = {}  # by a child's inbound SPI
        self._counted: dict[bytes, str] = {}  # half-open SAs and the address they count for
        self._tried: dict[str, dict[bytes, None]] = {}  # our attempts, by the peer's address
        self._try_at: dict[bytes, str] = {}  # that address; an SA may move before it is up
        self._closed: dict[bytes, None] = {}  # lingering, oldest first
        self._times = Timetable[bytes]()

    def __len__(self) -> int:
        return len(self._sas)

    def __iter__(self) -> Iterator[S]:
        return iter(self._sas.values())

    def __contains__(self, key: bytes) -> bool:
        return key in self._sas

    def get(self, key: bytes) -> S | None:
        """Return the SA with this SPI of ours."""
        return self._sas.get(key)

    def of_init(self, spi: bytes, address: str) -> S | None:
        """Return the SA made by an IKE_SA_INIT request from this address under this SPI."""
        return self._inits.get((spi, address))

    def of_child(self, spi: int) -> S | None:
        """Return the SA whose child has this inbound SPI."""
        return self._sas.get(self._owners.get(spi, b""))

    def mates(self, connection: str) -> list[S]:
        """Return the live SAs of a connection, attempts included."""
        return [self._sas[key] for key in self._mates.get(connection, ())]

    def tried_at(self, address: str) -> list[S]:
        """Return the SAs that we are negotiating with a peer at this address."""
        return [self._sas[key] for key in self._tried.get(address, ())]

    def add_initiator(self, sa: S) -> None:
        """Take an SA that we start."""
        self._sas[sa.sa] = sa
        self._try_at[sa.sa] = sa.path.remote[0]
        self._tried.setdefault(sa.path.remote[0], {})[sa.sa] = None
        self._mates.setdefault(sa.connection, {})[sa.sa] = None

    def add_heir(self, sa: S) -> None:
        """Take an SA that came of rekeying another one."""
        self._sas[sa.sa] = sa
        self._mates.setdefault(sa.connection, {})[sa.sa] = None

    def own(self, sa: S) -> None:
        """Note that the children of ``sa`` are its own now."""
        for spi in sa.children:
            self._owners[spi] = sa.sa

    def add_responder(self, sa: S, address: str) -> None:
        """Take a half-open SA of the peer at ``address``."""
        self._sas[sa.sa] = sa
        self._init_keys[sa.sa] = (sa.spis[0], address)
        self._inits[sa.spis[0], address] = sa
        self._counted[sa.sa] = address
        self._half_open.add(address)

    def note(self, sa: S, actions: list[Action]) -> None:
        """Keep the books after ``sa`` did something."""
        for action in actions:
            if isinstance(action, InstallChild):
                self._owners[action.spec.inbound_spi] = sa.sa
            elif isinstance(action, RemoveChild):
                self._owners.pop(action.spi, None)
        standing = self._standing(sa)
        if standing in _SETTLED:
            self._end_try(sa)
        if standing is Standing.UP:
            self._mates.setdefault(sa.connection, {})[sa.sa] = None
            self._uncount(sa)
        elif standing is Standing.CLOSED and sa.sa not in self._closed:
            self._uncount(sa)
            self._leave(sa)
            self._closed[sa.sa] = None
            while len(self._closed) > _LINGERING:
                self.forget(self._sas[next(iter(self._closed))])
        self.schedule(sa)

    def forget(self, sa: S) -> None:
        """Drop an SA for good."""
        self._uncount(sa)
        self._leave(sa)
        self._closed.pop(sa.sa, None)
        self._end_try(sa)
        self._times.cancel(sa.sa)
        self._sas.pop(sa.sa, None)
        init = self._init_keys.pop(sa.sa, None)
        if init is not None:
            self._inits.pop(init, None)

    def _end_try(self, sa: S) -> None:
        address = self._try_at.pop(sa.sa, "")
        tried = self._tried.get(address, {})
        tried.pop(sa.sa, None)
        if not tried:
            self._tried.pop(address, None)

    def _uncount(self, sa: S) -> None:
        address = self._counted.pop(sa.sa, None)
        if address is not None:
            self._half_open.remove(address)

    def _leave(self, sa: S) -> None:
        mates = self._mates.get(sa.connection)
        if mates is not None:
            mates.pop(sa.sa, None)
            if not mates:
                del self._mates[sa.connection]

    # -- timers ---------------------------------------------------------------------------------
    def schedule(self, sa: S) -> None:
        """Plan when ``sa`` wants to be called next."""
        if sa.sa in self._sas:
            self._times.plan(sa.sa, self._wakes_at(sa))

    def next_due(self) -> float | None:
        """Return when the next SA wants to be called."""
        return self._times.next_due()

    def pop_due(self, now: float) -> S | None:
        """Return one SA that is due, or None."""
        key = self._times.pop_due(now)
        return None if key is None else self._sas[key]
