"""The Security Association codec: numbers that lie, bounds, what is kept unread."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.isakmp import (
    ISAKMP_payload_Proposal,
    ISAKMP_payload_SA,
    ISAKMP_payload_Transform,
)

from ikecore.offers import PROPOSALS, TRANSFORMS
from ikecore.wire import Malformed
from ikev1.payloads.attributes import Attribute
from ikev1.payloads.sa import ProposalPayload, SecurityAssociation, TransformPayload
from tests.ikecore.codec import MODERATE, attempt, read
from tests.ikev1.payloads.codec import DATA, LONG, proposals

PHASE1 = bytes.fromhex(
    "00000001 00000001"
    "00000058 01 01 00 02"
    "03000028 01 01 0000 80010007 800e0080 80020004 8004000e 80030001 800b0001 000c0004 00007080"
    "00000028 02 01 0000 80010007 800e0100 80020006 8004000e 80030001 800b0001 000c0004 00007080"
)
ESP = bytes.fromhex(
    "00000001 00000001"
    "02000024 01 03 04 01 deadbeef 00000018 01 0c 0000 80060080 80050005 80040001 8003000e"
    "0000001c 02 02 04 01 00000100 00000010 01 05 0000 80050005 80040003"
)


def aes(bits: int, digest: int) -> tuple[Attribute, ...]:
    numbers = ((1, 7), (14, bits), (2, digest), (4, 14), (3, 1), (11, 1))
    return (*(Attribute(*pair) for pair in numbers), Attribute(12, b"\0\0\x70\x80"))


def test_a_phase_1_offer_is_read_and_written_octet_by_octet() -> None:
    found = read(SecurityAssociation, PHASE1)
    transforms = (TransformPayload(1, 1, aes(128, 4)), TransformPayload(2, 1, aes(256, 6)))
    assert found == SecurityAssociation((ProposalPayload(1, 1, b"", transforms),))
    assert found.body() == PHASE1


def test_a_phase_2_offer_is_read_and_written_octet_by_octet() -> None:
    found = read(SecurityAssociation, ESP)
    esp, ah = found.proposals
    assert (esp.number, esp.protocol, esp.spi) == (1, 3, b"\xde\xad\xbe\xef")
    assert esp.transforms == (
        TransformPayload(1, 12, tuple(Attribute(*p) for p in ((6, 128), (5, 5), (4, 1), (3, 14)))),
    )
    assert (ah.number, ah.protocol, ah.transforms[0].id) == (2, 2, 5)
    assert found.body() == ESP


@pytest.mark.parametrize("whole", [PHASE1, ESP])
def test_a_payload_cut_anywhere_is_malformed(whole: bytes) -> None:
    cuts = [n for n in range(len(whole)) if attempt(SecurityAssociation, whole[:n]) is not None]
    assert cuts == []


@pytest.mark.parametrize(
    "octets",
    [
        "00000000 00000001",
        "00000002 00000001 0000002c01010001",
        "00000001 00000002 00000000",
        "00000001 80000000 ffff",
        "ffffffff ffffffff 00000000000000",
    ],
)
def test_doi_and_situation_bits_that_nobody_knows(octets: str) -> None:
    """libreswan CVE-2015-3204: an assertion ended the process."""
    wire = bytes.fromhex(octets)
    found = read(SecurityAssociation, wire)
    assert (found.proposals, found.opaque) == ((), wire[8:])
    assert found.body() == wire


def poked(whole: bytes, at: int, value: str) -> bytes:
    new = bytes.fromhex(value)
    return whole[:at] + new + whole[at + len(new) :]


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (8, "01"),  # followed by what is no proposal
        (8, "02"),  # by one that is not there
        (10, "0000"),
        (10, "0007"),
        (10, "0057"),
        (10, "0059"),
        (10, "ffff"),
        (14, "ff"),  # SPI size
        (15, "01"),  # one transform less than there are
        (15, "03"),
        (15, "ff"),
        (16, "00"),  # the first of two ends the list
        (16, "02"),
        (18, "0000"),
        (18, "0007"),
        (18, "0029"),
        (18, "ffff"),
        (48, "000c ffff"),  # an attribute longer than its transform
        (56, "03"),
    ],
)
def test_lengths_counts_and_markers_that_lie_are_malformed(at: int, value: str) -> None:
    assert attempt(SecurityAssociation, poked(PHASE1, at, value)) is None


@pytest.mark.parametrize("spi", ["", "00000000", "0001", "0000000000000001"])
@pytest.mark.parametrize("protocol", [2, 3])
def test_an_ipsec_spi_of_zero_or_of_another_size_is_malformed(protocol: int, spi: str) -> None:
    offer = SecurityAssociation((ProposalPayload(1, protocol, bytes.fromhex(spi), ()),))
    with pytest.raises(Malformed, match="SPI"):
        read(SecurityAssociation, offer.body())


@pytest.mark.parametrize(("size", "taken"), [(0, True), (8, True), (16, True), (17, False)])
def test_an_isakmp_spi_has_up_to_16_octets(size: int, taken: bool) -> None:
    offer = SecurityAssociation((ProposalPayload(1, 1, b"x" * size, ()),))
    assert (attempt(SecurityAssociation, offer.body()) == offer) is taken


def test_an_offer_of_endless_proposals_is_cut_off() -> None:
    one = ProposalPayload(1, 1, b"", ())
    whole = SecurityAssociation((one,) * PROPOSALS)
    assert read(SecurityAssociation, whole.body()) == whole
    with pytest.raises(Malformed, match="more than 64 proposals"):
        read(SecurityAssociation, SecurityAssociation((one,) * (PROPOSALS + 1)).body())


def test_an_offer_of_endless_transforms_is_cut_off() -> None:
    half = ProposalPayload(1, 1, b"", (TransformPayload(1, 1),) * (TRANSFORMS // 2))
    whole = SecurityAssociation((half, half))
    assert read(SecurityAssociation, whole.body()) == whole
    third = ProposalPayload(2, 1, b"", (TransformPayload(1, 1),))
    with pytest.raises(Malformed, match="more than 256 transforms"):
        read(SecurityAssociation, SecurityAssociation((half, half, third)).body())


def test_no_proposal_at_all_is_malformed() -> None:
    with pytest.raises(Malformed):
        read(SecurityAssociation, bytes.fromhex("00000001 00000001"))


@MODERATE
@given(st.lists(proposals(), min_size=1, max_size=5).map(tuple))
def test_what_is_written_reads_back(offered: tuple[ProposalPayload, ...]) -> None:
    payload = SecurityAssociation(offered)
    assert read(SecurityAssociation, payload.body()) == payload


@MODERATE
@given(st.integers(2, 2**32 - 1), LONG, DATA)
def test_what_is_not_understood_is_written_as_it_came(
    doi: int, situation: int, rest: bytes
) -> None:
    payload = SecurityAssociation((), doi, situation, rest)
    assert read(SecurityAssociation, payload.body()) == payload


@MODERATE
@given(st.binary(max_size=80))
def test_noise_is_read_or_malformed(noise: bytes) -> None:
    attempt(SecurityAssociation, noise)
    attempt(SecurityAssociation, PHASE1[:8] + noise)


@MODERATE
@given(st.sampled_from([PHASE1, ESP]), st.data())
def test_an_offer_with_one_octet_changed_is_read_or_malformed(
    whole: bytes, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:at] + bytes((data.draw(st.integers(0, 255)),)) + whole[at + 1 :]
    attempt(SecurityAssociation, changed)


def test_scapy_reads_ours_and_we_read_scapys() -> None:
    seen = ISAKMP_payload_SA(b"\0\0" + (4 + len(PHASE1)).to_bytes(2, "big") + PHASE1)
    assert (seen.doi, seen.situation, seen.prop.proposal, seen.prop.trans_nb) == (1, 1, 1, 2)
    assert dict(seen.prop.trans.transforms)["KeyLength"] == 128
    assert dict(seen.prop.trans.payload.transforms)["Hash"] == "SHA2-512"
    transform = ISAKMP_payload_Transform(
        next_payload=0,
        transform_count=1,
        transforms=[("Encryption", "AES-CBC"), ("KeyLength", 256), ("LifeDuration", 86400)],
    )
    offer = ISAKMP_payload_Proposal(next_payload=0, trans_nb=1, SPI=b"", trans=transform)
    theirs = read(SecurityAssociation, bytes(ISAKMP_payload_SA(next_payload=0, prop=offer))[4:])
    (found,) = theirs.proposals[0].transforms
    assert found.attributes == (Attribute(1, 7), Attribute(14, 256), Attribute(12, b"\1\x51\x80"))
