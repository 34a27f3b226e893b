from pathlib import Path

import pytest

from ikebana.config.compile import compile_config
from ikebana.config.problems import ConfigProblem
from ikebana.daemon.main import problem_line, reloaded, run
from tests.ikebana.config.sample import CONNECTION, config


def test_a_bad_configuration_is_refused_with_every_problem_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "moon.toml"
    path.write_text('[gateway]\nnme = "moon"\n[[connection]]\nname = "net"\npeer = "sun lab"\n')
    assert run(path, str(tmp_path / "socket")) == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) >= 3
    assert all(line.startswith(f"{path}:") for line in told)
    for part in ("nme", "psk", "peer"):
        assert any(part in line for line in told)
    assert not (tmp_path / "socket").exists()


def test_a_file_that_is_not_there_is_said_to_be_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "none.toml", str(tmp_path / "socket")) == 1
    assert "none.toml" in capsys.readouterr().err


def test_what_the_system_refuses_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "moon.toml"
    path.write_text('[gateway]\naddresses = ["192.0.2.77"]\n')  # nobody has it: RFC 5737
    assert run(path, str(tmp_path / "socket")) == 1
    told = capsys.readouterr().err
    assert told.startswith("ikebana: ")
    assert "192.0.2.77" in told


def test_a_reload_takes_connections_over_but_not_what_needs_a_restart() -> None:
    running = config('[gateway]\naddresses = ["192.0.2.1"]\n' + CONNECTION)
    changed = config('[gateway]\naddresses = ["192.0.2.9"]\n' + CONNECTION + "enabled = false\n")
    plan, before = reloaded(changed, running.gateway), compile_config(running)
    assert plan.gateway == before.gateway
    assert plan.tunnels[0].local_addresses == ("192.0.2.1",)
    assert not plan.tunnels[0].enabled
    assert reloaded(running, running.gateway) == before


def test_a_reload_takes_the_policies_of_the_gateway_over() -> None:
    table = '[[gateway.policies]]\naction = "discard"\nremote = ["10.9.0.0/16"]\n'
    running, changed = config(CONNECTION), config(table + CONNECTION)
    plan = reloaded(changed, running.gateway)
    assert [one.name for one in plan.policies] == ["policy 1"]
    assert plan.gateway == compile_config(running).gateway  # so nobody is told to restart
    assert reloaded(running, changed.gateway).policies == ()


def test_a_problem_is_one_line_with_its_place_and_what_to_do() -> None:
    problem = ConfigProblem("connection[0].psk", 3, "missing", 'psk = { file = "net.psk" }')
    line = problem_line(Path("moon.toml"), problem)
    assert line == 'moon.toml:3: connection[0].psk: missing (psk = { file = "net.psk" })'
