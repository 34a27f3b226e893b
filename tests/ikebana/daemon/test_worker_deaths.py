"""Packet workers that die at any moment: no key is installed twice, and counts go on.

Sequence numbers and replay windows die with a worker.  An old key in a new one would repeat AES-GCM
nonces, which gives the key away, and open packets that were opened before.
"""

import random
from collections.abc import Iterator

import pytest

from ikebana.control.view import ConnectionState as State
from ikebana.daemon.orders import RouteState
from ikebana.daemon.views import connection_view
from ikebana.worker.messages import Install, Limit
from tests.ikebana.daemon.test_gateway_children import PASSIVE, rules
from tests.ikebana.daemon.world import INSIDE, MOON, SUN, Box, World, packet


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


def keys(order: Install) -> list[bytes]:
    """Return the key of each direction."""
    return [
        order.inbound_encr + order.inbound_integ,
        order.outbound_encr + order.outbound_integ,
    ]


def assert_fresh(box: Box) -> None:
    """Assert that no worker of a box was given a key that one of them had before."""
    used = [key for order in box.installed for key in keys(order)]
    assert len(set(used)) == len(used)


def totals(box: Box, now: float) -> tuple[int, int]:
    view = connection_view(box.tunnel, now)
    return view.packets_in, view.packets_out


@pytest.mark.parametrize("seed", range(12))
def test_no_key_is_installed_twice_whenever_workers_die(world: World, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - not for keys
    world.start(rules(MOON), PASSIVE + "\n" + rules(SUN))
    boxes = world.moon, world.sun
    before = [(0, 0)] * 2
    for _ in range(12):
        match chance.randrange(4):
            case 0:  # keys are being renewed
                box = chance.choice(boxes)
                if box.tunnel.core.children:
                    spi = chance.choice(box.tunnel.core.children).inbound_spi
                    box.gateway.on_worker(Limit(spi, hard=chance.random() < 0.2))
            case 1:
                chance.choice(boxes).gateway.rekey(chance.choice(boxes).tunnel, "a test", ike=True)
            case 2:
                world.passes()
            case _:
                world.sleep(chance.choice((0.0, 0.3, 2.0, 7.0)))
        for _ in range(chance.randrange(12)):  # exchanges are anywhere
            chance.choice(boxes).step()
        if chance.random() < 0.6:
            chance.choice(boxes).crash_worker()
        after = [totals(box, world.clock.now) for box in boxes]
        assert all(one[0] >= two[0] for one, two in zip(after, before, strict=True))
        before = after
    world.sleep(90)
    assert world.passes()
    for box in boxes:
        assert_fresh(box)
        assert box.state is State.CONNECTED


def test_every_child_has_new_keys_on_the_ike_sa_there_is(world: World) -> None:
    world.start(rules(MOON), PASSIVE + "\n" + rules(SUN))
    (sa,) = world.moon.tunnel.core.sas
    old = {child.inbound_spi for child in world.moon.tunnel.core.children}
    world.moon.crash_worker()
    world.settle()
    assert world.moon.tunnel.core.sas == (sa,)
    assert not old & {child.inbound_spi for child in world.moon.tunnel.core.children}
    assert world.moon.tunnel.core.mappings == (3, 3)
    assert world.passes()
    assert_fresh(world.moon)


def test_packets_wait_for_the_new_keys_and_are_not_refused(world: World) -> None:
    world.start()
    world.moon.crash_worker()
    first = [packet(INSIDE[MOON], INSIDE[SUN], bytes([n])) for n in range(3)]
    for one in first:
        world.moon.tun.send(one)
    world.settle()
    assert world.sun.came_out() == first
    assert world.moon.came_out() == []  # no ICMP error
    world.moon.report()
    world.settle()
    assert world.moon.gateway.tally.drops() == {}


def test_routes_stay_while_there_is_no_worker(world: World) -> None:
    world.start()
    story = list(world.moon.route_story)
    world.moon.crash_worker()
    assert world.moon.routes["net"] is RouteState.ACTIVE  # into the device, which nobody reads
    world.settle()
    assert world.moon.route_story == story


def test_counts_of_connection_and_gateway_go_on(world: World) -> None:
    world.start()
    assert world.passes()
    world.moon.report()
    world.settle()
    counted = world.moon.gateway.tally.all()
    assert (counted["packets_in"], counted["packets_out"]) == (1, 1)
    world.moon.crash_worker()
    world.settle()
    assert totals(world.moon, world.clock.now) == (1, 1)
    assert world.moon.gateway.tally.all()["packets_out"] == 1
    assert world.passes()
    world.moon.report()
    world.settle()
    assert totals(world.moon, world.clock.now) == (2, 2)
    assert world.moon.gateway.tally.traffic()["packets_out"] == 2


def test_a_renewal_loses_no_count(world: World) -> None:
    world.start()
    for _ in range(3):
        assert world.passes()  # nothing of it is reported before the child is replaced
        world.moon.gateway.rekey(world.moon.tunnel, "a test", ike=False)
        world.sleep(7)
    assert totals(world.moon, world.clock.now) == (3, 3)
