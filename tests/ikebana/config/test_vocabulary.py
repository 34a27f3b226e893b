"""What of proposals IKEv1 can say, held against the numbers that it goes by."""

from ikebana.config.vocabulary import (
    CHECKSUMS,
    CIPHERS,
    GROUPS,
    HASHES,
    NOT_IN_ESP,
    inexpressible,
    is_expressible,
)
from ikecore.proposals import Protocol
from ikev1.registry import AUTHENTICATION, ENCRYPTION, ESP, HASH
from ikev1.registry import GROUPS as NUMBERED_GROUPS
from suites.encr import ENCR, ENCR_BY_NAME
from suites.integ import INTEG_BY_NAME

SHANGMI = {"sm4", "sm3"}  # by a number that is configured


def test_the_words_are_those_that_have_numbers() -> None:
    assert set(ENCRYPTION.numbers) | SHANGMI - {"sm3"} == CIPHERS
    assert set(HASH.numbers) | {"sm3"} == HASHES
    assert {row.name for row in NUMBERED_GROUPS.values()} == GROUPS
    gmac = {name for name in AUTHENTICATION.numbers if name.endswith("gmac_ah")}
    assert set(AUTHENTICATION.numbers) - gmac == CHECKSUMS
    assert {row.name for row in ENCR} - set(ESP.numbers) - SHANGMI == NOT_IN_ESP


def test_the_tables_name_rows_that_there_are() -> None:
    assert set(ENCR_BY_NAME) >= CIPHERS
    assert set(INTEG_BY_NAME) >= HASHES


def test_a_proposal_is_expressible_if_each_kind_has_a_choice_left() -> None:
    text = "aes128gcm16-aes256gcm16-sha256-modp2048"
    assert not is_expressible(text, Protocol.IKE)
    assert [row.name for row, _ in inexpressible(text, Protocol.IKE)] == [
        "aes128gcm16",
        "aes256gcm16",
    ]
    assert is_expressible("aes128gcm16-chacha20poly1305", Protocol.ESP)
    assert not is_expressible("nonsense", Protocol.ESP)
    assert list(inexpressible("sha256-aes128gmac_ah", Protocol.AH)) == []
    assert [row.name for row, _ in inexpressible("aescmac", Protocol.AH)] == ["aescmac"]
