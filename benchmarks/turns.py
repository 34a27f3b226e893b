"""Measure pairs in turn: what else the machine does at the time hits all of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.loads import Sample, Test
from benchmarks.pairs import Pair, Setup
from benchmarks.table import Cell, Goal, Tell, ratios
from benchmarks.wish import Wish
from tests.lab.topology import LabError


@dataclass
class Samples:
    """What was found, by test and pair; every round has its place, empty where nothing came."""

    found: dict[tuple[str, str], list[Sample]] = field(
        default_factory=lambda: defaultdict[tuple[str, str], list[Sample]](list)
    )
    failures: list[str] = field(default_factory=list)
    """The runs that came to nothing, each in a line: notes of the table."""

    def of(self, test: str, pair: str, *keys: str) -> tuple[float, ...]:
        """Return the sum of these quantities, round by round; 0 where there is none."""
        some = self.found.get((test, pair), ())
        return tuple(sum(sample.get(key, 0.0) for key in keys) for sample in some)

    def cell(self, test: str, pair: str, *keys: str, digits: int = 1) -> Cell:
        """Return a pair's cell; the spread is shown of rates."""
        some = tuple(value for value in self.of(test, pair, *keys) if value)
        return Cell(some, digits, is_spread_shown=keys == ("rate",))

    def row(
        self,
        test: str,
        ours: str,
        theirs: str,
        keys: tuple[str, ...],
        digits: int = 1,
        goal: Goal | None = None,
    ) -> tuple[Cell, ...]:
        """Return our cell, theirs, and the ratio, which has the goal."""
        both = ratios(self.of(test, ours, *keys), self.of(test, theirs, *keys))
        return (
            self.cell(test, ours, *keys, digits=digits),
            self.cell(test, theirs, *keys, digits=digits),
            Cell(both, 2, goal),
        )


def open_pairs(stack: ExitStack, setups: Mapping[str, Setup], tell: Tell) -> dict[str, Pair]:
    """Return the pairs by name, connected; closed with the stack."""
    pairs = {}
    for name, setup in setups.items():
        tell(f"starting {name}")
        pairs[name] = stack.enter_context(Pair(setup.a, setup.b, setup))
        pairs[name].connect()
    return pairs


def take(
    wish: Wish,
    tests: Mapping[str, Test],
    pairs: Mapping[str, Pair],
    tell: Tell,
    where: Mapping[str, Sequence[str]] | None = None,
) -> Samples:
    """Put every pair through every wanted test once a round, the order turned round each time.

    ``where`` names the pairs of a test that is not for all.
    """
    samples = Samples()
    for number in range(wish.rounds):
        for test, measure in tests.items():
            if not wish.test(test):
                continue
            names = list((where or {}).get(test, pairs))
            for name in names if number % 2 == 0 else names[::-1]:
                tell(f"round {number + 1} of {wish.rounds}, {test}, {name}")
                sample = Sample()
                try:
                    sample = measure(pairs[name])
                except LabError as error:
                    reason = str(error).strip().splitlines()[0]
                    samples.failures.append(f"Failed, round {number + 1}: {test}, {name}: {reason}")
                samples.found[test, name].append(sample)
    return samples
