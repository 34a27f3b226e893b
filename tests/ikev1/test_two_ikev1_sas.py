"""The example: as short as IKEv2's, and it prints main mode and quick mode."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/two_ikev1_sas.py"


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
    main = [("▶" in line, line.split(" [")[0].split()[-1]) for line in told[1:7]]
    assert main == [(True, "MAIN"), (False, "MAIN")] * 3
    assert [("▶" in line, line.split(" [")[0].split()[-2]) for line in told[7:]] == [
        (True, "QUICK"),
        (False, "QUICK"),
        (True, "QUICK"),
    ]
    assert len({line.split(" [")[0].split()[-1] for line in told[7:]}) == 1


def test_the_example_is_short() -> None:
    assert len(EXAMPLE.read_text().splitlines()) <= 32
