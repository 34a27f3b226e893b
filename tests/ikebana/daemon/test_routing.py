import pytest

from ikebana.config.compile import compile_config
from ikebana.daemon.orders import RouteState
from ikebana.daemon.routing import Routing, packet_rules
from ikebana.daemon.tunnels import Tunnel, make_tunnel
from tests.ikebana.config.sample import CONNECTION, KEY, config
from tests.ikebana.daemon.lives import Fixed
from tundev.rules import PacketRule


class Table:
    """The kernel's table as a dictionary; refuses what the test says."""

    def __init__(self) -> None:
        self.routes: dict[str, str] = {}
        self.refuses = ""

    def tunnel(self, prefix: str, mtu: int | None = None, source: str | None = None) -> None:
        self._set(prefix, f"tunnel {mtu or '-'} {source or '-'}")

    def unreachable(self, prefix: str) -> None:
        self._set(prefix, "unreachable")

    def throw(self, prefix: str) -> None:
        self._set(prefix, "throw")

    def remove(self, prefix: str) -> None:
        self.routes.pop(prefix, None)

    def _set(self, prefix: str, what: str) -> None:
        if prefix == self.refuses:
            raise OSError("no such device")
        self.routes[prefix] = what


class Stage:
    """A routing between its fakes."""

    def __init__(self) -> None:
        self.table = Table()
        self.complaints: list[tuple[str, str]] = []
        self.routing = Routing(
            self.table,
            lambda: {"10.1.0.9", "192.0.2.1", "fe80::1%eth0"},
            lambda name, text: self.complaints.append((name, text)),
        )

    def set(self, tunnel: Tunnel, state: RouteState, mtu: int = 0) -> None:
        tunnel.routes, tunnel.mtu = state, mtu
        self.routing.set(tunnel)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def tunnel(name: str, local: str, remote: str) -> Tunnel:
    text = (
        f'[[connection]]\nname = "{name}"\npeer = "192.0.2.2"\npsk = "{KEY}"\n'
        f'local_subnets = ["{local}"]\nremote_subnets = ["{remote}"]\n'
    )
    return make_tunnel(compile_config(config(text)).tunnels[0], Fixed())


HOME, AWAY = "10.1.0.0/24", "10.2.0.0/24"


def test_a_new_tunnel_blocks_its_remote_networks_and_leaves_the_local_ones(stage: Stage) -> None:
    stage.routing.begin(tunnel("net", HOME, AWAY))
    assert stage.table.routes == {AWAY: "unreachable", HOME: "throw"}


@pytest.mark.parametrize("state", [RouteState.ACTIVE, RouteState.TRAP])
def test_an_active_or_trapped_tunnel_leads_into_the_device(stage: Stage, state: RouteState) -> None:
    net = tunnel("net", HOME, AWAY)
    stage.routing.begin(net)
    stage.set(net, state, 1400)
    assert stage.table.routes[AWAY] == "tunnel 1400 10.1.0.9"  # this host's own packets fit too
    stage.set(net, RouteState.BLOCKED)
    assert stage.table.routes[AWAY] == "unreachable"


def test_the_end_of_a_tunnel_leaves_nothing(stage: Stage) -> None:
    net = tunnel("net", HOME, AWAY)
    stage.routing.begin(net)
    stage.routing.end(net)
    assert stage.table.routes == {}


def test_a_shared_remote_network_stays_open_while_one_tunnel_wants_it(stage: Stage) -> None:
    one, two = tunnel("one", HOME, AWAY), tunnel("two", "10.3.0.0/24", AWAY)
    stage.routing.begin(one)
    stage.set(one, RouteState.ACTIVE, 1400)
    stage.routing.begin(two)
    assert stage.table.routes[AWAY].startswith("tunnel")
    stage.set(two, RouteState.BLOCKED)
    assert stage.table.routes[AWAY].startswith("tunnel")
    stage.set(one, RouteState.BLOCKED)
    assert stage.table.routes[AWAY] == "unreachable"
    stage.routing.end(one)
    assert stage.table.routes[AWAY] == "unreachable"
    stage.routing.end(two)
    assert stage.table.routes == {}


def test_a_shared_network_carries_what_every_tunnel_of_it_can(stage: Stage) -> None:
    one, two = tunnel("one", HOME, AWAY), tunnel("two", HOME, AWAY)
    for each, mtu in ((one, 1400), (two, 1300)):
        stage.routing.begin(each)
        stage.set(each, RouteState.ACTIVE, mtu)
    assert stage.table.routes[AWAY] == "tunnel 1300 10.1.0.9"


def test_no_route_is_narrower_than_its_ip_version_knows(stage: Stage) -> None:
    """A host need not believe in less than 1280 octets over IPv6 (RFC 8201 section 4)."""
    four, six = tunnel("four", HOME, AWAY), tunnel("six", "fd01::/64", "fd02::/64")
    for each in (four, six):
        stage.routing.begin(each)
        stage.set(each, RouteState.ACTIVE, 522)
    assert stage.table.routes[AWAY].startswith("tunnel 522 ")
    assert stage.table.routes["fd02::/64"].startswith("tunnel 1280 ")


def test_a_changed_tunnel_keeps_its_networks_shut_between_old_and_new(stage: Stage) -> None:
    old, new = tunnel("net", HOME, AWAY), tunnel("net", HOME, AWAY)
    stage.routing.begin(old)
    stage.set(old, RouteState.ACTIVE)
    stage.routing.begin(new)
    assert AWAY in stage.table.routes
    stage.routing.end(old)
    assert stage.table.routes == {AWAY: "unreachable", HOME: "throw"}


def test_a_network_that_is_remote_to_one_and_local_to_another_is_not_let_out(
    stage: Stage,
) -> None:
    spoke, hub = tunnel("spoke", HOME, AWAY), tunnel("hub", AWAY, "10.4.0.0/24")
    stage.routing.begin(spoke)
    stage.routing.begin(hub)
    assert stage.table.routes[AWAY] == "unreachable"
    stage.set(spoke, RouteState.ACTIVE)
    assert stage.table.routes[AWAY].startswith("tunnel")
    stage.routing.end(spoke)
    assert stage.table.routes[AWAY] == "throw"


def test_ending_what_never_began_touches_nothing(stage: Stage) -> None:
    stage.routing.begin(tunnel("net", HOME, AWAY))
    stage.routing.end(tunnel("off", HOME, AWAY))
    assert stage.table.routes == {AWAY: "unreachable", HOME: "throw"}


def test_everything_remote_leaves_the_local_network_alone(stage: Stage) -> None:
    net = tunnel("net", HOME, "0.0.0.0/0")
    stage.routing.begin(net)
    stage.set(net, RouteState.ACTIVE)
    assert stage.table.routes[HOME] == "throw"
    assert stage.table.routes["0.0.0.0/0"].startswith("tunnel")


def test_a_route_that_the_kernel_refuses_is_told_and_the_others_are_set(stage: Stage) -> None:
    stage.table.refuses = AWAY
    stage.routing.begin(tunnel("net", HOME, AWAY))
    assert stage.table.routes == {HOME: "throw"}
    ((name, text),) = stage.complaints
    assert name == "net"
    assert "no such device" in text


def test_a_child_between_the_ends_leads_to_the_peer_wherever_it_is(stage: Stage) -> None:
    text = CONNECTION + '[connection.ipsec]\nmode = "transport"\n'
    one = make_tunnel(compile_config(config(text)).tunnels[0], Fixed())
    one.remote = frozenset({"192.0.2.2"})
    stage.routing.begin(one)
    assert stage.table.routes == {"192.0.2.2/32": "unreachable"}
    one.remote = frozenset({"192.0.2.7", "2001:db8::7"})
    stage.set(one, RouteState.ACTIVE, mtu=1400)
    stage.routing.begin(one)
    assert stage.table.routes == {
        "192.0.2.7/32": "tunnel 1400 -",
        "2001:db8::7/128": "tunnel 1400 -",
    }
    stage.routing.end(one)
    assert stage.table.routes == {}


def test_packets_of_this_host_in_transport_mode_come_from_its_end_of_the_child(
    stage: Stage,
) -> None:
    text = CONNECTION + '[connection.ipsec]\nmode = "transport"\n'
    one = make_tunnel(compile_config(config(text)).tunnels[0], Fixed())
    one.local, one.remote = "192.0.2.1", frozenset({"192.0.2.2"})
    stage.routing.begin(one)
    stage.set(one, RouteState.ACTIVE, mtu=1400)
    assert stage.table.routes == {"192.0.2.2/32": "tunnel 1400 192.0.2.1"}


def made_of(*tables: str) -> tuple[PacketRule, ...]:
    text = "".join(f"[[gateway.policies]]\n{table}\n" for table in tables)
    return packet_rules(compile_config(config(text)).policies)


def test_policies_become_the_kernels_rules_in_their_order() -> None:
    rules = made_of(
        'action = "bypass"\nlocal = ["10.1.0.4-10.1.0.6"]\nremote = ["10.2.0.0/24"]\n'
        'protocol = "udp"\nlocal_ports = [53]\nremote_ports = ["1000-2000"]',
        'action = "discard"\nremote = ["fd02::/64"]',
    )
    udp = (17, (53, 53), (1000, 2000))
    assert rules == (
        PacketRule(True, 4, "10.1.0.4/31", "10.2.0.0/24", *udp),
        PacketRule(True, 4, "10.1.0.6/32", "10.2.0.0/24", *udp),
        PacketRule(False, 6, "", "fd02::/64"),
    )


def test_icmp_types_are_beyond_the_kernels_rules() -> None:
    icmp = 'action = "discard"\nremote = ["10.2.0.0/24"]\nprotocol = "icmp"\n'
    assert made_of(icmp + "icmp_type = 8") == ()
    assert made_of(icmp) == (PacketRule(False, 4, "", "10.2.0.0/24", 1),)
