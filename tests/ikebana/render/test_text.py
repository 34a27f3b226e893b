"""Foreign text stays where it is put."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ikebana.render.text import clean, fit


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("tokyo — 東京 ✔", "tokyo — 東京 ✔"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\r\nb\tc", "a\\x0d\\x0ab\\x09c"),
        ("\x9b31m\x7f\x00", "\\x9b31m\\x7f\\x00"),
        ("ab\u202ecd\u200b\u2028", "ab\\u202ecd\\u200b\\u2028"),
        ("\ud800\U000e0001", "\\ud800\\U000e0001"),
    ],
)
def test_what_does_not_print_is_escaped(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_long_text_is_cut() -> None:
    assert len(clean("x" * 10**6)) == 4000
    assert fit("abcdef", 4) == "abc…"
    assert fit("abcd", 4) == "abcd"


@settings(max_examples=100)
@given(st.text(), st.integers(1, 40))
def test_result_is_printable_and_fits(text: str, width: int) -> None:
    assert clean(text).isprintable()
    assert len(fit(text, width)) <= width
