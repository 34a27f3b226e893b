"""The example: 30 lines at most, and they print the exchange."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/two_sas.py"


def test_two_sas_talk_in_memory_and_print_the_ladder() -> None:
    told = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, EXAMPLE],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        timeout=60,
    ).stdout.splitlines()
    assert told[0].split() == ["moon", "sun"]
    assert [("▶" in line, line.split(" [")[0].split()[-2]) for line in told[1:]] == [
        (True, "IKE_SA_INIT"),
        (False, "IKE_SA_INIT"),
        (True, "IKE_AUTH"),
        (False, "IKE_AUTH"),
    ]


def test_the_example_is_short() -> None:
    assert len(EXAMPLE.read_text().splitlines()) <= 30
