"""Lookup order, defaults, and the flow memory."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

from policy.flow import MalformedPacket, flow_of
from policy.selectors import TrafficSelector, any_of
from policy.spd import DEFAULT, Action, Policy, SelectorPair, Spd

cidr = TrafficSelector.from_cidr
NET_A, NET_B = cidr("10.1.0.0/16"), cidr("10.2.0.0/16")
SSH_PORT = TrafficSelector(4, 0, 2**32 - 1, 6, 22, 22)
SSH = Policy("ssh", Action.BYPASS, (SelectorPair(NET_A, SSH_PORT),))
SITE = Policy("site", Action.PROTECT, (SelectorPair(NET_A, NET_B),), "site")
SIX = Policy("six", Action.PROTECT, (SelectorPair(any_of(6), any_of(6)),), "six")


def packet(**fields: object) -> bytes:
    return bytes(IP(src="10.1.0.1", dst="10.2.0.1", **fields) / TCP(dport=22))


def test_first_match_wins() -> None:
    assert Spd((SSH, SITE)).lookup(packet()) is SSH
    assert Spd((SITE, SSH)).lookup(packet()) is SITE


def test_no_match_discards() -> None:
    spd = Spd((SSH,))
    assert spd.lookup(bytes(IP(src="10.9.0.1", dst="10.2.0.1") / UDP())) is DEFAULT
    assert Spd().lookup(packet()).action is Action.DISCARD


def test_direction_matters() -> None:
    assert Spd((SITE,)).lookup(bytes(IP(src="10.2.0.1", dst="10.1.0.1") / UDP())) is DEFAULT


def test_later_fragment_has_no_ports() -> None:
    assert Spd((SSH, SITE)).lookup(packet(frag=100)) is SITE


def test_versions_never_match_each_other() -> None:
    low = bytes(IPv6(src="::a01:1", dst="::a02:1") / UDP())  # the same integers as NET_A, NET_B
    assert Spd((SITE,)).lookup(low) is DEFAULT
    assert Spd((SITE, SIX)).lookup(low) is SIX


def test_new_list_forgets_old_flows() -> None:
    spd = Spd((SSH,))
    before = spd.generation
    spd.lookup(packet())
    spd.replace((SITE,))
    assert spd.lookup(packet()) is SITE
    assert spd.policies == (SITE,)
    assert spd.generation != before


def test_a_port_scan_is_still_classified_after_the_memory_is_full() -> None:
    spd = Spd((SSH, SITE))
    scan = bytearray(packet())
    for port in range(10000):
        scan[22:24] = port.to_bytes(2, "big")
        assert spd.lookup(bytes(scan)) is (SSH if port == 22 else SITE)


@given(st.binary(max_size=60))
def test_noise_is_classified_or_malformed(noise: bytes) -> None:
    spd = Spd((SSH, SITE, SIX))
    for _ in range(2):  # the second time from memory
        with suppress(MalformedPacket):
            assert spd.lookup(noise) is spd.find(flow_of(noise))


@pytest.mark.parametrize("octets", [b"", b"\x45", bytes(20), b"\x70" + bytes(60)])
def test_not_ip_is_malformed(octets: bytes) -> None:
    with pytest.raises(MalformedPacket):
        Spd((SITE,)).lookup(octets)


PING, PONG = (bytes(IP(src="10.1.0.1", dst="10.2.0.1") / ICMP(type=kind)) for kind in (8, 0))


@pytest.mark.parametrize(
    ("protocol", "ports", "ping", "pong"),
    [
        (0, (0, 65535), True, True),
        (1, (0, 65535), True, True),
        (1, (0x800, 0x8FF), True, False),  # echo requests
        (1, (0x800, 0x800), True, False),
        (1, (0x801, 0x8FF), False, False),
        (1, (65535, 0), False, False),  # only what shows no type
        (6, (0, 65535), False, False),
        (6, (0x800, 0x800), False, False),
    ],
)
def test_icmp_is_selected_by_type_and_code(
    protocol: int, ports: tuple[int, int], ping: bool, pong: bool
) -> None:
    local, remote = (
        TrafficSelector(4, 10 << 24 | net << 16, 10 << 24 | net << 16 | 0xFFFF, protocol, *ports)
        for net in (1, 2)
    )
    spd = Spd((Policy("icmp", Action.PROTECT, (SelectorPair(local, remote),), "icmp"),))
    for packet, is_inside in ((PING, ping), (PONG, pong)):
        for _ in range(2):  # the second from memory
            assert (spd.lookup(packet) is not DEFAULT) == is_inside


@pytest.mark.parametrize("later_fragments", [False, True])
def test_later_fragments_go_with_the_first_one_where_both_ends_want_it(
    later_fragments: bool,
) -> None:
    net = TrafficSelector(4, 10 << 24, 11 << 24, 17, 53, 53)
    policy = Policy("dns", Action.PROTECT, (SelectorPair(net, net),), "dns", later_fragments)
    spd = Spd((policy,))
    tcp = bytes(IP(src="10.1.0.1", dst="10.2.0.1", frag=9, proto=6) / Raw(bytes(40)))
    assert spd.lookup(tcp) is DEFAULT
    udp = bytes(IP(src="10.1.0.1", dst="10.2.0.1", frag=9, proto=17) / Raw(bytes(40)))
    assert (spd.lookup(udp) is policy) is later_fragments
    foreign = bytes(IP(src="192.0.2.1", dst="10.2.0.1", frag=9, proto=17) / Raw(bytes(40)))
    assert spd.lookup(foreign) is DEFAULT
    first = bytes(IP(src="10.1.0.1", dst="10.2.0.1", flags="MF") / UDP(sport=53, dport=54))
    assert spd.lookup(first) is DEFAULT
