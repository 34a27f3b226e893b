"""Every folder of tests/interop/scenarios is a test."""

from collections.abc import Callable, Iterator

import pytest

from tests.interop.stage import Stage
from tests.interop.story import names, read

pytestmark = pytest.mark.lab


@pytest.fixture(params=names())
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
