"""Chains of payloads: lengths, markers, bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ikecore.chain import LONGEST_CHAIN
from ikecore.wire import Malformed, Reader
from ikev2.payloads.chain import Payload, build_chain, parse_chain
from ikev2.payloads.delete import Delete
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.unknown import Unknown
from ikev2.payloads.vendor import VendorId
from tests.ikecore.codec import MODERATE, OCTET
from tests.ikev2.payloads.codec import PAYLOADS

TWO = bytes.fromhex("29000008 0005 0000 00000008 0000402e")  # KE of no octets, a notify


def test_known_octets_are_read_and_written() -> None:
    payloads = (KeyExchangeData(5, b""), Notify(16430))
    assert parse_chain(34, Reader(TWO)) == payloads
    assert build_chain(payloads) == (34, TWO)


def test_no_payload_is_an_empty_chain() -> None:
    assert build_chain(()) == (0, b"")
    assert parse_chain(0, Reader(b"")) == ()


@MODERATE
@given(st.lists(PAYLOADS, max_size=6).map(tuple))
def test_what_is_written_reads_back(payloads: tuple[Payload, ...]) -> None:
    first, wire = build_chain(payloads)
    assert parse_chain(first, Reader(wire)) == payloads


@MODERATE
@given(OCTET, st.binary(max_size=200))
def test_noise_is_read_or_malformed(first: int, noise: bytes) -> None:
    try:
        parse_chain(first, Reader(noise))
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
        parse_chain(first, Reader(changed))
    except Malformed:
        return


@pytest.mark.parametrize("cut", range(len(TWO)))
def test_a_chain_cut_anywhere_is_malformed(cut: int) -> None:
    with pytest.raises(Malformed):
        parse_chain(34, Reader(TWO[:cut]))


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_a_length_below_the_payloads_own_header_ends_the_parse(length: int) -> None:
    """Of 0, other parsers never came back."""
    with pytest.raises(Malformed, match=f"payload length {length}"):
        parse_chain(99, Reader(bytes((99, 0, 0, length))))


def test_a_length_beyond_the_message_is_malformed() -> None:
    with pytest.raises(Malformed, match="65531 octets wanted, 4 left"):
        parse_chain(43, Reader(bytes.fromhex("0000ffff 01020304")))


def test_octets_after_the_last_payload_are_malformed() -> None:
    with pytest.raises(Malformed, match="after the last payload"):
        parse_chain(34, Reader(TWO + b"\0"))
    with pytest.raises(Malformed, match="after the last payload"):
        parse_chain(0, Reader(b"\0"))


def test_octets_after_a_payloads_last_field_are_malformed() -> None:
    with pytest.raises(Malformed, match="after the payload's last field"):
        parse_chain(42, Reader(bytes.fromhex("0000000a 01000000 ffff")))


def test_a_chain_of_endless_small_payloads_is_cut_off() -> None:
    whole = (VendorId(b""),) * LONGEST_CHAIN
    first, wire = build_chain(whole)
    assert parse_chain(first, Reader(wire)) == whole
    first, wire = build_chain((*whole, VendorId(b"")))
    with pytest.raises(Malformed, match="more than 128 payloads"):
        parse_chain(first, Reader(wire))


@pytest.mark.parametrize(("kind", "name"), [(46, "SK"), (53, "SKF")])
def test_an_encrypted_payload_never_comes_out_of_a_chain(kind: int, name: str) -> None:
    _, wire = build_chain((Unknown(kind, False, bytes(40)),))
    with pytest.raises(Malformed, match=f"{name} payload"):
        parse_chain(kind, Reader(wire))
    _, wire = build_chain((Nonce(bytes(16)), Unknown(kind, False, bytes(40))))
    with pytest.raises(Malformed, match=f"{name} payload"):
        parse_chain(40, Reader(wire))


@pytest.mark.parametrize("kind", range(1, 33))
def test_ikev1_payload_types_mean_nothing_here(kind: int) -> None:
    """strongSwan CVE-2014-9221, CVE-2015-3991: a payload of one version inside the other."""
    _, wire = build_chain((Unknown(kind, True, b"x" * 8),))
    assert parse_chain(kind, Reader(wire)) == (Unknown(kind, True, b"x" * 8),)


@pytest.mark.parametrize("kind", [37, 38, 47, 48, 49, 52, 54, 255])
def test_payloads_without_codec_keep_octets_and_critical_flag(kind: int) -> None:
    payload = Unknown(kind, True, b"whatever")
    first, wire = build_chain((payload, Delete(1)))
    assert parse_chain(first, Reader(wire)) == (payload, Delete(1))


def test_the_critical_flag_of_a_known_payload_is_ignored() -> None:
    assert parse_chain(42, Reader(bytes.fromhex("00ff0008 01000000"))) == (Delete(1),)
