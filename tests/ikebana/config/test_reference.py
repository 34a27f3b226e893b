import re
from pathlib import Path

import pytest

from ikebana.config.model import SECTIONS
from ikebana.config.reference import render
from tests.ikebana.config.sample import KEY, problems

DOCS = Path(__file__).parents[3] / "docs"
PAGE = DOCS / "reference" / "configuration.md"


def test_the_committed_page_is_the_generated_one() -> None:
    assert PAGE.read_text("utf-8") == render()


def test_every_table_and_field_is_on_the_page() -> None:
    page = render()
    for title, kind in SECTIONS:
        assert f"## `{title}`" in page
        for name in kind.model_fields:
            assert f"`{name}`" in page or f".{name}]" in page


@pytest.mark.parametrize("page", ["reference/configuration.md", "operating.md", "ikev1.md"])
def test_what_the_pages_show_is_a_configuration(page: str, tmp_path: Path) -> None:
    (tmp_path / "net.psk").write_text(KEY)
    shown = re.findall(r"```toml\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    assert shown
    for text in shown:
        assert problems(text, tmp_path) == ()
