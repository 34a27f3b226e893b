"""Vectors of each mode.  What holds for every row is in ``test_encr``."""

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from suites.encr import ENCR_BY_NAME
from suites.encr import sealer as sealer_of
from suites.sealers import (
    CounterAead,
    IntegrityError,
    aes_ccm,
    aes_gcm,
    aes_gcm_short,
    aes_gmac,
    chacha20_poly1305,
)

H = bytes.fromhex

CHACHA_KEYMAT = bytes(range(0x80, 0xA4))
CHACHA_IV = H("1011121314151617")
# RFC 7634 appendix A (an ESP packet) and appendix B (an IKE message).
CHACHA_ESP_HEADER = H("0102030400000005")
CHACHA_ESP_PLAIN = H(
    "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec10"
    "0007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"
    "2425262728292a2b2c2d2e2f303132333435363701020204"
)
CHACHA_ESP_SEALED = CHACHA_IV + H(
    "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6"
    "14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3"
    "cbec163fac469b502773f6fb94e664da9165b82829f641e0"
    "76aaa8266b7fb0f7b11b369907e1ad43"
)
CHACHA_IKE_HEADER = H("c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000004529000029")
CHACHA_IKE_PLAIN = H("0000000c000040010000000a00")
CHACHA_IKE_SEALED = CHACHA_IV + H("610394701f8d017f7c12924889" + "6b71bfe25236efd7cdc67066906315b2")


@pytest.mark.parametrize(
    ("header", "plain", "sealed"),
    [
        pytest.param(CHACHA_ESP_HEADER, CHACHA_ESP_PLAIN, CHACHA_ESP_SEALED, id="esp"),
        pytest.param(CHACHA_IKE_HEADER, CHACHA_IKE_PLAIN, CHACHA_IKE_SEALED, id="ike"),
    ],
)
def test_chacha20_poly1305_of_rfc_7634(header: bytes, plain: bytes, sealed: bytes) -> None:
    chacha = chacha20_poly1305(CHACHA_KEYMAT)
    assert chacha.seal_with_iv(header, plain, CHACHA_IV) == sealed
    assert chacha.seal(header, plain, int.from_bytes(CHACHA_IV, "big")) == sealed
    assert chacha.open(header, sealed) == plain


def test_aes_gcm_with_extended_sequence_number_puts_the_upper_half_in_the_middle() -> None:
    # draft-mcgrew-gcm-test-01, the DNS query; associated data 00004321 87654321 00000000.
    gcm = aes_gcm(H("4c80cdefbb5d10da906ac73c3613a634" + "2e443b68"))
    plain = H(
        "45000048699a000080114db7c0a80102c0a801010a9bf15638d3010000010000"
        "00000000045f736970045f756470037369700963796265726369747902646b00"
        "0021000101020201"
    )
    sealed = H(
        "4956ed7e3b244cfe"
        "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34"
        "cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce"
        "61bc17d768fd9732"
        "459018148f6cbe722fd04796562dfdb4"
    )
    # SPI and lower half as they stand on the wire; the upper half goes between them.
    header, upper = H("0000432100000000"), H("87654321")
    assert gcm.seal_with_iv(header, plain, sealed[:8], upper) == sealed
    assert gcm.open(header, sealed, upper) == plain
    with pytest.raises(IntegrityError):
        gcm.open(header, sealed)


@pytest.mark.parametrize("icv", [8, 12])
def test_a_short_gcm_is_the_long_one_cut(icv: int) -> None:
    long, short = aes_gcm(bytes(range(20))), aes_gcm_short(icv)(bytes(range(20)))
    for upper in (b"", b"high"):
        sealed = long.seal(b"8 octets", bytes(range(100)), 7, upper)
        assert short.seal(b"8 octets", bytes(range(100)), 7, upper) == sealed[: icv - 16]
        assert (
            short.seal_with_iv(b"8 octets", bytes(range(100)), sealed[:8], upper)
            == (sealed[: icv - 16])
        )
        assert short.open(b"8 octets", sealed[: icv - 16], upper) == bytes(range(100))
        with pytest.raises(IntegrityError):
            short.open(b"8 octets", sealed, upper)


def test_gmac_is_gcm_without_a_plaintext() -> None:
    # RFC 4543 section 3: header, IV and payload are all associated data.
    gmac, gcm = aes_gmac(bytes(range(20))), aes_gcm(bytes(range(20)))
    iv = bytes(7) + b"\5"
    packet = gmac.seal(b"spi.seq.", b"plain as day", 5, b"high")
    assert packet[:-16] == iv + b"plain as day"
    icv = gcm.seal(b"spi.highseq." + iv + b"plain as day", b"", 5)[8:]
    assert packet[-16:] == icv


def test_ccm_of_rfc_3610_by_hand() -> None:
    """Each step of RFC 3610 section 2 from single blocks, with the nonce of RFC 4309."""
    keymat, header, iv, plain = bytes(range(19)), b"8 octets", b"abcdefgh", bytes(range(90, 130))
    block = Cipher(AES(keymat[:16]), modes.ECB()).encryptor().update  # noqa: S305 - of one block

    def add(one: bytes, other: bytes) -> bytes:
        return bytes(a ^ b for a, b in zip(one, other, strict=False))

    nonce = keymat[16:] + iv
    for icv in (8, 12, 16):
        flags = bytes((0x40 | (icv - 2) // 2 << 3 | 3,))
        text = flags + nonce + len(plain).to_bytes(4, "big")
        text += (len(header).to_bytes(2, "big") + header).ljust(16, b"\0")
        text += plain.ljust(-(-len(plain) // 16) * 16, b"\0")
        mac = bytes(16)
        for at in range(0, len(text), 16):
            mac = block(add(mac, text[at : at + 16]))
        stream = b"".join(block(b"\3" + nonce + n.to_bytes(4, "big")) for n in range(4))
        sealed = iv + add(plain, stream[16:]) + add(mac, stream)[:icv]
        assert aes_ccm(icv)(keymat).seal_with_iv(header, plain, iv) == sealed


def test_a_counter_is_the_iv() -> None:
    gcm = aes_gcm(bytes(20))
    assert gcm.seal(b"", b"", 2**64 - 1)[:8] == b"\xff" * 8
    with pytest.raises(OverflowError):
        gcm.seal(b"", b"", 2**64)
    for length in (0, 7, 9):
        with pytest.raises(ValueError, match="8 octets"):
            gcm.seal_with_iv(b"", b"", bytes(length))


@pytest.mark.parametrize("name", ["aes128gcm16", "aes256ccm8", "chacha20poly1305"])
def test_rows_are_sealed_as_one_by_one_and_one_bad_row_is_told(name: str) -> None:
    row = ENCR_BY_NAME[name]
    sealer = sealer_of(row, bytes(range(row.keymat)))
    if not isinstance(sealer, CounterAead):
        raise TypeError(name)
    heads = [bytes(7) + bytes((n,)) for n in range(5)]
    plains = [bytes((n,)) * 40 for n in range(5)]
    nonces = [sealer.salt + n.to_bytes(8, "big") for n in range(5)]
    out = bytearray(5 * (40 + row.icv))
    outs = [memoryview(out)[n * (40 + row.icv) :][: 40 + row.icv] for n in range(5)]
    sealer.seal_rows(nonces, plains, heads, outs)
    for n in range(5):
        assert sealer.seal(heads[n], plains[n], n)[8:] == outs[n]
    back = [memoryview(bytearray(40)) for _ in range(5)]
    sealer.open_rows(nonces, outs, heads, back)
    assert [bytes(one) for one in back] == plains
    out[-1] ^= 1
    with pytest.raises(IntegrityError):
        sealer.open_rows(nonces, outs, heads, back)
