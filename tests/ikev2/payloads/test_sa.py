"""The Security Association codec."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.ikev2 import IKEv2_Proposal, IKEv2_SA, IKEv2_Transform

from ikecore.offers import PROPOSALS, TRANSFORMS
from ikecore.proposals import Proposal, Transform
from ikecore.wire import Malformed
from ikev2.payloads.sa import SecurityAssociation
from tests.ikecore.codec import MODERATE, accepted_cuts, attempt, read
from tests.ikev2.payloads.codec import proposals

# What strongSwan offers for aes128-sha256-x25519, aes256gcm16-prfsha384-ecp384.
STRONGSWAN = bytes.fromhex(
    "0200002c 01010004 0300000c 0100000c 800e0080 03000008 0300000c 03000008 02000005"
    "00000008 0400001f"
    "00000024 02010003 0300000c 01000014 800e0100 03000008 02000006 00000008 04000014"
)
IKE = (Transform(1, 12, 128), Transform(3, 12), Transform(2, 5), Transform(4, 31))
GCM = (Transform(1, 20, 256), Transform(2, 6), Transform(4, 20))
OFFER = SecurityAssociation((Proposal(1, IKE, b"", 1), Proposal(1, GCM, b"", 2)))
ESP = "0000001c 01030402 c0ffee01 03000008 01000014 00000008 05000000"


def test_strongswans_offer_is_read_and_written_octet_by_octet() -> None:
    assert read(SecurityAssociation, STRONGSWAN) == OFFER
    assert OFFER.body() == STRONGSWAN


def test_an_esp_proposal_carries_its_spi() -> None:
    found = read(SecurityAssociation, bytes.fromhex(ESP))
    transforms = (Transform(1, 20), Transform(5, 0))
    assert found.proposals == (Proposal(3, transforms, b"\xc0\xff\xee\x01", 1),)


def test_an_offer_cut_anywhere_is_malformed() -> None:
    assert accepted_cuts(SecurityAssociation, STRONGSWAN) == []


@pytest.mark.parametrize("at", range(len(bytes.fromhex(ESP))))
def test_each_octet_changed_gives_a_proposal_or_malformed(at: int) -> None:
    wire = bytearray.fromhex(ESP)
    for value in range(256):
        wire[at] = value
        attempt(SecurityAssociation, bytes(wire))


def offer(transform: str) -> bytes:
    """Return one IKE proposal of one transform."""
    inside = bytes.fromhex(transform)
    return bytes((0, 0, 0, 8 + len(inside), 1, 1, 0, 1)) + inside


@pytest.mark.parametrize(
    ("transform", "bits"),
    [
        ("00000010 0100000c 800e0080 800f0001", 128),  # an attribute nobody has defined
        ("00000010 0100000c 800e0080 800e0100", 128),  # two key lengths
        ("0000000c 0100000c 800e0000", 0),  # a key of no bits
        ("0000000e 0100000c 000e0002 0080", 0),  # the key length in the long form
        ("0000000c 0100000c 00010000", 0),
    ],
)
def test_a_transform_with_a_strange_attribute_is_odd(transform: str, bits: int) -> None:
    found = read(SecurityAssociation, offer(transform)).proposals[0].transforms
    assert found == (Transform(1, 12, bits, odd=True),)


def test_an_odd_transform_is_written_with_what_is_known_of_it() -> None:
    body = SecurityAssociation((Proposal(1, (Transform(1, 12, 128, odd=True),)),)).body()
    assert body == offer("0000000c 0100000c 800e0080")


@pytest.mark.parametrize(
    "transform",
    [
        "00000007 0100000c",  # shorter than its own header
        "00000000 0100000c",
        "0000ffff 0100000c",
        "0000000a 0100000c 800e",  # half an attribute
        "00000010 0100000c 000e0002 0080800e",  # half of a second one
        "0000000c 0100000c 0001ffff",  # an attribute longer than the message
        "03000008 0100000c",  # more to follow, says the last
        "01000008 0100000c",
        "00000008 0100000c 00",
    ],
)
def test_transforms_whose_lengths_or_markers_lie_are_malformed(transform: str) -> None:
    with pytest.raises(Malformed):
        read(SecurityAssociation, offer(transform))


@pytest.mark.parametrize(
    "octets",
    [
        "",  # no proposal
        "02000008 01010000",  # more to follow, and nothing follows
        "01000008 01010000",
        "00000007 01010000",
        "00000000 01010000",
        "00000009 01010000",
        "00000008 010100ff",  # 255 transforms promised
        "00000008 0101ff00",  # an SPI of 255 octets promised
        "0000000c 01010400 00000001",  # an IKE SPI of four octets
        "00000010 01010800 0000000000000000",  # ... of zeros
        "00000008 01030000",  # ESP without SPI
        "00000010 01030800 0000000000000001",
        "0000000c 01020400 00000000",  # AH with SPI 0
        "0000000c 01030400 00000000",  # ESP with SPI 0
        "02000008 02010000 00000008 02010000",  # two proposals of one number
        "02000008 02010000 00000008 01010000",
        "00000008 01010000 00000008 02010000",  # one after the last
        "00000010 01010001 03000008 0100000c",
        "00000018 01010002 00000008 0100000c 00000008 0100000c",
    ],
)
def test_proposals_whose_counts_lengths_or_markers_lie_are_malformed(octets: str) -> None:
    with pytest.raises(Malformed):
        read(SecurityAssociation, bytes.fromhex(octets))


@pytest.mark.parametrize(
    "octets",
    [
        "00000008 01010000",  # nothing offered at all
        "00000010 01010001 00000008 01000003",  # no PRF, INTEG, DH
        "00000018 01010002 03000008 02000004 00000008 03000005",  # XCBC
        "00000018 01010002 03000008 02000001 00000008 04000401",  # PRF MD5, private group
        "00000008 01c80000",  # a protocol nobody knows
        "00000010 01010001 00000008 ff00ffff",  # a transform type nobody knows
    ],
)
def test_offers_that_lack_or_hold_strange_algorithms_are_read(octets: str) -> None:
    """libreswan CVE-2016-3071, CVE-2016-5391, strongSwan CVE-2018-10811."""
    wire = bytes.fromhex(octets)
    assert read(SecurityAssociation, wire).body() == wire


def test_more_proposals_than_anyone_sends_are_malformed() -> None:
    def wire(count: int) -> bytes:
        return SecurityAssociation(
            tuple(Proposal(1, (), b"", number) for number in range(1, count + 1))
        ).body()

    assert len(read(SecurityAssociation, wire(PROPOSALS)).proposals) == PROPOSALS
    with pytest.raises(Malformed, match="more than 64 proposals"):
        read(SecurityAssociation, wire(PROPOSALS + 1))


def test_255_transforms_are_read() -> None:
    payload = SecurityAssociation((Proposal(1, tuple(Transform(1, n) for n in range(255))),))
    assert read(SecurityAssociation, payload.body()) == payload


def test_more_transforms_than_anyone_sends_are_malformed() -> None:
    """A forged offer of 16 KB would otherwise cost milliseconds of comparing, and no cookie."""

    def wire(count: int) -> bytes:
        one = tuple(Transform(1, n) for n in range(count // 4))
        return SecurityAssociation(tuple(Proposal(1, one, b"", n) for n in range(1, 5))).body()

    assert len(read(SecurityAssociation, wire(TRANSFORMS)).proposals) == 4
    with pytest.raises(Malformed, match="more than 256 transforms"):
        read(SecurityAssociation, wire(TRANSFORMS + 4))


@MODERATE
@given(proposals())
def test_what_is_written_reads_back(offered: tuple[Proposal, ...]) -> None:
    payload = SecurityAssociation(offered)
    assert read(SecurityAssociation, payload.body()) == payload


@MODERATE
@given(st.binary(max_size=80))
def test_noise_is_read_or_malformed(noise: bytes) -> None:
    attempt(SecurityAssociation, noise)


def test_scapy_reads_ours_and_we_read_scapys() -> None:
    seen = IKEv2_SA(b"\0\0\0\x54" + OFFER.body())
    first = seen.prop
    assert (first.proposal, first.proto, first.trans_nb) == (1, 1, 4)
    aes = first.trans
    assert (aes.transform_type, aes.transform_id, aes.key_length) == (1, 12, 128)
    assert first.payload.proposal == 2
    transforms = (
        IKEv2_Transform(
            next_payload=3, length=12, transform_type=1, transform_id=12, key_length=128
        )
        / IKEv2_Transform(next_payload=3, transform_type=3, transform_id=12)
        / IKEv2_Transform(next_payload=3, transform_type=2, transform_id=5)
        / IKEv2_Transform(next_payload=0, transform_type=4, transform_id=31)
    )
    theirs = IKEv2_SA(next_payload=0, prop=IKEv2_Proposal(trans_nb=4, trans=transforms))
    assert read(SecurityAssociation, bytes(theirs)[4:]).proposals == (Proposal(1, IKE),)
