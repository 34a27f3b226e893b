"""What a benchmark found: rows of samples with their medians, for people and as JSON."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, TypeAlias

Tell: TypeAlias = Callable[[str], None]
"""Shows what is being measured right now."""


class Skip(Exception):
    """A benchmark cannot run here; the text says what it lacks."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A median to reach: at least or at most ``limit``, in its cell's unit."""

    text: str
    limit: float
    at_most: bool = False

    def is_reached(self, value: float) -> bool:
        """Tell whether ``value`` is good enough."""
        return value <= self.limit if self.at_most else value >= self.limit


@dataclass(frozen=True, slots=True)
class Cell:
    """One quantity, measured once a round; empty samples print as a dash."""

    samples: tuple[float, ...]
    digits: int = 1
    goal: Goal | None = None
    is_spread_shown: bool = False

    @property
    def median(self) -> float:
        """Return the middle sample, 0 without any."""
        return median(self.samples) if self.samples else 0.0

    def __str__(self) -> str:
        if not self.samples:
            return "-"
        text = f"{self.median:.{self.digits}f}"
        if self.is_spread_shown and len(self.samples) > 1:
            low, high = min(self.samples), max(self.samples)
            text += f" [{low:.{self.digits}f}-{high:.{self.digits}f}]"
        return text

    def to_json(self) -> dict[str, Any]:
        """Return all of it, samples rounded to what a clock can tell."""
        found: dict[str, Any] = {
            "median": round(self.median, 4) if self.samples else None,
            "samples": [round(sample, 4) for sample in self.samples],
        }
        if self.goal is not None:
            found["goal"] = {
                "text": self.goal.text,
                "limit": self.goal.limit,
                "reached": bool(self.samples) and self.goal.is_reached(self.median),
            }
        return found


@dataclass(frozen=True, slots=True)
class Table:
    """One benchmark's result; ``columns`` are the names of each row's cells, in order."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[Cell, ...]]
    notes: tuple[str, ...] = field(default=())

    def goals(self) -> Iterable[tuple[str, Goal, float]]:
        """Yield each goal with where it stands and the median that was reached."""
        for row, cells in self.rows.items():
            for column, cell in zip(self.columns, cells, strict=True):
                if cell.goal is not None and cell.samples:
                    yield f"{row}, {column}", cell.goal, cell.median

    def to_json(self) -> dict[str, Any]:
        """Return the table; cells by row and column."""
        return {
            "title": self.title,
            "rows": {
                row: {
                    column: cell.to_json() for column, cell in zip(self.columns, cells, strict=True)
                }
                for row, cells in self.rows.items()
            },
            "notes": list(self.notes),
        }


def ratios(ours: Iterable[float], theirs: Iterable[float]) -> tuple[float, ...]:
    """Return ours by theirs, round by round: what drifts on the machine cancels out."""
    return tuple(one / other for one, other in zip(ours, theirs, strict=False) if one and other)
