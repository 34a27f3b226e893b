"""Colour for terminals only."""

import io

import pytest

from ikebana.cli.paint import Paint, paint_for, state_colour, state_mark
from ikebana.control.view import ConnectionState


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_pipe_gets_no_colour() -> None:
    assert not paint_for(io.StringIO()).on


def test_terminal_gets_colour_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert paint_for(Terminal()).on
    monkeypatch.setenv("NO_COLOR", "1")
    assert not paint_for(Terminal()).on
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not paint_for(Terminal()).on


def test_text_is_wrapped_only_when_on() -> None:
    assert Paint(True)("x", "red") == "\x1b[31mx\x1b[0m"
    assert Paint(True)("x", "") == Paint(False)("x", "red") == "x"


@pytest.mark.parametrize("state", ConnectionState)
def test_every_state_has_a_colour_and_a_mark(state: ConnectionState) -> None:
    assert Paint(True)("x", state_colour(state)) != "x"
    assert state_mark(state) in "●▲◐○"
