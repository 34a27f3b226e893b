"""Every key, HASH and IV beside the formula of RFC 2409, written out with nothing of ours."""

import hashlib
import hmac
from dataclasses import replace
from typing import NamedTuple

import pytest

from ikecore.child import Keys
from ikecore.keywords import parse_proposal
from ikecore.proposals import Protocol, Suite, choose
from ikev1 import keys as made
from ikev1.keys import Keys1, WeakKey
from suites.chaining import chained
from suites.encr import ENCR_BY_NAME, NULL
from suites.integ import INTEG_BY_NAME
from suites.prf import PRF_BY_NAME
from suites.secret import Secret

PSK = b"the quick brown key"
NONCES = (b"Ni" * 8, b"Nr" * 16)
SHARED = bytes(range(128))
COOKIES = (b"CKY-I\1\2\3", b"CKY-R\4\5\6")
PUBLICS = (b"\xa1" * 128, b"\xb2" * 128)
SA_BODY = bytes.fromhex("00000001000000010000000c0001000000000000")
IDS = (b"\1\x11\1\xf4\xc0\0\2\1", b"\1\x11\1\xf4\xc0\0\2\2")
MESSAGE_ID = 0x89ABCDEF
M_ID = bytes.fromhex("89abcdef")


class Case(NamedTuple):
    """A suite, its cipher's key and block in octets, and its hash."""

    keywords: str
    key: int
    block: int
    name: str


SUITES = (
    Case("des-md5-modp768", 8, 8, "md5"),
    Case("3des-md5-modp1024", 24, 8, "md5"),  # 24 of 16: appendix B
    Case("3des-sha1-modp1024", 24, 8, "sha1"),  # 24 of 20
    Case("aes128-md5-modp1024", 16, 16, "md5"),  # just enough
    Case("aes128-sha1-modp1536", 16, 16, "sha1"),
    Case("aes192-sha1-modp2048", 24, 16, "sha1"),
    Case("aes256-md5-modp2048", 32, 16, "md5"),  # two rounds, whole
    Case("aes256-sha1-modp2048", 32, 16, "sha1"),  # two rounds, cut
    Case("aes256-sha256-modp2048", 32, 16, "sha256"),
    Case("aes256-sha384-ecp384", 32, 16, "sha384"),
    Case("aes128-sha512-ecp256", 16, 16, "sha512"),
)
EACH = pytest.mark.parametrize("case", SUITES, ids=lambda case: case.keywords)


def phase1(keywords: str) -> Suite:
    proposal = parse_proposal(keywords, Protocol.IKE)
    found = choose((proposal,), (proposal,))
    assert found is not None
    return found[0]


def esp(keywords: str, protocol: Protocol = Protocol.ESP) -> Suite:
    proposal = parse_proposal(keywords, protocol)
    found = choose((proposal,), (proposal,))
    assert found is not None
    return found[0]


def keys_of(keywords: str) -> Keys1:
    return made.derive(phase1(keywords), Secret(PSK), NONCES, SHARED, COOKIES, PUBLICS)


def by_hand(name: str) -> tuple[bytes, bytes, bytes, bytes]:
    """Return SKEYID, SKEYID_d, SKEYID_a, SKEYID_e as sections 5 and 5.4 have them."""
    skeyid = hmac.digest(PSK, NONCES[0] + NONCES[1], name)
    d = hmac.digest(skeyid, SHARED + COOKIES[0] + COOKIES[1] + bytes([0]), name)
    a = hmac.digest(skeyid, d + SHARED + COOKIES[0] + COOKIES[1] + bytes([1]), name)
    e = hmac.digest(skeyid, a + SHARED + COOKIES[0] + COOKIES[1] + bytes([2]), name)
    return skeyid, d, a, e


def hashed(name: str, data: bytes) -> bytes:
    return hashlib.new(name, data, usedforsecurity=False).digest()


@EACH
def test_skeyid_and_what_comes_of_it(case: Case) -> None:
    keys = keys_of(case.keywords)
    named = {what: secret.reveal() for what, secret in keys.named}
    assert tuple(named) == ("SKEYID", "SKEYID_d", "SKEYID_a", "SKEYID_e", "Ka")
    skeyid, d, a, e = by_hand(case.name)
    assert tuple(named.values())[:4] == (skeyid, d, a, e)
    assert (keys.skeyid, keys.derive, keys.auth) == (Secret(skeyid), Secret(d), Secret(a))
    assert len(named["Ka"]) == case.key
    assert keys.encr.reveal() == named["Ka"]
    assert keys.cipher.block == case.block


@EACH
def test_the_cipher_s_key_by_appendix_b(case: Case) -> None:
    e = by_hand(case.name)[3]
    expected = e
    if len(e) < case.key:  # K1 = prf(SKEYID_e, 0), K2 = prf(SKEYID_e, K1), ...
        k1 = hmac.digest(e, bytes([0]), case.name)
        k2 = hmac.digest(e, k1, case.name)
        expected = k1 + k2
    assert keys_of(case.keywords).encr.reveal() == expected[: case.key]


@EACH
def test_the_first_iv_of_phase_1(case: Case) -> None:
    assert keys_of(case.keywords).iv == hashed(case.name, PUBLICS[0] + PUBLICS[1])[: case.block]


@EACH
def test_the_iv_of_phase_2_is_of_that_exchange(case: Case) -> None:
    last = bytes(range(case.block))
    found = made.phase2_iv(keys_of(case.keywords), last, MESSAGE_ID)
    assert found == hashed(case.name, last + M_ID)[: case.block]


@EACH
def test_hash_i_and_hash_r(case: Case) -> None:
    keys, skeyid = keys_of(case.keywords), by_hand(case.name)[0]
    (gxi, gxr), (cky_i, cky_r), (idii, idir) = PUBLICS, COOKIES, IDS
    hash_i = hmac.digest(skeyid, gxi + gxr + cky_i + cky_r + SA_BODY + idii, case.name)
    hash_r = hmac.digest(skeyid, gxr + gxi + cky_r + cky_i + SA_BODY + idir, case.name)
    assert made.hash_i(keys, PUBLICS, COOKIES, SA_BODY, idii) == hash_i
    assert made.hash_r(keys, PUBLICS, COOKIES, SA_BODY, idir) == hash_r


@EACH
def test_the_hashes_of_quick_mode(case: Case) -> None:
    keys, skeyid_a, rest = keys_of(case.keywords), by_hand(case.name)[2], b"SA, nonce and all that"
    ni, nr = NONCES
    assert made.quick_hash1(keys, MESSAGE_ID, rest) == hmac.digest(skeyid_a, M_ID + rest, case.name)
    hash2 = hmac.digest(skeyid_a, M_ID + ni + rest, case.name)
    assert made.quick_hash2(keys, MESSAGE_ID, ni, rest) == hash2
    hash3 = hmac.digest(skeyid_a, bytes([0]) + M_ID + ni + nr, case.name)
    assert made.quick_hash3(keys, MESSAGE_ID, NONCES) == hash3


@EACH
def test_the_hash_of_an_informational(case: Case) -> None:
    expected = hmac.digest(by_hand(case.name)[2], M_ID + b"Delete", case.name)
    assert made.informational_hash(keys_of(case.keywords), MESSAGE_ID, b"Delete") == expected


@EACH
def test_nat_d_has_the_negotiated_hash(case: Case) -> None:
    data = b"".join(COOKIES) + bytes([192, 0, 2, 1]) + bytes([1, 244])
    assert made.plain_hash(phase1(case.keywords), data) == hashed(case.name, data)


@pytest.mark.parametrize("shared", [b"", b"\x5a" * 128], ids=["without PFS", "PFS"])
@EACH
def test_keymat(case: Case, shared: bytes) -> None:
    keys, skeyid_d, spi = keys_of(case.keywords), by_hand(case.name)[1], b"\xc0\1\2\3"
    seed = shared + bytes([3]) + spi + NONCES[0] + NONCES[1]
    k1 = hmac.digest(skeyid_d, seed, case.name)
    k2 = hmac.digest(skeyid_d, k1 + seed, case.name)
    k3 = hmac.digest(skeyid_d, k2 + seed, case.name)
    for octets in (1, 16, len(k1), len(k1) + 1, 2 * len(k1) + 5):
        found = made.keymat(keys, 3, spi, NONCES, octets, shared)
        assert found == (k1 + k2 + k3)[:octets]


# What a row takes of KEYMAT: key and salt, then the key of the integrity algorithm.
CHILDREN = (
    ("aes128-sha1", 16, 20),
    ("aes256-sha512", 32, 64),
    ("3des-md5", 24, 16),
    ("aes128gcm16", 20, 0),
    ("aes256ccm12", 35, 0),
    ("aes192ctr-sha256", 28, 32),
    ("null-sha256", 0, 32),
)


@pytest.mark.parametrize(("keywords", "encr", "integ"), CHILDREN, ids=[row[0] for row in CHILDREN])
def test_each_direction_has_the_keymat_of_its_own_spi(keywords: str, encr: int, integ: int) -> None:
    keys, shared = keys_of("aes128-sha1-modp1024"), b"\x77" * 128
    found = made.child_keys(keys, esp(keywords), (0xC0010203, 0xD0040506), NONCES, shared)
    for direction, spi in zip(found, ("c0010203", "d0040506"), strict=True):
        whole = made.keymat(keys, 3, bytes.fromhex(spi), NONCES, encr + integ, shared)
        assert direction == Keys(Secret(whole[:encr]), Secret(whole[encr:]))
        assert len(direction.encr) + len(direction.integ) == encr + integ


def test_the_two_ends_of_a_child_meet() -> None:
    keys, suite = keys_of("aes128-sha1-modp1024"), esp("aes128-sha1")
    inbound, outbound = made.child_keys(keys, suite, (256, 257), NONCES)
    assert made.child_keys(keys, suite, (257, 256), NONCES) == (outbound, inbound)
    assert inbound.encr != outbound.encr
    assert inbound.integ != outbound.integ


def test_ah_has_keymat_of_its_own_protocol_number() -> None:
    keys, suite = keys_of("aes128-sha1-modp1024"), esp("sha256", Protocol.AH)
    inbound, _ = made.child_keys(keys, suite, (256, 257), NONCES)
    assert inbound.encr.reveal() == b""
    assert inbound.integ.reveal() == made.keymat(keys, 2, b"\0\0\1\0", NONCES, 32)


def test_a_child_of_no_such_protocol_is_a_value_error() -> None:
    keys = keys_of("aes128-sha1-modp1024")
    with pytest.raises(ValueError, match="ESP or AH"):
        made.child_keys(keys, Suite(1, NULL), (256, 257), NONCES)


def test_an_sa_keeps_only_what_it_needs_for_life() -> None:
    keys = keys_of("aes128-sha1-modp1024")
    kept = keys.kept()
    assert (kept.derive, kept.auth, kept.encr) == (keys.derive, keys.auth, keys.encr)
    assert (kept.skeyid, kept.iv, kept.named) == (Secret(b""), b"", ())
    assert kept.cipher == keys.cipher or kept.cipher.block == keys.cipher.block


def test_no_key_is_printed() -> None:
    keys = keys_of("aes128-sha1-modp1024")
    for _, secret in keys.named:
        assert secret.reveal().hex() not in repr(keys)
        assert repr(secret.reveal()) not in repr(keys)


def test_what_one_end_enciphers_the_other_deciphers() -> None:
    ours, theirs = keys_of("aes256-sha1-modp1024"), keys_of("aes256-sha1-modp1024")
    sealed = ours.cipher.encrypt(ours.iv, bytes(64))
    assert theirs.cipher.decrypt(theirs.iv, sealed) == bytes(64)


def test_another_psk_gives_other_keys_in_everything() -> None:
    suite = phase1("aes128-sha1-modp1024")
    one, other = (
        made.derive(suite, Secret(psk), NONCES, SHARED, COOKIES, PUBLICS) for psk in (b"a", b"b")
    )
    assert one.iv == other.iv  # of the public values alone
    for (_, mine), (_, yours) in zip(one.named, other.named, strict=True):
        assert mine != yours


def test_hashes_are_compared_whole() -> None:
    assert made.is_hash_good(b"1234", b"1234")
    assert not made.is_hash_good(b"1234", b"1235")
    assert not made.is_hash_good(b"1234", b"123")
    assert not made.is_hash_good(b"1234", b"")


WEAK = (  # keys that are their own inverse, and pairs of keys that are each other's
    ("0101010101010101", "0101010101010101"),
    ("fefefefefefefefe", "fefefefefefefefe"),
    ("1f1f1f1f0e0e0e0e", "1f1f1f1f0e0e0e0e"),
    ("e0e0e0e0f1f1f1f1", "e0e0e0e0f1f1f1f1"),
    ("01fe01fe01fe01fe", "fe01fe01fe01fe01"),
    ("1fe01fe00ef10ef1", "e01fe01ff10ef10e"),
    ("01e001e001f101f1", "e001e001f101f101"),
    ("1ffe1ffe0efe0efe", "fe1ffe1ffe0efe0e"),
    ("011f011f010e010e", "1f011f010e010e01"),
    ("e0fee0fef1fef1fe", "fee0fee0fef1fef1"),
)


@pytest.mark.parametrize(("key", "inverse"), WEAK)
def test_weak_keys_undo_themselves_or_each_other(key: str, inverse: str) -> None:
    one, other = (chained(ENCR_BY_NAME["des"], bytes.fromhex(text)) for text in (key, inverse))
    assert other.encrypt(bytes(8), one.encrypt(bytes(8), b"8 octets")) == b"8 octets"
    for text in (key, inverse):
        plain = bytes.fromhex(text)
        assert made.is_weak(plain)
        assert made.is_weak(bytes(octet ^ 1 for octet in plain))  # the parity is no part of it
        assert not made.is_weak(bytes(octet ^ 2 for octet in plain))


def test_a_des_key_of_chance_is_not_weak() -> None:
    assert not made.is_weak(keys_of("des-md5-modp768").encr.reveal())


def test_a_weak_key_ends_the_negotiation() -> None:
    def zeros(key: bytes, data: bytes) -> bytes:  # noqa: ARG001 - a PRF that chance plays with
        return b"\1" * 16

    prf = replace(PRF_BY_NAME["prfmd5"], function=zeros)
    des = replace(phase1("des-md5-modp768"), prf=prf)
    with pytest.raises(WeakKey):
        made.derive(des, Secret(PSK), NONCES, SHARED, COOKIES, PUBLICS)
    other = replace(des, encr=ENCR_BY_NAME["aes128"])
    assert made.derive(other, Secret(PSK), NONCES, SHARED, COOKIES, PUBLICS).encr.reveal()


def test_a_suite_without_a_hash_is_a_value_error() -> None:
    suite = Suite(1, ENCR_BY_NAME["aes128"], INTEG_BY_NAME["sha1"])
    with pytest.raises(ValueError, match="has a hash"):
        made.plain_hash(suite, b"")
