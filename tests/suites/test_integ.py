import pytest

from suites.integ import INTEG, INTEG_BY_ID, INTEG_BY_NAME, Integ
from suites.status import UNNUMBERED

# Only the cases whose keys have the length that the row takes; the others are in test_prf.
HI = b"Hi There"


def tag(row: Integ, key: bytes, text: bytes) -> bytes:
    mac = row.mac(key)
    mac.update(text)
    return mac.finalize()


def test_hmac_md5_of_rfc_2202_case_1_and_3() -> None:
    row = INTEG_BY_NAME["md5"]
    assert tag(row, b"\x0b" * 16, HI).hex() == "9294727a3638bb1c13f48ef8158bfc9d"
    assert tag(row, b"\xaa" * 16, b"\xdd" * 50).hex() == "56be34521d144c88dbb8c733f0e8b3f6"


def test_hmac_sha1_of_rfc_2202_case_1_and_3() -> None:
    row = INTEG_BY_NAME["sha1"]
    assert tag(row, b"\x0b" * 20, HI).hex() == "b617318655057264e28bc0b6fb378c8ef146be00"
    assert tag(row, b"\xaa" * 20, b"\xdd" * 50).hex() == "125d7342b9ac11cd91a39af48aa17b4f63f175d3"


def test_hmac_sha2_of_rfc_4868_with_keys_of_the_hash_length() -> None:
    # RFC 4868 section 2.7.2.1 .. 2.7.2.3, case AUTH512-1 and its like.
    assert tag(INTEG_BY_NAME["sha256"], b"\x0b" * 32, HI).hex() == (
        "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7"
    )
    assert tag(INTEG_BY_NAME["sha384"], b"\x0b" * 48, HI).hex() == (
        "b6a8d5636f5c6a7224f9977dcf7ee6c7fb6d0c48cbdee9737a959796489bddbc"
        "4c5df61d5b3297b4fb68dab9f1b582c2"
    )
    assert tag(INTEG_BY_NAME["sha512"], b"\x0b" * 64, HI).hex() == (
        "637edc6e01dce7e6742a99451aae82df23da3e92439e590e43e761b33e910fb8"
        "ac2878ebd5803f6f0b61dbce5e251ff8789a4722c1be65aea45fd464e89f8f5b"
    )


@pytest.mark.parametrize("row", INTEG, ids=lambda row: row.name)
def test_a_key_of_another_length_is_refused(row: Integ) -> None:
    for length in (0, row.key - 1, row.key + 1):
        with pytest.raises(ValueError, match=f"takes {row.key} octets"):
            row.mac(bytes(length))
        with pytest.raises(ValueError, match=f"takes {row.key} octets"):
            row.for_ah(bytes(length))


@pytest.mark.parametrize("row", INTEG, ids=lambda row: row.name)
def test_the_tables_agree(row: Integ) -> None:
    assert INTEG_BY_NAME[row.name] is row
    assert (INTEG_BY_ID.get(row.iana) is row) == (not row.is_quirk and row.iana != UNNUMBERED)
    # RFC 2403, RFC 2404, RFC 3566 and RFC 4494 keep 96 bits, RFC 4868 keeps half.
    if row.is_for_esp:
        halves = row.name in ("sha256", "sha384", "sha512", "sm3")
        assert row.icv == (row.key // 2 if halves else 12)
    else:  # IV and tag; the key is followed by salt (RFC 4543)
        assert (row.icv, row.key) == (24, int(row.name[3:6]) // 8 + 4)
    assert row.for_ah(bytes(row.key)).size == row.icv


def test_the_quirk_is_sha256_cut_shorter_and_only_for_packets() -> None:
    quirk, row = INTEG_BY_NAME["sha256_96"], INTEG_BY_NAME["sha256"]
    assert INTEG_BY_ID[quirk.iana] is row
    assert tag(quirk, b"k" * 32, HI) == tag(row, b"k" * 32, HI)
    assert (quirk.icv, quirk.is_for_ike) == (12, False)
    assert [one.name for one in INTEG if one.is_quirk] == ["sha256_96"]
    assert {one.name for one in INTEG if one.is_for_esp and not one.is_for_ike} == {"sha256_96"}


@pytest.mark.parametrize("bits", [128, 192, 256])
def test_gmac_has_an_iv_which_only_ah_has_room_for(bits: int) -> None:
    row = INTEG_BY_NAME[f"aes{bits}gmac_ah"]
    assert row.iana == {128: 9, 192: 10, 256: 11}[bits]
    assert not row.is_for_esp
    assert not row.is_for_ike
    with pytest.raises(ValueError, match="for AH alone"):
        row.mac(bytes(row.key))
