"""Inner addresses and children: a client's, and its server's view of it."""

from ikecore.inner import client_children, meant_by_client, parts_of, server_children
from ikecore.lease import Lease
from ikecore.profile import ChildProfile
from policy.selectors import TrafficSelector

ALICE = Lease("10.9.0.5")
SPLIT = Lease("10.9.0.5", subnets=("10.2.0.0/24", "10.4.0.0/16"))


def child(local: str, remote: str) -> ChildProfile:
    return ChildProfile((TrafficSelector.parse(local),), (TrafficSelector.parse(remote),))


def texts(children: tuple[ChildProfile, ...]) -> list[str]:
    return list(map(str, children))


def test_the_client_s_side_is_its_address() -> None:
    found = client_children([child("0.0.0.0/0", "10.2.0.0/24")], ALICE)
    assert texts(found) == ["10.9.0.5/32 === 10.2.0.0/24"]


def test_everything_stays_everything_when_the_server_names_no_networks() -> None:
    assert texts(client_children([child("0.0.0.0/0", "0.0.0.0/0")], ALICE)) == [
        "10.9.0.5/32 === 0.0.0.0/0"
    ]


def test_everything_becomes_the_networks_that_the_server_names() -> None:
    assert texts(client_children([child("0.0.0.0/0", "0.0.0.0/0")], SPLIT)) == [
        "10.9.0.5/32 === 10.2.0.0/24",
        "10.9.0.5/32 === 10.4.0.0/16",
    ]


def test_a_configured_network_counts_more_than_those_that_the_server_names() -> None:
    found = client_children([child("0.0.0.0/0", "10.7.0.0/16")], SPLIT)
    assert texts(found) == ["10.9.0.5/32 === 10.7.0.0/16"]


def test_protocol_and_port_of_our_side_stay() -> None:
    found = client_children([child("0.0.0.0/0[tcp/443]", "10.2.0.0/24[tcp]")], SPLIT)
    assert texts(found) == ["10.9.0.5/32[tcp/443] === 10.2.0.0/24[tcp]"]


def test_children_that_become_the_same_are_one() -> None:
    both = [child("10.1.0.0/24", "10.2.0.0/24"), child("10.3.0.0/24", "10.2.0.0/24")]
    assert texts(client_children(both, ALICE)) == ["10.9.0.5/32 === 10.2.0.0/24"]


def test_an_ipv4_address_reaches_no_ipv6_network() -> None:
    both = [child("0.0.0.0/0", "fd00::/64"), child("0.0.0.0/0", "10.2.0.0/24")]
    assert texts(client_children(both, SPLIT)) == ["10.9.0.5/32 === 10.2.0.0/24"]
    assert texts(client_children(both[:1], SPLIT)) == [
        "10.9.0.5/32 === 10.2.0.0/24",
        "10.9.0.5/32 === 10.4.0.0/16",
    ]
    assert texts(client_children([], ALICE)) == ["10.9.0.5/32 === 0.0.0.0/0"]


def test_it_changes_nothing_to_do_it_twice() -> None:
    once = client_children([child("0.0.0.0/0", "0.0.0.0/0")], SPLIT)
    assert client_children(once, SPLIT) == once


def test_the_server_lets_a_client_speak_for_its_own_address_alone() -> None:
    for pool in ("10.9.0.0/24", "0.0.0.0/0"):
        found = server_children([child("10.2.0.0/24", pool)], SPLIT)
        assert texts(found) == ["10.2.0.0/24 === 10.9.0.5/32"]


def test_a_network_outside_of_the_pool_stays_as_it_is_configured() -> None:
    found = server_children([child("10.2.0.0/24", "192.168.7.0/24[udp]")], ALICE)
    assert texts(found) == ["10.2.0.0/24 === 192.168.7.0/24[udp]"]


def test_protocol_and_port_of_the_client_s_side_stay() -> None:
    found = server_children([child("10.2.0.0/24[tcp/22]", "10.9.0.0/24[tcp]")], ALICE)
    assert texts(found) == ["10.2.0.0/24[tcp/22] === 10.9.0.5/32[tcp]"]


def test_a_cisco_client_that_asks_for_everything_means_the_server_s_network() -> None:
    ours = server_children([child("10.2.0.0/24", "10.9.0.0/24")], SPLIT)
    asked = child("0.0.0.0/0", "10.9.0.5/32")
    assert str(meant_by_client(ours, asked)) == "10.2.0.0/24 === 10.9.0.5/32"
    for other in (child("10.2.0.0/24", "10.9.0.5/32"), child("0.0.0.0/0", "10.9.0.6/32")):
        assert meant_by_client(ours, other) == other


def test_what_is_wanted_is_what_addresses_made_of_it() -> None:
    configured = child("0.0.0.0/0", "0.0.0.0/0")
    children = client_children([configured], SPLIT)
    assert parts_of(configured, children) == children
    assert parts_of(children[1], children) == children[1:]
    other = child("10.1.0.0/24", "10.7.0.0/16")
    assert parts_of(other, children) == (other,)
    assert parts_of(other, (other, child("10.1.0.0/24", "10.7.1.0/24"))) == (other,)
