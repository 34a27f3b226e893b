"""The Notification codec."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.isakmp import ISAKMP_payload_Notify

from ikecore.wire import Malformed
from ikev1.payloads.notify import Notify
from ikev1.payloads.types import NotifyType
from tests.ikecore.codec import MODERATE, OCTET, SHORT, accepted_cuts, attempt, read
from tests.ikev1.payloads.codec import LONG

COOKIES = b"initiatoresponde"
PROBE = bytes.fromhex("00000001 01 10 8d28") + COOKIES + bytes.fromhex("00000007")


@pytest.mark.parametrize(
    ("octets", "payload"),
    [
        (PROBE, Notify(NotifyType.R_U_THERE, b"\0\0\0\7", 1, COOKIES)),
        (bytes.fromhex("00000001 01 00 000e"), Notify(NotifyType.NO_PROPOSAL_CHOSEN)),
        (
            bytes.fromhex("00000001 03 04 6000 deadbeef 800b0001 000c0004 00000e10"),
            Notify(
                NotifyType.RESPONDER_LIFETIME,
                bytes.fromhex("800b0001 000c0004 00000e10"),
                3,
                b"\xde\xad\xbe\xef",
            ),
        ),
        (bytes.fromhex("00000000 00 00 9999 ff"), Notify(0x9999, b"\xff", 0, b"", 0)),
    ],
)
def test_known_octets_are_read_and_written(octets: bytes, payload: Notify) -> None:
    assert read(Notify, octets) == payload
    assert payload.body() == octets


def test_a_cut_inside_header_or_spi_is_malformed() -> None:
    assert accepted_cuts(Notify, PROBE) == [24, 25, 26, 27]


def test_a_spi_longer_than_the_payload_is_malformed() -> None:
    with pytest.raises(Malformed, match="255 octets wanted, 2 left"):
        read(Notify, bytes.fromhex("00000001 01 ff 0001 dead"))


def test_another_domain_of_interpretation_survives() -> None:
    """libreswan CVE-2015-3204: bits that nobody had defined ended the process."""
    wire = bytes.fromhex("fffffffe ff 00 ffff")
    assert read(Notify, wire) == Notify(0xFFFF, b"", 255, b"", 0xFFFFFFFE)


@MODERATE
@given(SHORT, st.binary(max_size=100), OCTET, st.binary(max_size=255), LONG)
def test_what_is_written_reads_back(
    kind: int, data: bytes, protocol: int, spi: bytes, doi: int
) -> None:
    payload = Notify(kind, data, protocol, spi, doi)
    assert read(Notify, payload.body()) == payload


@MODERATE
@given(st.binary(max_size=40))
def test_noise_is_read_or_malformed(noise: bytes) -> None:
    attempt(Notify, noise)


def test_scapy_reads_ours_and_we_read_scapys() -> None:
    ours = Notify(NotifyType.R_U_THERE, b"\0\0\0\7", 1, COOKIES)
    theirs = ISAKMP_payload_Notify(
        next_payload=0, doi=1, proto=1, notify_msg_type=36136, SPI=COOKIES, notify_data=b"\0\0\0\7"
    )
    assert read(Notify, bytes(theirs)[4:]) == ours
    seen = ISAKMP_payload_Notify(b"\0\0\0\x20" + ours.body())
    assert (seen.doi, seen.proto, seen.notify_msg_type) == (1, 1, 36136)
    assert (seen.SPI, seen.notify_data) == (COOKIES, b"\0\0\0\7")
