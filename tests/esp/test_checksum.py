"""Checksums by hand, by scapy, and corrected instead of computed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet
from scapy.utils import checksum as scapys

from esp.checksum import checksum, corrected, difference, ones_sum, pseudo_sum


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        ("", "ffff"),
        ("0000", "ffff"),
        ("ffff", "0000"),
        ("ffffffff", "0000"),
        ("0001f203f4f5f6f7", "220d"),  # RFC 1071 section 3: the sum is ddf2
        ("01", "feff"),
        # an IPv4 header: 4500 003c 1c46 4000 4006 0000 ac10 0a63 ac10 0a0c sum to 0x4e19
        ("4500003c1c46400040060000ac100a63ac100a0c", "b1e6"),
    ],
)
def test_by_hand(octets: str, expected: str) -> None:
    assert checksum(bytes.fromhex(octets)).hex() == expected


@given(st.binary(min_size=1, max_size=80))
def test_scapy_agrees(octets: bytes) -> None:
    assert int.from_bytes(checksum(octets), "big") == scapys(octets)


def test_the_example_of_rfc_1624() -> None:
    """Section 4: HC 0xDD2F, a word 0x5555 becomes 0x3285; the answer is 0x0000, not 0xFFFF."""
    change = difference(bytes.fromhex("5555"), bytes.fromhex("3285"))
    assert corrected(bytes.fromhex("dd2f"), change) == bytes(2)


@given(
    st.binary(min_size=4, max_size=4),
    st.binary(min_size=4, max_size=4),
    st.binary(min_size=2, max_size=40),
)
def test_corrected_is_what_is_computed_anew(old: bytes, new: bytes, rest: bytes) -> None:
    rest += b"\x01"  # not all 0, as no pseudo header is
    assert corrected(checksum(old + rest), difference(old, new)) == checksum(new + rest)


@given(st.binary(max_size=80))
def test_a_sum_is_that_of_the_words(octets: bytes) -> None:
    assert ones_sum(octets) == (0xFFFF - int.from_bytes(checksum(octets), "big")) % 0xFFFF


@pytest.mark.parametrize("size", [599, 600, 601, 1348, 1349, 2687, 2688, 2689, 65535])
def test_long_sums_are_folded_right(size: int) -> None:
    octets = bytes((at * 7 + at // 256) & 0xFF for at in range(size))
    expected = (0xFFFF - int.from_bytes(checksum(octets), "big")) % 0xFFFF
    assert ones_sum(octets) == expected
    assert ones_sum(memoryview(bytearray(octets))) == expected
    assert ones_sum(b"\xff" * size) in (0, 0xFF00)


@pytest.mark.parametrize("packet", [IP(src="10.1.0.1", dst="10.2.0.1"), IPv6(src="fd01::1")])
def test_what_includes_its_own_checksum_sums_to_nothing(packet: Packet) -> None:
    for layer, protocol in ((TCP(dport=80), 6), (UDP(dport=53), 17)):
        octets = bytes(packet / layer / b"an odd load")
        start = 20 if octets[0] >> 4 == 4 else 40
        upper = octets[start:]
        assert (pseudo_sum(octets, protocol, len(upper)) + ones_sum(upper)) % 0xFFFF == 0
