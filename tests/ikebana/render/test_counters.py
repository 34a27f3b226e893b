"""The page tells of every counter, and is the one that is committed."""

from pathlib import Path

from esp.counters import COUNTERS
from ikebana.render.counters import render

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "counters.md"


def test_the_committed_page_is_the_generated_one() -> None:
    advice = "run: python -m ikebana.render.counters > docs/reference/counters.md"
    assert PAGE.read_text("utf-8") == render(), advice


def test_every_counter_has_one_row_with_its_meaning() -> None:
    rows = [line for line in render().splitlines() if line.startswith("| `")]
    assert sorted(row.split("`")[1] for row in rows) == sorted(one.name for one in COUNTERS)
    assert all(one.meaning in "\n".join(rows) for one in COUNTERS)
