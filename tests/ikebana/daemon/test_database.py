from collections.abc import Iterator
from dataclasses import replace

import pytest

from ikebana.config.compile import Plan
from ikebana.daemon.database import IKE, ike_ports, spd_of
from ikebana.daemon.mappings import mapping_views
from ikebana.worker.messages import Policies
from policy.flow import Flow
from policy.selectors import TrafficSelector
from policy.spd import Action, Policy, SelectorPair, Spd
from tests.ikebana.daemon.world import INSIDE, MOON, NETS, SUN, Box, World, connection, packet

BYPASS = Policy(
    "printers",
    Action.BYPASS,
    (SelectorPair(TrafficSelector.parse("10.1.0.0/24"), TrafficSelector.parse("10.2.0.128/25")),),
)
DISCARD = replace(BYPASS, name="no printers", action=Action.DISCARD)
PACKET = packet(INSIDE[MOON], "10.2.0.200")


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


def begun(world: World, *policies: Policy, lines: str = "") -> Box:
    world.sun.start(world.sun.plan(connection(SUN, 'initiation = "passive"\n' + lines)))
    world.moon.start(changed(world.moon, *policies, lines=lines))
    world.settle()
    return world.moon


def changed(box: Box, *policies: Policy, lines: str = "") -> Plan:
    return replace(box.plan(connection(MOON, lines)), policies=policies)


def spd(box: Box) -> list[str]:
    """Return the names of the policies that the worker was last told."""
    told = [one for one in box.told if isinstance(one, Policies)]
    return [policy.name for policy in told[-1].policies]


def counts(box: Box) -> dict[str, int]:
    return {name: number for name, number in box.worker.counts.items() if number}


def test_the_operators_policies_come_before_the_connections(world: World) -> None:
    moon = begun(world, BYPASS, DISCARD)
    assert spd(moon) == ["printers", "no printers", "net"]
    assert moon.policies == (BYPASS, DISCARD)  # the kernel's, too


def test_a_bypassed_packet_that_gets_to_the_tunnel_is_dropped_and_counted(world: World) -> None:
    moon = begun(world, BYPASS)
    moon.tun.send(PACKET)
    world.settle()
    assert world.sun.came_out() == []
    assert counts(moon)["bypass"] == 1
    assert world.passes()  # what the policy does not speak of


def test_a_discarded_packet_is_counted_as_such(world: World) -> None:
    moon = begun(world, DISCARD)
    moon.tun.send(PACKET)
    world.settle()
    assert (world.sun.came_out(), counts(moon)["policy"]) == ([], 1)


def test_a_reload_changes_the_policies_of_flows_that_are_known(world: World) -> None:
    moon = begun(world)
    for policies, drops in (((), {}), ((DISCARD,), {"policy": 1}), ((), {"policy": 1})):
        told = moon.gateway.apply(changed(moon, *policies))
        moon.tun.send(PACKET)
        world.settle()
        assert len(world.sun.came_out()) == (not policies)
        assert {n: c for n, c in counts(moon).items() if n in ("policy", "bypass")} == drops
        assert moon.policies == policies
    assert told == ("the policies",)
    assert moon.gateway.apply(changed(moon)) == ()


def test_ike_of_a_transport_mode_end_goes_past_the_tunnel(world: World) -> None:
    moon = begun(world, DISCARD, lines='local_subnets = ["127.0.0.1/32"]\n'
                 'remote_subnets = ["127.0.0.2/32"]\nipsec.mode = "transport"\n')  # fmt: skip
    assert spd(moon) == [IKE, "no printers", "net"]
    database = Spd(spd_of((), moon.gateway.tunnels.values(), (500, 4500)))
    ours, peer = (TrafficSelector.from_cidr(one).start for one in (MOON, SUN))
    for port, action in ((500, Action.BYPASS), (4500, Action.BYPASS), (501, Action.PROTECT)):
        assert database.find(Flow(4, 17, ours, peer, 500, port)).action is action
    assert database.find(Flow(4, 6, ours, peer, 9, 500)).action is Action.PROTECT
    assert database.find(Flow(4, 17, peer, ours, 9, 500)).name == "default"  # not on its way out


def test_the_ports_of_ike_are_the_usual_ones_and_those_configured(world: World) -> None:
    plan = world.moon.plan(connection(MOON)).gateway
    assert set(ike_ports(plan)) == {500, 4500, *world.moon.ports}
    assert ike_ports(replace(plan, port=500, nat_port=4500)) == (500, 4500)


def test_a_disabled_connection_has_no_policy(world: World) -> None:
    moon = begun(world, lines="enabled = false\n")
    assert spd_of((), moon.gateway.tunnels.values(), ()) == ()


def twins(here: str, one: str, other: str, remote: str) -> tuple[str, ...]:
    """Two connections that have a network in common on the side of sun."""
    made = []
    for name, net in (("a", one), ("b", other)):
        ends = (f"{name}.moon", "sun.lab") if here == MOON else ("sun.lab", f"{name}.moon")
        nets = (net, remote) if here == MOON else (remote, net)
        lines = (
            f'routing_mode = "policy"\nlocal_id = "{ends[0]}"\nremote_id = "{ends[1]}"\n'
            f'local_subnets = ["{nets[0]}"]\nremote_subnets = ["{nets[1]}"]\n'
        )
        passive = "" if here == MOON else 'initiation = "passive"\n'
        made.append(connection(here, lines + passive, name=name))
    return tuple(made)


def test_tunnels_with_a_network_in_common_are_kept_apart(world: World) -> None:
    nets = ("10.1.0.0/24", "10.3.0.0/24", "10.2.0.0/24")
    world.sun.start(world.sun.plan(*twins(SUN, *nets)))
    world.moon.start(world.moon.plan(*twins(MOON, *nets)))
    world.settle()
    for source, used in (("10.1.0.1", (1, 0)), ("10.3.0.1", (1, 1))):
        there, back = packet(source, "10.2.0.1"), packet("10.2.0.1", source)
        world.moon.tun.send(there)
        world.settle()
        world.sun.tun.send(back)
        world.settle()
        assert (world.sun.came_out(), world.moon.came_out()) == ([there], [back])
        for box in (world.moon, world.sun):
            box.report()
            world.settle()
            tunnels = [box.gateway.tunnels[name] for name in ("a", "b")]
            sent = tuple(mapping_views(one)[0].packets_out for one in tunnels)
            assert sent == used


@pytest.mark.parametrize("also", [True, False])
def test_fragments_without_ports_go_with_the_first_one_where_both_ends_agree(
    world: World, also: bool
) -> None:
    """RFC 4301 section 7."""
    rules = (
        '[[connection.spd_policies]]\nlocal_cidrs = ["{}"]\nremote_cidrs = ["{}"]\n'
        'protocol = "tcp"\n{}_ports = [443]\n'
        f"[connection.ipsec]\nfragments_also = {str(also).lower()}\n"
    )
    policy = 'routing_mode = "policy"\n'
    sun = policy + 'initiation = "passive"\n' + rules.format(NETS[SUN], NETS[MOON], "local")
    world.sun.start(world.sun.plan(connection(SUN, sun)))
    moon = policy + rules.format(NETS[MOON], NETS[SUN], "remote")
    world.moon.start(world.moon.plan(connection(MOON, moon)))
    world.settle()
    later = bytearray(packet(INSIDE[MOON], INSIDE[SUN], bytes(16)))
    later[7], later[9] = 2, 6  # the part of a TCP segment from its octet 16 on
    world.moon.tun.send(bytes(later))
    world.settle()
    assert world.sun.came_out() == [bytes(later)] * also
    assert counts(world.moon).get("policy", 0) == (not also)
