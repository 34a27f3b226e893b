import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suites.encr import ENCR, ENCR_BY_NAME
from suites.integ import INTEG, INTEG_BY_NAME
from suites.kex import GROUP, GROUP_BY_NAME
from suites.keywords import Row, keyword, lookup, nearest, non_standard
from suites.prf import PRF, PRF_BY_NAME

ROWS: tuple[Row, ...] = (*ENCR, *INTEG, *PRF, *GROUP)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_keyword_of_a_row_finds_it_in_any_case(row: Row) -> None:
    assert lookup(keyword(row)) is row
    assert lookup(keyword(row).upper()) is row


def test_no_two_rows_share_a_keyword() -> None:
    assert len({keyword(row) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    ("alias", "row"),
    [
        ("aes", ENCR_BY_NAME["aes128"]),
        ("aes128gcm", ENCR_BY_NAME["aes128gcm16"]),
        ("aes128gcm128", ENCR_BY_NAME["aes128gcm16"]),
        ("aes192gcm128", ENCR_BY_NAME["aes192gcm16"]),
        ("aes256gcm128", ENCR_BY_NAME["aes256gcm16"]),
        ("aes128gcm64", ENCR_BY_NAME["aes128gcm8"]),
        ("aes256gcm96", ENCR_BY_NAME["aes256gcm12"]),
        ("aes192ccm64", ENCR_BY_NAME["aes192ccm8"]),
        ("aes128ccm128", ENCR_BY_NAME["aes128ccm16"]),
        ("sha2_256_96", INTEG_BY_NAME["sha256_96"]),
        ("sha", INTEG_BY_NAME["sha1"]),
        ("sha2_256", INTEG_BY_NAME["sha256"]),
        ("sha2_384", INTEG_BY_NAME["sha384"]),
        ("SHA2_512", INTEG_BY_NAME["sha512"]),
        ("prfsha256", PRF_BY_NAME["prfsha256"]),
        ("curve25519", GROUP_BY_NAME["x25519"]),
        ("curve448", GROUP_BY_NAME["x448"]),
        ("sm4cbc", ENCR_BY_NAME["sm4"]),
        ("SM4GCM", ENCR_BY_NAME["sm4gcm16"]),
    ],
)
def test_an_alias_names_the_row(alias: str, row: Row) -> None:
    assert lookup(alias) is row


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("aes196", "aes256"),
        ("AES-256", "aes256"),
        ("aes265", "aes256"),
        ("sha-256", "sha256"),
        ("sha2-256", "sha256"),
        ("sha25", "sha256"),
        ("modp2084", "modp2048"),
        ("ecp265", "ecp256"),
        ("curve22519", "x25519"),
        ("chacha20-poly1305", "chacha20poly1305"),
        ("tripledes", None),
        ("", None),
    ],
)
def test_a_slip_of_the_pen_gets_the_keyword_that_was_meant(typo: str, meant: str | None) -> None:
    assert lookup(typo) is None
    assert nearest(typo) == meant


def test_what_has_no_number_of_ianas_is_told_of_a_proposal() -> None:
    assert non_standard("aes128-sha256-modp2048") == ()
    assert non_standard("SM4cbc-sm3-prfsm3-x25519-nonsense") == ("sm4", "sm3", "prfsm3")
    assert {row.name for row in ROWS if non_standard(row.name)} == {
        "sm4", "sm4gcm16", "sm3", "prfsm3",
    }  # fmt: skip


@given(st.text(max_size=80))
@settings(max_examples=30, deadline=None)
def test_no_text_breaks_the_lookup(text: str) -> None:
    lookup(text)
    near = nearest(text)
    assert near is None or lookup(near) is not None
