"""``python -m ikebana``."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ikebana.control.view import StatusView
from tests.ikebana.control.fake import BAD, NET, FakeDaemon, served


def ran(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - our own arguments
        [sys.executable, "-m", "ikebana", *words],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_help_names_every_verb() -> None:
    found = ran("--help")
    assert found.returncode == 0
    for verb in ("run", "check", "up", "down", "status", "log", "explain-proposal"):
        assert f"  {verb} " in found.stdout


@pytest.mark.parametrize(("words", "code"), [(["status"], 1), (["nonsense"], 2)])
def test_exit_code_reaches_the_shell(tmp_path: Path, words: list[str], code: int) -> None:
    control = ["--control", str(tmp_path / "s")] if code == 1 else []
    assert ran(*words, *control).returncode == code


def test_quick_verbs_load_neither_the_server_nor_rich() -> None:
    script = "import sys, ikebana.cli.app; print(*sys.modules)"
    found = subprocess.run(  # noqa: S603 - our own arguments
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(found.stdout.split())
    assert not loaded & {"aiohttp", "asyncio", "rich", "cryptography", "pydantic", "structlog"}


def test_watching_shows_the_screen_again_and_again(tmp_path: Path) -> None:
    with (
        served(FakeDaemon(), tmp_path / "s") as path,
        subprocess.Popen(  # noqa: S603 - our own arguments
            [sys.executable, "-m", "ikebana", "status", "-w", "-o", "json", "--control", path],
            stdout=subprocess.PIPE,
            text=True,
        ) as watching,
    ):
        if watching.stdout is None:
            pytest.fail("no pipe")
        try:
            seen = [StatusView.from_json(json.loads(watching.stdout.readline())) for _ in range(2)]
        finally:
            watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 0
    assert seen[0] == seen[1]
    assert seen[0].connections == (NET, BAD)
