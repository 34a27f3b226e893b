from collections.abc import Iterator

import pytest

from ikebana.daemon.orders import Ended, Note, RouteState, SetRoutes
from ikebana.worker.messages import Policies
from tests.ikebana.daemon.world import MOON, Box, World, connection


@pytest.fixture
def moon() -> Iterator[Box]:
    with World() as world:
        box = world.moon
        box.start(box.plan(connection(MOON, 'initiation = "passive"')))
        box.told.clear()
        box.route_story.clear()
        yield box


def test_routes_that_do_it_already_are_left_alone(moon: Box) -> None:
    moon.performer.perform(moon.tunnel, [SetRoutes(RouteState.BLOCKED)])
    assert (moon.told, moon.route_story) == ([], [])


def test_a_line_and_an_end_go_where_they_are_read(moon: Box) -> None:
    seen: list[object] = []
    moon.gateway.watchers.append(lambda _, what: seen.append(what))
    moon.performer.perform(moon.tunnel, [Note("info", ("a line",)), Ended(ok=True)])
    assert moon.lines("net")[-1].text == "a line"
    assert seen == [Ended(ok=True)]


def test_another_worker_is_told_everything_again(moon: Box) -> None:
    moon.performer.configure()
    assert moon.told == []
    moon.performer.forget_worker()
    (policies,) = moon.told
    assert isinstance(policies, Policies)
    assert [policy.name for policy in policies.policies] == ["net"]
