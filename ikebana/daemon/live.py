"""The IKE SAs of one connection: which are up, which are on their way out, which one serves."""

from enum import Enum
from typing import Final

from ikecore.actions import Established
from ikecore.timetable import NEVER

_OVERLAP: Final = 2.0  # seconds for the peer to send on the new children before the old ones go


class Standing(Enum):
    """What an IKE SA was to us when it ended."""

    UNKNOWN = "unknown"  # never came up, or is another's by now
    LEAVING = "leaving"  # we wanted it gone
    DOOMED = "doomed"  # it, or its child, had failed
    SERVING = "serving"


class Live:
    """Tell it what comes up and goes; ask it for the ``home`` of new children.

    While one IKE SA is made to replace others (a renewal), it is the home as soon as it is up, and
    the others stay until it has all their children.
    """

    def __init__(self) -> None:
        self._up: dict[bytes, Established] = {}
        self._leaving: set[bytes] = set()
        self._doomed: set[bytes] = set()
        self._fruitless: set[bytes] = set()  # their child was refused, and they may end for that
        self._older: set[bytes] = set()  # what a renewal replaces
        self._retiring: dict[bytes, float] = {}
        self._made = b""

    @property
    def sas(self) -> tuple[Established, ...]:
        """Return those that are up, oldest first; also those being deleted."""
        return tuple(self._up.values())

    @property
    def made(self) -> bytes:
        """Return the one that our own try brought, until it has a child; else b""."""
        return self._made

    @property
    def home(self) -> bytes:
        """Return where new children belong, b"" when nowhere: the newest that stays."""
        stays = (sa for sa in reversed(self._up) if sa not in self._leaving | self._doomed)
        return next(stays, b"")

    @property
    def is_renewing(self) -> bool:
        """Return whether one is to take the place of others."""
        return bool(self._older)

    @property
    def renewed(self) -> bytes:
        """Return the one that takes the others' place, once it is up; else b""."""
        home = self.home
        return home if self._older and home not in self._older else b""

    def has(self, sa: bytes) -> bool:
        """Return whether this one is up."""
        return sa in self._up

    def get(self, sa: bytes) -> Established | None:
        """Return this one if it is up."""
        return self._up.get(sa)

    def is_older(self, sa: bytes) -> bool:
        """Return whether a renewal is to replace this one."""
        return sa in self._older

    # -- what happens to them -------------------------------------------------------------------
    def add(self, established: Established, *, ours: bool) -> None:
        """Take one that came up; ``ours``: our own try brought it."""
        self._up[established.sa] = established
        if ours:
            self._made = established.sa

    def rekeyed(self, established: Established) -> None:
        """Let one take the place of the one it was rekeyed from."""
        old, new = established.replaces, established.sa
        self._up = {(new if sa == old else sa): up for sa, up in self._up.items()}
        self._up[new] = established
        self._made = new if self._made == old else self._made
        for some in (self._leaving, self._doomed, self._fruitless, self._older):
            if old in some:
                some.remove(old)
                some.add(new)
        if old in self._retiring:
            self._retiring[new] = self._retiring.pop(old)

    def prosper(self, sa: bytes) -> None:
        """Take it that one has a child."""
        self._fruitless.discard(sa)
        self._made = b"" if sa == self._made else self._made

    def refuse(self, sa: bytes) -> None:
        """Take it that one has no child because that was refused."""
        if sa in self._up:
            self._fruitless.add(sa)
        self._made = b"" if sa == self._made else self._made

    def doom(self, sa: bytes) -> None:
        """Take it that one failed, and will end."""
        if sa in self._up:
            self._doomed.add(sa)
        self._made = b"" if sa == self._made else self._made

    def leave(self) -> None:
        """Take it that all that are up are being deleted at our wish."""
        self._leaving |= self._up.keys()
        self._older.clear()
        self._retiring.clear()
        self._made = b""

    def remove(self, sa: bytes) -> Standing:
        """Take it that one is gone; return what it was."""
        standing = Standing.SERVING if sa in self._up else Standing.UNKNOWN
        if sa in self._doomed | self._fruitless:
            standing = Standing.DOOMED
        if sa in self._leaving:
            standing = Standing.LEAVING
        self._up.pop(sa, None)
        for some in (self._leaving, self._doomed, self._fruitless, self._older):
            some.discard(sa)
        self._retiring.pop(sa, None)
        self._made = b"" if sa == self._made else self._made
        return standing

    # -- renewal --------------------------------------------------------------------------------
    def begin_renewal(self) -> None:
        """Let the next one replace those that are up."""
        self._older = self._up.keys() - self._leaving - self._doomed

    def end_renewal(self, now: float) -> None:
        """Let the older ones go in a moment: the new one has all their children."""
        self._retiring = dict.fromkeys(self._older, now + _OVERLAP)
        self._older.clear()

    def cancel_renewal(self) -> None:
        """Let the older ones stay: the next one did not come up."""
        self._older.clear()

    @property
    def retires_at(self) -> float:
        """Return when the next of the older ones has to go."""
        return min(self._retiring.values(), default=NEVER)

    def retire(self, now: float) -> list[bytes]:
        """Return those that have to go now; once."""
        due = [sa for sa, at in self._retiring.items() if at <= now]
        for sa in due:
            del self._retiring[sa]
        return due
