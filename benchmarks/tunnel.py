"""Throughput through tunnels and CPU per packet, ours beside strongSwan's, pairs in turn."""

from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, TypeAlias

from benchmarks.pairs import ESP, Kind, Pair, need
from benchmarks.table import Cell, Goal, Table, Tell, ratios

Sample: TypeAlias = dict[str, float]

_SECONDS: Final = 3.0
_UDP_SECONDS: Final = 1.5
_MOST_LOST: Final = 2.0  # per cent
_STEP: Final = 1.12  # between two rates that are tried
_STEPS: Final = 40
_BUFFER: Final = 2 << 20
_SENDER_LIMIT: Final = 0.93  # share of the wanted rate below which iperf3 cannot send faster
_PAIRS: Final[tuple[tuple[Kind, Kind], ...]] = (
    ("ikebana", "ikebana"),
    ("ikebana", "strongSwan"),
    ("strongSwan", "ikebana"),
    ("strongSwan", "strongSwan"),
)
_OURS: Final = 0
_THEIRS: Final = 3
_GOAL: Final = Goal("≥ 1.0 x strongSwan's pair", 1.0)
_COLUMNS: Final = (
    "ours → ours",
    "ours → swan",
    "swan → ours",
    "swan → swan",
    "ratio",
)


class _Udp:
    """The highest rate with less than 2 % loss, by pair: later rounds begin where one ended."""

    def __init__(self, size: int, least: float) -> None:
        self._size = size
        self._rates = [least * _STEP**step for step in range(_STEPS)]  # Mbit/s
        self._last: dict[str, int] = {}

    def __call__(self, pair: Pair) -> Sample:
        """Return rate and CPU per packet of the best run."""
        low, high, best = -1, len(self._rates), Sample()
        at, stride = self._last.get(pair.name, high // 2), 2
        while high - low > 1:
            found = self._try(pair, self._rates[at])
            if found is None:
                high = at
                at = max(at - stride, 0) if low < 0 else (low + high) // 2
            else:
                low, best = at, found
                if found["rate"] < _SENDER_LIMIT * self._rates[at]:
                    break
                at = min(at + stride, high - 1) if high == len(self._rates) else (low + high) // 2
            stride *= 2
        self._last[pair.name] = max(low, 0)
        return best

    def _try(self, pair: Pair, rate: float) -> Sample | None:
        options = ("-u", "-l", str(self._size), "-b", f"{rate:.2f}M", *_window())
        found = pair.iperf(_UDP_SECONDS, *options)
        total = found["end"]["sum"]
        if total["lost_percent"] >= _MOST_LOST:
            return None
        got = total["bits_per_second"] / 1e6 * (1 - total["lost_percent"] / 100)
        return _sample(got, found["cpu"], total["packets"])


def _tcp(*options: str) -> Callable[[Pair], Sample]:
    def measure(pair: Pair) -> Sample:
        found = pair.iperf(_SECONDS, *options)
        received = found["end"]["sum_received"]
        packets = received["bytes"] / _mss(found)
        return _sample(received["bits_per_second"] / 1e6, found["cpu"], packets)

    return measure


def _mss(found: dict[str, Any]) -> float:
    return float(found["start"].get("tcp_mss_default") or 1360)


def _sample(rate: float, cpu: list[float], packets: float) -> Sample:
    a, b = cpu
    return {"rate": rate, "a": a * 1e6 / packets, "b": b * 1e6 / packets}


def _window() -> tuple[str, ...]:
    """Return as large a socket buffer as is allowed: else the host loses before the gateway."""
    allowed = int(Path("/proc/sys/net/core/rmem_max").read_text())
    return ("-w", str(min(allowed, _BUFFER)))


def run(rounds: int, tell: Tell) -> Table:
    """Measure every test with every pair once a round, the order turned round each time."""
    need("charon-systemd", "swanctl", "iperf3", "ping")
    tests: dict[str, Callable[[Pair], Sample]] = {
        "TCP, 1 stream": _tcp(),
        "TCP, 4 streams": _tcp("-P", "4"),
        "TCP, reverse": _tcp("-R"),
        "UDP, 1300 B": _Udp(1300, 20),
        "UDP, 64 B": _Udp(64, 1.5),
    }
    samples = defaultdict[tuple[str, int], list[Sample]](list)
    with ExitStack() as stack:
        pairs = [stack.enter_context(Pair(*kinds)) for kinds in _PAIRS]
        for pair in pairs:
            pair.connect()
        for number in range(rounds):
            for test, measure in tests.items():
                for at in range(len(pairs)) if number % 2 == 0 else range(len(pairs))[::-1]:
                    tell(f"round {number + 1} of {rounds}, {test}, {_COLUMNS[at]}")
                    found = measure(pairs[at])
                    if found:
                        samples[test, at].append(found)
    rows: dict[str, tuple[Cell, ...]] = {}
    for test in tests:
        goal = _GOAL if test.startswith("TCP") else None
        rows[f"{test}, Mbit/s"] = _row(samples, test, ("rate",), 0, goal)
        rows[f"{test}, CPU µs"] = _row(samples, test, ("a", "b"), 1, None)
    return Table(
        "tunnel",
        f"Throughput through a tunnel, {ESP} in UDP",
        _COLUMNS,
        rows,
        (
            "Ratio: our pair beside strongSwan's; swan is strongSwan.  CPU: of both gateways, a "
            "packet.  "
            "UDP: highest rate with less than 2 % loss.  Left of the arrow is who starts the "
            "tunnel, and whose host sends (in reverse it receives).  "
            "strongSwan's ESP is kernel-libipsec, in userspace as ours.  Hosts, gateways and "
            "iperf3 share the processors.",
        ),
    )


def _row(
    samples: dict[tuple[str, int], list[Sample]],
    test: str,
    keys: tuple[str, ...],
    digits: int,
    goal: Goal | None,
) -> tuple[Cell, ...]:
    columns = [
        tuple(sum(sample[key] for key in keys) for sample in samples.get((test, at), ()))
        for at in range(len(_PAIRS))
    ]
    cells = [Cell(column, digits, is_spread_shown=keys == ("rate",)) for column in columns]
    return *cells, Cell(ratios(columns[_OURS], columns[_THEIRS]), 2, goal)
