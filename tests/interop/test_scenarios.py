"""Every folder of tests/interop/scenarios is a test."""

from collections.abc import Callable, Iterator

import pytest

from tests.interop.stage import Stage
from tests.interop.story import names, read

pytestmark = pytest.mark.lab


SCENARIOS = [
    pytest.param(name, marks=pytest.mark.thorough if read(name).thorough else ())
    for name in names()
]


@pytest.fixture(params=SCENARIOS)
def stage(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> Iterator[Stage]:
    """Yield the scenario's two ends, not yet started."""
    story = read(request.param)
    record_property("peer", story.peer)
    with Stage(story) as made:
        yield made


def test_it_plays_out(stage: Stage) -> None:
    stage.play()
