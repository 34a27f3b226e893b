"""Rules as octets, and which way the kernel sends packets by them."""

import errno
import socket
import subprocess
import threading
from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tundev.namespaces import Namespace, Namespaces
from tundev.netlink import Netlink
from tundev.paths import path_mtu
from tundev.routes import OUR_PROTOCOL, RouteError, Routes
from tundev.rules import (
    FIRST,
    HEADER,
    SECOND,
    PacketRule,
    Rule,
    RuleAction,
    parse_rule,
    policy_rules,
    standing_rules,
)
from tundev.sockets import SO_MARK
from tundev.tun import Tun

TABLE, MARK, PRIORITY = 4242, 0x1CEB, 220
REMOTE = "10.2.0.0/24"
spans = st.none() | st.tuples(st.integers(1, 900), st.integers(900, 65534))


@given(
    st.sampled_from([("", ""), (REMOTE, "10.1.0.0/16"), ("", "10.9.9.9/32")]),
    st.integers(0, 255),
    spans,
    spans,
    st.sampled_from(RuleAction),
    st.booleans(),
)
def test_a_rule_is_read_as_it_was_written(
    prefixes: tuple[str, str],
    protocol: int,
    source_ports: tuple[int, int] | None,
    target_ports: tuple[int, int] | None,
    action: RuleAction,
    is_own: bool,
) -> None:
    passes = action is RuleAction.GOTO
    packets = PacketRule(passes, 4, *prefixes, protocol, source_ports, target_ports)
    rule = Rule(219, action, TABLE, packets, 221 * passes, MARK, is_inverted=True, is_own=is_own)
    assert parse_rule(rule.request(105)) == (rule, 105)


def test_an_ipv6_prefix_is_read_as_it_is_written() -> None:
    for prefix in ("fd02::/64", "::ffff:10.2.0.0/112", "2001:db8:0:0:1::/80", "8000::/1"):
        packets = PacketRule(False, 6, target=str(ip_network(prefix)))
        rule = Rule(219, RuleAction.PROHIBIT, TABLE, packets)
        assert parse_rule(rule.request(105)) == (rule, 105)


def test_rules_of_others_are_not_taken_for_ours() -> None:
    body = bytearray(Rule(1, RuleAction.NOP, TABLE, PacketRule(False, 6)).request(105))
    body[7] = 6  # blackhole
    assert parse_rule(bytes(body)) is None
    body[0] = 129
    assert parse_rule(bytes(body)) is None


def test_the_first_set_ends_by_passing_the_second_over() -> None:
    one = PacketRule(False, 4, target=REMOTE)
    first = policy_rules((one, one), TABLE, PRIORITY, FIRST)
    assert [(rule.priority, rule.action, rule.goto) for rule in first] == [
        (218, RuleAction.PROHIBIT, 0),
        (218, RuleAction.GOTO, 220),
    ]
    assert [rule.priority for rule in policy_rules((one,), TABLE, PRIORITY, SECOND)] == [219]
    assert policy_rules((), TABLE, PRIORITY, FIRST) == ()


def test_standing_rules_name_each_port_of_ike_once() -> None:
    ports = [
        rule.packets.target_ports
        for rule in standing_rules(4, TABLE, MARK, PRIORITY, (500, 4500, 500))
        if rule.is_own
    ]
    assert ports == [(500, 500), (4500, 4500)]


@pytest.fixture
def gateway(spaces: Namespaces) -> Namespace:
    """A gateway between ``lan``, where 10.1.0.9 lives, and ``wan``, where 10.2.0.9 does."""
    a, wan, lan = spaces.add("a"), spaces.add("wan"), spaces.add("lan")
    a.veth("wan", wan, "a")
    a.veth("lan", lan, "a")
    for space, name, address in (
        (a, "wan", "10.99.0.1/24"),
        (wan, "a", "10.99.0.2/24"),
        (a, "lan", "10.1.0.1/24"),
        (lan, "a", "10.1.0.9/24"),
        (a, "wan", "fd99::1/64"),
        (wan, "a", "fd99::2/64"),
    ):
        space.address(name, address)
    a.route("default", via="10.99.0.2")
    a.route("::/0", via="fd99::2")
    lan.route("default", via="10.1.0.1")
    wan.address("lo", "10.2.0.9/32")
    wan.address("lo", "fd02::9/128")
    a.sysctl("net.ipv4.ip_forward", 1)
    return a


@pytest.fixture
def routes(gateway: Namespace) -> Iterator[Routes]:
    with (
        gateway.enter(),
        Tun("ik0") as device,
        Routes("ik0", TABLE, MARK, ike_ports=(500, 4500)) as made,
    ):
        device.up()
        made.tunnel(REMOTE)
        made.tunnel("fd02::/64")
        yield made


def way(
    remote: str = "10.2.0.9", port: int = 9, kind: int = socket.SOCK_DGRAM, mark: int = 0
) -> str:
    """Tell where the kernel sends this host's own packets: ``tunnel``, ``clear``, or an error."""
    family = socket.AF_INET6 if ":" in remote else socket.AF_INET
    with socket.socket(family, kind) as sock:
        sock.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
        sock.settimeout(0.2)
        try:
            sock.connect((remote, port))
        except (TimeoutError, ConnectionRefusedError):
            pass
        except OSError as error:
            return errno.errorcode[error.errno or 0]
        level, option = (41, 24) if family == socket.AF_INET6 else (0, 14)
        if kind == socket.SOCK_DGRAM:
            return {1400: "tunnel", 1500: "clear"}[sock.getsockopt(level, option)]
    return "clear"


def forwarded(protocol: str, *ports: str) -> str:
    """Tell where the kernel sends a packet from 10.1.0.9 to 10.2.0.9."""
    asked = ["ip", "route", "get", "10.2.0.9", "from", "10.1.0.9", "iif", "lan"]
    found = subprocess.run(  # noqa: S603 - of this file's own words
        [*asked, "ipproto", protocol, *ports], capture_output=True, text=True, check=False
    )
    if "Permission denied" in found.stderr:
        return "EACCES"
    return "tunnel" if "dev ik0" in found.stdout else "clear"


UDP53 = PacketRule(True, 4, target=REMOTE, protocol=17, target_ports=(53, 53))


@pytest.mark.usefixtures("routes")
def test_udp_to_the_ports_of_ike_goes_in_clear_whoever_sends_it() -> None:
    for remote in ("10.2.0.9", "fd02::9"):
        assert [way(remote, port) for port in (500, 4500, 501)] == ["clear", "clear", "tunnel"]


@pytest.mark.usefixtures("routes")
def test_what_is_forwarded_to_the_ports_of_ike_stays_protected() -> None:
    """A host behind us may run IKE through the tunnel: its messages are not ours to reveal."""
    assert forwarded("udp", "sport", "9", "dport", "500") == "tunnel"


def test_a_policy_takes_packets_past_the_tunnel(routes: Routes) -> None:
    routes.set_policies([UDP53])
    assert (way(port=53), way(port=54)) == ("clear", "tunnel")
    assert forwarded("udp", "sport", "9", "dport", "53") == "clear"
    assert forwarded("tcp", "sport", "9", "dport", "53") == "tunnel"
    assert forwarded("udp", "sport", "53", "dport", "9") == "tunnel"
    assert way("fd02::9", 53) == "tunnel"


def test_a_policy_prohibits_packets_tunnel_or_not(routes: Routes) -> None:
    routes.set_policies(
        [
            PacketRule(False, 4, "10.1.0.0/24", protocol=6, target_ports=(25, 25)),
            PacketRule(False, 4, target="10.3.0.0/16"),
            PacketRule(False, 6, target="fd03::/64"),
        ]
    )
    assert forwarded("tcp", "sport", "9", "dport", "25") == "EACCES"
    assert forwarded("tcp", "sport", "9", "dport", "26") == "tunnel"
    assert (way("10.3.0.1"), way("fd03::1"), way("10.4.0.1")) == ("EACCES", "EACCES", "clear")


def test_the_first_policy_that_matches_counts(routes: Routes) -> None:
    wide = PacketRule(False, 4, target=REMOTE, protocol=17)
    routes.set_policies([UDP53, wide])
    assert (way(port=53), way(port=54)) == ("clear", "EACCES")
    routes.set_policies([wide, UDP53])
    assert (way(port=53), way(port=54)) == ("EACCES", "EACCES")
    routes.set_policies([])
    assert (way(port=53), way(port=54)) == ("tunnel", "tunnel")


def test_our_own_packets_care_for_no_policy(routes: Routes) -> None:
    routes.set_policies([PacketRule(False, 4)])
    assert (way("10.4.0.1"), way("10.4.0.1", mark=MARK)) == ("EACCES", "clear")
    assert path_mtu("10.2.0.9", MARK) == 1500


def count() -> int:
    """Return the number of our rules for IPv4, as the kernel has them."""
    with Netlink() as netlink:
        answer = netlink.dump(34, HEADER.pack(socket.AF_INET, *[0] * 8))
    return sum(
        found is not None and found[1] == OUR_PROTOCOL
        for found in map(parse_rule, (b for _, b in answer))
    )


def test_a_list_that_stays_leaves_no_rule_behind(routes: Routes) -> None:
    before = count()
    lists = [
        [PacketRule(False, 4, protocol=6), PacketRule(False, 4, target=REMOTE, protocol=6)],
        [PacketRule(False, 4, target=REMOTE, protocol=6), PacketRule(False, 4, protocol=6), UDP53],
    ]
    sizes = set()
    for _ in range(3):
        for one in lists:
            routes.set_policies(one)
            routes.set_policies(one)
            sizes.add(count() - before - len(one))
    assert sizes == {1}  # the switch, or the first set's end
    routes.set_policies([])
    assert count() - before <= 1


def test_a_list_that_the_kernel_refuses_leaves_the_old_one_in_force(routes: Routes) -> None:
    before = count()
    routes.set_policies([UDP53])
    bad = PacketRule(True, 4, target=REMOTE, protocol=17, target_ports=(0, 70))
    for _ in range(2):
        with pytest.raises(RouteError, match="rule"):
            routes.set_policies([PacketRule(False, 4, target=REMOTE), bad])
        assert (way(port=53), way(port=54)) == ("clear", "tunnel")
    routes.set_policies([])
    assert (way(port=53), count() - before <= 1) == ("tunnel", True)


def test_no_packet_is_judged_by_half_of_a_list(routes: Routes) -> None:
    """The discard comes before a wider bypass in both lists: nothing may ever get by."""
    discard = PacketRule(False, 4, target="10.2.0.8/29", protocol=17)
    everything = PacketRule(True, 4, target=REMOTE)
    more = [PacketRule(True, 4, target=f"10.5.{n}.0/24") for n in range(20)]
    lists = [[discard, everything], [*more, discard, everything]]
    routes.set_policies(lists[0])
    done = threading.Event()
    seen: set[str] = set()

    def ask() -> None:
        while not done.is_set():
            seen.add(way())

    asking = threading.Thread(target=ask)
    asking.start()
    for number in range(60):
        routes.set_policies(lists[number % 2])
    done.set()
    asking.join()
    assert seen == {"EACCES"}


def test_what_a_crash_left_counts_until_it_is_replaced(gateway: Namespace) -> None:
    with gateway.enter(), Tun("ik0") as device:
        device.up()
        before = count()
        Routes("ik0", TABLE, MARK).set_policies([PacketRule(False, 4, target="10.3.0.0/16")])
        with Routes("ik0", TABLE, MARK, adopt=True) as routes:
            assert way("10.3.0.1") == "EACCES"
            routes.set_policies([PacketRule(False, 4, target="10.4.0.0/16")])
            assert (way("10.3.0.1"), way("10.4.0.1")) == ("clear", "EACCES")
        assert count() == before
        Routes("ik0", TABLE, MARK).set_policies([PacketRule(False, 4, target="10.3.0.0/16")])
        with Routes("ik0", TABLE, MARK):
            assert way("10.3.0.1") == "clear"
