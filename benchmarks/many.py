"""2,000 tunnels in one daemon: coming up, memory, idling, a rekey storm, the cost of one more."""

import time
from collections import defaultdict
from contextlib import ExitStack
from statistics import median, quantiles
from typing import Final

from benchmarks.many_lab import STREAMS, ManyGateway, ManyLab
from benchmarks.many_peers import Down, Peers, Rekey, Storm, Up, Wait
from benchmarks.pairs import need
from benchmarks.table import Cell, Goal, Table, Tell, ratios
from tests.lab.topology import LabError

_MANY: Final = 2000
_HALF: Final = _MANY // 2
_AT_ONCE: Final = 32
_FRESH: Final = 3  # gateways started to look at
_DPD: Final = 30  # seconds
_IDLE: Final = 90.0  # seconds: three probes of every tunnel
_STORM: Final = 60.0
_MORE: Final = 16  # handshakes, one after another
_WARM: Final = 50
_TURNS: Final = 12  # of which a sample is the median: what else the machine does comes in bursts
_PRESENT: Final = (10, 100, 1000, _MANY - _WARM)
_QUIET: Final = 0.005  # seconds of CPU in half a second
_PATIENCE: Final = 60.0

_MEMORY: Final = Goal("≤ 25 kB in the daemon", 25, at_most=True)
_CPU: Final = Goal("≤ 5 % of a core", 5, at_most=True)
_LOSS: Final = Goal("no loss", 0, at_most=True)
_ANSWERS: Final = Goal("≤ 250 ms", 250, at_most=True)
_GROWTH: Final = Goal("≤ 1.2 x the cost with 10", 1.2, at_most=True)


def run(rounds: int, tell: Tell) -> Table:
    """Bring all up thrice, idle and renew them once; then compare handshakes, once a round."""
    need("ip")
    with ManyLab() as lab:
        life = _life(lab, min(rounds, _FRESH), tell)
    costs = _costs(rounds, tell)
    return Table("many", "2,000 tunnels in one daemon", ("daemon",), {**life, **costs}, _NOTES)


# -- their life -----------------------------------------------------------------------------------
def _life(lab: ManyLab, rounds: int, tell: Tell) -> dict[str, tuple[Cell]]:
    found = defaultdict[str, list[float]](list)
    for number in range(rounds):
        where = f"gateway {number + 1} of {rounds}"
        tell(f"{where}, starting")
        with ManyGateway(lab, 1) as one:
            least, _ = _settled(one)
        found["2,000 up from exec, the gateway begins, s"].append(_all_at_once(lab))
        with ManyGateway(lab, _MANY, dpd=_DPD) as gateway, Peers(lab, _MANY) as peers:
            tell(f"{where}, coming up")
            told, worker = _settled(gateway)
            first = _bring_up(peers, range(_HALF))
            half, _ = _settled(gateway)
            second = _bring_up(peers, range(_HALF, _MANY))
            all_up, busy = _settled(gateway)
            found["1,000 up, s"].append(first)
            found["2,000 up, s"].append(first + second)
            found["handshakes/s, the first 1,000"].append(_HALF / first)
            found["handshakes/s, the second 1,000"].append(_HALF / second)
            found["a connection configured, kB"].append((told - least) / (_MANY - 1))
            found["a tunnel up, kB"].append((all_up - half) / _HALF)
            found["an idle tunnel in all, kB"].append((all_up - least) / (_MANY - 1))
            found["the same in the worker, kB"].append((busy - worker) / _MANY)
            if number == rounds - 1:
                found["idle, % of a core"].append(_idle(gateway, tell))
                _enter(found, _storm(gateway, peers, tell))
    goals = {
        "an idle tunnel in all, kB": _MEMORY,
        "idle, % of a core": _CPU,
        "rekey storm, packets lost": _LOSS,
        "rekey storm, answers p99, ms": _ANSWERS,
    }
    return {
        name: (Cell(tuple(some), 0 if "packets" in name else 1, goals.get(name)),)
        for name, some in found.items()
    }


def _all_at_once(lab: ManyLab) -> float:
    """Return the seconds from starting a gateway that begins itself to its last tunnel."""
    with Peers(lab, _MANY) as peers:
        began = time.monotonic()
        with ManyGateway(lab, _MANY, initiation="active", dpd=_DPD):
            peers.ask(Wait(_MANY))
            return time.monotonic() - began


def _bring_up(peers: Peers, numbers: range) -> float:
    seconds: float = peers.ask(Up(numbers, _AT_ONCE))
    return seconds


def _settled(gateway: ManyGateway) -> tuple[float, float]:
    """Return the memory of daemon and worker, kB, once nothing is being done any more."""
    _wait_quiet(gateway)
    return gateway.memory


def _wait_quiet(gateway: ManyGateway) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        before = gateway.cpu
        time.sleep(0.5)
        if gateway.cpu - before < _QUIET:
            return
    raise LabError(f"the gateway does not come to rest:\n{gateway.log[-2000:]}")


def _idle(gateway: ManyGateway, tell: Tell) -> float:
    """Return the daemon's share of a core while nothing happens but probes, in percent."""
    tell(f"idle for {_IDLE:g} s")
    before, began = gateway.cpu, time.monotonic()
    time.sleep(_IDLE)
    return 100 * (gateway.cpu - before) / (time.monotonic() - began)


def _storm(gateway: ManyGateway, peers: Peers, tell: Tell) -> tuple[Storm, float]:
    """Let the peers renew all children; return what came of it, and the daemon's CPU seconds."""
    tell(f"all children renewed in {_STORM:g} s")
    before = gateway.cpu
    storm: Storm = peers.ask(Rekey(_STORM))
    if storm.failed or len(storm.answers) != _MANY:
        raise LabError(
            f"{len(storm.answers)} renewed, {storm.failed} failed:\n{gateway.log[-2000:]}"
        )
    return storm, gateway.cpu - before


def _enter(found: dict[str, list[float]], result: tuple[Storm, float]) -> None:
    storm, spent = result
    percentiles = quantiles(storm.answers, n=100)
    found["rekey storm, packets sent"].append(storm.sent)
    found["rekey storm, packets lost"].append(storm.lost)
    found["rekey storm, answers p50, ms"].append(percentiles[49] * 1e3)
    found["rekey storm, answers p99, ms"].append(percentiles[98] * 1e3)
    found["rekey storm, CPU of one renewal, ms"].append(spent / _MANY * 1e3)


# -- what one more costs --------------------------------------------------------------------------
def _costs(rounds: int, tell: Tell) -> dict[str, tuple[Cell]]:
    """Measure the same handshakes beside few SAs and many, in turn, with a gateway for each."""
    samples = {present: list[float]() for present in _PRESENT}
    with ExitStack() as stack:
        pairs: dict[int, tuple[ManyGateway, Peers]] = {}
        for present in _PRESENT:
            tell(f"a gateway with {present} SAs")
            lab = stack.enter_context(ManyLab())
            gateway = stack.enter_context(ManyGateway(lab, _MANY, dpd=0))
            peers = stack.enter_context(Peers(lab, _MANY))
            _bring_up(peers, range(present))
            _wait_quiet(gateway)
            pairs[present] = gateway, peers
            _handshakes(*pairs[present], _WARM)  # the first ones meet cold code
        for number in range(rounds):
            tell(f"round {number + 1} of {rounds}, handshakes")
            found = {present: list[float]() for present in _PRESENT}
            for turn in range(_TURNS):
                for present in _PRESENT if turn % 2 == 0 else _PRESENT[::-1]:
                    found[present].append(_handshakes(*pairs[present], _MORE))
            for present, some in found.items():
                samples[present].append(median(some))
    few = samples[_PRESENT[0]]
    rows = {
        f"a handshake with {present} SAs, CPU ms": (Cell(tuple(some), 2),)
        for present, some in samples.items()
    }
    return rows | {
        f"with {present} by with {_PRESENT[0]}": (Cell(ratios(samples[present], few), 2, _GROWTH),)
        for present in _PRESENT[1:]
    }


def _handshakes(gateway: ManyGateway, peers: Peers, count: int) -> float:
    """Return the daemon's CPU milliseconds of one handshake; the Deletes after it do not count."""
    numbers = range(_MANY - count, _MANY)
    before = gateway.cpu
    peers.ask(Up(numbers, 1))
    spent = gateway.cpu - before
    peers.ask(Down(numbers))
    return spent * 1e3 / count


_NOTES: Final = (
    "The whole `ikebana run` with its packet worker; 2,000 peers, our own cores, are one other "
    "process beside it on the loopback, each with an address of its own.  They begin, "
    f"{_AT_ONCE} at a time, in all rows but the one that says otherwise.",
    "Memory: RSS of the daemon.  Configured: with 2,000 connections, none up, less with one.  Up: "
    "with 2,000 up less with 1,000 up.  In all: with 2,000 up less with one connection, the log's "
    "5,000 lines included.",
    f"Idle: DPD after {_DPD} s, {_IDLE:g} s long.  Storm: the peers renew all children in "
    f"{_STORM:g} s, with PFS, and {STREAMS} of them send 500 echo requests a second in all; the "
    "answers are the peers' wait for CREATE_CHILD_SA.",
    f"Handshake: {_MORE} more, one after another, CPU of the daemon alone; a sample is the median "
    f"of {_TURNS} turns of four gateways with 2,000 connections each, of which so many are up.  "
    "As they take turns, each finds the processor's caches cold.",
)
