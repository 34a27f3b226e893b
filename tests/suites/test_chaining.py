import pytest

from suites.chaining import Chained, can_chain, chained
from suites.encr import ENCR, ENCR_BY_NAME, Encr

from .test_paired import CBC, NIST_CBC, NIST_TEXT

H = bytes.fromhex
CHAINED = ("aes128", "aes192", "aes256", "3des", "des", "sm4")
ROWS = pytest.mark.parametrize("row", [ENCR_BY_NAME[n] for n in CHAINED], ids=lambda row: row.name)


def make(row: Encr) -> Chained:
    return chained(row, bytes(range(1, row.key + 1)))


def test_block_ciphers_in_cbc_mode_chain_and_nothing_else() -> None:
    assert {row.name for row in ENCR if can_chain(row)} == set(CHAINED)


@pytest.mark.parametrize(("key", "iv", "plain", "sealed"), CBC)
def test_aes_of_rfc_3602(key: str, iv: str, plain: bytes, sealed: str) -> None:
    cipher = chained(ENCR_BY_NAME["aes128"], H(key))
    assert cipher.encrypt(H(iv), plain) == H(sealed)
    assert cipher.decrypt(H(iv), H(sealed)) == plain


@pytest.mark.parametrize(("key", "sealed"), NIST_CBC)
def test_aes_of_nist_sp_800_38a(key: str, sealed: str) -> None:
    cipher = chained(ENCR_BY_NAME[f"aes{len(key) * 4}"], H(key))
    assert cipher.encrypt(bytes(range(16)), NIST_TEXT) == H(sealed)
    assert cipher.decrypt(bytes(range(16)), H(sealed)) == NIST_TEXT


def test_des_of_fips_81() -> None:
    cipher = chained(ENCR_BY_NAME["des"], H("0123456789abcdef"))
    sealed = cipher.encrypt(H("1234567890abcdef"), b"Now is the time for all ")
    assert sealed == H("e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6")


@ROWS
def test_the_block_is_the_row_s_iv(row: Encr) -> None:
    assert make(row).block == row.iv == row.block


@ROWS
def test_what_one_enciphers_the_other_deciphers(row: Encr) -> None:
    ours, theirs = make(row), make(row)
    iv = b"\5" * row.iv
    for blocks in range(5):
        plain = bytes(range(blocks * row.block))
        sealed = ours.encrypt(iv, plain)
        assert len(sealed) == len(plain)
        assert theirs.decrypt(iv, sealed) == plain
        assert blocks == 0 or sealed != plain


@ROWS
def test_the_last_block_is_the_iv_of_what_follows(row: Encr) -> None:
    cipher, iv = make(row), bytes(row.iv)
    pieces = [bytes([n]) * row.block * 2 for n in range(3)]
    found = []
    for piece in pieces:
        found.append(cipher.encrypt(iv, piece))
        iv = found[-1][-row.block :]
    assert b"".join(found) == cipher.encrypt(bytes(row.iv), b"".join(pieces))


@ROWS
def test_another_iv_changes_the_first_block_alone(row: Encr) -> None:
    cipher = make(row)
    sealed = cipher.encrypt(bytes(row.iv), bytes(4 * row.block))
    other = cipher.decrypt(b"\1" * row.iv, sealed)
    assert other == b"\1" * row.block + bytes(3 * row.block)


@ROWS
def test_half_a_block_or_half_an_iv_is_a_value_error(row: Encr) -> None:
    cipher, size = make(row), row.block
    for octets in (1, size - 1, size + 1):
        with pytest.raises(ValueError):  # noqa: PT011 - the library's own words
            cipher.encrypt(bytes(size), bytes(octets))
        with pytest.raises(ValueError):  # noqa: PT011
            cipher.decrypt(bytes(size), bytes(octets))
        with pytest.raises(ValueError):  # noqa: PT011
            cipher.encrypt(bytes(octets), bytes(size))


@ROWS
def test_a_key_of_another_length_is_a_value_error(row: Encr) -> None:
    for octets in (0, row.key - 1, row.key + 1):
        with pytest.raises(ValueError, match=f"{row.name} takes {row.key} octets of key"):
            chained(row, bytes(octets))


@pytest.mark.parametrize("name", ["aes128ctr", "aes128gcm16", "null", "chacha20poly1305"])
def test_what_does_not_chain_is_a_value_error(name: str) -> None:
    row = ENCR_BY_NAME[name]
    with pytest.raises(ValueError, match="is no block cipher in CBC mode"):
        chained(row, bytes(row.key))
