"""The Fragment codec."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ikev1.payloads.fragment import Fragment
from tests.ikecore.codec import MODERATE, OCTET, SHORT, accepted_cuts, attempt, read


@pytest.mark.parametrize(
    ("octets", "payload"),
    [
        ("0001 01 00 abcd", Fragment(1, 1, False, b"\xab\xcd")),
        ("ffff 07 01", Fragment(0xFFFF, 7, True, b"")),
    ],
)
def test_known_octets_are_read_and_written(octets: str, payload: Fragment) -> None:
    assert read(Fragment, bytes.fromhex(octets)) == payload
    assert payload.body() == bytes.fromhex(octets)


def test_other_flags_are_ignored() -> None:
    assert read(Fragment, bytes.fromhex("0001 01 fe")) == Fragment(1, 1, False, b"")


def test_a_header_cut_short_is_malformed() -> None:
    assert accepted_cuts(Fragment, bytes(6)) == [4, 5]


@MODERATE
@given(SHORT, OCTET, st.booleans(), st.binary(max_size=60))
def test_what_is_written_reads_back(identifier: int, number: int, last: bool, data: bytes) -> None:
    payload = Fragment(identifier, number, last, data)
    assert read(Fragment, payload.body()) == payload


@MODERATE
@given(st.binary(max_size=20))
def test_noise_is_read_or_malformed(noise: bytes) -> None:
    attempt(Fragment, noise)
