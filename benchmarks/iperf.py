"""iperf3 between the hosts of a lab, several at once if wanted, and ping beside it."""

import json
import re
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.processes import wait_for_port
from tests.lab.needs import find
from tests.lab.topology import Lab, LabError, Process

TARGET: Final = "10.2.0.2"
_PORT: Final = 5201
_PATIENCE: Final = 30.0
_REST: Final = 0.05  # what is still in queues is not the next run's
_FIRST: Final = 0.5  # the load before the first ping
_EVERY: Final = 0.02
_MEAN: Final = re.compile(r"= [\d.]+/([\d.]+)/")


@dataclass(frozen=True, slots=True)
class Run:
    """One iperf3 from ca to cb; ``source`` "" is whatever address the route gives."""

    options: tuple[str, ...] = ()
    source: str = ""
    target: str = TARGET


def run_all(lab: Lab, seconds: float, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Run all of them at once, in whole seconds; return their JSON.

    Raises LabError when one fails.
    """
    servers = [_serve(lab, _PORT + number) for number in range(len(runs))]
    try:
        for number, server in enumerate(servers):
            wait_for_port(server.pid, "tcp", _PORT + number)
        with ThreadPoolExecutor(len(runs)) as pool:
            found = list(pool.map(lambda one: _client(lab, seconds, *one), enumerate(runs)))
        for server in servers:
            _wait(server)
    finally:
        for server in servers:
            if server.poll() is None:
                server.kill()
                server.wait()
        time.sleep(_REST)
    return found


def ping(lab: Lab, seconds: float) -> float:
    """Return the mean round trip in milliseconds, of a ping every 20 ms."""
    count = max(10, int(seconds / _EVERY))
    argv = ["ping", "-q", "-i", f"{_EVERY:g}", "-c", f"{count}", "-W", "1", TARGET]
    _, output, errors = lab.run("ca", [find("ping") or "ping", *argv[1:]])
    mean = _MEAN.search(output)
    if mean is None:
        raise LabError(f"ping: {output}{errors}")
    return float(mean[1])


def ping_during(lab: Lab, seconds: float) -> float:
    """Return the mean round trip in milliseconds while one TCP stream takes what it gets."""
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(run_all, lab, seconds + 2 * _FIRST, [Run()])
        time.sleep(_FIRST)
        found = ping(lab, seconds)
        load.result()
    return found


def _serve(lab: Lab, port: int) -> Process:
    argv = [find("iperf3") or "iperf3", "-s", "-1", "-p", str(port)]
    return lab.spawn("cb", argv, lab.folder / "iperf3.log")


def _client(lab: Lab, seconds: float, number: int, one: Run) -> dict[str, Any]:
    where = ["-c", one.target, "-p", str(_PORT + number)]
    bound = ["-B", one.source] if one.source else []
    whole = str(max(1, round(seconds)))  # it cuts fractions off, and 0 is for ever
    argv = [find("iperf3") or "iperf3", *where, *bound, "-t", whole, "-J", *one.options]
    _, output, errors = lab.run("ca", argv, timeout=seconds + _PATIENCE)
    found: dict[str, Any] = json.loads(output or "{}")
    if "end" not in found or "error" in found:
        raise LabError(f"iperf3: {found.get('error', errors)}")
    return found


def _wait(server: Process) -> None:
    try:
        server.wait(5)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
