"""SM4 and SM3 against the values of the standards that name them.  Rows: ``test_encr``."""

import hashlib

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.hashes import SM3, Hash

from suites.encr import ENCR_BY_NAME, sealer
from suites.integ import INTEG_BY_NAME
from suites.sealers import IntegrityError
from suites.shangmi import Sm4Gcm, hmac_sm3

H = bytes.fromhex
KEY = H("0123456789abcdeffedcba9876543210")

# RFC 8998 appendix A.1; its nonce is 12 octets, of which ours are salt and IV.
NONCE = H("00001234567800000000abcd")
HEADER = H("feedfacedeadbeeffeedfacedeadbeefabaddad2")
PLAIN = b"".join(bytes((octet,)) * 8 for octet in H("aabbccddeeffeeaa"))
SEALED = H(
    "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
    "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
)
ICV = H("83de3541e4c2b58177e065a9bf7b62ec")


def test_sm4_of_gb_t_32907_appendix_a_1() -> None:
    """One block, key and plaintext alike; with an IV of zeros CBC's first block is the cipher's."""
    row, integ = ENCR_BY_NAME["sm4"], INTEG_BY_NAME["sm3"]
    packet = sealer(row, KEY, integ, bytes(32)).seal_with_iv(b"", KEY, bytes(16))
    assert packet[16:-16].hex() == "681edf34d206965e86b3e94f536e4246"


def test_sm4_of_gb_t_32907_appendix_a_2() -> None:
    """The block encrypted a million times; here in one go, each by the context before."""
    block, context = KEY, Cipher(SM4(KEY), modes.ECB()).encryptor()  # noqa: S305 - as it says
    for _ in range(1_000_000):
        block = context.update(block)
    assert block.hex() == "595298c7c6fd271f0402f804c33d3f66"


def test_sm4_cbc_chains() -> None:
    """The second block's input is the first one's output added: SP 800-38A section 6.2."""
    row, integ = ENCR_BY_NAME["sm4"], INTEG_BY_NAME["sm3"]
    one = Cipher(SM4(KEY), modes.ECB()).encryptor().update  # noqa: S305 - a block at a time
    first = one(KEY)
    second = one(bytes(a ^ b for a, b in zip(first, bytes(range(16)), strict=True)))
    packet = sealer(row, KEY, integ, bytes(32)).seal_with_iv(b"", KEY + bytes(range(16)), bytes(16))
    assert packet[16:-16] == first + second


def test_sm4_gcm_of_rfc_8998() -> None:
    gcm = sealer(ENCR_BY_NAME["sm4gcm16"], KEY + NONCE[:4])
    packet = gcm.seal_with_iv(HEADER, PLAIN, NONCE[4:])
    assert packet == NONCE[4:] + SEALED + ICV
    assert gcm.open(HEADER, packet) == PLAIN
    # with an upper half, it goes where RFC 4106 section 5 has it
    again = gcm.seal_with_iv(HEADER[:4] + HEADER[8:], PLAIN, NONCE[4:], HEADER[4:8])
    assert again == packet
    assert gcm.open(HEADER[:4] + HEADER[8:], packet, HEADER[4:8]) == PLAIN


def test_an_iv_has_8_octets_and_a_packet_room_for_it() -> None:
    gcm = Sm4Gcm(KEY, b"salt")
    for length in (0, 7, 9):
        with pytest.raises(ValueError, match="8 octets"):
            gcm.seal_with_iv(HEADER, PLAIN, bytes(length))
    with pytest.raises(IntegrityError, match="shorter"):
        gcm.open(HEADER, bytes(23))


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
)
def test_sm3_of_gb_t_32905_appendix_a(text: bytes, digest: str) -> None:
    context = Hash(SM3())
    context.update(text)
    assert context.finalize().hex() == digest
    assert hashlib.new("sm3", text).hexdigest() == digest  # what test_prf builds its HMAC of


def test_hmac_sm3_keeps_the_first_half_for_packets() -> None:
    row = INTEG_BY_NAME["sm3"]
    mac = row.mac(b"k" * 32)
    mac.update(b"text")
    whole = mac.finalize()
    assert whole == hmac_sm3(b"k" * 32, b"text")
    field = sealer(ENCR_BY_NAME["null"], b"", row, b"k" * 32).seal(b"te", b"xt", 1)
    assert field == b"xt" + whole[:16]
