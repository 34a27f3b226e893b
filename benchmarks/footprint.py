"""Memory of daemon and worker, time from exec to listening, time of ``ikebana status``."""

import sys
import time
from collections import defaultdict
from typing import Final

from benchmarks.pairs import Kind, Ours, Pair, need, toml
from benchmarks.processes import memory_mib, wait_for_port
from benchmarks.table import Cell, Goal, Table, Tell
from tests.lab.topology import Lab
from tundev.namespaces import end

_LOAD: Final = 3.0  # seconds of TCP before memory is looked at
_KINDS: Final[tuple[Kind, ...]] = ("ikebana", "strongSwan")
_ROWS: Final = {
    "RSS idle, MiB": None,
    "RSS connected, after traffic, MiB": Goal("≤ 120 MB, daemon and worker", 114.4, at_most=True),
    "PSS connected, after traffic, MiB": None,
    "RSS of the worker, after traffic, MiB": Goal("≤ 80 MB", 76.3, at_most=True),
    "exec to UDP 500, ms": Goal("≤ 700 ms", 700, at_most=True),
    "status command, ms": None,
}


def run(rounds: int, tell: Tell) -> Table:
    """Start a daemon once a round; look at a pair's memory at rest and after traffic."""
    need("charon-systemd", "swanctl", "iperf3", "ping")
    samples = defaultdict[tuple[str, Kind], list[float]](list)
    with Lab() as lab:
        _start(lab)  # the first one compiles and fills the page cache
        for number in range(rounds):
            tell(f"round {number + 1} of {rounds}, start")
            samples["exec to UDP 500, ms", "ikebana"].append(_start(lab) * 1e3)
    with Pair("ikebana", "ikebana") as ours, Pair("strongSwan", "strongSwan") as theirs:
        pairs = dict(zip(_KINDS, (ours, theirs), strict=True))
        for kind, pair in pairs.items():
            samples["RSS idle, MiB", kind].append(memory_mib(pair.a.pids)[0])
            pair.connect()
        for number in range(rounds):
            for kind, pair in pairs.items():
                tell(f"round {number + 1} of {rounds}, memory and status, {kind}")
                pair.iperf(_LOAD)
                rss, pss = memory_mib(pair.a.pids)
                samples["RSS connected, after traffic, MiB", kind].append(rss)
                samples["PSS connected, after traffic, MiB", kind].append(pss)
                if isinstance(pair.a, Ours):
                    worker, _ = memory_mib((pair.a.worker,))
                    samples["RSS of the worker, after traffic, MiB", kind].append(worker)
                began = time.perf_counter()
                pair.a.status()
                samples["status command, ms", kind].append((time.perf_counter() - began) * 1e3)
    return Table(
        "footprint",
        "Memory and start",
        ("ikebana, daemon and worker", "charon"),
        {
            name: (
                Cell(tuple(samples[name, "ikebana"]), 1, goal),
                Cell(tuple(samples[name, "strongSwan"]), 1),
            )
            for name, goal in _ROWS.items()
        },
        (
            "Status: `ikebana status` and `swanctl --list-sas`, from exec to exit.  PSS counts "
            "pages that processes share only once.",
        ),
    )


def _start(lab: Lab) -> float:
    """Return the seconds from starting the daemon to its listening on UDP 500."""
    folder = lab.folder / "start"
    folder.mkdir(exist_ok=True)
    config, control = folder / "gateway.toml", folder / "control.sock"
    for path, text in ((config, toml(lab, "ga")), (folder / "net.psk", "labsecret")):
        path.write_text(text)
        path.chmod(0o600)
    argv = [sys.executable, "-m", "ikebana", "run", "-c", str(config), "--control", str(control)]
    began = time.perf_counter()
    process = lab.spawn("ga", argv, folder / "ikebana.log")
    try:
        wait_for_port(process.pid, "udp", 500)
        return time.perf_counter() - began
    finally:
        end(process, 15)
