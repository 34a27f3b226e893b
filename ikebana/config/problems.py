"""What is wrong with a configuration: every problem with its place and what would do."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

Loc: TypeAlias = tuple[str | int, ...]
"""Where in the configuration: keys, and indices of list members."""

REFUSED: Final = "refused"
_LONGEST: Final = 300


def clean(text: str, longest: int = _LONGEST) -> str:
    """Return text fit for a terminal and a log line: what is not printable escaped, bounded."""
    shown = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in shown)


def shown_path(loc: Loc) -> str:
    """Return a place as the reader writes it: ``connection[0].ike.proposals[1]``."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            word = clean(part, 60)
            plain = word.replace("_", "").replace("-", "")
            plain_word = plain.isascii() and plain.isalnum()
            text += ("." if text else "") + (word if plain_word else f'"{word}"')
    return text


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing that is wrong, or unwise.  ``line`` counts from 1; 0 where there is none."""

    path: str
    line: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = [f"line {self.line}"] if self.line else []
        head = ": ".join([*place, *([self.path] if self.path else []), self.message])
        return f"{head} ({self.hint})" if self.hint else head


class ConfigErrors(Exception):
    """The configuration cannot be used; ``problems`` are all of them, in the file's order."""

    def __init__(self, problems: Iterable[ConfigProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A problem found inside one model, its place relative to that model."""

    loc: Loc
    message: str
    hint: str = ""


def refuse(message: str, hint: str = "") -> PydanticCustomError:
    """Return the exception a validator raises: text and hint reach the reader as they are."""
    text: Any = "{message}"  # the braces of a value must not be taken for pydantic's
    return PydanticCustomError(REFUSED, text, {"message": clean(message), "hint": clean(hint)})


def refuse_all(title: str, refusals: Sequence[Refusal]) -> ValidationError:
    """Return the one exception that carries several refusals out of a model's validator."""
    return ValidationError.from_exception_data(
        title,
        [
            InitErrorDetails(type=refuse(one.message, one.hint), loc=one.loc, input=None)
            for one in refusals
        ],
        hide_input=True,
    )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest of the known words, all if they are few, or nothing."""
    words = tuple(known)
    close = difflib.get_close_matches(word[:64].lower(), words, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"one of: {', '.join(words)}" if len(words) <= 14 else ""
