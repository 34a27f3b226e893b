"""Flows of packets that scapy built, and the key that names them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.ipsec import AH
from scapy.packet import Packet, Raw

from policy.flow import OPAQUE, Flow, MalformedPacket, flow_key, flow_of, upper_layer

A4, B4 = 0x0A010001, 0x0A020001
A6, B6 = 0xFD01 << 112 | 1, 0xFD02 << 112 | 1


def ip4(**fields: object) -> Packet:
    return IP(src="10.1.0.1", dst="10.2.0.1", **fields)


def ip6(**fields: object) -> Packet:
    return IPv6(src="fd01::1", dst="fd02::1", **fields)


TCP_22 = TCP(sport=1000, dport=22)
UDP_53 = UDP(sport=1000, dport=53) / Raw(b"x" * 30)
OPTIONS = [b"\x94\x04\x00\x00"]  # router alert


@pytest.mark.parametrize(
    ("packet", "flow"),
    [
        (ip4() / TCP_22, Flow(4, 6, A4, B4, 1000, 22)),
        (ip4() / UDP_53, Flow(4, 17, A4, B4, 1000, 53)),
        (ip4(options=OPTIONS) / TCP_22, Flow(4, 6, A4, B4, 1000, 22)),
        (ip4(flags="MF") / UDP_53, Flow(4, 17, A4, B4, 1000, 53)),
        (ip4(frag=100) / UDP_53, Flow(4, 17, A4, B4)),
        (ip4(frag=256, flags="MF") / UDP_53, Flow(4, 17, A4, B4)),
        (ip4(proto=1) / Raw(b"\x08\x00" + bytes(30)), Flow(4, 1, A4, B4, 0x800, 0x800)),
        (ip4(proto=1) / Raw(b"\x03\x04" + bytes(30)), Flow(4, 1, A4, B4, 0x304, 0x304)),
        (ip4(proto=1) / Raw(b"\x08"), Flow(4, 1, A4, B4)),
        (ip4(proto=1, frag=9) / Raw(b"\x08\x00" + bytes(30)), Flow(4, 1, A4, B4)),
        (ip4(options=OPTIONS) / ICMP(type=13), Flow(4, 1, A4, B4, 0xD00, 0xD00)),
        (ip4(proto=47) / Raw(bytes(30)), Flow(4, 47, A4, B4)),
        (ip4(proto=17) / Raw(b"x"), Flow(4, 17, A4, B4)),
        (ip6() / TCP_22, Flow(6, 6, A6, B6, 1000, 22)),
        (ip6() / UDP_53, Flow(6, 17, A6, B6, 1000, 53)),
        (ip6(nh=58) / Raw(b"\x80\x01" + bytes(30)), Flow(6, 58, A6, B6, 0x8001, 0x8001)),
        (
            ip6() / IPv6ExtHdrHopByHop() / ICMPv6EchoRequest(),
            Flow(6, 58, A6, B6, 0x8000, 0x8000),
        ),
        (ip6(nh=59), Flow(6, 59, A6, B6)),
        (ip6() / IPv6ExtHdrHopByHop() / UDP_53, Flow(6, 17, A6, B6, 1000, 53)),
        (
            ip6() / IPv6ExtHdrHopByHop() / IPv6ExtHdrRouting() / IPv6ExtHdrDestOpt() / TCP_22,
            Flow(6, 6, A6, B6, 1000, 22),
        ),
        (ip6() / IPv6ExtHdrFragment(m=1, nh=17) / UDP_53, Flow(6, 17, A6, B6, 1000, 53)),
        (ip6() / IPv6ExtHdrFragment(offset=100, nh=17) / Raw(b"x" * 40), Flow(6, 17, A6, B6)),
        (ip6() / IPv6ExtHdrFragment(offset=1, nh=60) / Raw(b"x" * 40), Flow(6, 60, A6, B6)),
        (ip6() / AH(payloadlen=4, icv=bytes(12), nh=6) / TCP_22, Flow(6, 6, A6, B6, 1000, 22)),
    ],
)
def test_selector_fields_are_found(packet: Packet, flow: Flow) -> None:
    assert flow_of(bytes(packet)) == flow


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x45",
        b"\x45" + bytes(18),
        b"\x44" + bytes(19),
        b"\x4f" + bytes(30),
        b"\x60" + bytes(38),
        b"\x70" + bytes(60),
        bytes(60),
        bytes(ip6(nh=0))[:40] + b"\x11",
        bytes(ip6(nh=60)) + bytes(ip6(nh=60))[6:7] * 4,
    ],
)
def test_headers_that_are_not_all_there_are_malformed(octets: bytes) -> None:
    with pytest.raises(MalformedPacket):
        flow_of(octets)
    with pytest.raises(MalformedPacket):
        flow_key(octets)


def test_a_long_chain_of_extension_headers_is_malformed() -> None:
    chain = bytes([60, 0, 0, 0, 0, 0, 0, 0]) * 100
    with pytest.raises(MalformedPacket, match="too many"):
        flow_of(bytes(ip6(nh=60, plen=len(chain))) + chain)


def test_the_upper_header_of_a_later_fragment_is_nowhere() -> None:
    assert upper_layer(bytes(ip4(frag=1) / UDP_53)) == (17, OPAQUE)
    assert upper_layer(bytes(ip4(options=OPTIONS) / UDP_53)) == (17, 24)


PACKETS = st.one_of(
    st.binary(max_size=90),
    st.builds(
        lambda ip, frag, ttl, proto, tail: (
            bytes([ip]) + bytes(5) + frag + bytes([ttl, proto]) + bytes(2) + tail
        ),
        st.sampled_from([0x45, 0x46, 0x4F]),
        st.sampled_from([b"\0\0", b"\x40\0", b"\x20\0", b"\0\x01", b"\x1f\xff"]),
        st.sampled_from([1, 64]),
        st.sampled_from([1, 6, 17, 50]),
        st.lists(st.sampled_from([0, 1]), min_size=8, max_size=60).map(bytes),
    ),
    st.builds(
        lambda proto, tail: b"\x60" + bytes(5) + bytes([proto, 64]) + tail,
        st.sampled_from([0, 6, 17, 43, 44, 51, 58, 60]),
        st.lists(st.sampled_from([0, 1, 6]), min_size=32, max_size=80).map(bytes),
    ),
)


@given(st.lists(PACKETS, min_size=2, max_size=12))
def test_equal_keys_mean_equal_flows(packets: list[bytes]) -> None:
    flows: dict[bytes, Flow] = {}
    for packet in packets:
        with suppress(MalformedPacket):
            flow = flow_of(packet)
            assert flows.setdefault(flow_key(packet), flow) == flow


@given(PACKETS)
def test_noise_is_a_flow_or_malformed_and_a_key_agrees(noise: bytes) -> None:
    try:
        flow_of(noise)
    except MalformedPacket:
        with pytest.raises(MalformedPacket):
            flow_key(noise)
    else:
        flow_key(noise)


def test_the_payload_does_not_make_new_keys() -> None:
    for head in (ip4(), ip6(), ip4(options=OPTIONS), ip4(frag=9), ip6() / IPv6ExtHdrHopByHop()):
        first, second = (bytes(head / UDP(dport=9) / Raw(bytes([n]) * 40)) for n in (1, 2))
        assert flow_key(first) == flow_key(second)
    for head in (ip4(proto=47), ip6(nh=47)):
        first, second = (bytes(head / Raw(bytes([n]) * 40)) for n in (1, 2))
        assert flow_key(first) == flow_key(second)


def test_a_ping_is_one_flow_and_its_answer_another() -> None:
    for head in (ip4(proto=1), ip6(nh=58)):
        one, other, answer, odd = (
            flow_key(bytes(head / Raw(bytes((kind, code)) + bytes([rest]) * 40)))
            for kind, code, rest in ((8, 0, 1), (8, 0, 2), (0, 0, 1), (8, 1, 1))
        )
        assert one == other
        assert len({one, answer, odd}) == 3
