"""Selectors: parsing, printing, and the algebra of narrowing."""

import re
from contextlib import suppress
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.selectors import LIMIT, OPAQUE, TrafficSelector, any_of, is_subset, narrow

cidr = TrafficSelector.from_cidr
NET = cidr("10.1.0.0/24")


def ports(start: int, end: int, protocol: int = 6) -> TrafficSelector:
    return TrafficSelector(4, NET.start, NET.end, protocol, start, end)


@st.composite
def selectors(draw: st.DrawFn) -> TrafficSelector:
    """Small numbers, so that members meet often."""
    start, size = draw(st.integers(0, 12)), draw(st.integers(0, 6))
    port, count = draw(st.integers(0, 6)), draw(st.integers(0, 4))
    first, last = draw(st.sampled_from([(0, 65535), (65535, 0), (port, port + count)]))
    version = draw(st.sampled_from([4, 4, 6]))
    return TrafficSelector(
        version, start, start + size, draw(st.sampled_from([0, 6, 17])), first, last
    )


SETS = st.lists(selectors(), max_size=4)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("10.1.0.0/24", "10.1.0.0/24"),
        ("10.1.0.5", "10.1.0.5/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("fd00:1::/64", "fd00:1::/64"),
        ("10.1.0.0-10.1.0.255", "10.1.0.0/24"),
        ("10.1.0.1 - 10.1.0.6", "10.1.0.1-10.1.0.6"),
        ("10.1.0.1-10.1.0.2", "10.1.0.1-10.1.0.2"),
        (ip_network("10.1.0.0/24"), "10.1.0.0/24"),
        (ip_address("fd00::1"), "fd00::1/128"),
    ],
)
def test_texts_are_read_and_shown(text: str, shown: str) -> None:
    assert str(cidr(text)) == shown


@pytest.mark.parametrize(
    "text", ["", "x", "10.1.0.5/24", "10.1.0.9-10.1.0.1", "10.1.0.1-fd00::1", "10.1.0.1-", "1-2-3"]
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the texts are ipaddress's
        cidr(text)


@pytest.mark.parametrize(
    ("selector", "shown"),
    [
        (ports(22, 22), "10.1.0.0/24[tcp/22]"),
        (ports(80, 90, 17), "10.1.0.0/24[udp/80-90]"),
        (ports(0, 65535), "10.1.0.0/24[tcp]"),
        (ports(0, 65535, 47), "10.1.0.0/24[47]"),
        (ports(1, 2, 132), "10.1.0.0/24[sctp/1-2]"),
        (ports(65535, 0, 1), "10.1.0.0/24[icmp/opaque]"),
        (ports(7, 7, 0), "10.1.0.0/24[any/7]"),
        (ports(0x800, 0x8FF, 1), "10.1.0.0/24[icmp/8]"),
        (ports(0x800, 0x800, 1), "10.1.0.0/24[icmp/8:0]"),
        (ports(0x800, 0xAFF, 1), "10.1.0.0/24[icmp/8-10]"),
        (ports(0x801, 0xA03, 58), "10.1.0.0/24[ipv6-icmp/8:1-10:3]"),
    ],
)
def test_protocol_and_ports_are_shown_and_read(selector: TrafficSelector, shown: str) -> None:
    assert str(selector) == shown
    assert TrafficSelector.parse(shown) == selector


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("10.1.0.0/24", "10.1.0.0/24"),
        (" 10.1.0.1-10.1.0.6 [ TCP / 443 ] ", "10.1.0.1-10.1.0.6[tcp/443]"),
        ("fd00:1::/64[17]", "fd00:1::/64[udp]"),
        ("fd00:1::/64[6/80-80]", "fd00:1::/64[tcp/80]"),
        ("10.1.0.0/24[any]", "10.1.0.0/24"),
        ("10.1.0.0/24[0/0-65535]", "10.1.0.0/24"),
        ("10.1.0.0/24[1/3:4]", "10.1.0.0/24[icmp/3:4]"),
        ("10.1.0.0/24[icmp/3:0-3:255]", "10.1.0.0/24[icmp/3]"),
        ("10.1.0.0/24[icmp/0-255]", "10.1.0.0/24[icmp]"),
    ],
)
def test_people_may_write_it_in_other_ways(text: str, shown: str) -> None:
    assert str(TrafficSelector.parse(text)) == shown


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("10.1.0.0/24[tcp", "does not close"),
        ("10.1.0.0/24[tcp]x", "does not close"),
        ("10.1.0.0/24]", "10.1.0.0/24"),
        ("10.1.0.0/24[]", "nothing is no protocol: 0 to 255, or any, icmp, tcp"),
        ("10.1.0.0/24[256]", "256 is no protocol"),
        ("10.1.0.0/24[-1]", "-1 is no protocol"),
        ("10.1.0.0/24[tpc/80]", "tpc is no protocol"),
        ("10.1.0.0/24[tcp/]", "nothing is no port"),
        ("10.1.0.0/24[tcp/http]", "http is no port"),
        ("10.1.0.0/24[tcp/65536]", "65536 is no port"),
        ("10.1.0.0/24[tcp/1-]", "1- is no port"),
        ("10.1.0.0/24[tcp/1-2-3]", "1-2-3 is no port"),
        ("10.1.0.0/24[tcp/\u0661]", "is no port"),
        ("10.1.0.0/24[tcp/8:0]", "8:0 is no port"),
        ("10.1.0.0/24[tcp/90-80]", "90-80 ends before it starts"),
        ("10.1.0.0/24[icmp/256]", "256 is no ICMP type"),
        ("10.1.0.0/24[icmp/8:]", "8: is no ICMP type"),
        ("10.1.0.0/24[icmp/8:256]", "8:256 is no ICMP type"),
        ("10.1.0.5/24[tcp]", "host bits"),
        ("[tcp]", "does not appear"),
    ],
)
def test_what_is_written_wrong_is_said(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        TrafficSelector.parse(text)


@given(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)).map(sorted),
    st.sampled_from((0, 1, 6, 17, 58, 132)) | st.integers(0, 255),
    st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(sorted) | st.just([65535, 0]),
)
def test_what_is_shown_is_read_as_the_same(
    addresses: list[int], protocol: int, span: list[int]
) -> None:
    selector = TrafficSelector(4, addresses[0], addresses[1], protocol, span[0], span[1])
    assert TrafficSelector.parse(str(selector)) == selector


@given(st.text(max_size=30) | st.text("0123456789./-[]:tcpicmp", max_size=30))
def test_noise_is_a_value_error(text: str) -> None:
    with suppress(ValueError):
        TrafficSelector.parse(text)


@pytest.mark.parametrize(
    "fields",
    [
        (5, 0, 1),
        (4, 2, 1),
        (4, -1, 1),
        (4, 0, 1 << 32),
        (6, 0, 1 << 128),
        (4, 0, 1, 256),
        (4, 0, 1, 6, 2, 1),
        (4, 0, 1, 6, 0, 65536),
    ],
)
def test_impossible_selectors_are_refused(fields: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"version|addresses|protocol|ports"):
        TrafficSelector(*fields)


def test_networks_are_what_routes_are_made_of() -> None:
    assert [str(network) for network in cidr("10.1.0.1-10.1.0.4").networks] == [
        "10.1.0.1/32",
        "10.1.0.2/31",
        "10.1.0.4/32",
    ]
    assert any_of(6).networks == (ip_network("::/0"),)


def test_hidden_ports_match_only_any_and_opaque() -> None:
    assert any_of(4).matches(NET.start, 6, OPAQUE)
    assert ports(65535, 0).matches(NET.start, 6, OPAQUE)
    assert not ports(0, 65534).matches(NET.start, 6, OPAQUE)
    assert not ports(65535, 0).matches(NET.start, 6, 22)


def test_narrowing_gives_the_smaller_network_of_each_meeting_pair() -> None:
    offered = (cidr("10.0.0.0/8"), cidr("192.168.0.0/24"))
    allowed = (cidr("10.1.0.0/24"), cidr("10.2.0.0/24"), cidr("192.168.0.0/16"))
    assert [str(one) for one in narrow(offered, allowed)] == [
        "10.1.0.0/24",
        "10.2.0.0/24",
        "192.168.0.0/24",
    ]


def test_narrowing_networks_apart_gives_nothing() -> None:
    assert narrow((NET,), (cidr("10.2.0.0/24"), any_of(6))) == ()


def test_a_peer_that_offers_255_selectors_gets_a_bounded_answer() -> None:
    offered = [TrafficSelector(4, n * 4, n * 4 + 1) for n in range(255)]
    assert len(narrow(offered, [any_of(4)])) == LIMIT
    assert len(narrow([any_of(4)] * 255, offered)) == LIMIT


def test_two_halves_together_cover_the_whole() -> None:
    halves = (cidr("10.1.0.128/25"), cidr("10.1.0.0/25"))
    assert is_subset((NET,), halves)
    assert not is_subset((NET,), halves[:1])
    assert not is_subset((cidr("10.1.0.0/23"),), halves)
    assert not is_subset((NET,), (halves[0], ports(1, 2)))
    assert is_subset((), ())


@given(selectors(), selectors())
def test_an_intersection_is_inside_both(one: TrafficSelector, other: TrafficSelector) -> None:
    common = one.intersect(other)
    assert common == other.intersect(one)
    if common is not None:
        assert one.contains(common)
        assert other.contains(common)
    assert one.contains(other) == (common == other)


@given(
    selectors(),
    selectors(),
    st.integers(0, 20),
    st.sampled_from([6, 17]),
    st.sampled_from([OPAQUE, *range(12)]),
)
def test_a_packet_is_in_the_intersection_when_it_is_in_both(
    one: TrafficSelector, other: TrafficSelector, address: int, protocol: int, port: int
) -> None:
    common = one.intersect(other)
    both = (
        one.version == other.version
        and one.matches(address, protocol, port)
        and other.matches(address, protocol, port)
    )
    assert both == (common is not None and common.matches(address, protocol, port))


@settings(max_examples=200)
@given(SETS, SETS)
def test_narrowing_is_commutative_and_inside_both(
    offered: list[TrafficSelector], allowed: list[TrafficSelector]
) -> None:
    common = narrow(offered, allowed)
    assert set(common) == set(narrow(allowed, offered))
    assert is_subset(common, offered)
    assert is_subset(common, allowed)
    assert set(narrow(common, offered)) == set(common)
    for one in common:
        assert not any(other.contains(one) for other in common if other is not one)
