"""Colour for a terminal, and nothing for anything else (https://no-color.org)."""

import os
from dataclasses import dataclass
from typing import Final, TextIO

from ikebana.control.view import ConnectionState

_CODES: Final = {"green": "32", "red": "31", "yellow": "33", "dim": "2", "bold": "1"}
CLEAR: Final = "\x1b[H\x1b[2J"


@dataclass(frozen=True, slots=True)
class Paint:
    """Wrap text in a colour if ``on``."""

    on: bool = False

    def __call__(self, text: str, colour: str) -> str:
        """Return ``text`` in ``colour`` (green, red, yellow, dim, bold; empty: as it is)."""
        if not self.on or not colour:
            return text
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"


def paint_for(stream: TextIO) -> Paint:
    """Return the paint that suits ``stream``."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return Paint(stream.isatty() and not plain)


def state_colour(state: ConnectionState) -> str:
    """Return the colour that tells a state."""
    if state is ConnectionState.PARTIALLY_CONNECTED:
        return "yellow"
    if state.is_up:
        return "green"
    if state.is_failed:
        return "red"
    connecting = (ConnectionState.CONNECTING_PHASE1, ConnectionState.CONNECTING_PHASE2)
    return "yellow" if state in connecting else "dim"


def state_mark(state: ConnectionState) -> str:
    """Return the sign that tells a state without colour."""
    if state.is_up:
        return "●"
    if state.is_failed:
        return "▲"
    return "○" if state in (ConnectionState.DISABLED, ConnectionState.DOWN) else "◐"
