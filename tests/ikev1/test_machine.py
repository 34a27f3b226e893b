"""The page tells what the code does, and is the one that is committed."""

from pathlib import Path

import pytest

from ikev1.child import ChildState
from ikev1.handlers import HANDLERS
from ikev1.message import Exchange
from ikev1.rules import RULES
from ikev1.state import State

from .machine import render

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "ikev1.md"


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def row(start: str) -> list[str]:
    (found,) = (line for line in render().splitlines() if line.startswith(f"| {start} |"))
    return cells(found)


def test_the_committed_page_is_the_generated_one() -> None:
    advice = "run: python -m tests.ikev1.machine > docs/reference/ikev1.md"
    assert PAGE.read_text("utf-8") == render(), advice


def test_every_state_is_on_the_page() -> None:
    lines = render().splitlines()
    for state in (*State, *ChildState):
        assert sum(line.startswith(f"| `{state.name}` | {state.value} |") for line in lines) == 1


def test_the_table_of_exchanges_is_the_handlers_table() -> None:
    lines = render().splitlines()
    head = next(n for n, line in enumerate(lines) if line.startswith("| state | INFORMATIONAL"))
    kinds = [Exchange[name] for name in cells(lines[head])[1:]]
    for offset, state in enumerate(State, start=head + 2):
        for kind, told in zip(kinds, cells(lines[offset])[1:], strict=True):
            handler = HANDLERS.get((state, kind))
            name = getattr(handler, "__name__", "")
            assert told == (f"`{name}`" if handler else "dropped")


@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("InitiateMain", "us"),
        ("RespondMain", "the peer"),
        ("InitiateAggressive", "us"),
        ("InitiateQuick", "us"),
        ("RespondQuick", "the peer"),
        ("Informational", "the peer"),
    ],
)
def test_every_exchange_says_who_begins_and_what_it_does(name: str, who: str) -> None:
    (found,) = (
        cells(line)
        for line in render().splitlines()
        if line.startswith((f"| `{name}` | us |", f"| `{name}` | the peer |"))
    )
    assert found[1] == who
    assert found[3].endswith(".")


def test_every_place_has_its_payloads() -> None:
    for place in RULES:
        assert row(place.value)[1]
    assert row("quick mode message 3")[1:] == ["HASH", "", "NOTIFY VENDOR"]


@pytest.mark.parametrize(
    ("notify", "sent", "heeded"),
    [
        ("18 | INVALID_ID_INFORMATION", "yes", "yes"),
        ("24578 | INITIAL_CONTACT", "yes", "yes"),
        ("36136 | R_U_THERE", "yes", "yes"),
        ("36137 | R_U_THERE_ACK", "yes", "yes"),
    ],
)
def test_notifies_are_told_by_who_says_them(notify: str, sent: str, heeded: str) -> None:
    assert row(notify)[3:5] == [sent, heeded]
