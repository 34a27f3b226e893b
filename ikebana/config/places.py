"""Find the line of every key of a TOML text, and refuse nesting before a parser suffers from it.

:mod:`tomllib` tells no lines, recurses on nested values, and takes memory with the square of a
dotted key's parts (200 kB of ``a.a.a.…`` end in the kernel's OOM killer).  This scanner runs first;
it reads strings, comments and brackets as TOML 1.0 does and stops quietly where the text stops
being TOML: to say what is wrong there is the parser's office.
"""

import re
import tomllib
from dataclasses import dataclass, field
from typing import Final

from ikebana.config.problems import Loc

DEEPEST: Final = 32
"""Brackets inside one another, and parts of one dotted key."""

# Only single characters are repeated possessively: Python before 3.11.5 gets groups wrong.
_LEXEME: Final = re.compile(
    r"""(?P<space>[ \t\r]++|\#[^\n]*+)
      | (?P<newline>\n)
      | (?P<quote>\"{3}|'{3}|"|')
      | (?P<bare>[^\s\[\]{}=,.\#"']++)
      | (?P<mark>[\[\]{}=,.])""",
    re.VERBOSE,
)
_ENDS: Final = {
    '"""': re.compile(r'\\.|"{3,5}', re.DOTALL),
    "'''": re.compile("'{3,5}"),
    '"': re.compile(r'\\.|["\n]'),
    "'": re.compile(r"['\n]"),
}
"""What may end a string, or is an escape in it."""


class TooDeep(ValueError):
    """The text nests deeper than :data:`DEEPEST`; ``line`` says where."""

    def __init__(self, line: int) -> None:
        super().__init__(f"nested more than {DEEPEST} deep")
        self.line = line


@dataclass(slots=True)
class Places:
    """Lines by place."""

    lines: dict[Loc, int] = field(default_factory=dict)

    def line(self, loc: Loc) -> int:
        """Return the line of a place, else that of the nearest thing around it, else 1."""
        for length in range(len(loc), 0, -1):
            found = self.lines.get(loc[:length])
            if found is not None:
                return found
        return 1


@dataclass(slots=True)
class _Open:
    """A bracket of a value not yet closed: a list or an inline table."""

    mark: str
    loc: Loc
    index: int = 0


class _Scanner:
    def __init__(self) -> None:
        self.found = Places()
        self.line = 1
        self._table: Loc = ()
        self._tables: dict[Loc, int] = {}  # members so far of each array of tables
        self._open: list[_Open] = []
        self._header = 0  # brackets that opened the header being read
        self._key: list[str] = []
        self._key_line = 1
        self._wants_key = True
        self._value: Loc = ()
        self._dots = 0

    def take(self, kind: str, lexeme: str) -> None:
        if kind == "newline":
            self._end_of_line()
        elif kind == "mark":
            self._mark(lexeme)
        else:
            self._word(kind, lexeme)

    def _end_of_line(self) -> None:
        self.line += 1
        self._dots = 0
        if not self._open:
            self._key, self._wants_key, self._header = [], True, 0

    def _word(self, kind: str, lexeme: str) -> None:
        if self._wants_key:
            if not self._key:
                self._key_line = self.line
            self._key.append(_unquoted(lexeme) if kind == "text" else lexeme)
        else:
            self._begin_value()
        self.line += lexeme.count("\n")

    def _mark(self, lexeme: str) -> None:
        if lexeme == ".":
            self._dots += 1
            if self._dots >= DEEPEST:
                raise TooDeep(self.line)
            return
        self._dots = 0
        match lexeme:
            case "=":
                self._assign()
            case "[" if self._wants_key and not self._open:
                self._header += 1
            case "]" if self._header:
                self._close_header()
            case "[" | "{":
                self._open_bracket(lexeme)
            case "]" | "}":
                if self._open:
                    self._open.pop()
                self._wants_key = False
            case _:  # a comma
                self._next_member()

    def _open_bracket(self, lexeme: str) -> None:
        loc = self._begin_value()
        self._open.append(_Open(lexeme, loc))
        if len(self._open) > DEEPEST:
            raise TooDeep(self.line)
        self._wants_key, self._key = lexeme == "{", []

    def _next_member(self) -> None:
        if self._open:
            inner = self._open[-1]
            inner.index += 1
            self._wants_key, self._key = inner.mark == "{", []

    def _assign(self) -> None:
        around = self._open[-1].loc if self._open else self._table
        self._value = self._record(around, self._key, self._key_line)
        self._key, self._wants_key = [], False

    def _record(self, around: Loc, parts: list[str], line: int) -> Loc:
        loc = around
        for part in parts:
            loc = (*loc, part)
            self.found.lines.setdefault(loc, line)
        return loc

    def _begin_value(self) -> Loc:
        """Return the place of the value that begins here."""
        if self._open and self._open[-1].mark == "[":
            inner = self._open[-1]
            loc = (*inner.loc, inner.index)
            self.found.lines.setdefault(loc, self.line)
            return loc
        return self._value

    def _close_header(self) -> None:
        if not self._key:  # the second bracket of [[...]]
            return
        loc: Loc = ()
        for part in self._key[:-1]:
            loc = self._last((*loc, part))
        loc = (*loc, self._key[-1])
        self.found.lines.setdefault(loc, self.line)
        if self._header >= 2:
            self._tables[loc] = self._tables.get(loc, -1) + 1
        self._table = self._last(loc)
        self.found.lines.setdefault(self._table, self.line)
        self._key = []

    def _last(self, loc: Loc) -> Loc:
        self.found.lines.setdefault(loc, self.line)
        member = self._tables.get(loc)
        return loc if member is None else (*loc, member)


def _unquoted(lexeme: str) -> str:
    if lexeme[0] == '"' and "\\" in lexeme:
        try:
            return str(tomllib.loads(f"v = {lexeme}")["v"])
        except ValueError:
            return lexeme
    return lexeme[1:-1]


def find_places(text: str) -> Places:
    """Return the line of every table, key and list member.  Raises :exc:`TooDeep`."""
    scanner = _Scanner()
    at = 0
    while (lexeme := _LEXEME.match(text, at)) is not None:
        kind, found, at = str(lexeme.lastgroup), lexeme[0], lexeme.end()
        if kind == "quote":
            end = _end_of_string(text, at, found)
            if end is None:
                break
            kind, found, at = "text", text[lexeme.start() : end], end
        if kind != "space":
            scanner.take(kind, found)
    return scanner.found


def _end_of_string(text: str, at: int, quote: str) -> int | None:
    """Return where a string that opened before ``at`` is over, None if it never is."""
    while (stop := _ENDS[quote].search(text, at)) is not None:
        if stop[0] == "\n":
            return None
        if stop[0][0] != "\\":
            return stop.end()
        at = stop.end()
    return None
