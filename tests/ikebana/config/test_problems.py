import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ikebana.config.problems import (
    ConfigErrors,
    ConfigProblem,
    Refusal,
    clean,
    did_you_mean,
    refuse,
    refuse_all,
    shown_path,
)


@given(st.text())
def test_cleaned_text_is_printable_and_bounded(text: str) -> None:
    assert clean(text, 50).isprintable()
    assert len(clean(text, 50)) <= 50 * 10


def test_a_terminal_escape_does_not_survive_cleaning() -> None:
    assert clean("a\x1b[2Jb\u202e") == r"a\x1b[2Jb\u202e"


def test_a_path_is_written_as_the_reader_would() -> None:
    assert shown_path(("connection", 0, "ike", "proposals", 1)) == "connection[0].ike.proposals[1]"
    assert shown_path(("=cmd|' /C calc'!A0",)).startswith('"=cmd')
    assert shown_path(("a\nb",)) == r'"a\nb"'
    assert shown_path(()) == ""


def test_a_problem_reads_as_one_line() -> None:
    shown = ConfigProblem("connection[0].peer", 3, "is missing", "an IP address")
    assert str(shown) == "line 3: connection[0].peer: is missing (an IP address)"
    assert str(ConfigProblem("", 0, "x: there is no such file")) == "x: there is no such file"


def test_errors_show_every_problem() -> None:
    errors = ConfigErrors([ConfigProblem("a", 1, "one"), ConfigProblem("b", 2, "two")])
    assert str(errors) == "line 1: a: one\nline 2: b: two"


def test_several_refusals_keep_their_places_and_their_braces() -> None:
    found: ValidationError = refuse_all("X", [Refusal(("a", 1), "{message} {0}", "{hint}")])
    (error,) = found.errors()
    assert error["loc"] == ("a", 1)
    assert error["msg"] == "{message} {0}"
    assert refuse("a\nb").message() == r"a\nb"


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("activ", "did you mean active?"),
        ("zzz", "one of: active, passive"),
        ("a" * 10_000, "one of: active, passive"),
    ],
)
def test_the_nearest_word_is_suggested_else_all(word: str, hint: str) -> None:
    assert did_you_mean(word, ("active", "passive")) == hint
