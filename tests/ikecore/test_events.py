"""Events are values: frozen, closed, and silent about keys."""

import dataclasses
from typing import get_args

import pytest

from ikecore.events import Authorized, Event
from suites.secret import Secret


@pytest.mark.parametrize("kind", get_args(Event))
def test_every_event_is_frozen(kind: type) -> None:
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]  # dataclasses' own


def test_an_authorization_does_not_print_its_key() -> None:
    assert "hunter2" not in repr(Authorized(b"s" * 8, Secret(b"hunter2")))
