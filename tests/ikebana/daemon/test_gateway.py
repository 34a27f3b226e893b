import asyncio
from collections.abc import Iterator

import pytest

from ikebana.control.view import ConnectionState as State
from ikebana.daemon.orders import RouteState
from ikebana.worker.messages import Acquired, Arm, Limit, Moved, Network, Policies
from ikecore.child import ChildSpec
from ikecore.diagnosis import Code
from policy.flow import Flow
from tests.ikebana.daemon.world import (
    INSIDE,
    MOON,
    SUN,
    Box,
    World,
    connection,
    packet,
    subnets,
)

FLOW = Flow(4, 17, 1, 2, 3, 4)
ON_DEMAND, PASSIVE = 'initiation = "on_demand"', 'initiation = "passive"'


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


def code(box: Box) -> Code | None:
    reason = box.tunnel.core.reason
    return None if reason is None else reason.code


def policies(box: Box) -> list[Policies]:
    return [message for message in box.told if isinstance(message, Policies)]


# -- a tunnel -------------------------------------------------------------------------------------
def test_two_gateways_carry_packets_between_their_networks(world: World) -> None:
    world.start()
    assert (world.moon.state, world.sun.state) == (State.CONNECTED, State.CONNECTED)
    assert world.passes()
    assert world.passes(b"x" * 1300)
    assert (world.moon.routes["net"], world.sun.routes["net"]) == (RouteState.ACTIVE,) * 2
    assert len(world.moon.keys) == 2
    assert isinstance(world.moon.keys[1], ChildSpec)


def test_the_first_packet_of_an_on_demand_tunnel_starts_it_and_is_not_lost(world: World) -> None:
    world.start(ON_DEMAND)
    assert (world.moon.state, world.moon.routes["net"]) == (State.IDLE, RouteState.TRAP)
    sent = [packet(INSIDE[MOON], INSIDE[SUN], bytes((n,))) for n in range(10)]
    for one in sent:
        world.moon.tun.send(one)
    world.settle()
    assert world.moon.state is State.CONNECTED
    assert world.sun.came_out() == sent
    assert world.passes()


def test_the_worker_knows_a_trap_before_packets_are_led_there(world: World) -> None:
    world.start(ON_DEMAND)
    world.moon.gateway.down(world.moon.tunnel)
    world.moon.gateway.up(world.moon.tunnel)
    world.settle()
    told = [one for one in world.moon.told if isinstance(one, Policies | Arm)]
    assert told[1:] == [Arm("net", armed) for armed in (True, False, True, False)]


def test_down_deletes_at_both_ends_and_refuses_the_peer_until_up(world: World) -> None:
    world.start("", "")
    world.moon.gateway.down(world.moon.tunnel)
    world.settle()
    assert (world.moon.state, code(world.moon)) == (State.DOWN, Code.ADMIN_DOWN)
    assert world.moon.routes["net"] is RouteState.BLOCKED
    assert world.moon.tunnel.core.sas == ()
    world.sleep(300)
    assert (world.moon.state, world.sun.state.is_up) == (State.DOWN, False)
    assert not world.passes()
    world.moon.gateway.up(world.moon.tunnel)
    world.settle()
    assert world.passes()


def test_down_while_it_negotiates_ends_the_negotiation(world: World) -> None:
    world.sun.start(world.sun.plan())
    world.moon.start(world.moon.plan(connection(MOON)))
    world.moon.gateway.down(world.moon.tunnel)
    world.sun.gateway.apply(world.sun.plan(connection(SUN, PASSIVE)))
    world.sleep(60)
    assert (world.moon.state, world.sun.state.is_up) == (State.DOWN, False)
    assert world.moon.gateway.endpoint.handle_timeout(world.clock.now) == []


def test_a_silent_peer_is_tried_four_times_and_then_every_twelve_seconds(world: World) -> None:
    world.moon.start(world.moon.plan(connection(MOON)))
    world.clock.sleep(4 * 10 + 3 * 2 + 0.1)
    assert (world.moon.state, world.moon.tunnel.core.tries) == (State.PHASE1_FAILED, 4)
    assert code(world.moon) is Code.PEER_NO_RESPONSE
    world.clock.sleep(13.3 + 10)
    assert world.moon.tunnel.core.tries == 5
    world.sun.start(world.sun.plan(connection(SUN, PASSIVE)))
    world.sleep(25)
    assert world.passes()


def test_a_wrong_key_is_told_at_both_ends(world: World) -> None:
    world.sun.start(world.sun.plan(connection(SUN, PASSIVE).replace("Zq8v", "Yq8v")))
    world.moon.start(world.moon.plan(connection(MOON)))
    world.settle()
    assert code(world.moon) is Code.AUTH_REFUSED_BY_PEER
    assert (world.sun.state, code(world.sun)) == (State.PHASE1_FAILED, Code.PSK_MISMATCH)


def test_networks_that_do_not_mirror_each_other_are_stage_two(world: World) -> None:
    other = 'local_subnets = ["10.9.0.0/24"]\nremote_subnets = ["10.8.0.0/24"]\n'
    world.start("", PASSIVE + "\n" + other)
    assert (world.sun.state, code(world.sun)) == (State.PHASE2_FAILED, Code.TS_MISMATCH)
    assert (world.moon.state, code(world.moon)) == (State.CONNECTING_PHASE2, Code.TS_MISMATCH)
    world.sleep(10)
    assert world.moon.state is State.PHASE2_FAILED


def test_both_may_start_at_once(world: World) -> None:
    world.sun.start(world.sun.plan(connection(SUN)))
    world.moon.start(world.moon.plan(connection(MOON)))
    world.sleep(30)
    assert world.passes()
    assert len(world.moon.tunnel.core.sas) == len(world.sun.tunnel.core.sas) == 1
    assert len(world.moon.tunnel.core.children) == 1


def test_reauthentication_loses_no_packet(world: World) -> None:
    world.start("[connection.ipsec]\nlifetime_s = 180")
    first = world.moon.tunnel.core.children[0].inbound_spi
    for _ in range(200):
        world.sleep(1)
        assert world.passes()
    assert world.moon.tunnel.core.children[0].inbound_spi != first
    assert len(world.moon.tunnel.core.children) == 1


def test_a_dead_peer_is_noticed_and_the_tunnel_comes_back(world: World) -> None:
    world.start("[connection.dpd]\ninterval_s = 8\ntimeout_s = 30")
    world.clock.sleep(39)  # sun is not heard
    assert not world.moon.state.is_up
    assert code(world.moon) is Code.DPD_TIMEOUT
    world.sleep(30)
    assert world.passes()


def test_heard_packets_keep_a_peer_alive_without_probes(world: World) -> None:
    world.start()
    before = len(world.moon.lines("net"))
    for _ in range(60):
        assert world.passes()
        world.moon.report()
        world.settle()
        world.clock.sleep(1, world.moon.step)
    sent = [line.text for line in world.moon.lines("net")[before:]]
    assert not any("INFORMATIONAL request" in text and " to " in text for text in sent)
    assert world.moon.tunnel.counts[world.moon.tunnel.core.children[0].inbound_spi].packets_in == 60


# -- other plans ----------------------------------------------------------------------------------
def test_the_same_plan_again_touches_nothing(world: World) -> None:
    world.start()
    child = world.moon.tunnel.core.children
    assert world.moon.gateway.apply(world.moon.plan(connection(MOON))) == ()
    world.settle()
    assert world.moon.tunnel.core.children == child
    assert world.passes()


def test_another_connection_touches_no_other(world: World) -> None:
    world.start()
    child = world.moon.tunnel.core.children
    nets = 'local_subnets = ["10.1.0.0/24"]\nremote_subnets = ["10.3.0.0/24"]\n'
    other = connection(MOON, nets, "other", "192.0.2.9").replace("force", "enabled = false\nforce")
    assert world.moon.gateway.apply(world.moon.plan(connection(MOON), other)) == ("other",)
    world.settle()
    assert world.moon.tunnel.core.children == child
    assert world.moon.gateway.tunnels["other"].core.state is State.DISABLED
    assert "other" not in world.moon.routes
    assert world.moon.gateway.apply(world.moon.plan(connection(MOON))) == ("other",)
    assert world.passes()


def test_a_changed_connection_starts_anew_and_its_networks_are_never_open(world: World) -> None:
    world.start()
    old = world.moon.tunnel.core.children[0].inbound_spi
    world.moon.route_story.clear()
    changed = connection(MOON, "[connection.dpd]\ninterval_s = 9")
    assert world.moon.gateway.apply(world.moon.plan(changed)) == ("net",)
    assert world.moon.route_story == ["begin net", "end net"]
    world.settle()
    assert world.passes()
    (child,) = world.moon.tunnel.core.children
    assert child.inbound_spi != old
    assert len(world.sun.tunnel.core.children) == 1
    assert world.moon.tunnel.core.tries == 0


@pytest.mark.parametrize("answered", [False, True])
def test_a_connection_changed_or_removed_while_it_negotiates_goes_no_further(
    world: World, answered: bool
) -> None:
    world.sun.start(world.sun.plan(connection(SUN, PASSIVE)))
    world.moon.start(world.moon.plan(connection(MOON)))
    if answered:
        world.sun.step()  # IKE_SA_INIT is answered, and we have not read it
    assert world.moon.gateway.apply(world.moon.plan()) == ("net",)
    world.sleep(60)
    assert world.moon.gateway.tunnels == {}
    assert not world.sun.state.is_up
    assert world.moon.installed == []


def test_a_connection_changed_while_it_negotiates_negotiates_anew(world: World) -> None:
    world.sun.start(world.sun.plan(connection(SUN, PASSIVE)))
    world.moon.start(world.moon.plan(connection(MOON)))
    world.sun.step()
    world.moon.gateway.apply(world.moon.plan(connection(MOON, "[connection.dpd]\ninterval_s = 9")))
    world.settle()
    assert (world.moon.state, world.moon.tunnel.core.tries) == (State.CONNECTED, 0)
    assert world.passes()


def test_policies_keep_the_operators_order(world: World) -> None:
    world.start()
    nets = 'local_subnets = ["10.1.0.0/24"]\nremote_subnets = ["10.3.0.0/24"]\n'
    first = connection(MOON, nets + PASSIVE, "first", "192.0.2.9")
    world.moon.gateway.apply(world.moon.plan(first, connection(MOON)))
    assert [policy.name for policy in policies(world.moon)[-1].policies] == ["first", "net"]
    assert list(world.moon.gateway.tunnels) == ["first", "net"]


# -- names ----------------------------------------------------------------------------------------
def named(lines: str = "") -> str:
    return connection(MOON, f'remote_id = "{SUN}"\n{lines}', peer="sun.lab")


def test_a_host_name_is_looked_up_anew_with_each_try(world: World) -> None:
    world.sun.start(world.sun.plan(connection(SUN, PASSIVE)))
    world.moon.start(world.moon.plan(named()))
    assert code(world.moon) is Code.PEER_NAME_UNRESOLVED
    world.moon.names.addresses["sun.lab"] = ("127.0.0.77",)
    world.sleep(2.1)
    assert world.moon.state is State.CONNECTING_PHASE1
    world.moon.names.addresses["sun.lab"] = (SUN,)
    world.sleep(15)
    assert world.passes()


def test_down_while_a_name_is_looked_up_starts_nothing(world: World) -> None:
    world.sun.start(world.sun.plan(connection(SUN, PASSIVE)))
    world.moon.names.addresses["sun.lab"] = (SUN,)
    world.moon.names.is_slow = True
    world.moon.start(world.moon.plan(named()))
    world.moon.gateway.down(world.moon.tunnel)
    world.moon.names.answer()
    world.sleep(60)
    assert (world.moon.state, world.sun.state) == (State.DOWN, State.IDLE)


def test_a_peer_with_a_name_that_has_to_start_is_let_in_once_the_name_is_known(
    world: World,
) -> None:
    world.moon.start(world.moon.plan(named(PASSIVE)))
    world.sun.start(world.sun.plan(connection(SUN)))
    world.sleep(5)
    assert not world.sun.state.is_up
    world.moon.names.addresses["sun.lab"] = (SUN,)
    world.sleep(30)
    assert world.passes()


def test_a_peer_that_may_be_anywhere_is_let_in(world: World) -> None:
    anybody = f'remote_id = "{SUN}"\n' + PASSIVE
    world.moon.start(world.moon.plan(connection(MOON, anybody, peer="any")))
    world.sun.start(world.sun.plan(connection(SUN)))
    world.settle()
    assert world.passes()
    world.moon.gateway.down(world.moon.tunnel)
    world.moon.gateway.up(world.moon.tunnel)
    assert code(world.moon) is Code.PEER_NAME_UNRESOLVED
    assert world.moon.names.asked == []


# -- the worker -----------------------------------------------------------------------------------
def test_a_new_worker_gets_the_policies_and_every_child_new_keys(world: World) -> None:
    world.start()
    old = world.moon.installed[-1]
    world.moon.told.clear()
    world.moon.crash_worker()
    world.settle()
    assert isinstance(world.moon.told[0], Policies)
    new = world.moon.installed[-1]
    assert new.outbound_encr not in (old.outbound_encr, old.inbound_encr)
    assert new.inbound_spi != old.inbound_spi
    assert world.passes()
    assert (len(world.moon.tunnel.core.sas), world.moon.tunnel.core.tries) == (1, 0)


def test_a_worker_that_dies_while_it_has_to_install_costs_one_try(world: World) -> None:
    world.sun.start(world.sun.plan(connection(SUN, PASSIVE)))
    world.moon.start(world.moon.plan(connection(MOON)))
    world.moon.loses_installs = True
    world.settle()
    assert world.moon.installed
    world.moon.loses_installs = False
    world.moon.crash_worker()
    world.sleep(10)
    assert world.passes()


def test_a_worker_that_does_not_answer_fails_the_try_after_a_second(world: World) -> None:
    world.start(ON_DEMAND, PASSIVE)
    world.moon.loses_installs = True
    world.moon.gateway.up(world.moon.tunnel)
    world.sleep(1.0)
    assert code(world.moon) is Code.CHILD_INSTALL_FAILED
    assert not world.moon.state.is_up
    world.moon.loses_installs = False
    world.sleep(10)
    assert world.passes()


def test_what_a_hostile_worker_says_ends_nothing(world: World) -> None:
    world.start()
    for message in (
        Acquired("nobody", FLOW), Acquired("net", FLOW), Moved(1, "192.0.2.7", 9),
        Limit(1, hard=False), Network(SUN, "\x1b[2J" * 10), Network("192.0.2.7", "refused"),
        Policies((), ()),
    ):  # fmt: skip
        world.moon.gateway.on_worker(message)
    assert world.passes()


def test_a_flood_on_the_nat_port_reaches_the_daemon_only_in_part(world: World) -> None:
    world.start()
    sender, target = world.sun.sockets.nat[SUN], (MOON, world.moon.ports[1])
    for _ in range(100):
        for _ in range(50):
            sender.sendto(b"\0\0\0\0" + bytes(28), target)
        world.settle()
    world.moon.report()
    world.settle()
    assert world.moon.gateway.tally.drops()["ike_rate"] >= 4000
    assert world.passes()


async def stopped(box: Box) -> None:
    await box.gateway.stop(patience=0.0)


def test_stopping_tells_the_peer_and_gives_the_routes_back(world: World) -> None:
    world.start()
    asyncio.run(stopped(world.moon))
    world.settle()
    assert world.moon.route_story[-1] == "end net"
    assert world.moon.gateway.tunnels == {}
    assert code(world.sun) is Code.PEER_DELETED
    assert world.clock.next_timer() < float("inf")


def test_no_control_character_of_a_peer_gets_into_the_log(world: World) -> None:
    evil = 'local_id = "keyid:1b5b324a0a"'
    world.start(evil, PASSIVE)
    assert code(world.sun) is Code.PEER_IDENTITY_MISMATCH
    for box in (world.moon, world.sun):
        assert all(line.text.isprintable() for line in box.lines())


def test_two_connections_with_one_remote_network_do_not_disturb_each_other(world: World) -> None:
    world.start()
    mode = 'routing_mode = "policy"\n'
    nets = 'local_subnets = ["10.1.7.0/24"]\nremote_subnets = ["10.2.0.0/24"]\n'
    shared = connection(MOON, mode + nets + PASSIVE, "second", "192.0.2.9")
    world.moon.gateway.apply(world.moon.plan(connection(MOON, mode + subnets(MOON)), shared))
    world.settle()
    assert world.passes()
    assert world.moon.routes == {"net": RouteState.ACTIVE, "second": RouteState.BLOCKED}


# -- moving ---------------------------------------------------------------------------------------
def test_addresses_that_change_are_told_to_the_sas_when_they_have_settled(world: World) -> None:
    world.start()
    sa = world.moon.tunnel.core.sas[0].sa
    before = world.moon.gateway.endpoint.path_of(sa)
    world.moon.addresses = frozenset()  # gone, and nowhere to go
    world.moon.gateway.on_changes()
    world.clock.sleep(1)
    notes = [line for line in world.moon.lines("net") if "waiting for one" in line.text]
    assert len(notes) == 1
    assert world.moon.gateway.endpoint.path_of(sa) == before
