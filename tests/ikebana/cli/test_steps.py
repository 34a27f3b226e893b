"""The lines of ``up``."""

from ikebana.cli.steps import step_lines
from ikebana.control.view import (
    ConnectionState,
    Direction,
    StepDone,
    StepMessage,
    StepRefused,
    StepResult,
)
from tests.ikebana.control.fake import HOSTILE


def test_milestone_has_its_time() -> None:
    assert step_lines("net", StepDone(True, "IKE_SA_INIT", 34.1, "aes128")) == [
        "✔ IKE_SA_INIT 34 ms aes128"
    ]
    assert step_lines("net", StepDone(False, "IKE_AUTH", 1.0)) == ["✘ IKE_AUTH 1 ms"]


def test_result_is_connected_or_why_not() -> None:
    state = ConnectionState.CONNECTED
    assert step_lines("net", StepResult(True, state)) == ["Connected: net"]
    state = ConnectionState.PHASE2_FAILED
    assert step_lines("net", StepResult(False, state, "TS_MISMATCH", ("a", "b"))) == [
        "Not connected: net is phase2_failed (TS_MISMATCH)", "a", "b",
    ]  # fmt: skip


def test_time_over_says_that_the_gateway_goes_on() -> None:
    result = StepResult(False, ConnectionState.CONNECTING_PHASE1, timed_out=True)
    assert step_lines("net", result) == [
        "Timeout: net is connecting_phase1; the gateway goes on trying"
    ]


def test_what_the_peer_did_wrong_meanwhile_is_told() -> None:
    assert step_lines("net", StepRefused("PSK_MISMATCH", ("Stage 1 failure", "  ours: x"))) == [
        "✘ the peer tried, too, and was refused", "  Stage 1 failure", "    ours: x",
    ]  # fmt: skip


def test_foreign_text_stays_in_its_line() -> None:
    for step in (
        StepDone(True, HOSTILE, 1.0, HOSTILE),
        StepMessage(Direction.SENT, HOSTILE, False, 1, (HOSTILE,)),
        StepRefused(HOSTILE, (HOSTILE,)),
        StepResult(False, ConnectionState.DOWN, HOSTILE, (HOSTILE,)),
    ):
        assert all(line.isprintable() for line in step_lines(HOSTILE, step))
