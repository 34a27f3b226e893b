"""The log: a bounded memory of lines, whoever follows it, and the daemon's standard error."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TextIO

from ikebana.cli.paint import Paint
from ikebana.cli.screens import PLAIN, log_line
from ikebana.control.view import Level, LogLine
from ikebana.daemon.tell import tell_record
from ikebana.render.text import clean
from ikecore.trace import KeysDerived, MessageTraced, Record

_KEPT: Final = 5000
_OF_ONE: Final = 500  # of one connection
_LONG: Final = 1500  # octets of a message: a few thousand that long may be kept
_BEHIND: Final = 1000  # lines kept for a follower that does not keep up


class Journal:
    """Write lines; read those kept; follow those to come."""

    def __init__(
        self, clock: Callable[[], float], stream: TextIO | None = None, paint: Paint = PLAIN
    ) -> None:
        self._clock = clock
        self._stream = stream  # gets everything but debug lines, which `ikebana log` shows
        self._paint = paint
        self._lines: deque[LogLine | _Traced] = deque(maxlen=_KEPT)
        self._followers: list[Follower] = []

    def write(
        self, level: Level | str, text: Sequence[str], connection: str = "", code: str = ""
    ) -> None:
        """Write a line, or a few that belong together."""
        at = self._clock()
        for one in text:
            line = LogLine(at, connection, Level(level), clean(one), code)
            self._lines.append(line)
            self._print(line)
            for follower in self._followers:
                follower.give(line)

    def trace(self, record: Record) -> None:
        """Keep a trace record as a debug line; it becomes text only when somebody reads it.

        Not so with keys, which are not kept beyond their SA, and with what a stranger made long.
        """
        traced = (self._clock(), record)
        self._lines.append(_line(traced) if _is_heavy(record) else traced)
        if self._followers:
            line = _line(traced)
            for follower in self._followers:
                follower.give(line)

    def _print(self, line: LogLine) -> None:
        if self._stream is None or line.level is Level.DEBUG:
            return
        with contextlib.suppress(OSError, ValueError):  # a full disk or closed pipe ends nothing
            self._stream.write(log_line(line, self._paint) + "\n")
            self._stream.flush()

    def lines(self, connection: str | None) -> tuple[LogLine, ...]:
        """Return the lines kept, oldest first; of one connection or of all."""
        lines = [one if isinstance(one, LogLine) else _line(one) for one in self._lines]
        if connection is None:
            return tuple(lines)
        return tuple([one for one in lines if one.connection == connection][-_OF_ONE:])

    def follow(self, connection: str | None) -> "Follower":
        """Return the lines that come from now on, for ever."""
        follower = Follower(connection, self._followers.remove)
        self._followers.append(follower)
        return follower


_Traced = tuple[float, Record]


def _is_heavy(record: Record) -> bool:
    match record:
        case MessageTraced():
            return len(record.raw) > _LONG
        case KeysDerived():
            return True
        case _:
            return False


def _line(traced: _Traced) -> LogLine:
    at, record = traced
    return LogLine(at, record.connection, Level.DEBUG, clean(tell_record(record)))


class Follower:
    """An asynchronous iterator over lines to come; ``aclose`` ends it."""

    def __init__(self, connection: str | None, leave: Callable[["Follower"], None]) -> None:
        self._connection = connection
        self._leave = leave
        self._queue: asyncio.Queue[LogLine] = asyncio.Queue(_BEHIND)

    def give(self, line: LogLine) -> None:
        """Keep a line for the reader, unless that one is too far behind."""
        if self._connection in (None, line.connection) and not self._queue.full():
            self._queue.put_nowait(line)

    def __aiter__(self) -> "Follower":
        return self

    async def __anext__(self) -> LogLine:
        return await self._queue.get()

    async def aclose(self) -> None:
        """Follow no longer."""
        self._leave(self)
