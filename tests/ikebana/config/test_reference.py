from pathlib import Path

from ikebana.config.model import SECTIONS
from ikebana.config.reference import render

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "configuration.md"


def test_the_committed_page_is_the_generated_one() -> None:
    assert PAGE.read_text("utf-8") == render()


def test_every_table_and_field_is_on_the_page() -> None:
    page = render()
    for title, kind in SECTIONS:
        assert f"## `{title}`" in page
        for name in kind.model_fields:
            assert f"`{name}`" in page or f".{name}]" in page
