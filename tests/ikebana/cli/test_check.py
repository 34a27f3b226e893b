"""Checking a file, and telling a key apart without telling it."""

from pathlib import Path

import pytest

from ikebana.cli.check import check_file, fingerprint, fingerprint_of, problem_lines
from ikebana.cli.out import Exit
from ikebana.config.problems import ConfigProblem

GOOD = """
[gateway]
name = "moon"
[[connection]]
name = "net"
peer = "10.99.0.2"
psk = { file = "net.psk" }
local_subnets = ["10.1.0.0/24"]
remote_subnets = ["10.2.0.0/24"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "net.psk").write_text("Qm4vR2nX8tLz6pWk\n")
    (tmp_path / "net.psk").chmod(0o600)
    path = tmp_path / "moon.toml"
    path.write_text(GOOD)
    path.chmod(0o600)
    return path


def test_good_file_is_ok(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_file(file) is Exit.OK
    assert capsys.readouterr().out.splitlines()[-1] == "OK: 1 connection"


def test_warnings_are_told_and_it_is_ok_all_the_same(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(GOOD + '[connection.ike]\nproposals = ["des-md5-modp768"]\n')
    assert check_file(file) is Exit.OK
    out = capsys.readouterr().out
    assert f"{file}:11: warning: connection[0].ike.proposals" in out
    assert out.endswith("OK: 1 connection\n")


def test_every_problem_is_told_with_its_line(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(
        GOOD.replace("remote_subnets", "remote_subnet").replace("10.99.0.2", "no host!")
    )
    assert check_file(file) is Exit.FAILED
    out = capsys.readouterr().out
    assert f"{file}:6: connection[0].peer: " in out
    assert f"{file}:9: connection[0].remote_subnet: " in out
    assert "did you mean remote_subnets?" in out
    assert "OK" not in out


def test_missing_file_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_file(tmp_path / "none.toml") is Exit.FAILED
    assert capsys.readouterr().out.count(str(tmp_path)) == 1


def test_problem_with_smuggled_text_stays_in_its_line() -> None:
    problem = ConfigProblem("a\x1b", 3, "b\r\nc", "d\x9b")
    lines = list(problem_lines(Path("x.toml"), [problem]))
    assert lines == ["x.toml:3: a\\x1b: b\\x0d\\x0ac", "    d\\x9b"]


def test_fingerprint_is_the_length_and_16_bits() -> None:
    # scrypt(N=16384, r=8, p=1), salt "ikebana-psk", its first two octets
    assert fingerprint(b"secret") == "6 octets, 9f43"


def test_fingerprint_of_a_connection_shows_no_key(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fingerprint_of(file, "net") is Exit.OK
    assert capsys.readouterr().out == fingerprint(b"Qm4vR2nX8tLz6pWk") + "\n"


def test_fingerprint_of_an_unknown_connection_has_a_suggestion(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fingerprint_of(file, "nett") is Exit.NOT_FOUND
    assert "did you mean net?" in capsys.readouterr().err
    file.write_text("[")
    assert fingerprint_of(file, "net") is Exit.FAILED
