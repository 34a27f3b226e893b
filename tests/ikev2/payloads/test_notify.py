"""The Notify codec."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.ikev2 import IKEv2_Notify

from ikecore.wire import Malformed
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from tests.ikecore.codec import MODERATE, OCTET, SHORT, accepted_cuts, attempt, read

REKEY = bytes.fromhex("03 04 4009 deadbeef")


@pytest.mark.parametrize(
    ("octets", "payload"),
    [
        ("00 00 402e", Notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED)),
        ("00 00 0011 001f", Notify(NotifyType.INVALID_KE_PAYLOAD, b"\0\x1f")),
        ("03 04 4009 deadbeef", Notify(NotifyType.REKEY_SA, b"", 3, b"\xde\xad\xbe\xef")),
        ("00 00 9999 ff", Notify(0x9999, b"\xff")),
    ],
)
def test_known_octets_are_read_and_written(octets: str, payload: Notify) -> None:
    wire = bytes.fromhex(octets)
    assert read(Notify, wire) == payload
    assert payload.body() == wire


def test_a_cut_inside_header_or_spi_is_malformed() -> None:
    assert accepted_cuts(Notify, REKEY) == []


def test_a_spi_longer_than_the_payload_is_malformed() -> None:
    with pytest.raises(Malformed, match="255 octets wanted, 2 left"):
        read(Notify, bytes.fromhex("03 ff 4009 dead"))


@pytest.mark.parametrize("protocol", [0, 1, 200])
def test_rekey_sa_with_a_senseless_protocol_can_be_read_and_answered(protocol: int) -> None:
    """libreswan CVE-2023-38710: the error answer to it could not be encoded."""
    wire = bytes((protocol, 4)) + REKEY[2:]
    found = read(Notify, wire)
    answer = Notify(NotifyType.CHILD_SA_NOT_FOUND, b"", found.protocol, found.spi)
    assert read(Notify, answer.body()) == answer


@MODERATE
@given(SHORT, st.binary(max_size=100), OCTET, st.binary(max_size=255))
def test_what_is_written_reads_back(kind: int, data: bytes, protocol: int, spi: bytes) -> None:
    payload = Notify(kind, data, protocol, spi)
    assert read(Notify, payload.body()) == payload


@MODERATE
@given(st.binary(max_size=40))
def test_noise_is_read_or_malformed(noise: bytes) -> None:
    attempt(Notify, noise)


def test_scapy_reads_ours_and_we_read_scapys() -> None:
    theirs = IKEv2_Notify(next_payload=0, proto=3, type=16393, SPI=b"\1\2\3\4", notify=b"x")
    ours = Notify(NotifyType.REKEY_SA, b"x", 3, b"\1\2\3\4")
    assert read(Notify, bytes(theirs)[4:]) == ours
    seen = IKEv2_Notify(b"\0\0\0\x0d" + ours.body())
    assert (seen.proto, seen.type, seen.SPI, seen.notify) == (3, 16393, b"\1\2\3\4", b"x")
