"""No row without a judge, or without the admission that there is none; the page says so, too."""

import importlib
from pathlib import Path

import pytest

from suites.encr import ENCR, Encr
from suites.integ import INTEG, Integ
from tests.esp.judges import PUBLISHED, UNJUDGED, Published, render, verdicts

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "transforms.md"
ROWS: tuple[Encr | Integ, ...] = (*ENCR, *INTEG)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_row_has_a_judge_or_is_admitted_to_have_none(row: Encr | Integ) -> None:
    assert bool(verdicts().of(row.name)) != (row.name in UNJUDGED)


def test_nothing_is_said_of_rows_that_are_not_there() -> None:
    names = {row.name for row in ROWS}
    assert set(verdicts().found) <= names
    assert set(UNJUDGED) | set(PUBLISHED) <= names


@pytest.mark.parametrize("one", PUBLISHED.values(), ids=PUBLISHED)
def test_the_test_with_the_published_values_exists(one: Published) -> None:
    module, _, name = one.test.partition(":")
    assert callable(getattr(importlib.import_module(f"tests.{module}"), name))


def test_the_committed_page_is_the_generated_one() -> None:
    assert PAGE.read_text("utf-8") == render()
