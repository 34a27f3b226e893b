import time
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ikebana.config.places import DEEPEST, TooDeep, find_places
from ikebana.config.problems import Loc

TEXT = """\
# a comment with [brackets] and "quotes
[gateway]
name = "moon"
limits.half_open = 3
[[connection]]
name = "a # not a comment ["
"peer" = '10.0.0.1'
local_subnets = [
  "10.1.0.0/24",  # first
  "10.2.0.0/24",
]
labels = { site = "x", "odd key" = "y" }
[connection.ike]
proposals = ["a", "b"]
[[connection]]
remarks = \"\"\"
two [lines]
x = 1 \"quoted\" \"\"\"
name = '''b'''
[connection.dpd]
interval_s = 8
"""


@pytest.mark.parametrize(
    ("loc", "line"),
    [
        (("gateway",), 2),
        (("gateway", "name"), 3),
        (("gateway", "limits", "half_open"), 4),
        (("connection", 0), 5),
        (("connection", 0, "peer"), 7),
        (("connection", 0, "local_subnets", 0), 9),
        (("connection", 0, "local_subnets", 1), 10),
        (("connection", 0, "labels", "odd key"), 12),
        (("connection", 0, "ike"), 13),
        (("connection", 0, "ike", "proposals", 1), 14),
        (("connection", 1), 15),
        (("connection", 1, "name"), 19),
        (("connection", 1, "dpd", "interval_s"), 21),
        (("connection", 1, "psk"), 15),
        (("connection", 0, "ike", "lifetime_s"), 13),
        (("nothing",), 1),
    ],
)
def test_every_key_has_its_line_and_a_missing_one_that_of_its_table(loc: Loc, line: int) -> None:
    tomllib.loads(TEXT)
    assert find_places(TEXT).line(loc) == line


def _locs(value: Any, loc: Loc = ()) -> list[Loc]:
    found: list[Loc] = [loc] if loc else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += _locs(inner, (*loc, key))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            found += _locs(inner, (*loc, at))
    return found


def test_nothing_that_the_parser_sees_is_without_a_line_of_its_own() -> None:
    places = find_places(TEXT)
    assert set(_locs(tomllib.loads(TEXT))) <= set(places.lines)


@given(st.text(alphabet="ab.=[]{},\"'\\\n# \t1", max_size=200))
def test_any_text_is_scanned_and_valid_toml_completely(text: str) -> None:
    places = find_places(text)
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(_locs(tree)) <= set(places.lines)


@pytest.mark.parametrize(
    "text",
    [
        "a." * 100_000 + "a = 1",
        "[" + "a." * 100_000 + "a]",
        "x = " + "[" * 100_000,
        "x = " + "{a=" * 100_000,
        "x = [\n" * 40,
    ],
)
def test_deep_nesting_is_refused_before_the_parser_suffers(text: str) -> None:
    with pytest.raises(TooDeep) as caught:
        find_places(text)
    assert 1 <= caught.value.line <= DEEPEST + 1


@pytest.mark.parametrize(
    "text",
    [
        '"' * (1 << 20),
        "x='" + "a" * (1 << 20),
        'x="""' + '""\\' * 300_000,
        "\n" * (1 << 20),
        "'" * 999,
    ],
)
def test_a_mebibyte_of_quotes_is_scanned_in_a_moment(text: str) -> None:
    begun = time.process_time()
    find_places(text)
    assert time.process_time() - begun < 5
