"""The Key Exchange codec."""

from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.ikev2 import IKEv2_KE

from ikev2.payloads.ke import KeyExchangeData
from tests.ikecore.codec import MODERATE, SHORT, accepted_cuts, attempt, read

WIRE = bytes.fromhex("001f0000 01020304")


def test_known_octets_are_read_and_written() -> None:
    payload = KeyExchangeData(31, bytes.fromhex("01020304"))
    assert read(KeyExchangeData, WIRE) == payload
    assert payload.body() == WIRE


def test_a_header_cut_short_is_malformed() -> None:
    assert accepted_cuts(KeyExchangeData, WIRE) == [4, 5, 6, 7]


def test_a_private_group_survives_for_the_negotiation_to_refuse() -> None:
    """strongSwan CVE-2014-9221, CVE-2015-3991: group 1025 made it dereference a null pointer."""
    assert read(KeyExchangeData, bytes.fromhex("0401 0000 aa")) == KeyExchangeData(1025, b"\xaa")


@MODERATE
@given(SHORT, st.binary(max_size=600))
def test_what_is_written_reads_back(group: int, data: bytes) -> None:
    payload = KeyExchangeData(group, data)
    assert read(KeyExchangeData, payload.body()) == payload


@MODERATE
@given(st.binary(max_size=40))
def test_noise_is_read_or_malformed(noise: bytes) -> None:
    attempt(KeyExchangeData, noise)


def test_scapy_reads_ours_and_we_read_scapys() -> None:
    theirs = IKEv2_KE(next_payload=0, group=19, ke=bytes(64))
    assert read(KeyExchangeData, bytes(theirs)[4:]) == KeyExchangeData(19, bytes(64))
    wire = b"\0\0\0\x28" + KeyExchangeData(31, bytes(range(32))).body()
    seen = IKEv2_KE(wire)
    assert (seen.group, seen.ke) == (31, bytes(range(32)))
