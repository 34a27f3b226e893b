"""The Delete codec."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.ikev2 import IKEv2_Delete

from ikecore.wire import Malformed
from ikev2.payloads.delete import Delete
from tests.ikecore.codec import MODERATE, accepted_cuts, attempt, read
from tests.ikev2.payloads.codec import SPIS

TWO = bytes.fromhex("03 04 0002 deadbeef 00000100")


@pytest.mark.parametrize(
    ("octets", "payload"),
    [
        ("01 00 0000", Delete(1)),
        ("03 04 0002 deadbeef 00000100", Delete(3, (0xDEADBEEF, 256))),
        ("02 04 0001 00000001", Delete(2, (1,))),
        ("03 04 0000", Delete(3)),
    ],
)
def test_known_octets_are_read_and_written(octets: str, payload: Delete) -> None:
    wire = bytes.fromhex(octets)
    assert read(Delete, wire) == payload
    assert payload.body() == wire


def test_a_delete_cut_anywhere_is_malformed() -> None:
    assert accepted_cuts(Delete, TWO) == []


@pytest.mark.parametrize(
    "octets",
    [
        "01 00 0001",  # an IKE SA has no SPI here
        "01 08 0001 0000000000000001",
        "01 04 0000",
        "00 00 0000",
        "04 04 0001 00000001",
        "03 08 0001 0000000000000001",
        "03 00 0001",
        "03 04 0002 00000001",
        "03 04 0001 00000001 00",
    ],
)
def test_counts_sizes_and_protocols_that_disagree_are_malformed(octets: str) -> None:
    with pytest.raises(Malformed):
        read(Delete, bytes.fromhex(octets))


def test_a_count_of_65535_without_the_octets_allocates_nothing() -> None:
    with pytest.raises(Malformed, match="262140 octets wanted, 0 left"):
        read(Delete, bytes.fromhex("03 04 ffff"))


@MODERATE
@given(st.sampled_from([2, 3]), SPIS)
def test_what_is_written_reads_back(protocol: int, spis: tuple[int, ...]) -> None:
    payload = Delete(protocol, spis)
    assert read(Delete, payload.body()) == payload


@MODERATE
@given(st.binary(max_size=40))
def test_noise_is_read_or_malformed(noise: bytes) -> None:
    attempt(Delete, noise)


def test_scapy_reads_ours_and_we_read_scapys() -> None:
    theirs = IKEv2_Delete(next_payload=0, proto=3, SPIsize=4, SPInum=1, SPI=[b"\xde\xad\xbe\xef"])
    assert read(Delete, bytes(theirs)[4:]) == Delete(3, (0xDEADBEEF,))
    seen = IKEv2_Delete(b"\0\0\0\x10" + TWO)
    assert (seen.proto, seen.SPInum) == (3, 2)
    assert [bytes(spi) for spi in seen.SPI] == [TWO[4:8], TWO[8:]]
