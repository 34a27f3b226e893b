"""How the demonstration is chosen, and how it ends."""

import subprocess
import sys

import pytest

from ikebana.demo.choice import main
from tests.lab.needs import require


def test_in_memory_it_says_so_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--memory", "--seconds", "0.05"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[1].startswith("In one process over in-memory devices")
    assert told[-1] == "All of it worked."


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "many"])
def test_a_wrong_time_is_refused(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--seconds", seconds])
    assert caught.value.code == 2
    assert "--seconds" in capsys.readouterr().err


def test_a_user_gets_it_in_memory_and_is_told_why() -> None:
    require()
    code = (
        "import os, sys\n"
        "from ikebana.demo import choice\n"
        # everything is imported by then, which a user of this machine may not be able to read
        "choice.main(['--memory', '--seconds', '0.05'])\n"
        "os.setgroups([]); os.setuid(65534)\n"
        "sys.exit(choice.main(['--seconds', '0.05']))"
    )
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "in-memory devices" in done.stdout
    assert "sudo make demo" in done.stdout


def test_who_stops_reading_ends_it() -> None:
    argv = [sys.executable, "-m", "ikebana.demo", "--memory", "--seconds", "0.5"]
    with subprocess.Popen(  # noqa: S603 - our own code
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1
