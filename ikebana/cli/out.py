"""How the command line ends: exit codes, and errors as a cause and what to do."""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from enum import IntEnum

import typer

from ikebana.cli.paint import paint_for
from ikebana.control.client import ClientError, NoSuchConnection, Refusal, TimedOut
from ikebana.render.text import clean


class Exit(IntEnum):
    """The exit codes; 2 (usage) is typer's own."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    TIMEOUT = 5


def say(lines: Iterable[str]) -> None:
    """Print lines at once: who reads a pipe sees each as it comes."""
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


def complain(what: str, hint: str = "") -> None:
    """Print an error and what to do about it."""
    paint = paint_for(sys.stderr)
    sys.stderr.write(f"{paint('error:', 'red')} {clean(what)}\n")
    if hint:
        sys.stderr.write(f"  {clean(hint)}\n")


@contextlib.contextmanager
def reporting() -> Iterator[None]:
    """Turn what the client raises into its message and exit code."""
    try:
        yield
    except ClientError as error:
        complain(str(error), error.hint)
        if isinstance(error, Refusal):
            for one in error.problems:
                sys.stderr.write(f"  {clean(one)}\n")
        raise typer.Exit(_code(error)) from error


def _code(error: ClientError) -> Exit:
    match error:
        case NoSuchConnection():
            return Exit.NOT_FOUND
        case TimedOut():
            return Exit.TIMEOUT
        case _:
            return Exit.FAILED
