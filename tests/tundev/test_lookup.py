"""The kernel's own answers, in namespaces."""

from collections.abc import Iterator

import pytest

from tundev.lookup import Fate, Way, way_of
from tundev.namespaces import Namespace, Namespaces
from tundev.routes import Routes
from tundev.rules import PacketRule
from tundev.tun import Tun

INTO, CLEAR = Way(Fate.DEVICE, "ik0"), Way(Fate.DEVICE, "wan")


@pytest.fixture
def gateway(spaces: Namespaces) -> Namespace:
    """A gateway between 10.1.0.0/24, fd01::/64 on ``lan`` and everything else on ``wan``."""
    a, wan, lan = spaces.add("a"), spaces.add("wan"), spaces.add("lan")
    a.veth("wan", wan, "a")
    a.veth("lan", lan, "a")
    for name, address in (
        ("wan", "10.99.0.1/24"),
        ("lan", "10.1.0.1/24"),
        ("wan", "fd99::1/64"),
        ("lan", "fd01::1/64"),
    ):
        a.address(name, address)
    a.route("default", via="10.99.0.2")
    a.route("::/0", via="fd99::2")
    a.sysctl("net.ipv4.ip_forward", 1)
    a.sysctl("net.ipv6.conf.all.forwarding", 1)
    return a


@pytest.fixture
def routes(gateway: Namespace) -> Iterator[Routes]:
    with gateway.enter(), Tun("ik0") as device, Routes("ik0", 4242, 77, ike_ports=(500,)) as made:
        device.up()
        made.tunnel("10.2.0.0/24")
        made.tunnel("fd02::/64")
        yield made


@pytest.mark.usefixtures("routes")
def test_a_forwarded_packet_goes_where_the_routes_say() -> None:
    assert way_of("10.1.0.9", "10.2.0.9") == INTO
    assert way_of("10.1.0.9", "10.3.0.9") == CLEAR
    assert way_of("fd01::9", "fd02::9", 58) == INTO
    assert way_of("fd01::9", "fd03::9") == CLEAR


@pytest.mark.usefixtures("routes")
def test_a_packet_of_this_host_is_known_as_such() -> None:
    assert way_of("10.99.0.1", "10.2.0.9") == Way(Fate.DEVICE, "ik0", is_own=True)
    assert way_of("10.99.0.1", "10.2.0.9", 17, 9, 500) == Way(Fate.DEVICE, "wan", is_own=True)
    assert way_of("10.1.0.9", "10.2.0.9", 17, 9, 500) == INTO


@pytest.mark.usefixtures("routes")
def test_a_packet_for_this_host_goes_nowhere_else() -> None:
    assert way_of("10.1.0.9", "10.99.0.1") == Way(Fate.LOCAL)
    assert way_of("fd01::9", "fd99::1").fate is Fate.LOCAL


def test_policies_are_asked_too(routes: Routes) -> None:
    routes.set_policies(
        [
            PacketRule(False, 4, target="10.2.0.0/24", protocol=6, target_ports=(25, 25)),
            PacketRule(True, 4, target="10.2.0.0/24", protocol=6),
        ]
    )
    assert way_of("10.1.0.9", "10.2.0.9", 6, 9, 25) == Way(Fate.PROHIBITED)
    assert way_of("10.1.0.9", "10.2.0.9", 6, 9, 26) == CLEAR
    assert way_of("10.1.0.9", "10.2.0.9", 17, 9, 26) == INTO


def test_what_is_blocked_is_unreachable(routes: Routes) -> None:
    routes.unreachable("10.2.0.0/24")
    assert way_of("10.1.0.9", "10.2.0.9") == Way(Fate.UNREACHABLE)


@pytest.mark.usefixtures("routes")
def test_an_impossible_packet_is_refused() -> None:
    assert way_of("127.0.0.5", "10.2.0.9").fate in {Fate.REFUSED, Fate.DEVICE}
    assert way_of("224.0.0.5", "10.2.0.9").fate is Fate.REFUSED
