"""The lines of ``rekey``, ``reauth`` and ``renegotiate``."""

import pytest

from ikebana.cli.out import Exit
from ikebana.cli.renew import outcome_code, outcome_lines
from ikebana.control.view import Change, ConnectionState, Outcome
from tests.ikebana.control.fake import HOSTILE, RENEWED

UP = ConnectionState.CONNECTED


def test_each_sa_renewed_is_a_line() -> None:
    outcome = Outcome(
        True,
        UP,
        (
            Change("child", "1a2b3c4d", "5e6f7a8b", 12.4),
            Change("IKE SA", "0102030405060708", "1112131415161718", 30.0),
            Change("child", "", "5e6f7a8c", 7.0),
            Change("IKE SA", "", "2122232425262728"),
            Change("child", "1a2b3c4e", ""),
        ),
    )
    assert list(outcome_lines("net", outcome)) == [
        "child 1a2b3c4d -> 5e6f7a8b in 12 ms",
        "IKE SA 0102030405060708 -> 1112131415161718 in 30 ms",
        "child 5e6f7a8c in 7 ms",
        "IKE SA 2122232425262728",
        "child 1a2b3c4e closed",
    ]


def test_an_outcome_that_changed_nothing_says_how_it_stands() -> None:
    assert list(outcome_lines("net", Outcome(True, UP))) == ["Done: net is connected"]


def test_a_failure_has_its_diagnosis() -> None:
    outcome = Outcome(False, UP, code="PFS_MISMATCH", lines=("a", "b"))
    assert list(outcome_lines("net", outcome)) == [
        "Failed: net is connected (PFS_MISMATCH)",
        "a",
        "b",
    ]


def test_a_wait_that_is_over_says_that_the_gateway_goes_on() -> None:
    (line,) = outcome_lines("net", Outcome(False, UP, timed_out=True))
    assert line == "Timeout: net is connected; the gateway goes on"


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (RENEWED, Exit.OK),
        (Outcome(False, UP), Exit.FAILED),
        (Outcome(False, UP, timed_out=True), Exit.TIMEOUT),
    ],
)
def test_exit_codes_are_those_of_up(outcome: Outcome, code: Exit) -> None:
    assert outcome_code(outcome) is code


def test_foreign_text_does_not_move_the_cursor() -> None:
    change = Change(HOSTILE, HOSTILE, HOSTILE)
    outcome = Outcome(False, UP, (change,), HOSTILE, (HOSTILE,))
    assert all(line.isprintable() for line in outcome_lines(HOSTILE, outcome))
