from collections.abc import Iterator
from dataclasses import replace

import pytest

from ikebana.config.compile import compile_config
from ikebana.control.question import read_flow
from ikebana.control.view import ExplainView
from ikebana.daemon.explain import Surroundings, explain
from tests.ikebana.config.sample import config
from tests.ikebana.daemon.world import MOON, SUN, Box, World, connection
from tundev.lookup import Fate, Way

POLICIES = """\
[[gateway.policies]]
name = "no mail"
action = "discard"
remote = ["10.2.0.0/24"]
protocol = "tcp"
remote_ports = [25]

[[gateway.policies]]
name = "printers"
action = "bypass"
remote = ["10.2.0.128/25"]
"""
INTO, CLEAR = Way(Fate.DEVICE, "ikebana0"), Way(Fate.DEVICE, "eth0")
HERE = Way(Fate.DEVICE, "eth0", is_own=True)


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


def begun(world: World, moon: str = "", sun: str = "") -> Box:
    policies = compile_config(config(POLICIES)).policies
    world.sun.start(world.sun.plan(connection(SUN, 'initiation = "passive"\n' + sun)))
    world.moon.start(replace(world.moon.plan(connection(MOON, moon)), policies=policies))
    world.settle()
    return world.moon


def asked(box: Box, *words: str, way: Way | None = INTO) -> ExplainView:
    gateway = box.gateway
    around = Surroundings(gateway.performer.spd, gateway.tunnels, "ikebana0", (500, 4500))
    return explain(read_flow(*words), around, way)


def test_policies_are_told_in_order_with_why_not_up_to_the_hit(world: World) -> None:
    view = asked(begun(world), "10.1.0.5", "10.2.0.9", "tcp", "443")
    assert [(one.name, one.action, one.hit, one.part, one.why) for one in view.considered] == [
        ("no mail", "discard", False, "target_port", "target port is not 25"),
        ("printers", "bypass", False, "target", "target 10.2.0.9 is not in 10.2.0.128/25"),
        ("net", "protect", True, "", ""),
    ]
    assert (view.policy, view.action, view.tunnel) == ("net", "protect", "net")
    assert view.selectors == "10.1.0.0/24 === 10.2.0.0/24"
    assert view.packet == "10.1.0.5 10.2.0.9 tcp 443"


def test_a_protected_packet_has_the_spi_that_carries_it(world: World) -> None:
    moon = begun(world)
    view = asked(moon, "10.1.0.5", "10.2.0.9", "icmp", "8:0")
    assert (view.fate, view.way, view.state) == ("sealed", "tunnel", "connected")
    assert view.outbound_spi == moon.installed[-1].outbound_spi
    assert f"SPI {view.outbound_spi:08x} out, {view.inbound_spi:08x} back" in view.lines[0]


def test_a_discarded_packet_is_prohibited_by_the_kernel(world: World) -> None:
    words = ("10.1.0.5", "10.2.0.9", "tcp", "25")
    view = asked(begun(world), *words, way=Way(Fate.PROHIBITED))
    assert (view.policy, view.way, view.fate) == ("no mail", "prohibited", "dropped")
    assert "tunnel or not" in view.lines[0]


def test_one_that_comes_to_the_worker_all_the_same_is_counted(world: World) -> None:
    moon = begun(world)
    mail = asked(moon, "10.1.0.5", "10.2.0.9", "tcp", "25")
    printer = asked(moon, "10.1.0.5", "10.2.0.200")
    nobody = asked(moon, "10.1.0.5", "10.9.0.1")
    assert [(one.fate, one.counter) for one in (mail, printer, nobody)] == [
        ("dropped", "policy"),
        ("dropped", "bypass"),
        ("dropped", "policy"),
    ]


def test_a_bypassed_packet_goes_in_clear_by_a_device(world: World) -> None:
    view = asked(begun(world), "10.1.0.5", "10.2.0.200", way=CLEAR)
    assert (view.policy, view.way, view.fate, view.device) == ("printers", "clear", "clear", "eth0")


def test_a_protocol_that_the_kernel_cannot_be_asked_about_goes_by_its_policy(world: World) -> None:
    assert asked(begun(world), "10.1.0.5", "10.2.0.200", "gre").way == "clear"


def test_a_packet_that_starts_its_tunnel_is_held(world: World) -> None:
    moon = begun(world, 'initiation = "on_demand"')
    view = asked(moon, "10.1.0.5", "10.2.0.9")
    assert (view.fate, view.counter, view.state) == ("held", "acquires", "idle")
    assert "starts one" in view.lines[0]


def test_a_packet_for_a_tunnel_that_is_down_is_unreachable(world: World) -> None:
    moon = begun(world)
    moon.gateway.down(moon.tunnel)
    world.settle()
    view = asked(moon, "10.1.0.5", "10.2.0.9", way=Way(Fate.UNREACHABLE))
    assert (view.fate, view.way) == ("dropped", "unreachable")
    assert "nothing leaves in clear" in view.lines[0]
    assert "ikebana up net" in view.lines[1]
    assert asked(moon, "10.1.0.5", "10.2.0.9").counter == "no_sa"


def test_what_the_peer_left_out_is_dropped_for_its_selectors(world: World) -> None:
    moon = begun(
        world,
        'local_subnets = ["10.1.0.0/24"]\nremote_subnets = ["10.2.0.0/24", "10.3.0.0/24"]\n',
    )
    view = asked(moon, "10.1.0.5", "10.3.0.9")
    assert (view.policy, view.fate, view.counter) == ("net", "dropped", "selectors")


def test_a_protected_packet_that_leaves_in_clear_is_warned_of(world: World) -> None:
    view = asked(begun(world), "10.1.0.5", "10.2.0.9", way=CLEAR)
    assert view.fate == "clear"
    assert "no route of ours" in view.lines[0]


def test_ike_of_this_host_is_bypassed_before_all(world: World) -> None:
    moon = begun(world)
    view = asked(moon, "10.1.0.5", "10.2.0.9", "udp", "500", way=HERE)
    assert (view.policy, view.action, view.fate) == ("IKE", "bypass", "clear")
    assert asked(moon, "10.1.0.5", "10.2.0.9", "udp", "500").policy == "net"  # an inner host's


def test_the_way_back_is_pointed_out(world: World) -> None:
    view = asked(begun(world), "10.2.0.9", "10.1.0.5", "tcp", way=CLEAR)
    assert view.policy == "default"
    assert "ikebana policy explain 10.1.0.5 10.2.0.9 tcp" in view.lines[-1]


@pytest.mark.parametrize(
    ("way", "said", "fate"),
    [
        (Way(Fate.LOCAL), "local", "local"),
        (Way(Fate.REFUSED), "refused", "dropped"),
        (None, "unknown", "sealed"),
    ],
)
def test_whatever_the_kernel_says_is_told(
    world: World, way: Way | None, said: str, fate: str
) -> None:
    view = asked(begun(world), "10.1.0.5", "10.2.0.9", way=way)
    assert (view.way, view.fate) == (said, fate)
    assert view.lines
