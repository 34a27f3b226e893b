"""The NAT-OA codecs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ikecore.wire import Malformed
from ikev1.payloads.natoa import DraftOriginalAddress, OriginalAddress
from tests.ikecore.codec import MODERATE, accepted_cuts, attempt, read
from tests.ikev1.payloads.codec import ADDRESSES

FOUR = bytes.fromhex("01000000 0a010203")
SIX = bytes.fromhex("05000000 20010db8 00000000 00000000 00000001")


@pytest.mark.parametrize("codec", [OriginalAddress, DraftOriginalAddress])
@pytest.mark.parametrize(("octets", "address"), [(FOUR, "10.1.2.3"), (SIX, "2001:db8::1")])
def test_known_octets_are_read_and_written(
    codec: type[OriginalAddress], octets: bytes, address: str
) -> None:
    assert read(codec, octets) == codec(address)
    assert codec(address).body() == octets


def test_rfc_and_draft_differ_in_their_number_only() -> None:
    assert (OriginalAddress.TYPE, DraftOriginalAddress.TYPE) == (21, 131)


@pytest.mark.parametrize("octets", ["02000000 61", "04000000 0a0000000a000000", "00000000"])
def test_what_is_no_address_is_malformed(octets: str) -> None:
    with pytest.raises(Malformed, match="original address of type"):
        read(OriginalAddress, bytes.fromhex(octets))


@pytest.mark.parametrize("octets", [FOUR, SIX])
def test_an_address_cut_short_or_too_long_is_malformed(octets: bytes) -> None:
    assert accepted_cuts(OriginalAddress, octets) == []
    with pytest.raises(Malformed):
        read(OriginalAddress, octets + b"\0")


@MODERATE
@given(ADDRESSES)
def test_what_is_written_reads_back(address: str) -> None:
    assert read(OriginalAddress, OriginalAddress(address).body()) == OriginalAddress(address)


@MODERATE
@given(st.binary(max_size=30))
def test_noise_is_read_or_malformed(noise: bytes) -> None:
    attempt(OriginalAddress, noise)
