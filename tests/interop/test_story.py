"""A scenario is read strictly: what has no meaning is an error, and every word is documented."""

from dataclasses import fields
from typing import Any

import pytest

from tests.interop.story import (
    FOLDER,
    PEERS,
    VERBS,
    After,
    Step,
    Story,
    StoryError,
    names,
    read,
    read_step,
    story,
)

AFTER: dict[str, Any] = {"after": {}}


@pytest.mark.parametrize("text", [
    "dance", "", "rekey child", "rekey children ours", "rekey child us", "up both", "wait long",
    "move ours away", "talk 5 6", "await", "await ours", "await us rekeyed",
])  # fmt: skip
def test_a_step_without_meaning_is_an_error(text: str) -> None:
    with pytest.raises((StoryError, ValueError)):
        read_step(text)


def test_a_step_is_a_verb_and_its_words() -> None:
    assert read_step("rekey child both") == Step("rekey", ("child", "both"))
    assert read_step("await ours CHILD_SA \\w+ closed") == Step(
        "await", ("ours", "CHILD_SA \\w+ closed")
    )
    assert str(read_step("move peer 10.99.0.7")) == "move peer 10.99.0.7"


@pytest.mark.parametrize(("raw", "words"), [
    ({"peer": "kernel", "starter": "ours"}, "after is missing"),
    ({"peer": "a cloud", "starter": "ours", **AFTER}, "one of userspace"),
    ({"peer": "kernel", "starter": "both", **AFTER}, "one of ours"),
    ({"peer": "kernel", "starter": "ours", "speed": 1, **AFTER}, "speed: no such key"),
    ({"peer": "kernel", "starter": "ours", "name": "x", **AFTER}, "name: no such key"),
    ({"peer": "kernel", "starter": "ours", "after": {"mood": "good"}}, "mood: no such key"),
    ({"peer": "kernel", "starter": "ours", "after": {"spis": "new"}}, "one of changed"),
    ({"peer": "kernel", "starter": "ours", "between": "worlds", **AFTER}, "one of hosts"),
])  # fmt: skip
def test_a_scenario_without_meaning_is_an_error(raw: dict[str, Any], words: str) -> None:
    with pytest.raises(StoryError, match=words):
        story("test", raw)


@pytest.mark.parametrize("name", names())
def test_every_folder_is_complete(name: str) -> None:
    one = read(name)
    assert sorted(path.name for path in one.folder.iterdir()) == sorted(
        ["README.md", "expect.toml", "ours.toml", PEERS[one.peer]]
    )
    assert (one.folder / "README.md").read_text().startswith("# ")


def test_every_verb_is_documented() -> None:
    text = (FOLDER / "README.md").read_text()
    assert [verb for verb in VERBS if f"`{verb}" not in text] == []


@pytest.mark.parametrize("model", [Story, After])
def test_every_key_is_documented(model: type[Story | After]) -> None:
    text = (FOLDER / "README.md").read_text()
    names_of_keys = {one.name for one in fields(model)} - {"name", "after"}  # the folder, a table
    assert [one for one in sorted(names_of_keys) if f"`{one}`" not in text] == []
