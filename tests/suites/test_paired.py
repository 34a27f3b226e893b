"""Vectors of ciphers beside a MAC.  What holds for every row is in ``test_encr``."""

import pytest

from suites.encr import ENCR_BY_NAME, sealer
from suites.integ import INTEG_BY_NAME

H = bytes.fromhex

# RFC 3602 section 4, cases 1 to 4.
CBC = [
    (
        "06a9214036b8a15b512e03d534120006",
        "3dafba429d9eb430b422da802c9fac41",
        b"Single block msg",
        "e353779c1079aeb82708942dbe77181a",
    ),
    (
        "c286696d887c9aa0611bbb3e2025a45a",
        "562e17996d093d28ddb3ba695a2e6f58",
        bytes(range(32)),
        "d296cd94c2cccf8a3a863028b5e1dc0a7586602d253cfff91b8266bea6d61ab1",
    ),
    (
        "6c3ea0477630ce21a2ce334aa746c2cd",
        "c782dc4c098c66cbd9cd27d825682c81",
        b"This is a 48-byte message (exactly 3 AES blocks)",
        "d0a02b3836451753d493665d33f0e8862dea54cdb293abc7506939276772f8d5"
        "021c19216bad525c8579695d83ba2684",
    ),
    (
        "56e47a38c5598974bc46903dba290349",
        "8ce82eefbea0da3c44699ed7db51b7d9",
        bytes(range(0xA0, 0xE0)),
        "c30e32ffedc0774e6aff6af0869f71aa0f3af07a9a31a9c684db207eb0ef8e4e"
        "35907aa632c3ffdf868bb7b29d3d46ad83ce9f9a102ee99d49a53e87f4c3da55",
    ),
]

# NIST SP 800-38A appendix F.2.3 and F.2.5: the first two blocks, IV 00 .. 0f.
NIST_TEXT = H("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
NIST_CBC = [
    (
        "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
        "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a",
    ),
    (
        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
        "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d",
    ),
]


@pytest.mark.parametrize(("key", "iv", "plain", "sealed"), CBC)
def test_aes_cbc_of_rfc_3602(key: str, iv: str, plain: bytes, sealed: str) -> None:
    cbc = sealer(ENCR_BY_NAME["aes128"], H(key), INTEG_BY_NAME["sha256"], bytes(32))
    packet = cbc.seal_with_iv(b"header", plain, H(iv))
    assert packet[:-16].hex() == iv + sealed
    assert cbc.open(b"header", packet) == plain


@pytest.mark.parametrize(("key", "sealed"), NIST_CBC)
def test_aes_cbc_of_nist_sp_800_38a(key: str, sealed: str) -> None:
    row = ENCR_BY_NAME[f"aes{len(key) * 4}"]
    cbc = sealer(row, H(key), INTEG_BY_NAME["sha256"], bytes(32))
    packet = cbc.seal_with_iv(b"header", NIST_TEXT, bytes(range(16)))
    assert packet[16:-16].hex() == sealed
    assert cbc.open(b"header", packet) == NIST_TEXT


# RFC 3686 section 6, vectors 1, 2, 3 (36 octets), 4 and 9 (keys of 192 and 256 bits):
# key, nonce, IV.
CTR = [
    (
        "ae6852f8121067cc4bf7a5765577f39e",
        "00000030",
        "0000000000000000",
        b"Single block msg",
        "e4095d4fb7a7b3792d6175a3261311b8",
    ),
    (
        "7e24067817fae0d743d6ce1f32539163",
        "006cb6db",
        "c0543b59da48d90b",
        bytes(range(32)),
        "5104a106168a72d9790d41ee8edad388eb2e1efc46da57c8fce630df9141be28",
    ),
    (
        "7691be035e5020a8ac6e618529f9a0dc",
        "00e0017b",
        "27777f3f4a1786f0",
        bytes(range(36)),
        "c1cf48a89f2ffdd9cf4652e9efdb72d74540a42bde6d7836d59a5ceaaef3105325b2072f",
    ),
    (
        "16af5b145fc9f579c175f93e3bfb0eed863d06ccfdb78515",
        "00000048",
        "36733c147d6d93cb",
        b"Single block msg",
        "4b55384fe259c9c84e7935a003cbe928",
    ),
    (
        "ff7a617ce69148e4f1726e2f43581de2aa62d9f805532edff1eed687fb54153d",
        "001cc5b7",
        "51a51d70a1c11148",
        bytes(range(36)),
        "eb6c52821d0bbbf7ce7594462aca4faab407df866569fd07f48cc0b583d6071f1ec0e6b8",
    ),
]


@pytest.mark.parametrize(("key", "nonce", "iv", "plain", "sealed"), CTR)
def test_aes_ctr_of_rfc_3686(key: str, nonce: str, iv: str, plain: bytes, sealed: str) -> None:
    row = ENCR_BY_NAME[f"aes{len(key) * 4}ctr"]
    ctr = sealer(row, H(key + nonce), INTEG_BY_NAME["sha256"], bytes(32))
    packet = ctr.seal_with_iv(b"header", plain, H(iv))
    assert packet[:-16].hex() == iv + sealed
    assert ctr.seal(b"header", plain, int(iv, 16)) == packet
    assert ctr.open(b"header", packet) == plain
    for length in (0, 7, 9):
        with pytest.raises(ValueError, match="8 octets"):
            ctr.seal_with_iv(b"header", plain, bytes(length))


def test_des_is_triple_des_with_one_key() -> None:
    # FIPS 81 table C1: DES in CBC mode.
    des = sealer(ENCR_BY_NAME["des"], H("0123456789abcdef"), INTEG_BY_NAME["md5"], bytes(16))
    packet = des.seal_with_iv(b"", b"Now is the time for all ", H("1234567890abcdef"))
    assert packet[8:-12].hex() == "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6"


def test_triple_des_of_nist_sp_800_67_appendix_b() -> None:
    key = H("0123456789abcdef" + "23456789abcdef01" + "456789abcdef0123")
    row = ENCR_BY_NAME["3des"]
    for plain, sealed in (
        ("5468652071756663", "a826fd8ce53b855f"),
        ("6b2062726f776e20", "cce21c8112256fe6"),
        ("666f78206a756d70", "68d5c05dd9b6b900"),
    ):
        # One block with an IV of zeros is the block by itself (ECB, as the publication has it).
        ecb = sealer(row, key, INTEG_BY_NAME["sha1"], bytes(20))
        assert ecb.seal_with_iv(b"", H(plain), bytes(8))[8:-12].hex() == sealed


@pytest.mark.parametrize("name", ["aes128", "aes128ctr", "null"])
def test_the_hmac_covers_header_iv_ciphertext_and_upper_half_in_this_order(name: str) -> None:
    integ, row = INTEG_BY_NAME["sha256"], ENCR_BY_NAME[name]
    ours = sealer(row, bytes(row.keymat), integ, b"k" * 32)
    packet = ours.seal(b"header", bytes(32), 1, b"high")
    mac = integ.mac(b"k" * 32)
    mac.update(b"header" + packet[:-16] + b"high")
    assert packet[-16:] == mac.finalize()[:16]


def test_a_cbc_iv_never_repeats_nor_counts() -> None:
    cbc = sealer(ENCR_BY_NAME["aes128"], bytes(16), INTEG_BY_NAME["sha1"], bytes(20))
    assert len({cbc.seal(b"", bytes(16), 7)[:16] for _ in range(100)}) == 100


def test_octets_short_of_a_block_are_refused_and_spoil_nothing() -> None:
    integ = INTEG_BY_NAME["sha1"]
    cbc = sealer(ENCR_BY_NAME["aes128"], bytes(16), integ, bytes(20))
    for length in (0, 1, 15, 17):
        with pytest.raises(ValueError, match="whole blocks"):
            cbc.seal(b"", bytes(length), 1)
        with pytest.raises(ValueError, match="whole blocks"):
            cbc.seal_with_iv(b"", bytes(length), bytes(16))
    for length in (0, 15, 17):
        with pytest.raises(ValueError, match="IV"):
            cbc.seal_with_iv(b"", bytes(16), bytes(length))
    assert cbc.open(b"", cbc.seal(b"", b"sixteen octets!!", 2)) == b"sixteen octets!!"
