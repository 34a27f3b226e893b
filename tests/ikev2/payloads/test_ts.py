"""The Traffic Selector codecs."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.ikev2 import IKEv2_TSi, IPv4TrafficSelector

from ikecore.wire import Malformed
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from policy.selectors import TrafficSelector
from tests.ikecore.codec import MODERATE, accepted_cuts, attempt, read
from tests.ikev2.payloads.codec import SELECTORS

LAN = TrafficSelector.from_cidr("10.1.0.0/24")
V4 = bytes.fromhex("01000000 07000010 0000ffff 0a010000 0a0100ff")
V6 = bytes.fromhex(
    "01000000 08060028 01bb01bb fd010000000000000000000000000000 fd01000000000000ffffffffffffffff"
)


def one(selector: str) -> bytes:
    return bytes.fromhex("01000000" + selector)


@pytest.mark.parametrize("codec", [SelectorsInitiator, SelectorsResponder])
def test_known_octets_are_read_and_written(
    codec: type[SelectorsInitiator | SelectorsResponder],
) -> None:
    https = TrafficSelector(
        6, int(ip_address("fd01::")), int(ip_address("fd01::ffff:ffff:ffff:ffff")), 6, 443, 443
    )
    for wire, selector in ((V4, LAN), (V6, https)):
        assert read(codec, wire) == codec((selector,))
        assert codec((selector,)).body() == wire


def test_initiators_and_responders_selectors_have_their_own_types() -> None:
    assert (SelectorsInitiator.TYPE, SelectorsResponder.TYPE) == (44, 45)
    both: list[object] = [SelectorsInitiator((LAN,)), SelectorsResponder((LAN,))]
    assert both[0] != both[1]


def test_a_payload_cut_anywhere_is_malformed() -> None:
    assert accepted_cuts(SelectorsInitiator, V4) == []
    assert accepted_cuts(SelectorsInitiator, V6) == []


def test_opaque_ports_are_the_only_ones_out_of_order() -> None:
    wire = one("07000010 ffff0000 0a010000 0a0100ff")
    (selector,) = read(SelectorsInitiator, wire).selectors
    assert selector.is_opaque
    assert SelectorsInitiator((selector,)).body() == wire


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "00000000",  # a count of none
        "00000000 07000010 0000ffff 0a010000 0a0100ff",
        "02000000 07000010 0000ffff 0a010000 0a0100ff",  # one less than counted
        "ff000000 07000010 0000ffff 0a010000 0a0100ff",
        "01000000 07000010 0000ffff 0a010000 0a0100ff 07000010 0000ffff 0a010000 0a0100ff",
        "01000000 08000010 0000ffff 0a010000 0a0100ff",  # IPv6 of IPv4's length
        "01000000 0700000c 0000ffff 0a010000",
        "01000000 07000014 0000ffff 0a010000 0a0100ff 00000000",
        "01000000 07000000 0000ffff 0a010000 0a0100ff",
        "01000000 07000003 0000ffff 0a010000 0a0100ff",
        "01000000 0700ffff 0000ffff 0a010000 0a0100ff",
        "01000000 07000010 0000ffff 0a0100ff 0a010000",  # ends before it starts
        "01000000 07000010 00020001 0a010000 0a0100ff",
        "01000000 07000010 ffff0001 0a010000 0a0100ff",
        "01000000 63000000",  # an unknown type of length 0
    ],
)
def test_wrong_counts_lengths_types_and_ranges_are_malformed(octets: str) -> None:
    """libreswan CVE-2023-23009."""
    with pytest.raises(Malformed):
        read(SelectorsInitiator, bytes.fromhex(octets))


def test_unknown_types_are_counted_and_left_out() -> None:
    fibre_channel = bytes.fromhex("09000018") + bytes(20)
    wire = bytes.fromhex("02000000") + fibre_channel + V4[4:]
    assert read(SelectorsInitiator, wire).selectors == (LAN,)
    assert read(SelectorsInitiator, b"\1\0\0\0" + fibre_channel).selectors == ()


def test_255_selectors_are_read() -> None:
    payload = SelectorsResponder((LAN,) * 255)
    assert read(SelectorsResponder, payload.body()) == payload


@MODERATE
@given(SELECTORS)
def test_what_is_written_reads_back(selectors: tuple[TrafficSelector, ...]) -> None:
    payload = SelectorsResponder(selectors)
    assert read(SelectorsResponder, payload.body()) == payload


@MODERATE
@given(st.binary(max_size=80))
def test_noise_is_read_or_malformed(noise: bytes) -> None:
    attempt(SelectorsInitiator, noise)


def test_scapy_reads_ours_and_we_read_scapys() -> None:
    selector = IPv4TrafficSelector(
        starting_address_v4="10.1.0.0", ending_address_v4="10.1.0.255", IP_protocol_ID=17
    )
    theirs = IKEv2_TSi(next_payload=0, number_of_TSs=1, traffic_selector=[selector])
    found = read(SelectorsInitiator, bytes(theirs)[4:])
    assert found.selectors == (TrafficSelector(4, LAN.start, LAN.end, 17),)
    seen = IKEv2_TSi(b"\0\0\0\x18" + V4).traffic_selector[0]
    assert (seen.starting_address_v4, seen.ending_address_v4) == ("10.1.0.0", "10.1.0.255")
