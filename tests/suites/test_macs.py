"""Vectors of the MACs of AES, and what a sealer asks of every MAC (HMAC: ``test_integ``)."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suites.integ import INTEG, Integ
from suites.macs import AesXcbc, Mac, aes_cmac

H = bytes.fromhex
XCBC_KEY = bytes(range(16))
XCBC = [  # RFC 3566 section 4.6
    (b"", "75f0251d528ac01c4573dfd584d79f29"),
    (bytes(range(3)), "5b376580ae2f19afe7219ceef172756f"),
    (bytes(range(16)), "d2a246fa349b68a79998a4394ff7a263"),
    (bytes(range(20)), "47f51b4564966215b8985c63055ed308"),
    (bytes(range(32)), "f54f0ec8d2b9f3d36807734bd5283fd4"),
    (bytes(range(34)), "becbb3bccdb518a30677d5481fb6b4d8"),
    (bytes(1000), "f0dafee895db30253761103b5d84528f"),
]
CMAC_KEY = H("2b7e151628aed2a6abf7158809cf4f3c")
CMAC_TEXT = H(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
CMAC = [  # RFC 4493 section 4; RFC 4494 keeps the first 96 bits
    (b"", "bb1d6929e95937287fa37d129b756746"),
    (CMAC_TEXT[:16], "070a16b46b4d4144f79bdd9dd04a287c"),
    (CMAC_TEXT[:40], "dfa66747de9ae63030ca32611497c827"),
    (CMAC_TEXT, "51f0bebf7e3b9d92fc49741779363cfe"),
]
CASES = [
    *(pytest.param(AesXcbc, XCBC_KEY, text, mac, id=f"xcbc-{len(text)}") for text, mac in XCBC),
    *(pytest.param(aes_cmac, CMAC_KEY, text, mac, id=f"cmac-{len(text)}") for text, mac in CMAC),
]


@pytest.mark.parametrize(("keyed", "key", "text", "mac"), CASES)
def test_a_mac_is_the_rfcs(
    keyed: Callable[[bytes], Mac], key: bytes, text: bytes, mac: str
) -> None:
    context = keyed(key)
    context.update(text)
    assert context.finalize().hex() == mac


@given(st.lists(st.binary(max_size=80), max_size=6))
@settings(max_examples=50, deadline=None)
def test_what_an_xcbc_saw_before_leaves_no_trace(texts: list[bytes]) -> None:
    old = AesXcbc(XCBC_KEY)
    for text in texts:
        used, fresh = old.copy(), AesXcbc(XCBC_KEY)
        used.update(text)
        fresh.update(text)
        assert used.finalize() == fresh.finalize()


@pytest.mark.parametrize("row", [row for row in INTEG if row.is_for_esp], ids=lambda row: row.name)
def test_a_copy_goes_its_own_way(row: Integ) -> None:
    def tag(mac: Mac, *parts: bytes) -> bytes:
        copy = mac.copy()
        for part in parts:
            copy.update(part)
        return copy.finalize()

    mac = row.mac(bytes(row.key))
    for length in (0, 1, 15, 16, 17, 32, 100):
        text = bytes(range(length))
        whole = tag(mac, text)
        assert len(whole) >= row.icv
        assert tag(mac, text[:7], text[7:]) == whole
        half = mac.copy()
        half.update(text[:9])
        assert tag(half, text[9:]) == whole
