"""The Authentication codec."""

from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.ikev2 import IKEv2_AUTH

from ikev2.payloads.auth import Authentication, AuthMethod
from tests.ikecore.codec import MODERATE, OCTET, accepted_cuts, attempt, read

WIRE = bytes.fromhex("02000000 0102")


def test_known_octets_are_read_and_written() -> None:
    payload = Authentication(AuthMethod.SHARED_KEY, b"\1\2")
    assert read(Authentication, WIRE) == payload
    assert payload.body() == WIRE


def test_a_header_cut_short_is_malformed() -> None:
    assert accepted_cuts(Authentication, WIRE) == [4, 5]


@MODERATE
@given(OCTET, st.binary(max_size=600))
def test_what_is_written_reads_back(method: int, data: bytes) -> None:
    payload = Authentication(method, data)
    assert read(Authentication, payload.body()) == payload


@MODERATE
@given(st.binary(max_size=40))
def test_noise_is_read_or_malformed(noise: bytes) -> None:
    attempt(Authentication, noise)


def test_scapy_reads_ours_and_we_read_scapys() -> None:
    theirs = IKEv2_AUTH(next_payload=0, auth_type=2, load=b"tag")
    assert read(Authentication, bytes(theirs)[4:]) == Authentication(2, b"tag")
    seen = IKEv2_AUTH(b"\0\0\0\x0b" + Authentication(14, b"tag").body())
    assert (seen.auth_type, bytes(seen.load)) == (14, b"tag")
