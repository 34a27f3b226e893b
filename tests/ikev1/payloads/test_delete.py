"""The Delete codec."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.isakmp import ISAKMP_payload_Delete

from ikecore.wire import Malformed
from ikev1.payloads.delete import Delete
from tests.ikecore.codec import MODERATE, accepted_cuts, attempt, read
from tests.ikev1.payloads.codec import deletes

COOKIES = b"initiatoresponde"
TWO = bytes.fromhex("00000001 03 04 0002 deadbeef 00000100")


@pytest.mark.parametrize(
    ("octets", "payload"),
    [
        (TWO, Delete.of_children(3, (0xDEADBEEF, 256))),
        (bytes.fromhex("00000001 02 04 0001 00000001"), Delete.of_children(2, (1,))),
        (bytes.fromhex("00000001 01 10 0001") + COOKIES, Delete(1, (COOKIES,))),
        (bytes.fromhex("00000001 03 04 0000"), Delete(3, ())),
        (bytes.fromhex("00000007 04 02 0001 abcd"), Delete(4, (b"\xab\xcd",), 7)),
    ],
)
def test_known_octets_are_read_and_written(octets: bytes, payload: Delete) -> None:
    assert read(Delete, octets) == payload
    assert payload.body() == octets


def test_only_ah_and_esp_have_children() -> None:
    assert Delete.of_children(3, (256, 257)).children == (256, 257)
    assert Delete(2, (b"\0\0\1\0",)).children == (256,)
    assert Delete(1, (COOKIES,)).children == ()
    assert Delete(4, (b"\0\0\1\0",)).children == ()


def test_a_delete_cut_anywhere_is_malformed() -> None:
    assert accepted_cuts(Delete, TWO) == []


@pytest.mark.parametrize(
    "octets",
    [
        "00000001 01 00 0001",
        "00000001 01 08 0001 0000000000000001",
        "00000001 03 08 0001 0000000000000001",
        "00000001 03 00 0001",
        "00000001 03 04 0002 00000001",
        "00000001 03 04 0001 00000001 00",
        "00000001 09 00 ffff",
        "00000001 09 11 0001 0000000000000000000000000000000000",
    ],
)
def test_counts_sizes_and_protocols_that_disagree_are_malformed(octets: str) -> None:
    with pytest.raises(Malformed):
        read(Delete, bytes.fromhex(octets))


def test_a_count_of_65535_without_the_octets_allocates_nothing() -> None:
    with pytest.raises(Malformed, match="262140 octets wanted, 0 left"):
        read(Delete, bytes.fromhex("00000001 03 04 ffff"))


@MODERATE
@given(deletes())
def test_what_is_written_reads_back(payload: Delete) -> None:
    assert read(Delete, payload.body()) == payload


@MODERATE
@given(st.binary(max_size=40))
def test_noise_is_read_or_malformed(noise: bytes) -> None:
    attempt(Delete, noise)


def test_scapy_reads_ours_and_we_read_scapys() -> None:
    theirs = ISAKMP_payload_Delete(
        next_payload=0, doi=1, proto=3, SPIsize=4, SPIcount=1, SPIs=[b"\xde\xad\xbe\xef"]
    )
    assert read(Delete, bytes(theirs)[4:]) == Delete.of_children(3, (0xDEADBEEF,))
    seen = ISAKMP_payload_Delete(b"\0\0\0\x14" + TWO)
    assert (seen.doi, seen.proto, seen.SPIcount) == (1, 3, 2)
    assert [bytes(spi) for spi in seen.SPIs] == [TWO[8:12], TWO[12:]]
