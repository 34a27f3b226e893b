"""What ends the daemon before it begins, and what a person reads then."""

from pathlib import Path

import pytest

from ikebana.config.problems import ConfigProblem
from ikebana.daemon.main import problem_line, run
from tests.ikebana.config.sample import CONNECTION

BAD = '[gateway]\nadresses = ["10.99.0.1"]\n' + CONNECTION.replace("10.99.0.2", "no peer")


def test_every_problem_of_a_bad_configuration_is_told_and_nothing_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(BAD)
    assert run(path, str(tmp_path / "control.sock")) == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert "gateway.adresses: unknown key (did you mean addresses?)" in told[0]
    assert "connection[0].peer" in told[1]
    assert not (tmp_path / "control.sock").exists()


def test_a_configuration_that_is_not_there_is_one_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "none.toml", str(tmp_path / "control.sock")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "none.toml" in line


def test_a_problem_is_one_line_with_its_place_and_what_to_do() -> None:
    problem = ConfigProblem("connection[0].peer", 3, "not a host", "an address or a name")
    assert problem_line(Path("a.toml"), problem) == (
        "a.toml:3: connection[0].peer: not a host (an address or a name)"
    )


def test_an_address_that_is_not_ours_ends_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text('[gateway]\naddresses = ["192.0.2.99"]\n' + CONNECTION)
    path.chmod(0o600)
    assert run(path, str(tmp_path / "control.sock")) == 1
    told = capsys.readouterr().err
    assert "192.0.2.99" in told
    assert "Traceback" not in told
