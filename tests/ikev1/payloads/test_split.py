"""The list of networks in Unity's SPLIT_INCLUDE."""

from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ikecore.wire import Malformed
from ikev1.payloads.split import split_networks, split_octets
from tests.ikecore.codec import MODERATE

TWO = bytes.fromhex("0a010000 ffff0000 000000000000 c0a80500 ffffff00 000000000000")
NETWORKS = (IPv4Network("10.1.0.0/16"), IPv4Network("192.168.5.0/24"))


def test_known_octets_are_read_and_written() -> None:
    assert split_networks(TWO) == NETWORKS
    assert split_octets(NETWORKS) == TWO
    assert split_networks(b"") == ()


def test_protocol_ports_and_host_bits_are_passed_over() -> None:
    odd = bytes.fromhex("0a010203 ffff0000 0006005001bb")
    assert split_networks(odd) == NETWORKS[:1]


@pytest.mark.parametrize("mask", ["ff00ff00", "00ffffff", "00000001", "fffffffd"])
def test_a_netmask_with_holes_is_malformed(mask: str) -> None:
    with pytest.raises(Malformed, match="netmask"):
        split_networks(bytes.fromhex(f"0a010000 {mask} 000000000000"))


@pytest.mark.parametrize("cut", [n for n in range(28) if n not in (0, 14)])
def test_a_list_cut_within_a_network_is_malformed(cut: int) -> None:
    with pytest.raises(Malformed):
        split_networks(TWO[:cut])


def test_a_list_without_end_is_malformed() -> None:
    assert len(split_networks(TWO[:14] * 64)) == 64
    with pytest.raises(Malformed, match="more than 64 networks"):
        split_networks(TWO[:14] * 65)


@MODERATE
@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)), max_size=8))
def test_what_is_written_reads_back(pairs: list[tuple[int, int]]) -> None:
    networks = tuple(IPv4Network(pair, strict=False) for pair in pairs)
    assert split_networks(split_octets(networks)) == networks


@MODERATE
@given(st.binary(max_size=60))
def test_noise_is_read_or_malformed(noise: bytes) -> None:
    try:
        split_networks(noise)
    except Malformed:
        return
