"""The page tells what the code does, and is the one that is committed."""

from pathlib import Path

import pytest

from ikebana.render.machine import render
from ikev2.child import ChildState
from ikev2.handlers import HANDLERS
from ikev2.message import Exchange
from ikev2.sa import State

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "ikev2.md"


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def row(start: str) -> list[str]:
    (found,) = (line for line in render().splitlines() if line.startswith(f"| {start} |"))
    return cells(found)


def test_the_committed_page_is_the_generated_one() -> None:
    advice = "run: python -m ikebana.render.machine > docs/reference/ikev2.md"
    assert PAGE.read_text("utf-8") == render(), advice


def test_every_state_is_on_the_page_with_where_it_is_entered() -> None:
    lines = render().splitlines()
    for state in (*State, *ChildState):
        told = [
            cells(line) for line in lines if line.startswith(f"| `{state.name}` | {state.value}")
        ]
        assert [bool(one[2]) for one in told] == [True]


def test_the_table_of_requests_is_the_handlers_table() -> None:
    lines = render().splitlines()
    head = next(n for n, line in enumerate(lines) if line.startswith("| state | IKE_AUTH"))
    kinds = [Exchange[name] for name in cells(lines[head])[1:]]
    for offset, state in enumerate(State, start=head + 2):
        for kind, told in zip(kinds, cells(lines[offset])[1:], strict=True):
            handler = HANDLERS.get((state, kind))
            assert told == ("dropped" if handler is None else f"`{handler.__name__}`")


@pytest.mark.parametrize("name", sorted({one.__name__ for one in HANDLERS.values()}))
def test_every_handler_says_what_it_does(name: str) -> None:
    assert row(f"`{name}`")[2].endswith(".")


def test_requests_of_ours_are_told_with_their_exchange_and_whether_they_go_alone() -> None:
    assert row("`RekeyChild`")[1:3] == ["CREATE_CHILD_SA", "no"]
    assert row("`RekeyIke`")[1:3] == ["CREATE_CHILD_SA", "yes"]
    assert row("`Probe`")[1:3] == ["INFORMATIONAL", "no"]
    assert "`Creation` |" not in render()  # what a subclass completes is no request yet


@pytest.mark.parametrize(
    ("notify", "sent", "heeded"),
    [
        ("1 | UNSUPPORTED_CRITICAL_PAYLOAD", "yes", "yes"),
        ("38 | TS_UNACCEPTABLE", "yes", "yes"),
        ("16393 | REKEY_SA", "yes", "yes"),
        ("16394 | ESP_TFC_PADDING_NOT_SUPPORTED", "no", "yes"),
        ("16397 | ADDITIONAL_IP4_ADDRESS", "yes", "yes"),
        ("16399 | NO_ADDITIONAL_ADDRESSES", "yes", "yes"),
    ],
)
def test_notifies_are_told_by_who_says_them(notify: str, sent: str, heeded: str) -> None:
    assert row(notify)[3:5] == [sent, heeded]
