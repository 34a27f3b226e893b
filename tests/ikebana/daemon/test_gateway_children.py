"""Two gateways whose tunnel has several children, and children that are replaced."""

from collections.abc import Iterator

import pytest

from ikebana.control.view import ConnectionState as State
from ikebana.daemon.views import connection_view
from ikebana.worker.messages import Limit
from tests.ikebana.daemon.world import INSIDE, MOON, SUN, World, connection, packet

ON_DEMAND, PASSIVE = 'initiation = "on_demand"', 'initiation = "passive"'


def rules(here: str) -> str:
    """Return three rules, one child each; the first is what the worlds' packets are in."""
    sides = ("local", "remote") if here == MOON else ("remote", "local")
    rule = '\n[[connection.spd_policies]]\n{}_cidrs = ["10.1.0.0/24"]\n{}_cidrs = ["10.2.{}.0/24"]'
    return 'routing_mode = "policy"' + "".join(rule.format(*sides, net) for net in range(3))


def between_ends(text: str) -> str:
    """Leave the networks out: the two ends themselves are meant."""
    return "\n".join(line for line in text.split("\n") if "_subnets" not in line)


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


def test_a_limit_replaces_the_child_and_totals_go_on(world: World) -> None:
    world.start()
    assert world.passes()
    world.moon.report()
    world.settle()
    old = world.moon.tunnel.core.children[0].inbound_spi
    world.moon.gateway.on_worker(Limit(old, hard=False))
    world.settle()
    (new,) = world.moon.tunnel.core.children
    assert new.inbound_spi != old
    assert world.passes()
    world.sleep(6)
    world.moon.report()
    world.settle()
    view = connection_view(world.moon.tunnel, world.clock.now)
    assert (view.packets_in, view.children[0].packets_in) == (2, 1)
    told = f"CHILD_SA rekeyed: {old:08x} -> {new.inbound_spi:08x} in"
    assert [told in line.text for line in world.moon.lines("net")].count(True) == 1
    assert view.last_change.startswith(told)
    assert "packets or octets near" in view.last_change


def test_three_children_come_up_in_order_and_each_carries_its_packets(world: World) -> None:
    world.start(rules(MOON), PASSIVE + "\n" + rules(SUN))
    assert (world.moon.state, world.sun.state) == (State.CONNECTED, State.CONNECTED)
    assert world.moon.tunnel.core.mappings == (3, 3)
    assert world.passes()
    nets = [str(child.remote_ts[0]) for child in world.moon.tunnel.core.children]
    assert nets == ["10.2.0.0/24", "10.2.1.0/24", "10.2.2.0/24"]


def test_reauthentication_makes_all_three_children_anew(world: World) -> None:
    world.start(rules(MOON), PASSIVE + "\n" + rules(SUN))
    (old,) = world.moon.tunnel.core.sas
    world.moon.performer.perform(world.moon.tunnel, world.moon.tunnel.core.renew())
    world.sleep(10)
    (new,) = world.moon.tunnel.core.sas
    assert new.sa != old.sa
    assert len(world.moon.tunnel.core.children) == 3
    assert world.passes()


def test_packets_bring_the_children_they_belong_to_on_one_ike_sa(world: World) -> None:
    world.start(ON_DEMAND + "\n" + rules(MOON), PASSIVE + "\n" + rules(SUN))
    for net in (2, 0):
        sent = packet(INSIDE[MOON], f"10.2.{net}.1")
        world.moon.tun.send(sent)
        world.settle()
        assert world.sun.came_out() == [sent]
    assert world.moon.state is State.PARTIALLY_CONNECTED
    assert [str(one.remote_ts[0]) for one in world.moon.tunnel.core.children] == [
        "10.2.2.0/24", "10.2.0.0/24",
    ]  # fmt: skip
    assert len(world.moon.tunnel.core.sas) == 1


@pytest.mark.parametrize("initiation", ['initiation = "active"', ON_DEMAND])
def test_transport_mode_carries_what_the_two_ends_say_to_each_other(
    world: World, initiation: str
) -> None:
    lines = '[connection.ipsec]\nmode = "transport"'
    world.sun.start(world.sun.plan(between_ends(connection(SUN, f"{PASSIVE}\n{lines}"))))
    world.moon.start(world.moon.plan(between_ends(connection(MOON, f"{initiation}\n{lines}"))))
    world.settle()
    if initiation == ON_DEMAND:
        assert world.moon.state is State.IDLE
        world.moon.tun.send(packet(MOON, SUN))
        world.settle()
    assert world.moon.state is State.CONNECTED
    assert [str(net) for net in world.moon.tunnel.remote_nets] == [f"{SUN}/32"]
    world.sun.came_out()
    sent = packet(MOON, SUN, b"x" * 20)
    world.moon.tun.send(sent)
    world.settle()
    assert [one[20:] for one in world.sun.came_out()] == [sent[20:]]
    assert connection_view(world.moon.tunnel, 0.0).mode == "transport"
