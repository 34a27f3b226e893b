"""What the kernel says of a process of its own, in which nothing else runs."""

import os
import subprocess
import sys
from typing import Final

from ikebana.daemon.priority import current, give

_BACK: Final = "from ikebana.daemon.priority import *; step_back(); print(current())"


def back(nice: int) -> int:
    """Return where a process of this nice value steps back to."""
    argv = ["nice", "-n", str(nice), sys.executable, "-c", _BACK]
    found = subprocess.run(argv, capture_output=True, text=True, check=True)  # noqa: S603 - no shell
    return int(found.stdout)


def test_a_process_steps_back_by_three_levels_and_no_further_than_there_are() -> None:
    assert back(0) == min(19, current() + 3)
    assert back(17 - current()) == 19


def test_another_process_has_what_it_is_given_as_far_as_the_kernel_lets() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        lower = current() + 1
        give(process.pid, lower)
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == lower
        give(process.pid, lower - 1)
        assert os.getpriority(os.PRIO_PROCESS, process.pid) in (lower - 1, lower)
        process.communicate(b"\n")
    give(process.pid, 0)  # it is gone
