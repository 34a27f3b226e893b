"""Dataclasses to JSON and back; anything else is Undecodable."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ikebana.control.codec import Undecodable, decode, encode


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Leaf:
    colour: Colour
    size: float = 1.0


@dataclass(frozen=True, slots=True)
class Tree:
    name: str
    leaves: tuple[Leaf, ...] = ()
    age: int | None = None
    counts: Mapping[str, int] | None = None


TREE = Tree("oak", (Leaf(Colour.RED, 2.5),), 7, {"a": 1})


def test_what_was_encoded_decodes_to_the_same() -> None:
    assert decode(Tree, json.loads(json.dumps(encode(TREE)))) == TREE


def test_absent_keys_take_defaults_and_unknown_ones_are_ignored() -> None:
    assert decode(Tree, {"name": "ash", "new": [1]}) == Tree("ash")


def test_whole_number_is_a_float_where_one_is_wanted() -> None:
    assert decode(Leaf, {"colour": "red", "size": 3}).size == 3.0


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        ([], "top"),
        ({}, "name: missing"),
        ({"name": 1}, "name: expected str"),
        ({"name": "x", "age": True}, "age: expected int"),
        ({"name": "x", "leaves": {}}, "leaves: expected a list"),
        ({"name": "x", "leaves": [{"colour": "blue"}]}, r"leaves\[0\].colour: unknown value"),
        ({"name": "x", "counts": [1]}, "counts: expected an object"),
    ],
)
def test_misfit_is_told_with_its_place(raw: object, where: str) -> None:
    with pytest.raises(Undecodable, match=where):
        decode(Tree, raw)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["name", "leaves"]), inner),
    max_leaves=8,
)


@settings(max_examples=100)
@given(JSON)
def test_any_json_decodes_or_is_undecodable(raw: object) -> None:
    with contextlib.suppress(Undecodable):
        decode(Tree, raw)
