"""Messages: the header, the cleartext rule, the SK payload; nothing before the integrity check."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.contrib.ikev2 import IKEv2, IKEv2_KE, IKEv2_Nonce, IKEv2_Notify

from ikecore.natd import detection_hash
from ikecore.proposals import Proposal, Transform
from ikecore.wire import Malformed
from ikev2.message import (
    LONGEST_MESSAGE,
    Exchange,
    Header,
    MalformedInside,
    Message,
    WrongVersion,
    build_init,
    open_message,
    parse_header,
    parse_init,
    seal_message,
)
from ikev2.payloads.chain import Payload
from ikev2.payloads.delete import Delete
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.types import NotifyType
from ikev2.payloads.unknown import Unknown
from ikev2.payloads.vendor import VendorId
from suites.sealers import IntegrityError, Sealer, aes_gcm
from tests.ikev2.payloads.codec import PAYLOADS

# A strongSwan's first request, 10.99.0.1 to 10.99.0.2.
REQUEST = bytes.fromhex(
    "b9578c7ce7ddaab3 0000000000000000 21202208 00000000 00000114"
    "22000054 0200002c 01010004 0300000c 0100000c 800e0080 03000008 0300000c 03000008 02000005"
    "00000008 0400001f 00000024 02010003 0300000c 01000014 800e0100 03000008 02000006"
    "00000008 04000014"
    "28000028 001f0000 41974aa8dbd010c123260fae3f9979a80dc1a4e75b720b9792c8bd193b95a560"
    "29000024 f17916e73e768d99f8887e215d32ae596535e9f87cc42d88ea442944b7320db1"
    "2900001c 00004004 add06f63a649f09b9e011bcedfb1ea8b32c68556"
    "2900001c 00004005 8712af7dee2756dd9325b2082bcf0c23d81dddb9"
    "29000008 0000402e 29000010 0000402f 0002000300040005 00000008 00004016"
)
# ... and its peer's answer.
ANSWER = bytes.fromhex(
    "b9578c7ce7ddaab3 8ddaa4a93aadfc80 21202220 00000000 000000f8"
    "22000030 0000002c 01010004 0300000c 0100000c 800e0080 03000008 0300000c 03000008 02000005"
    "00000008 0400001f"
    "28000028 001f0000 3878838f5f167e4ddcd0d3babee192b4091376139937bc93ebf5a265f22cc606"
    "29000024 dedcd968bfc428c2df1de546d52342b911d8f04a31bb93101e101e546ba5ab21"
    "2900001c 00004004 714a7fe08528ba17597683c135092ac81dd92af8"
    "2900001c 00004005 441c76552495041bef6d82683cd3c9e67cb03ed7"
    "29000008 0000402e 29000010 0000402f 0002000300040005 29000008 00004022 00000008 00004014"
)
AUTH = Header(b"initiato", b"responde", Exchange.IKE_AUTH, 1, from_initiator=True, response=False)
INIT = Header(b"initiato", bytes(8), Exchange.IKE_SA_INIT, 0, from_initiator=True, response=False)


def sealer() -> Sealer:
    return aes_gcm(bytes(range(20)))


def sealed(*payloads: Payload) -> bytes:
    return seal_message(AUTH, payloads, sealer(), 7)


def opened(datagram: bytes) -> Message:
    return open_message(datagram, parse_header(datagram), sealer())


def raw_sealed(first: int, plain: bytes) -> bytes:
    """Seal octets that no encoder of ours would write."""
    length = 4 + len(plain) + 24
    head = b"initiato" + b"responde" + bytes((46, 0x20, 35, 8)) + bytes((0, 0, 0, 1))
    head += (28 + length).to_bytes(4, "big") + bytes((first, 0)) + length.to_bytes(2, "big")
    return head + sealer().seal(head, plain, 1)


def test_a_strongswans_request_is_read_and_written_octet_by_octet() -> None:
    header = parse_header(REQUEST)
    spi = bytes.fromhex("b9578c7ce7ddaab3")
    assert header == Header(spi, bytes(8), Exchange.IKE_SA_INIT, 0, True, False, 33, 0x20)
    message = parse_init(REQUEST, header)
    sa, ke, nonce = message.payloads[:3]
    assert isinstance(sa, SecurityAssociation)
    assert sa.proposals == (
        Proposal(1, (Transform(1, 12, 128), Transform(3, 12), Transform(2, 5), Transform(4, 31))),
        Proposal(1, (Transform(1, 20, 256), Transform(2, 6), Transform(4, 20)), b"", 2),
    )
    assert isinstance(ke, KeyExchangeData)
    assert (ke.group, len(ke.data)) == (31, 32)
    assert isinstance(nonce, Nonce)
    assert [notify.type for notify in message.notifies()] == [
        NotifyType.NAT_DETECTION_SOURCE_IP,
        NotifyType.NAT_DETECTION_DESTINATION_IP,
        NotifyType.IKEV2_FRAGMENTATION_SUPPORTED,
        NotifyType.SIGNATURE_HASH_ALGORITHMS,
        NotifyType.REDIRECT_SUPPORTED,
    ]
    there = message.notify(NotifyType.NAT_DETECTION_DESTINATION_IP)
    assert there is not None
    assert there.data == detection_hash(spi, bytes(8), "10.99.0.2", 500)
    assert (message.protected, message.raw) == (False, REQUEST)
    assert build_init(header, message.payloads) == REQUEST


def test_a_strongswans_answer_is_read_and_written_octet_by_octet() -> None:
    header = parse_header(ANSWER)
    message = parse_init(ANSWER, header)
    assert (header.from_initiator, header.response) == (False, True)
    assert message.notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED) == Notify(16418)
    assert build_init(header, message.payloads) == ANSWER


def test_questions_to_a_message() -> None:
    payloads = (Notify(1), VendorId(b"a"), Notify(2, b"x"), VendorId(b"b"), Notify(2, b"y"))
    message = Message(INIT, payloads, protected=False, raw=b"")
    assert message.all(VendorId) == (VendorId(b"a"), VendorId(b"b"))
    assert message.one(VendorId) == VendorId(b"a")
    assert message.one(Nonce) is None
    assert message.notify(2) == Notify(2, b"x")
    assert message.notify(3) is None
    assert message.notifies() == (Notify(1), Notify(2, b"x"), Notify(2, b"y"))


@pytest.mark.parametrize("cut", range(len(REQUEST)))
def test_a_datagram_cut_short_anywhere_is_malformed(cut: int) -> None:
    """libreswan CVE-2020-1763, CVE-2022-23094: short headers that met a missing state."""
    with pytest.raises(Malformed):
        parse_header(REQUEST[:cut])


@pytest.mark.parametrize("tail", [b"\0", b"x" * 100])
def test_octets_behind_the_message_are_malformed(tail: bytes) -> None:
    with pytest.raises(Malformed, match="length 276"):
        parse_header(REQUEST + tail)


@pytest.mark.parametrize("version", [0x10, 0x11, 0x00, 0x30, 0xFF])
def test_another_major_version_is_told_with_what_an_answer_needs(version: int) -> None:
    with pytest.raises(WrongVersion) as found:
        parse_header(REQUEST[:17] + bytes((version,)) + REQUEST[18:])
    assert found.value.major == version >> 4
    assert found.value.header.initiator_spi == REQUEST[:8]


def test_minor_version_and_reserved_flags_are_ignored() -> None:
    odd = bytearray(REQUEST)
    odd[17], odd[19] = 0x2F, 0xDF
    header = parse_header(bytes(odd))
    assert (header.version, header.from_initiator, header.response) == (0x2F, True, False)


def test_a_message_of_more_than_16_kib_is_malformed() -> None:
    body = (VendorId(bytes(LONGEST_MESSAGE - 32)),)
    assert parse_header(build_init(INIT, body)).first == 43
    with pytest.raises(Malformed):
        parse_header(build_init(INIT, (VendorId(bytes(LONGEST_MESSAGE - 31)),)))


@pytest.mark.parametrize("exchange", [35, 36, 37, 43, 0])
def test_no_other_exchange_is_read_from_the_clear(exchange: int) -> None:
    """A plaintext Delete is not obeyed: it does not even become a Message."""
    datagram = build_init(replace(INIT, exchange=exchange), (Delete(1),))
    header = parse_header(datagram)
    with pytest.raises(Malformed, match="in the clear"):
        parse_init(datagram, header)
    with pytest.raises(Malformed, match="begins with payload 42"):
        open_message(datagram, header, sealer())


def test_an_sk_payload_in_ike_sa_init_is_malformed() -> None:
    datagram = build_init(INIT, (Nonce(bytes(16)), Unknown(46, False, bytes(60))))
    with pytest.raises(Malformed, match="SK payload"):
        parse_init(datagram, parse_header(datagram))
    datagram = seal_message(INIT, (), sealer(), 0)
    with pytest.raises(Malformed, match="exchange 34"):
        open_message(datagram, parse_header(datagram), sealer())


def test_what_is_sealed_opens() -> None:
    payloads = (Notify(NotifyType.INITIAL_CONTACT), Delete(3, (256,)), Unknown(49, True, b"x"))
    datagram = sealed(*payloads)
    message = opened(datagram)
    assert message.payloads == payloads
    assert message.header == replace(AUTH, first=46)
    assert (message.protected, message.raw) == (True, datagram)


def test_an_empty_message_is_one_sk_payload_too() -> None:
    assert opened(sealed()).payloads == ()


def test_every_bit_of_a_sealed_message_is_authenticated_or_malformed() -> None:
    datagram = sealed(Delete(1))
    for at in range(len(datagram)):
        for bit in range(8):
            changed = bytearray(datagram)
            changed[at] ^= 1 << bit
            with pytest.raises((IntegrityError, Malformed)) as found:
                opened(bytes(changed))
            assert not isinstance(found.value, MalformedInside)


def test_another_key_opens_nothing() -> None:
    datagram = sealed(Delete(1))
    with pytest.raises(IntegrityError):
        open_message(datagram, parse_header(datagram), aes_gcm(bytes(20)))


@pytest.mark.parametrize("size", range(40))
def test_an_sk_payload_too_short_for_iv_and_icv_is_refused(size: int) -> None:
    datagram = build_init(AUTH, (Unknown(46, False, bytes(size)),))
    with pytest.raises(IntegrityError):
        opened(datagram)


def test_a_payload_before_or_after_the_sk_payload_is_malformed() -> None:
    for payloads in (
        (Unknown(53, False, b"x"), Unknown(46, False, bytes(60))),
        (Unknown(46, False, bytes(60)), Delete(1)),
    ):
        datagram = build_init(AUTH, payloads)
        with pytest.raises(Malformed):
            opened(datagram)


@pytest.mark.parametrize(
    ("first", "plain"),
    [
        (42, "00000008 01000000 ff"),  # more padding than there is plaintext
        (42, "00000008 01000000 09"),
        (42, "00000000 01000000 00"),  # a length of 0
        (42, "00000008 09000000 00"),  # a delete of an unknown protocol
        (0, "00000008 01000000 00"),
        (46, "00000008 00000000 00"),  # SK inside SK
        (42, "2a000008 01000000 00"),
    ],
)
def test_nonsense_from_an_authenticated_peer_can_be_told_apart(first: int, plain: str) -> None:
    with pytest.raises(MalformedInside):
        opened(raw_sealed(first, bytes.fromhex(plain)))


def test_padding_of_any_content_and_length_is_dropped() -> None:
    plain = bytes.fromhex("00000008 01000000") + bytes(range(255)) + b"\xff"
    assert opened(raw_sealed(42, plain)).payloads == (Delete(1),)


@settings(max_examples=60, deadline=None)
@given(st.lists(PAYLOADS, max_size=5))
def test_any_payloads_survive_sealing(payloads: list[Payload]) -> None:
    assert opened(sealed(*payloads)).payloads == tuple(payloads)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([34, 35, 36, 37]), st.sampled_from([33, 41, 46]))
def test_noise_behind_a_header_is_refused_by_the_documented_exceptions(
    noise: bytes, exchange: int, first: int
) -> None:
    length = (28 + len(noise)).to_bytes(4, "big")
    datagram = bytes(16) + bytes((first, 0x20, exchange, 8)) + bytes(4) + length + noise
    header = parse_header(datagram)
    with pytest.raises((IntegrityError, Malformed)):
        open_message(datagram, header, sealer())
    try:
        parse_init(datagram, header)
    except Malformed:
        return
    assert exchange == Exchange.IKE_SA_INIT


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_noise_is_no_header_or_malformed(noise: bytes) -> None:
    try:
        parse_header(noise)
    except Malformed:
        return


def test_scapy_reads_ours_and_we_read_scapys() -> None:
    payloads = (KeyExchangeData(31, bytes(32)), Nonce(b"n" * 32), Notify(16430))
    seen = IKEv2(build_init(INIT, payloads))
    assert (seen.init_SPI, seen.exch_type, int(seen.flags)) == (b"initiato", 34, 8)
    assert seen[IKEv2_KE].ke == bytes(32)
    assert seen[IKEv2_Nonce].nonce == b"n" * 32
    assert seen[IKEv2_Notify].type == 16430
    theirs = IKEv2(init_SPI=b"initiato", exch_type=34, flags="Initiator", next_payload=34)
    theirs = bytes(
        theirs
        / IKEv2_KE(next_payload=40, group=31, ke=bytes(32))
        / IKEv2_Nonce(next_payload=41, nonce=b"n" * 32)
        / IKEv2_Notify(next_payload=0, type=16430)
    )
    assert parse_init(theirs, parse_header(theirs)).payloads == payloads
