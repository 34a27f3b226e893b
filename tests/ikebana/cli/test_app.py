"""Every verb against a daemon of plain data behind a real control socket."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ikebana.cli.app import app
from ikebana.control.view import ConnectionState, ExplainView, Outcome, StatusView
from tests.ikebana.control.fake import BAD, EXPLAINED, NET, RENEWED, FakeDaemon, served

VERBS = ["up", "down", "status", "log", "rekey", "reauth", "renegotiate"]


@pytest.fixture
def daemon() -> FakeDaemon:
    return FakeDaemon()


@pytest.fixture
def path(daemon: FakeDaemon, tmp_path: Path) -> Iterator[str]:
    with served(daemon, tmp_path / "s") as found:
        yield found


class Ran:
    def __init__(self, *words: str) -> None:
        found = CliRunner().invoke(app, list(words), env={"COLUMNS": "80", "LINES": "24"})
        self.code, self.out, self.errors = found.exit_code, found.stdout, found.stderr


def test_status_fits_one_screen(path: str) -> None:
    ran = Ran("status", "--control", path)
    lines = ran.out.splitlines()
    assert ran.code == 0
    assert all(len(line) <= 80 for line in lines)
    assert [line.split()[1] for line in lines if line[:1] in "●▲"] == ["net", "tokyo"]
    assert "PSK_MISMATCH: the pre-shared keys differ · tried 41x · next in 7s" in ran.out


def test_status_of_one_connection_has_its_details(path: str) -> None:
    ran = Ran("status", "net", "--control", path)
    assert "10.1.0.0/24 === 10.2.0.0/24" in ran.out
    assert "tokyo" not in ran.out


def test_status_json_is_the_sockets(path: str) -> None:
    ran = Ran("status", "-o", "json", "--control", path)
    assert StatusView.from_json(json.loads(ran.out)).connections == (NET, BAD)


def test_down_is_told(path: str, daemon: FakeDaemon) -> None:
    assert Ran("down", "net", "--control", path).out == "Down: net\n"
    assert daemon.downs == ["net"]


@pytest.mark.parametrize("words", [["rekey"], ["rekey", "--ike"], ["reauth"], ["renegotiate"]])
def test_renewals_tell_old_and_new_in_a_line(
    path: str, daemon: FakeDaemon, words: list[str]
) -> None:
    ran = Ran(*words, "net", "--timeout", "7", "--control", path)
    assert (ran.code, ran.out) == (0, "child c0ffee01 -> 5e6f7a8b in 12 ms\n")
    assert daemon.asked == [(" ".join(words), "net", 7.0)]


def test_a_renewals_json_is_the_sockets(path: str) -> None:
    ran = Ran("rekey", "net", "-o", "json", "--control", path)
    assert Outcome.from_json(json.loads(ran.out)) == RENEWED


@pytest.mark.parametrize(("timed_out", "code"), [(False, 1), (True, 5)])
def test_a_renewal_that_fails_has_ups_exit_codes(
    path: str, daemon: FakeDaemon, timed_out: bool, code: int
) -> None:
    daemon.outcome = Outcome(False, ConnectionState.CONNECTED, timed_out=timed_out)
    assert Ran("rekey", "net", "--control", path).code == code
    assert Ran("rekey", "net", "-o", "json", "--control", path).code == code


def test_a_renewal_of_what_is_not_up_says_what_to_do(path: str) -> None:
    ran = Ran("rekey", "tokyo", "--control", path)
    assert (ran.code, ran.errors) == (1, "error: tokyo is not connected\n  ikebana up tokyo\n")


def test_up_shows_the_exchange_and_ends_connected(path: str) -> None:
    ran = Ran("up", "net", "--control", path)
    assert (ran.code, ran.out.splitlines()) == (
        0,
        [
            "  ─▶ IKE_SA_INIT 0 [SA KE No N(COOKIE)]",
            "  ◀─ IKE_SA_INIT 0 [SA KE No]",
            "✔ IKE_SA_INIT 34 ms aes128-sha256-x25519",
            "✔ IKE_AUTH 21 ms gb.lab",
            "Connected: net",
        ],
    )


def test_up_that_fails_ends_in_the_diagnosis(path: str) -> None:
    ran = Ran("up", "tokyo", "--control", path)
    assert ran.code == 1
    assert ran.out.splitlines()[-3:] == [
        "Not connected: tokyo is phase1_failed (PSK_MISMATCH)",
        *BAD.reason,
    ]


def test_up_without_a_result_in_time_is_exit_5(path: str, daemon: FakeDaemon) -> None:
    daemon.steps["net"] = ()
    daemon.times_out = True
    ran = Ran("up", "net", "--timeout", "1", "--control", path)
    assert (ran.code, "no answer yet" in ran.out) == (5, True)


def test_up_whose_stream_breaks_off_is_a_failure(path: str, daemon: FakeDaemon) -> None:
    daemon.steps["net"] = ()
    ran = Ran("up", "net", "--control", path)
    assert (ran.code, "before the result" in ran.errors) == (1, True)


def test_up_of_what_is_disabled_says_what_to_do(path: str, daemon: FakeDaemon) -> None:
    del daemon.steps["net"]
    ran = Ran("up", "net", "--control", path)
    assert (ran.code, ran.errors) == (1, "error: net is disabled\n  set enabled = true\n")


def test_log_is_printed_without_what_it_smuggles(path: str) -> None:
    ran = Ran("log", "--control", path)
    first, second = ran.out.splitlines()
    assert first.endswith(".250 info    net: IKE_SA established")
    assert second.endswith("warning -: \\x1b[2Jgone\\x0d\\x0a\\x9b31mred\\u202e [PSK_MISMATCH]")


def test_log_json_is_a_line_each(path: str, daemon: FakeDaemon) -> None:
    ran = Ran("log", "-f", "-o", "json", "--control", path)
    found = [json.loads(line) for line in ran.out.splitlines()]
    assert found[:2] == [line.to_json() for line in daemon.lines]
    assert found[2]["text"] == "one more"
    assert "\x1b" not in ran.out


@pytest.mark.parametrize("verb", VERBS)
def test_unknown_name_is_exit_3_with_a_suggestion(path: str, verb: str) -> None:
    ran = Ran(verb, "tokio", "--control", path)
    assert (ran.code, ran.out) == (3, "")
    assert ran.errors == "error: no connection 'tokio'\n  did you mean tokyo?\n"


@pytest.mark.parametrize("verb", VERBS)
def test_no_daemon_is_exit_1_and_says_how_to_start_one(tmp_path: Path, verb: str) -> None:
    name = [] if verb in ("status", "log") else ["net"]
    ran = Ran(verb, *name, "--control", str(tmp_path / "none"))
    assert ran.code == 1
    assert "is the daemon running? ikebana run -c FILE" in ran.errors


def test_dead_daemons_socket_is_told_as_no_daemon(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "s"))
    assert "no daemon answers" in Ran("status", "--control", str(tmp_path / "s")).errors


@pytest.mark.parametrize(
    "words",
    [["statsu"], ["up"], ["status", "--colour"], ["up", "net", "--timeout", "soon"], ["run"]],
)
def test_wrong_usage_is_exit_2(words: list[str]) -> None:
    assert Ran(*words).code == 2


def test_explain_proposal_tells_each_word_and_both_uses() -> None:
    ran = Ran("explain-proposal", "aes128-sha1-modp1024")
    assert ran.code == 0
    assert "sha1: integrity; transform type 3 id 2; key 160 bits" in ran.out
    assert "better modp2048" in ran.out
    assert Ran("explain-proposal", "aes999").code == 1
    assert "in IKEv1, phase 1" in Ran("explain-proposal", "--ikev1", "aes128-sha1-modp1024").out


def test_colour_stays_out_of_pipes(path: str) -> None:
    assert "\x1b" not in Ran("status", "--control", path).out


def test_check_and_fingerprint_read_the_file_themselves(tmp_path: Path) -> None:
    file = tmp_path / "moon.toml"
    file.write_text("[gateway]\nnaem = 1\n")
    ran = Ran("check", str(file))
    assert (ran.code, f"{file}:2: gateway.naem: " in ran.out) == (1, True)
    assert Ran("psk-fingerprint", "net", "-c", str(file)).code == 1


def test_the_doctor_asks_the_daemon_and_looks_around(path: str) -> None:
    ran = Ran("doctor", "--control", path)
    assert "moon runs (pid 4242)" in ran.out
    assert (ran.code == 0) == ("A gateway can run here." in ran.out)
    found = json.loads(Ran("doctor", "-o", "json", "--control", path).out)
    assert found["can_run"] == (ran.code == 0)
    assert found["findings"][0]["name"] == "kernel"


def test_policy_explain_is_a_page_or_json(path: str) -> None:
    words = ("policy", "explain", "10.1.0.5", "10.2.0.9", "tcp", "443", "--control", path)
    ran = Ran(*words)
    assert (ran.code, len(ran.out.splitlines())) == (0, 10)
    assert "  > net       protect  yes" in ran.out
    assert ExplainView.from_json(json.loads(Ran(*words, "-o", "json").out)) == EXPLAINED


def test_policy_explain_of_no_packet_is_wrong_usage(tmp_path: Path) -> None:
    nobody = str(tmp_path / "nobody")
    ran = Ran("policy", "explain", "10.1.0.5", "10.2.0.0/24", "--control", nobody)
    assert ran.code == 2
    assert ran.errors == (
        "error: DST 10.2.0.0/24 is a network\n  one address of it, such as 10.2.0.0\n"
    )
    ran = Ran("policy", "explain", "10.1.0.5", "10.2.0.9", "--control", nobody)
    assert (ran.code, "no daemon answers" in ran.errors) == (1, True)
