"""Actions are values: frozen and closed, so that a runner's match can be exhaustive."""

import dataclasses
from typing import get_args

import pytest

from ikecore.actions import Action, Reason


@pytest.mark.parametrize("kind", get_args(Action))
def test_every_action_is_frozen(kind: type) -> None:
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]  # dataclasses' own


def test_every_reason_reads_as_words() -> None:
    assert all(reason.value == reason.value.strip() and reason.value for reason in Reason)
