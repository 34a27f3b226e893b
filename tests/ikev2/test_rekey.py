"""The example of renewal: 25 lines at most, and they print what went over the wire."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/rekey.py"


def test_a_child_and_its_ike_sa_are_renewed_in_memory_and_the_ladder_is_printed() -> None:
    told = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, EXAMPLE],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        timeout=60,
    ).stdout.splitlines()
    heads = [n for n, line in enumerate(told) if line.split() == ["moon", "sun"]]
    assert len(heads) == 2  # how it was made, and how it was renewed
    rungs = [line.strip("│◀▶─ ") for line in told[heads[1] + 1 : -2]]
    assert [rung.split(" [")[0] for rung in rungs[::2]] == [
        "CREATE_CHILD_SA 2",
        "INFORMATIONAL 3",
        "CREATE_CHILD_SA 4",
        "INFORMATIONAL 5",
    ]
    assert "N(REKEY_SA)" in rungs[0]
    child, sa = (line.split() for line in told[-2:])
    assert (child[0], len(child[1]), child[-1]) == ("child", 8, "now")
    assert (sa[:2], len(sa[2]), sa[-1]) == (["IKE", "SA"], 16, "now")
    assert child[1] != child[3]
    assert sa[2] != sa[4]


def test_the_example_is_short() -> None:
    assert len(EXAMPLE.read_text().splitlines()) <= 25
