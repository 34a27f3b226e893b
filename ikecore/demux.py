"""Both IKE versions behind one endpoint: whose a datagram, an SA or a child is.

datagram ─► major version ─► that version's endpoint, IKEv2's for any other (RFC 7296 2.5)
event    ─► whose SA or child it names; else all hear it
"""

from collections.abc import Iterator, Mapping
from typing import Final

from ikecore.actions import Action, Dropped, Failed
from ikecore.diagnosis import Code, diagnose
from ikecore.endpoint import VersionEndpoint
from ikecore.events import (
    AddressesChanged,
    AskedOf,
    ChildEvent,
    ChildrenHeard,
    CloseAllWanted,
    Configured,
    DatagramReceived,
    Event,
    Initiate,
    Unreachable,
)
from policy.path import Path

_VERSION: Final = 17  # the octet of the header, the major version in its upper half
_NEWEST: Final = 2


class Demux:
    """An :class:`~ikecore.endpoint.VersionEndpoint` made of several, by major version.

    IKEv2's is always there.  A connection that wants a version which is not fails by its own.
    """

    def __init__(self, endpoints: Mapping[int, VersionEndpoint]) -> None:
        self._by_major = dict(endpoints)
        self._newest = self._by_major[_NEWEST]

    def __iter__(self) -> Iterator[VersionEndpoint]:
        return iter(self._by_major.values())

    def add(self, major: int, endpoint: VersionEndpoint) -> None:
        """Take another version into service."""
        self._by_major[major] = endpoint

    def speaks(self, major: int) -> bool:
        """Tell whether this version is in service."""
        return major in self._by_major

    # -- the three calls ------------------------------------------------------------------------
    def handle(self, event: Event, now: float) -> list[Action]:
        """Take one event; return what to do, in order."""
        match event:
            case DatagramReceived():
                return self._of_datagram(event.data).handle(event, now)
            case Initiate():
                return self._initiate(event, now)
            case Configured() | CloseAllWanted() | AddressesChanged() | ChildrenHeard():
                return [a for one in self for a in one.handle(event, now)]
            case Unreachable():
                return [a for one in self for a in one.handle(event, now)]
            case _:
                return self._tell_owner(event, now)

    def handle_timeout(self, now: float) -> list[Action]:
        """Do what is due."""
        return [a for one in self for a in one.handle_timeout(now)]

    def next_timeout(self) -> float | None:
        """Return when :meth:`handle_timeout` wants to be called, or None."""
        return min((at for one in self if (at := one.next_timeout()) is not None), default=None)

    # -- what can be asked ----------------------------------------------------------------------
    def has_sa(self, sa: bytes) -> bool:
        """Tell whether one of them has it."""
        return any(one.has_sa(sa) for one in self)

    def has_child(self, spi: int) -> bool:
        """Tell whether one of them has it."""
        return any(one.has_child(spi) for one in self)

    def path_of(self, sa: bytes) -> Path | None:
        """Return where an SA's peer is now."""
        return next((path for one in self if (path := one.path_of(sa)) is not None), None)

    def knows(self, address: str) -> bool:
        """Tell whether a peer of some connection may come from ``address``."""
        return any(one.knows(address) for one in self)

    @property
    def half_open(self) -> int:
        """Return how many peers are not authenticated yet."""
        return sum(one.half_open for one in self)

    @property
    def remotes(self) -> frozenset[str]:
        """Return where peers are or may be."""
        return frozenset[str]().union(*(one.remotes for one in self))

    # -- inside ---------------------------------------------------------------------------------
    def _of_datagram(self, data: bytes) -> VersionEndpoint:
        major = data[_VERSION] >> 4 if len(data) > _VERSION else _NEWEST
        return self._by_major.get(major, self._newest)

    def _initiate(self, event: Initiate, now: float) -> list[Action]:
        version = event.profile.version
        majors = sorted((m for m in (1, 2) if version.speaks(m)), reverse=True)
        for major in majors:
            if major in self._by_major:
                return self._by_major[major].handle(event, now)
        missing = diagnose(1, Code.IKE_VERSION_MISMATCH, str(version), "not in this installation")
        return [Failed(event.profile.name, b"", True, missing)]

    def _tell_owner(self, event: AskedOf | ChildEvent, now: float) -> list[Action]:
        if isinstance(event, ChildEvent):
            owner = next((one for one in self if one.has_child(event.spi)), None)
        else:
            owner = next((one for one in self if one.has_sa(event.sa)), None)
        return [Dropped("no_sa")] if owner is None else owner.handle(event, now)
