"""Errors become a cause, a hint and an exit code."""

import pytest
import typer

from ikebana.cli.out import Exit, complain, reporting, say
from ikebana.control.client import ClientError, NoDaemon, NoSuchConnection, Refusal, TimedOut


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NoSuchConnection("x"), Exit.NOT_FOUND),
        (TimedOut("x"), Exit.TIMEOUT),
        (NoDaemon("x"), Exit.FAILED),
        (ClientError("x"), Exit.FAILED),
    ],
)
def test_each_error_has_its_exit_code(error: ClientError, code: Exit) -> None:
    with pytest.raises(typer.Exit) as caught, reporting():
        raise error
    assert caught.value.exit_code == code


def test_cause_hint_and_problems_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), reporting():
        raise Refusal("bad", "mend it", 422, ("a:1: x", "b\x1b"))
    assert capsys.readouterr().err == "error: bad\n  mend it\n  a:1: x\n  b\\x1b\n"


def test_lines_go_out_and_complaints_to_the_other_stream(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say(["a", "b"])
    complain("c")
    assert tuple(capsys.readouterr()) == ("a\nb\n", "error: c\n")
