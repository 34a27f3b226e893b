"""One gateway ours, the other strongSwan, which sends and wants single datagrams."""

from contextlib import ExitStack
from typing import Final

from benchmarks.loads import tcp
from benchmarks.pairs import ESP, THEIRS, Setup, need
from benchmarks.table import Cell, Goal, Table, Tell, ratios
from benchmarks.turns import open_pairs, take
from benchmarks.wish import Wish

_PAIRS: Final = {"mixed": Setup("ikebana", "strongSwan"), "swan": THEIRS}
_TESTS: Final = {"ours → swan": (), "swan → ours": ("-R",)}
_RATE: Final = Goal("≥ 1.25", 1.25)
_CPU: Final = Goal("≤ 0.5 of its", 0.5, at_most=True)


def run(wish: Wish, tell: Tell) -> Table:
    """Send TCP both directions through both pairs once a round."""
    need("charon-systemd", "swanctl", "iperf3", "ping")
    tests = {name: tcp(wish, *options) for name, options in _TESTS.items()}
    with ExitStack() as stack:
        setups = {name: setup for name, setup in _PAIRS.items() if wish.pair(name)}
        samples = take(wish, tests, open_pairs(stack, setups, tell), tell)
    rows: dict[str, tuple[Cell, ...]] = {}
    for test in filter(wish.test, tests):
        ours, its = samples.of(test, "mixed", "a"), samples.of(test, "mixed", "b")
        rows[f"{test}, Mbit/s"] = samples.row(test, "mixed", "swan", ("rate",), 0, _RATE)
        rows[f"{test}, CPU beside the peer's, µs"] = (
            Cell(tuple(filter(None, ours)), 2),
            Cell(tuple(filter(None, its)), 2),
            Cell(ratios(ours, its), 2, _CPU),
        )
        name = f"{test}, CPU beside swan in our place, µs"
        rows[name] = samples.row(test, "mixed", "swan", ("a",), 2)
    columns = ("mixed", "swan", "ratio")
    return Table(
        "mixed",
        f"Between ours and strongSwan, TCP, {ESP} in UDP",
        columns,
        rows,
        (*_NOTES, *samples.failures),
    )


_NOTES: Final = (
    "Rates: the mixed pair beside strongSwan's own.  CPU, of a gateway a packet of data: ours "
    "beside that of the strongSwan at the other end of the same tunnel, and beside that of one "
    "which does the same in strongSwan's own pair.",
)
