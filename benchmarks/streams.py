"""Many TCP streams between many addresses by two processes: iperf3 has one address each."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from benchmarks.stream_ends import LISTENING
from tests.lab.topology import Lab, LabError, wait_for

_PATIENCE: Final = 20.0


class Received(NamedTuple):
    """What came: Mbit/s, and the octets of reads that held anything but zeros."""

    rate: float
    wrong: int


def run_streams(lab: Lab, seconds: float, ends: Sequence[tuple[str, str]]) -> Received:
    """Send zeros on one stream for each (address of ca, address of cb)."""
    log, errors = lab.folder / "streams.log", lab.folder / "streams-give.log"
    log.unlink(missing_ok=True)
    us = [sys.executable, "-m", "benchmarks.stream_ends"]
    taker = lab.spawn("cb", [*us, "take", f"{seconds:g}", str(len(ends))], log)
    wait_for(lambda: LISTENING in log.read_text(), _PATIENCE, "the streams' receiver")
    giver = lab.spawn("ca", [*us, "give", f"{seconds:g}", *map("-".join, ends)], errors)
    try:
        if giver.wait(seconds + _PATIENCE) or taker.wait(_PATIENCE):
            raise LabError(f"streams: {errors.read_text()}{log.read_text()}")
    except subprocess.TimeoutExpired as error:
        raise LabError(f"streams without end: {errors.read_text()}") from error
    finally:
        for process in (giver, taker):
            process.kill()
            process.wait()
    found: dict[str, Any] = json.loads(log.read_text().splitlines()[-1])
    return Received(found["octets"] * 8e-6 / found["seconds"], found["wrong"])
