from collections.abc import Iterator
from dataclasses import replace

import pytest

from ikebana.daemon.orders import Ended, Note, RouteState, SetRoutes
from ikebana.worker.messages import LONGEST, Arm, Policies, pack
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
    moon.performer.brief()
    assert moon.told == []
    moon.performer.brief(anew=True)
    (policies,) = moon.told
    assert isinstance(policies, Policies)
    assert [policy.name for policy in policies.policies] == ["net"]


def test_taking_down_and_up_one_of_two_thousand_is_told_in_a_few_words() -> None:
    with World() as world:
        box = world.moon
        plan = box.plan(connection(MOON, 'initiation = "on_demand"'))
        peers = ((f"net{n}", f"192.0.{n // 250}.{n % 250 + 1}") for n in range(2000))
        many = tuple(replace(plan.tunnels[0], name=name, peer=peer) for name, peer in peers)
        box.start(replace(plan, tunnels=many))
        parts = [one for one in box.told if isinstance(one, Policies)]
        assert sum(len(one.policies) for one in parts) == 2000
        assert all(len(pack(one)) <= LONGEST for one in box.told)
        box.told.clear()
        tunnel = box.gateway.tunnels["net1999"]
        box.gateway.down(tunnel)
        box.gateway.up(tunnel)
        assert box.told == [Arm("net1999", False), Arm("net1999", True)]
