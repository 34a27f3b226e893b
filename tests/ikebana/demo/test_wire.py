"""Every packet is of one kind, and what is in doubt is none of the expected ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ikebana.demo.wire import Kind, classify, classify_frame, describe_frame
from tests.ikebana.demo.frames import (
    ARP,
    IPV4,
    IPV6,
    MARKER,
    SPI,
    fragment,
    ike,
    packet,
    six,
    udp,
)

ESP = SPI + bytes(60)
IKE_PACKET = packet(17, udp(500, 500, ike()))
MLD = six(0, b"\x3a\0\x05\x02\0\0\x01\0" + b"\x8f" + bytes(27))  # behind a router alert


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (IKE_PACKET, Kind.IKE),
        (packet(17, udp(40500, 500, ike())), Kind.IKE),
        (six(17, udp(500, 500, ike())), Kind.IKE),
        (packet(17, udp(4500, 4500, MARKER + ike())), Kind.IKE_NAT),
        (packet(50, ESP), Kind.ESP),
        (six(50, ESP), Kind.ESP),
        (fragment(packet(50, ESP), 1480, more=False), Kind.ESP),
        (packet(17, udp(4500, 4500, ESP)), Kind.ESP_UDP),
        (six(17, udp(4500, 44500, ESP)), Kind.ESP_UDP),
        (packet(17, udp(4500, 4500, b"\xff")), Kind.KEEPALIVE),
        (six(58, b"\x87" + bytes(23)), Kind.LINK),
        (MLD, Kind.LINK),
    ],
)
def test_what_belongs_on_the_wire_is_known(octets: bytes, kind: Kind) -> None:
    assert classify(octets) is kind
    assert kind.is_expected


@pytest.mark.parametrize(
    "octets",
    [
        packet(1, b"\x08" + bytes(63)),
        packet(6, bytes(40)),
        six(58, b"\x80" + bytes(63)),  # an echo request
        packet(58, b"\x87" + bytes(23)),  # ICMPv6 does not travel in IPv4
        packet(17, udp(53, 53, ike())),
        packet(17, udp(500, 500, b"GET / HTTP/1.1" + bytes(40))),
        packet(17, udp(4500, 4500, ike())[:30]),
        packet(17, udp(4500, 4500, MARKER + bytes(60))),
        packet(17, udp(4500, 4500, b"")),
        packet(17, udp(4500, 4500, b"\xfe")),
        packet(17, udp(500, 500, ike())[:20]),
        fragment(IKE_PACKET, 0, more=True),
        fragment(IKE_PACKET, 64, more=False),
        b"",
        b"\x45",
    ],
)
def test_anything_else_is_told_apart(octets: bytes) -> None:
    assert classify(octets) is Kind.OTHER
    assert not Kind.OTHER.is_expected


def test_frames_are_known_by_their_type() -> None:
    assert classify_frame(ARP) is Kind.LINK
    assert classify_frame(IPV4 + packet(50, ESP)) is Kind.ESP
    assert classify_frame(IPV6 + six(50, ESP)) is Kind.ESP
    assert classify_frame(IPV6 + packet(50, ESP)) is Kind.OTHER
    assert classify_frame(bytes(12) + b"\x88\xcc" + bytes(40)) is Kind.OTHER
    assert classify_frame(b"") is Kind.OTHER


@given(st.sampled_from((IPV4, IPV6, b"")), st.binary(max_size=120))
def test_noise_is_classified_and_described(head: bytes, noise: bytes) -> None:
    assert classify_frame(head + noise) in Kind
    assert describe_frame(head + noise)


def test_what_is_strange_is_told_in_a_few_words() -> None:
    told = describe_frame(IPV4 + packet(6, bytes((0, 80, 4, 0)) + bytes(16)))
    assert told == "10.99.0.1 → 10.99.0.2 protocol 6 ports 80 → 1024, 40 octets"
    assert describe_frame(bytes(12) + b"\x88\xcc" + bytes(2)) == "ethertype 88cc, 16 octets"
    assert describe_frame(IPV4 + bytes(3)) == "no IP packet, 3 octets"
    assert "protocol 58, 64 octets" in describe_frame(IPV6 + six(58, bytes(24)))
