"""Throughput through tunnels, CPU per packet and latency: our pair beside strongSwan's."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

from benchmarks.loads import Test, Udp, ping_idle, ping_loaded, tcp
from benchmarks.pairs import ESP, OURS, THEIRS, need
from benchmarks.table import Cell, Goal, Table, Tell
from benchmarks.turns import Samples, open_pairs, take
from benchmarks.wish import Wish

_PAIRS: Final = {"ours": OURS, "swan": THEIRS}
_RATE: Final = {
    "TCP, 1 stream": Goal("≥ 5.0", 5.0),
    "TCP, 4 streams": Goal("≥ 5.0", 5.0),
    "TCP, reverse": Goal("≥ 5.0", 5.0),
    "TCP, both ways": Goal("≥ 4.3", 4.3),
    "UDP, 1300 B": Goal("≥ 1.8", 1.8),
    "UDP, 64 B": Goal("≥ 1.8", 1.8),
}
_SENDING: Final = Goal("≤ 0.20", 0.20, at_most=True)
_RECEIVING: Final = Goal("≤ 0.23", 0.23, at_most=True)
_PING: Final = {
    "ping, idle": Goal("≤ 1.3", 1.3, at_most=True),
    "ping, TCP load": Goal("≤ 1.2", 1.2, at_most=True),
}
_NOTES: Final = (
    "Ratio: our pair by strongSwan's, and its goal.  UDP: highest rate with less than 2 % loss.  "
    "Both ways: the sum, CPU a packet of either way.",
    "CPU: of a whole gateway, daemon and worker, a packet of data.  strongSwan's ESP is "
    "kernel-libipsec, in userspace as ours.  Both gateways, hosts and iperf3 share the "
    "processors.  Inner MTU 1400.",
)


def run(wish: Wish, tell: Tell) -> Table:
    """Measure every test with both pairs once a round."""
    need("charon-systemd", "swanctl", "iperf3", "ping")
    tests: dict[str, Test] = {
        "TCP, 1 stream": tcp(wish),
        "TCP, 4 streams": tcp(wish, "-P", "4"),
        "TCP, reverse": tcp(wish, "-R"),
        "TCP, both ways": tcp(wish, "--bidir"),
        "UDP, 1300 B": Udp(wish, 1300, 60),
        "UDP, 64 B": Udp(wish, 64, 3.5),
        "ping, idle": ping_idle(wish),
        "ping, TCP load": ping_loaded(wish),
    }
    with ExitStack() as stack:
        setups = {name: setup for name, setup in _PAIRS.items() if wish.pair(name)}
        samples = take(wish, tests, open_pairs(stack, setups, tell), tell)
    rows = {name: row for test in tests if wish.test(test) for name, row in _rows(samples, test)}
    title = f"Throughput through a tunnel, {ESP} in UDP"
    return Table("tunnel", title, ("ours", "swan", "ratio"), rows, (*_NOTES, *samples.failures))


def _rows(samples: Samples, test: str) -> Iterator[tuple[str, tuple[Cell, ...]]]:
    """Yield a test's rows: what went through, and what it cost whom."""
    if test in _PING:
        yield f"{test}, ms", samples.row(test, "ours", "swan", ("ping",), 2, _PING[test])
        return
    yield f"{test}, Mbit/s", samples.row(test, "ours", "swan", ("rate",), 0, _RATE[test])
    if test == "TCP, both ways":
        yield f"{test}, CPU µs", samples.row(test, "ours", "swan", ("a", "b"), 2)
        return
    sending, receiving = ("b", "a") if test == "TCP, reverse" else ("a", "b")
    is_judged = test == "TCP, 1 stream"
    for word, key, goal in (("sending", sending, _SENDING), ("receiving", receiving, _RECEIVING)):
        row = samples.row(test, "ours", "swan", (key,), 2, goal if is_judged else None)
        yield f"{test}, CPU {word}, µs", row
