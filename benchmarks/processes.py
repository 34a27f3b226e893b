"""What a tree of processes has used: CPU time and memory, from /proc."""

import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

_MIB: Final = 1024.0  # KiB
_PATIENCE: Final = 30.0
_TCP_LISTEN: Final = "0A"


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the CPU time of all threads, user and system, to the nanosecond.

    Threads that have ended are not counted: neither we nor charon end one in normal life.
    """
    nanoseconds = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            nanoseconds += int((task / "schedstat").read_text().split()[0])
    return nanoseconds / 1e9


def memory_mib(pids: Iterable[int]) -> tuple[float, float]:
    """Return RSS and PSS in MiB; PSS counts a page shared by two processes half for each."""
    rss = pss = 0
    for pid in pids:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        rss += sum(map(int, re.findall(r"^Rss:\s+(\d+)", text, re.MULTILINE)))
        pss += sum(map(int, re.findall(r"^Pss:\s+(\d+)", text, re.MULTILINE)))
    return rss / _MIB, pss / _MIB


def wait_for_port(pid: int, protocol: Literal["tcp", "udp"], port: int) -> None:
    """Return when something in the process's namespace listens there."""
    deadline = time.monotonic() + _PATIENCE
    while not _listens(pid, protocol, port):
        if time.monotonic() > deadline:
            raise RuntimeError(f"nothing on {protocol} {port} after {_PATIENCE:g} s")
        time.sleep(0.001)


def _listens(pid: int, protocol: str, port: int) -> bool:
    for table in (protocol, f"{protocol}6"):
        try:
            lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        except OSError as error:
            raise RuntimeError("the process has ended instead of listening") from error
        for line in lines:
            _, local, _, state, *_ = line.split()
            if local.endswith(f":{port:04X}") and (protocol == "udp" or state == _TCP_LISTEN):
                return True
    return False
