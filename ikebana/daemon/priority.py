"""Who goes first when the processor is short: packets, then negotiations.

A storm of handshakes must not cost the tunnels their throughput; it comes to no harm by waiting,
for every request is sent again.  The daemon steps back by a few levels, and a worker always has
the priority that the daemon was started with: a service manager's ``Nice=`` moves both.
"""

import contextlib
import os
from typing import Final

_STEP: Final = 3  # of nice(2): half the share of the worker where both always want to run
_LOWEST: Final = 19


def current() -> int:
    """Return this thread's nice value."""
    return os.getpriority(os.PRIO_PROCESS, 0)


def step_back() -> None:
    """Lower this thread's priority, and that of all it starts from now on."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, min(_LOWEST, current() + _STEP))


def give(pid: int, nice: int) -> None:
    """Let another process have this nice value.

    Without CAP_SYS_NICE the kernel lowers and never raises: a worker that is started again then
    has the daemon's.
    """
    with contextlib.suppress(OSError):
        if os.getpriority(os.PRIO_PROCESS, pid) != nice:
            os.setpriority(os.PRIO_PROCESS, pid, nice)
