"""The whole demonstration, as `make demo` runs it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.needs import require

pytestmark = pytest.mark.lab

DEMO = [sys.executable, "-m", "ikebana.demo"]
ENVIRONMENT = os.environ | {"PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"}


def start(seconds: str) -> subprocess.Popen[bytes]:
    argv = [*DEMO, "--seconds", seconds]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, env=ENVIRONMENT)  # noqa: S603 - ours


def left_by(pid: int, folders: set[Path]) -> list[str]:
    """Return the namespaces, folders and processes that a demonstration has left."""
    spaces = [one.name for one in Path("/run/netns").glob(f"ikebana-*-{pid}*")]
    processes = []
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = one.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if any(str(folder) in words for folder in folders):
            processes.append(words)
    return [*spaces, *processes, *(str(one) for one in folders if one.exists())]


def folders() -> set[Path]:
    return set(Path("/tmp").glob("ikebana-demo-*"))  # noqa: S108 - where the demonstration makes it


def test_all_of_it_works_and_nothing_is_left() -> None:
    require()
    with start("2") as process:
        told = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 0, told
    for part in (
        "│ IKE_SA_INIT 0 [",
        "│◀",
        "The SAs of moon",
        "sun-host → 10.1.0.2: seq 5",
        "    2 s ",
        "ESP, IP protocol 50",
        "         0  anything else",
        "4 namespaces, 4 processes, ",
        "All of it worked.",
    ):
        assert part in told
    assert "\x1b" not in told
    made = {Path(word.rstrip(":")) for word in told.split() if "/ikebana-demo-" in word}
    assert made
    assert left_by(process.pid, made) == []


@pytest.mark.parametrize("part", ["Two gateways", "The IKE exchange", "s of TCP", "    1 s "])
def test_an_interrupt_at_any_time_leaves_nothing(part: str) -> None:
    require()
    process = start("30")
    assert process.stdout is not None
    made: set[Path] = set()
    with process, process.stdout as told:
        for line in told:
            if part in line.decode():
                break
        made = {one for one in folders() if _names(one, process.pid)}
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)  # in haste
        rest = told.read().decode()
        assert process.wait(30) == 128 + signal.SIGINT, rest
    assert left_by(process.pid, made) == []


def _names(folder: Path, pid: int) -> bool:
    """Tell whether a process below ``pid`` uses this folder."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return any(str(folder) in _words(child) for child in children)


def _words(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
