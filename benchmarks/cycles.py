"""CPU of one up and down of a tunnel, beside charon's, as initiator and as responder.

Each program talks to a charon, so that the other end's behaviour is the same for both.
"""

from collections import defaultdict
from contextlib import ExitStack
from typing import Final

from benchmarks.pairs import ESP, IKE, Kind, Pair, need
from benchmarks.processes import cpu_seconds
from benchmarks.table import Cell, Goal, Table, Tell, ratios

_CYCLES: Final = 200
_WARM: Final = 10
_PAIRS: Final[tuple[tuple[Kind, Kind], ...]] = (
    ("ikebana", "strongSwan"),
    ("strongSwan", "ikebana"),
    ("strongSwan", "strongSwan"),
)
_GOALS: Final = {
    "initiator": Goal("≤ 1.5 x charon's", 1.5, at_most=True),
    "responder": Goal("≤ 2.5 x charon's", 2.5, at_most=True),
}


def run(rounds: int, tell: Tell) -> Table:
    """Let A bring each pair's tunnel up and down 200 times a round, the pairs in turn."""
    need("charon-systemd", "swanctl", "ping")
    spent = defaultdict[tuple[str, str], list[float]](list)
    with ExitStack() as stack:
        pairs = [stack.enter_context(Pair(*kinds)) for kinds in _PAIRS]
        for pair in pairs:
            pair.connect()
            pair.a.down()
            _cycle(pair, _WARM)
        for number in range(rounds):
            for pair in pairs if number % 2 == 0 else pairs[::-1]:
                tell(f"round {number + 1} of {rounds}, {pair.name}")
                a, b = _cycle(pair, _CYCLES)
                for role, kind, other, value in (
                    ("initiator", pair.kinds[0], pair.kinds[1], a),
                    ("responder", pair.kinds[1], pair.kinds[0], b),
                ):
                    if other == "strongSwan":
                        spent[kind, role].append(value)
    return Table(
        "cycles",
        f"CPU of one up and down, ms ({_CYCLES} cycles a round, {IKE}, {ESP})",
        ("ikebana, daemon and worker", "charon", "ratio"),
        {
            role: (
                Cell(tuple(spent["ikebana", role]), 2, is_spread_shown=True),
                Cell(tuple(spent["strongSwan", role]), 2, is_spread_shown=True),
                Cell(ratios(spent["ikebana", role], spent["strongSwan", role]), 2, _GOALS[role]),
            )
            for role in ("initiator", "responder")
        },
        (
            "The peer is a charon for both.  ikebana is driven through its control socket, charon "
            "by swanctl; the drivers' own CPU is not counted.",
        ),
    )


def _cycle(pair: Pair, count: int) -> tuple[float, float]:
    """Return the CPU milliseconds of A and of B for one cycle."""
    before = cpu_seconds(pair.a.pids), cpu_seconds(pair.b.pids)
    for _ in range(count):
        pair.a.up()
        pair.a.down()
    a, b = (
        now - then
        for now, then in zip(
            (cpu_seconds(pair.a.pids), cpu_seconds(pair.b.pids)), before, strict=True
        )
    )
    return a * 1e3 / count, b * 1e3 / count
