"""Messages: the header, the clear, the cipher; what the keys of a stranger make of it."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.isakmp import (
    ISAKMP,
    ISAKMP_payload_Hash,
    ISAKMP_payload_ID,
    ISAKMP_payload_KE,
    ISAKMP_payload_Nonce,
    ISAKMP_payload_VendorID,
)

from ikecore.wire import Malformed
from ikev1.message import (
    LONGEST_MESSAGE,
    MOST_PADDING,
    Exchange,
    Header,
    Message,
    Undecryptable,
    WrongVersion,
    build_clear,
    open_message,
    parse_clear,
    parse_header,
    seal_hashed,
    seal_message,
)
from ikev1.payloads.chain import Payload, build_chain
from ikev1.payloads.delete import Delete
from ikev1.payloads.hash import Hash
from ikev1.payloads.ident import Identification
from ikev1.payloads.ke import KeyExchangeData
from ikev1.payloads.nonce import Nonce
from ikev1.payloads.notify import Notify
from ikev1.payloads.types import NotifyType
from ikev1.payloads.unknown import Unknown
from ikev1.payloads.vendor import VendorId
from suites.chaining import Chained, chained
from suites.encr import ENCR_BY_NAME
from tests.ikev1.payloads.codec import PAYLOADS

MAIN = Header(b"initiato", b"responde", Exchange.MAIN, 0, encrypted=False)
QUICK = Header(b"initiato", b"responde", Exchange.QUICK, 0xCAFE, encrypted=True)
KE = (KeyExchangeData(b"public"), Nonce(b"8 octets"))
WIRE = bytes.fromhex(
    "696e69746961746f 726573706f6e6465 04 10 02 00 00000000 00000032"
    "0a00000a 7075626c6963 0000000c 38206f6374657473"
)
CIPHERS = ("des", "3des", "aes128", "aes256")


def cipher(name: str = "aes128", key: int = 1) -> Chained:
    row = ENCR_BY_NAME[name]
    return chained(row, bytes((key + n) & 0xFF for n in range(row.key)))


def iv(of: Chained) -> bytes:
    return bytes(range(of.block))


def opened(datagram: bytes, keys: Chained | None = None) -> Message:
    keys = keys or cipher()
    return open_message(datagram, parse_header(datagram), keys, iv(keys))[0]


def sealed_octets(first: int, plain: bytes, keys: Chained | None = None) -> bytes:
    """Seal octets that no encoder of ours would write."""
    keys = keys or cipher()
    data = keys.encrypt(iv(keys), plain)
    head = bytes((first, 0x10, 32, 1)) + bytes.fromhex("0000cafe")
    return b"initiatoresponde" + head + (28 + len(data)).to_bytes(4, "big") + data


def test_a_clear_message_is_read_and_written_octet_by_octet() -> None:
    header = parse_header(WIRE)
    assert header == replace(MAIN, first=4)
    message = parse_clear(WIRE, header)
    assert message == Message(header, KE, WIRE[28:], WIRE, protected=False)
    assert build_clear(MAIN, KE) == WIRE


@pytest.mark.parametrize("flags", range(8))
def test_flags(flags: int) -> None:
    header = parse_header(WIRE[:19] + bytes((flags,)) + WIRE[20:])
    assert (header.encrypted, header.commit, header.auth_only) == (
        bool(flags & 1),
        bool(flags & 2),
        bool(flags & 4),
    )
    assert build_clear(header, KE)[19] == flags & 6
    assert seal_message(header, KE, cipher(), bytes(16))[0][19] == flags | 1


def test_payloads_are_found_by_class_and_notify_type() -> None:
    notifies = (Notify(1), Notify(2, b"x"), Notify(2, b"y"))
    message = Message(MAIN, (Nonce(bytes(8)), *notifies), b"", b"")
    assert message.one(Nonce) == Nonce(bytes(8))
    assert message.one(KeyExchangeData) is None
    assert message.all(Notify) == message.notifies() == notifies
    assert message.notify(2) == Notify(2, b"x")
    assert message.notify(3) is None


def test_bodies_are_the_octets_that_came() -> None:
    """RFC 2409 section 5: not a re-encoding, which may differ in reserved octets."""
    chain = bytes.fromhex("05ff000c 02000000 6c6162ff 0d000008 02000000 00000008 76656e64")
    datagram = build_clear(MAIN, ())[:16] + bytes.fromhex("05 10 02 00 00000000 00000038") + chain
    message = parse_clear(datagram, parse_header(datagram))
    assert message.body_of(Identification) == chain[4:12]
    assert message.bodies_of(Identification) == (chain[4:12], chain[16:20])
    assert message.body_of(VendorId) == b"vend"
    assert message.body_of(Nonce) == b""
    assert message.after_first == chain[12:]


def test_behind_the_first_payload_of_none_is_nothing() -> None:
    assert Message(MAIN, (), b"", b"").after_first == b""
    assert Message(MAIN, (), b"", b"").bodies_of(Nonce) == ()


def test_only_who_asks_for_it_gets_an_authenticated_message() -> None:
    message = opened(seal_message(QUICK, (Hash(b"x"),), cipher(), iv(cipher()))[0])
    assert not message.protected
    assert message.authenticated() == replace(message, protected=True)


# -- the frame ------------------------------------------------------------------------------------
@pytest.mark.parametrize("cut", range(len(WIRE)))
def test_a_datagram_cut_short_anywhere_is_malformed(cut: int) -> None:
    """libreswan CVE-2020-1763, CVE-2022-23094: short headers that met a missing state."""
    with pytest.raises(Malformed):
        parse_header(WIRE[:cut])


@pytest.mark.parametrize("tail", [b"\0", b"x" * 100])
def test_octets_behind_the_message_are_malformed(tail: bytes) -> None:
    with pytest.raises(Malformed, match="length 50"):
        parse_header(WIRE + tail)


@pytest.mark.parametrize("version", [0x20, 0x00, 0x30, 0xFF])
def test_another_major_version_is_told_with_what_an_answer_needs(version: int) -> None:
    with pytest.raises(WrongVersion) as found:
        parse_header(WIRE[:17] + bytes((version,)) + WIRE[18:])
    assert found.value.major == version >> 4
    assert found.value.header.initiator_cookie == b"initiato"


def test_minor_version_and_reserved_flags_are_ignored() -> None:
    odd = bytearray(WIRE)
    odd[17], odd[19] = 0x1F, 0xF8
    header = parse_header(bytes(odd))
    assert header == replace(MAIN, first=4, version=0x1F)


def test_a_message_of_more_than_16_kib_is_malformed() -> None:
    body = (VendorId(bytes(LONGEST_MESSAGE - 32)),)
    assert parse_header(build_clear(MAIN, body)).first == 13
    with pytest.raises(Malformed):
        parse_header(build_clear(MAIN, (VendorId(bytes(LONGEST_MESSAGE - 31)),)))


def test_octets_behind_the_last_payload_in_the_clear_are_malformed() -> None:
    odd = WIRE[:24] + (len(WIRE) + 1).to_bytes(4, "big") + WIRE[28:] + b"\0"
    with pytest.raises(Malformed, match="after the last payload"):
        parse_clear(odd, parse_header(odd))


def test_the_flag_decides_which_way_a_message_is_read() -> None:
    """A Delete in the clear is not read as if it had been encrypted, nor the other way round."""
    clear = build_clear(replace(QUICK, exchange=5), (Delete(1, (bytes(16),)),))
    with pytest.raises(Malformed, match="in the clear"):
        opened(clear)
    sealed = seal_message(QUICK, (Hash(b"x"),), cipher(), iv(cipher()))[0]
    with pytest.raises(Malformed, match="encrypted message"):
        parse_clear(sealed, parse_header(sealed))


# -- encrypted ------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", CIPHERS)
def test_what_is_sealed_opens_and_both_ends_know_the_next_iv(name: str) -> None:
    keys = cipher(name)
    payloads = (Hash(bytes(20)), Notify(NotifyType.INITIAL_CONTACT), Unknown(200, b"x"))
    datagram, following = seal_message(QUICK, payloads, keys, iv(keys))
    message, theirs = open_message(datagram, parse_header(datagram), keys, iv(keys))
    assert message.payloads == payloads
    assert message.header == replace(QUICK, first=8)
    assert (message.content, message.raw) == (build_chain(payloads)[1], datagram)
    assert theirs == following == datagram[-keys.block :]
    assert not message.protected


@pytest.mark.parametrize("size", range(1, 34))
def test_padding_is_zeroes_to_the_end_of_the_block_and_none_when_it_is_whole(size: int) -> None:
    keys = cipher()
    datagram, _ = seal_message(QUICK, (Hash(bytes(size)),), keys, iv(keys))
    plain = keys.decrypt(iv(keys), datagram[28:])
    assert plain == bytes((0, 0, 0, 4 + size)) + bytes(size) + bytes(-(size + 4) % 16)


def test_a_hash_in_front_is_made_of_all_that_follows() -> None:
    keys, asked = cipher(), []

    def make_hash(rest: bytes) -> bytes:
        asked.append(rest)
        return b"digest"

    datagram, following = seal_hashed(QUICK, make_hash, KE, keys, iv(keys))
    message, theirs = open_message(datagram, parse_header(datagram), keys, iv(keys))
    assert message.payloads == (Hash(b"digest"), *KE)
    assert asked == [message.after_first] == [build_chain(KE)[1]]
    assert theirs == following


def test_a_hash_alone_is_made_of_nothing() -> None:
    keys = cipher()
    datagram, _ = seal_hashed(QUICK, lambda rest: b"of " + rest, (), keys, iv(keys))
    assert opened(datagram).payloads == (Hash(b"of "),)
    assert opened(datagram).after_first == b""


@pytest.mark.parametrize(
    "padding", [b"", b"\0" * 3, b"\xff" * 7, bytes(range(20)), b"\7" * 40, b"\0" * 200 + b"\xc9"]
)
def test_padding_may_be_any_octets_and_more_than_a_block(padding: bytes) -> None:
    """RFC 2409 says little of it: some peers add random octets, and one that counts them."""
    first, chain = build_chain((Hash(b"digest"), Nonce(bytes(8))))
    plain = chain + padding
    message = opened(sealed_octets(first, plain + bytes(-len(plain) % 16)))
    assert message.content == chain
    assert message.after_first == chain[10:]


def test_padding_without_end_is_nonsense() -> None:
    first, chain = build_chain((Hash(bytes(12)),))
    assert opened(sealed_octets(first, chain + bytes(MOST_PADDING))).payloads
    with pytest.raises(Undecryptable, match="before 272 octets"):
        opened(sealed_octets(first, chain + bytes(MOST_PADDING + 16)))


@pytest.mark.parametrize("size", [0, 1, 7, 8, 15, 17, 24])
def test_octets_that_are_not_whole_blocks(size: int) -> None:
    datagram = b"initiatoresponde" + bytes.fromhex("08102001 0000cafe")
    datagram += (28 + size).to_bytes(4, "big") + bytes(size)
    with pytest.raises(Malformed, match=f"{size} octets are not whole blocks") as found:
        opened(datagram)
    assert not isinstance(found.value, Undecryptable)


def test_a_message_of_no_payload_is_nonsense() -> None:
    with pytest.raises(Undecryptable, match="0 payloads"):
        opened(sealed_octets(0, bytes(16)))


@pytest.mark.parametrize("name", CIPHERS)
def test_with_another_key_a_message_5_makes_no_sense(name: str) -> None:
    """What a wrong pre-shared key looks like: no HASH is ever compared."""
    header = replace(MAIN, encrypted=True)
    payloads = (Identification(1, 17, 500, b"\n\0\0\1"), Hash(bytes(range(20))))
    datagram, _ = seal_message(header, payloads, cipher(name), iv(cipher(name)))
    for key in range(2, 60):
        with pytest.raises(Undecryptable, match="decrypted payloads"):
            opened(datagram, cipher(name, key))


@settings(max_examples=100, deadline=None)
@given(st.lists(PAYLOADS, min_size=1, max_size=6).map(tuple), st.sampled_from(CIPHERS))
def test_any_payloads_survive_both_ways(payloads: tuple[Payload, ...], name: str) -> None:
    keys = cipher(name)
    clear = build_clear(MAIN, payloads)
    assert parse_clear(clear, parse_header(clear)).payloads == payloads
    datagram, _ = seal_message(QUICK, payloads, keys, iv(keys))
    message = opened(datagram, keys)
    assert message.payloads == payloads
    for payload in payloads:
        assert payload.body() in message.bodies_of(type(payload))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 255), st.integers(0, 7))
def test_noise_behind_a_header_is_read_or_malformed(noise: bytes, first: int, flags: int) -> None:
    head = b"initiatoresponde" + bytes((first, 0x10, 32, flags)) + bytes(4)
    datagram = head + (28 + len(noise)).to_bytes(4, "big") + noise
    header = parse_header(datagram)
    for reading in (
        lambda: parse_clear(datagram, header),
        lambda: open_message(datagram, header, cipher(), bytes(16)),
    ):
        try:
            reading()
        except Malformed:
            continue


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 255), st.binary(max_size=100))
def test_any_plaintext_is_read_or_undecryptable(first: int, plain: bytes) -> None:
    try:
        message = opened(sealed_octets(first, plain + bytes(-len(plain) % 16 or 16)))
    except Undecryptable:
        return
    assert message.payloads
    assert not message.protected


def test_scapy_reads_ours_and_we_read_scapys() -> None:
    ours = build_clear(MAIN, (*KE, Identification(11, 17, 500, b"me"), Hash(b"h"), VendorId(b"v")))
    seen = ISAKMP(ours)
    assert (seen.init_cookie, seen.resp_cookie, seen.exch_type) == (b"initiato", b"responde", 2)
    assert seen[ISAKMP_payload_KE].ke == b"public"
    assert seen[ISAKMP_payload_Nonce].nonce == b"8 octets"
    assert seen[ISAKMP_payload_ID].IdentData == b"me"
    assert seen[ISAKMP_payload_Hash].hash == b"h"
    assert seen[ISAKMP_payload_VendorID].VendorID == b"v"
    theirs = bytes(
        ISAKMP(init_cookie=b"initiato", resp_cookie=b"responde", exch_type=2, next_payload=4)
        / ISAKMP_payload_KE(ke=b"public", next_payload=10)
        / ISAKMP_payload_Nonce(nonce=b"8 octets", next_payload=0)
    )
    assert parse_clear(theirs, parse_header(theirs)).payloads == KE
