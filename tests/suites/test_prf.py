import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suites.prf import PRF, PRF_BY_ID, PRF_BY_NAME, PRF_OF_INTEG, Prf

# RFC 2202 (MD5, SHA-1), RFC 4231 (SHA-2), RFC 4434 (XCBC), RFC 4615 (CMAC): key, text, digests.
JEFE = (b"Jefe", b"what do ya want for nothing?")
LONG = (b"\xaa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First")
ALPHA = (bytes(range(1, 26)), b"\xcd" * 50)

RFC_2202 = {
    "prfmd5": {
        JEFE: "750c783e6ab0b503eaa86e310a5db738",
        ALPHA: "697eaf0aca3a3aea3a75164746ffaa79",
        (b"\xaa" * 80, LONG[1]): "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd",
    },
    "prfsha1": {
        JEFE: "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        ALPHA: "4c9007f4026250c6bc8414f9bf50c86c2d7235da",
        (b"\xaa" * 80, LONG[1]): "aa4ae5e15272d00e95705637ce8a3b55ed402112",
    },
}
RFC_4231 = {
    "prfsha256": {
        (b"\x0b" * 20, b"Hi There"): (
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        JEFE: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        (b"\xaa" * 20, b"\xdd" * 50): (
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        ALPHA: "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        LONG: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    },
    "prfsha384": {
        (b"\x0b" * 20, b"Hi There"): (
            "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
            "faea9ea9076ede7f4af152e8b2fa9cb6"
        ),
        JEFE: (
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
            "8e2240ca5e69e2c78b3239ecfab21649"
        ),
        LONG: (
            "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6"
            "0c2ef6ab4030fe8296248df163f44952"
        ),
    },
    "prfsha512": {
        (b"\x0b" * 20, b"Hi There"): (
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
            "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"
        ),
        JEFE: (
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
            "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
        ),
        LONG: (
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
            "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"
        ),
    },
}
TWENTY = bytes(range(20))
RFC_4434 = {
    (bytes(range(16)), TWENTY): "47f51b4564966215b8985c63055ed308",
    (bytes(range(10)), TWENTY): "0fa087af7d866e7653434e602fdde835",
    (bytes(range(16)) + b"\xed\xcb", TWENTY): "8cd3c93ae598a9803006ffb67c40e9e4",
}
RFC_4615 = {
    (bytes(range(16)) + b"\xed\xcb", TWENTY): "84a348a4a45d235babfffc0d2b4da09a",
    (bytes(range(16)), TWENTY): "980ae87b5f4c9c5214f5b6a8455e4c2d",
    (bytes(range(10)), TWENTY): "290d9e112edb09ee141fcf64c0b72f3d",
}
AES_RFCS = {"prfaesxcbc": RFC_4434, "prfaescmac": RFC_4615}
CASES = [
    pytest.param(name, key, text, digest, id=f"{name}-{number}")
    for name, cases in (RFC_2202 | RFC_4231 | AES_RFCS).items()
    for number, ((key, text), digest) in enumerate(cases.items())
]


@pytest.mark.parametrize(("name", "key", "text", "digest"), CASES)
def test_a_digest_is_the_rfcs(name: str, key: bytes, text: bytes, digest: str) -> None:
    assert PRF_BY_NAME[name].digest(key, text).hex() == digest


def hmac_by_hand(name: str, key: bytes, text: bytes) -> bytes:
    """RFC 2104 section 2 from plain hashes: shares nothing with the code under test."""
    block = hashlib.new(name).block_size
    if len(key) > block:
        key = hashlib.new(name, key).digest()
    key = key.ljust(block, b"\0")
    inner = hashlib.new(name, bytes(octet ^ 0x36 for octet in key) + text).digest()
    return hashlib.new(name, bytes(octet ^ 0x5C for octet in key) + inner).digest()


@pytest.mark.parametrize("row", PRF, ids=lambda row: row.name)
@given(key=st.binary(max_size=200), seed=st.binary(max_size=100), octets=st.integers(0, 400))
@settings(max_examples=25, deadline=None)
def test_prf_plus_chains_its_blocks(row: Prf, key: bytes, seed: bytes, octets: int) -> None:
    stream = block = b""
    counter = 0
    while len(stream) < octets:
        counter += 1
        text = block + seed + counter.to_bytes(1, "big")
        # for AES the vectors above have to do
        block = (
            row.digest(key, text) if "aes" in row.name else hmac_by_hand(row.name[3:], key, text)
        )
        stream += block
    assert row.plus(key, seed, octets) == stream[:octets]


@pytest.mark.parametrize("row", PRF, ids=lambda row: row.name)
def test_prf_plus_ends_where_its_counter_does(row: Prf) -> None:
    assert len(row.plus(b"k", b"s", 255 * row.key)) == 255 * row.key
    for octets in (255 * row.key + 1, 1 << 40, -1):
        with pytest.raises(ValueError, match="at most"):
            row.plus(b"k", b"s", octets)


@pytest.mark.parametrize("row", PRF, ids=lambda row: row.name)
def test_the_tables_agree(row: Prf) -> None:
    assert PRF_BY_NAME[row.name] is row
    assert PRF_BY_ID.get(row.iana) is (row if row.iana else None)
    assert PRF_OF_INTEG[row.name[3:]] is row
    assert row.key == len(row.digest(b"", b""))


def test_the_quirks_prf_is_that_of_its_hash() -> None:
    assert PRF_OF_INTEG["sha256_96"] is PRF_BY_NAME["prfsha256"]


@pytest.mark.parametrize("row", PRF, ids=lambda row: row.name)
def test_skeyseed_takes_8_octets_of_each_nonce_with_the_aes_functions(row: Prf) -> None:
    """RFC 7296 section 2.14: the others take both whole."""
    ours, theirs = bytes(range(32)), bytes(range(100, 140))
    key = ours[:8] + theirs[:8] if "aes" in row.name else ours + theirs
    assert row.skeyseed(ours, theirs, b"shared") == row.digest(key, b"shared")
