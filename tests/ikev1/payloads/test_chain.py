"""Chains of payloads: lengths, markers, bounds, numbers of other protocols."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ikecore.chain import LONGEST_CHAIN
from ikecore.wire import Malformed, Reader
from ikev1.payloads.chain import Payload, build_chain, parse_chain
from ikev1.payloads.delete import Delete
from ikev1.payloads.hash import Hash
from ikev1.payloads.natd import DraftNatDetection, NatDetection
from ikev1.payloads.notify import Notify
from ikev1.payloads.unknown import Unknown
from ikev1.payloads.vendor import VendorId
from tests.ikecore.codec import MODERATE, OCTET
from tests.ikev1.payloads.codec import PAYLOADS

TWO = bytes.fromhex("0b000008 68617368 0000000c 00000001 0100000e")  # HASH, a notify


def read(first: int, octets: bytes) -> tuple[Payload, ...]:
    """Parse a chain behind which nothing may be left."""
    body = Reader(octets)
    found = parse_chain(first, body)
    if body:
        raise Malformed("octets left", body.at)
    return found


def test_known_octets_are_read_and_written() -> None:
    payloads = (Hash(b"hash"), Notify(14))
    assert read(8, TWO) == payloads
    assert build_chain(payloads) == (8, TWO)


def test_no_payload_is_an_empty_chain() -> None:
    assert build_chain(()) == (0, b"")
    assert read(0, b"") == ()


def test_padding_stays_behind_the_last_payload() -> None:
    body = Reader(TWO + bytes(7))
    assert len(parse_chain(8, body)) == 2
    assert body.rest() == bytes(7)


@MODERATE
@given(st.lists(PAYLOADS, max_size=6).map(tuple))
def test_what_is_written_reads_back(payloads: tuple[Payload, ...]) -> None:
    first, wire = build_chain(payloads)
    assert read(first, wire) == payloads


@MODERATE
@given(OCTET, st.binary(max_size=200))
def test_noise_is_read_or_malformed(first: int, noise: bytes) -> None:
    try:
        read(first, noise)
    except Malformed:
        return


@MODERATE
@given(st.lists(PAYLOADS, min_size=1, max_size=4).map(tuple), st.data())
def test_a_chain_with_one_octet_changed_is_read_or_malformed(
    payloads: tuple[Payload, ...], data: st.DataObject
) -> None:
    first, wire = build_chain(payloads)
    at = data.draw(st.integers(0, len(wire) - 1))
    changed = wire[:at] + bytes((data.draw(OCTET),)) + wire[at + 1 :]
    try:
        read(first, changed)
    except Malformed:
        return


@pytest.mark.parametrize("cut", range(len(TWO)))
def test_a_chain_cut_anywhere_is_malformed(cut: int) -> None:
    with pytest.raises(Malformed):
        read(8, TWO[:cut])


@pytest.mark.parametrize("kind", [1, 5, 8, 13, 99, 130, 132])
@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_a_length_below_the_payloads_own_header_ends_the_parse(kind: int, length: int) -> None:
    """Of 0, other parsers never came back; of 1 to 3, they copied less than nothing."""
    with pytest.raises(Malformed, match=f"payload length {length}"):
        read(kind, bytes((kind, 0, 0, length)) * 3)


def test_a_length_beyond_the_message_is_malformed() -> None:
    with pytest.raises(Malformed, match="65531 octets wanted, 4 left"):
        read(13, bytes.fromhex("0000ffff 01020304"))


def test_octets_after_a_payloads_last_field_are_malformed() -> None:
    with pytest.raises(Malformed, match="after the payload's last field"):
        read(12, bytes.fromhex("0000000d 00000001 03040000 ff"))


def test_a_chain_of_endless_small_payloads_is_cut_off() -> None:
    whole = (VendorId(b""),) * LONGEST_CHAIN
    assert read(*build_chain(whole)) == whole
    with pytest.raises(Malformed, match="more than 128 payloads"):
        read(*build_chain((*whole, VendorId(b""))))


@pytest.mark.parametrize("kind", range(33, 54))
def test_ikev2_payload_types_mean_nothing_here(kind: int) -> None:
    """strongSwan CVE-2014-9221, CVE-2015-3991: a payload of one version inside the other."""
    _, wire = build_chain((Unknown(kind, b"x" * 8),))
    assert read(kind, wire) == (Unknown(kind, b"x" * 8),)


@pytest.mark.parametrize("kind", [15, 16, 130])
def test_nat_d_numbers_of_the_drafts_in_any_number(kind: int) -> None:
    """libreswan CVE-2015-3204: a first message of many of them ended the process."""
    _, wire = build_chain((Unknown(kind, bytes(16)),) * LONGEST_CHAIN)
    found = read(kind, wire)
    assert len(found) == LONGEST_CHAIN
    assert {type(payload) for payload in found} == {DraftNatDetection if kind == 130 else Unknown}
    with pytest.raises(Malformed, match="more than 128 payloads"):
        read(kind, build_chain((Unknown(kind, b""),) * (LONGEST_CHAIN + 1))[1])


@pytest.mark.parametrize("kind", [2, 3, 6, 7, 9, 15, 19, 22, 127, 128, 133, 255])
def test_payloads_without_codec_keep_their_octets(kind: int) -> None:
    payloads = (Unknown(kind, b"whatever"), Delete(3, ()), NatDetection(b""))
    assert read(*build_chain(payloads)) == payloads


def test_the_reserved_octet_is_ignored() -> None:
    assert read(8, bytes.fromhex("00ff0008 68617368")) == (Hash(b"hash"),)
