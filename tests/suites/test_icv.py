"""What fills AH's ICV field: MACs by the library's own functions, AES-GMAC by NIST's vectors."""

import hmac

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from hypothesis import given
from hypothesis import strategies as st

from suites.icv import GmacIcv, Icv, MacIcv
from suites.integ import INTEG, INTEG_BY_NAME, Integ

H = bytes.fromhex
ROWS = pytest.mark.parametrize("row", INTEG, ids=lambda row: row.name)


def icv(row: Integ) -> Icv:
    return row.for_ah(bytes(range(row.key)))


@ROWS
def test_what_one_end_makes_the_other_knows(row: Integ) -> None:
    ours, theirs = icv(row), icv(row)
    for counter in (1, 2, 2**32, 2**64 - 1):
        field = ours.make(b"before", b"after", counter)
        assert len(field) == ours.size == row.icv
        assert theirs.is_of(field, b"before", b"after")


@ROWS
def test_an_octet_changed_anywhere_is_noticed(row: Integ) -> None:
    one = icv(row)
    field = one.make(b"before", b"after", 7)
    for at in range(len(field)):
        forged = bytearray(field)
        forged[at] ^= 1 << at % 8
        assert not one.is_of(bytes(forged), b"before", b"after")
    assert not one.is_of(field, b"Before", b"after")
    assert not one.is_of(field, b"before", b"aftes")


def test_a_mac_covers_what_is_before_zeros_for_itself_and_what_is_after() -> None:
    row = INTEG_BY_NAME["sha256"]
    key = bytes(range(32))
    whole = hmac.digest(key, b"before" + bytes(16) + b"after", "sha256")
    assert isinstance(icv(row), MacIcv)
    assert icv(row).make(b"before", b"after", 9) == whole[:16]


@given(st.sampled_from([16, 24, 32]), st.binary(max_size=80), st.binary(max_size=200),
       st.integers(0, 2**64 - 1))  # fmt: skip
def test_gmac_is_gcm_of_nothing_by_the_lower_door(
    key: int, before: bytes, after: bytes, counter: int
) -> None:
    """RFC 4543: nonce of salt and IV, associated data with zeros in the field's place."""
    secret, salt = bytes(range(key)), b"salt"
    field = GmacIcv(secret + salt).make(before, after, counter)
    iv, tag = field[:8], field[8:]
    assert iv == counter.to_bytes(8, "big")
    context = Cipher(AES(secret), modes.GCM(salt + iv)).encryptor()
    context.authenticate_additional_data(before + bytes(24) + after)
    assert context.update(b"") + context.finalize() == b""
    assert context.tag == tag


def test_gmac_without_a_packet_is_the_first_case_of_gcm() -> None:
    """The GCM specification's test case 1 with the field's zeros taken in: GHASH by hand."""
    key, nonce = bytes(16), bytes(12)
    block = Cipher(AES(key), modes.ECB()).encryptor().update  # noqa: S305 - one block at a time
    h = int.from_bytes(block(bytes(16)), "big")
    assert h == int("66e94bd4ef8a2c3b884cfa59ca342b2e", 16)  # the specification's H
    mask = int.from_bytes(block(nonce + b"\0\0\0\1"), "big")
    assert mask == int("58e2fccefa7e3061367f1d57a4e7455a", 16)  # its T, of nothing at all
    text = b"\x05" * 40
    told = bytes(24) + text  # 64 octets: four blocks, then the lengths in bits
    hashed = 0
    for at in range(0, 64, 16):
        hashed = _times(hashed ^ int.from_bytes(told[at : at + 16], "big"), h)
    hashed = _times(hashed ^ (64 * 8 << 64), h)
    field = GmacIcv(bytes(20)).make(b"", text, 0)
    assert field == bytes(8) + (hashed ^ mask).to_bytes(16, "big")


def _times(x: int, y: int) -> int:
    """Multiply in GF(2^128) as SP 800-38D section 6.3 does."""
    z = 0
    for at in range(127, -1, -1):
        if x >> at & 1:
            z ^= y
        y = y >> 1 ^ (0xE1 << 120) * (y & 1)
    return z
