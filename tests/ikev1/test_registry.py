"""Every number beside IANA's registries, which are closed (RFC 9395)."""

import pytest

from ikev1.registry import (
    AH,
    AUTHENTICATION,
    ENCRYPTION,
    ESP,
    FOREIGN_GROUPS,
    GROUPS,
    HASH,
    METHOD_NAMES,
    Encapsulation,
    LifeType,
    Method,
    Phase1,
    Phase2,
    Registry,
    cipher_of,
    integ_of,
)
from suites.chaining import can_chain
from suites.digest import has_digest
from suites.encr import ENCR, ENCR_BY_NAME
from suites.integ import INTEG, INTEG_BY_NAME
from suites.prf import PRF_OF_INTEG

PRIVATE = (("sm4", 129), ("sm3", 20), ("esp_sm4", 250), ("auth_sm3", 61440), ("ah_sm3", 251))


def test_attribute_classes() -> None:
    assert [(one.name, one.value) for one in Phase1] == [
        ("ENCRYPTION", 1), ("HASH", 2), ("METHOD", 3), ("GROUP", 4), ("LIFE_TYPE", 11),
        ("LIFE_DURATION", 12), ("KEY_LENGTH", 14),
    ]  # fmt: skip
    assert [(one.name, one.value) for one in Phase2] == [
        ("LIFE_TYPE", 1), ("LIFE_DURATION", 2), ("GROUP", 3), ("ENCAPSULATION", 4),
        ("AUTHENTICATION", 5), ("KEY_LENGTH", 6), ("ESN", 11),
    ]  # fmt: skip
    assert [one.value for one in LifeType] == [1, 2]
    assert [one.value for one in Method] == [1, 65001, 65002]
    assert set(Method) <= set(METHOD_NAMES)


@pytest.mark.parametrize(
    ("registry", "numbers"),
    [
        (ENCRYPTION, {"des": 1, "3des": 5, "aes128": 7, "aes192": 7, "aes256": 7}),
        (HASH, {"md5": 1, "sha1": 2, "sha256": 4, "sha384": 5, "sha512": 6}),
        (
            ESP,
            {"des": 2, "3des": 3, "null": 11}
            | {f"aes{bits}": 12 for bits in (128, 192, 256)}
            | {f"aes{bits}ctr": 13 for bits in (128, 192, 256)}
            | {f"aes{bits}ccm8": 14 for bits in (128, 192, 256)}
            | {f"aes{bits}ccm12": 15 for bits in (128, 192, 256)}
            | {f"aes{bits}ccm16": 16 for bits in (128, 192, 256)}
            | {f"aes{bits}gcm8": 18 for bits in (128, 192, 256)}
            | {f"aes{bits}gcm12": 19 for bits in (128, 192, 256)}
            | {f"aes{bits}gcm16": 20 for bits in (128, 192, 256)}
            | {f"aes{bits}gmac": 23 for bits in (128, 192, 256)},
        ),
        (
            AH,
            {"md5": 2, "sha1": 3, "sha256": 5, "sha256_96": 5, "sha384": 6, "sha512": 7}
            | {"aesxcbc": 9, "aes128gmac_ah": 11, "aes192gmac_ah": 12, "aes256gmac_ah": 13},
        ),
        (
            AUTHENTICATION,
            {"md5": 1, "sha1": 2, "sha256": 5, "sha256_96": 5, "sha384": 6, "sha512": 7}
            | {"aesxcbc": 9, "aes128gmac_ah": 11, "aes192gmac_ah": 12, "aes256gmac_ah": 13},
        ),
    ],
    ids=["encryption", "hash", "esp", "ah", "authentication"],
)
def test_numbers_are_ianas(registry: Registry, numbers: dict[str, int]) -> None:
    assert dict(registry.numbers) == numbers
    assert not set(registry.foreign) & set(numbers.values())


def test_groups_are_ianas() -> None:
    assert {number: row.name for number, row in GROUPS.items()} == {
        1: "modp768", 2: "modp1024", 5: "modp1536", 14: "modp2048", 15: "modp3072",
        16: "modp4096", 17: "modp6144", 18: "modp8192", 19: "ecp256", 20: "ecp384",
        21: "ecp521", 24: "modp2048s256",
    }  # fmt: skip
    assert not set(GROUPS) & set(FOREIGN_GROUPS)


def test_every_keyword_is_a_row() -> None:
    assert set(ENCRYPTION.numbers) | set(ESP.numbers) <= set(ENCR_BY_NAME)
    for registry in (HASH, AH, AUTHENTICATION):
        assert set(registry.numbers) <= set(INTEG_BY_NAME)


def test_what_has_no_number() -> None:
    assert {row.name for row in ENCR if not ESP.number(row)} == {
        "chacha20poly1305", "sm4", "sm4gcm16",
    }  # fmt: skip
    assert {row.name for row in INTEG if not AUTHENTICATION.number(row)} == {"aescmac", "sm3"}
    assert {row.name for row in ENCR if can_chain(row) and not ENCRYPTION.number(row)} == {"sm4"}


def test_phase_1_has_only_what_its_messages_can_use() -> None:
    assert all(can_chain(ENCR_BY_NAME[word]) for word in ENCRYPTION.numbers)
    assert all(has_digest(PRF_OF_INTEG[word]) for word in HASH.numbers)


@pytest.mark.parametrize("registry", [ENCRYPTION, ESP], ids=lambda one: one.name)
def test_a_cipher_comes_back_of_its_number_and_key_length(registry: Registry) -> None:
    for word in registry.numbers:
        row = ENCR_BY_NAME[word]
        assert cipher_of(registry, registry.number(row), row.key_bits) is row
        assert cipher_of(registry, registry.number(row), 1024) is None
    assert cipher_of(registry, 0, 0) is None
    assert cipher_of(registry, 7 if registry is ENCRYPTION else 12, 0) is None  # AES says its size
    assert cipher_of(registry, 5 if registry is ENCRYPTION else 3, 192) is None  # 3DES does not


@pytest.mark.parametrize("registry", [HASH, AH, AUTHENTICATION], ids=lambda one: one.name)
def test_an_integrity_algorithm_comes_back_of_its_number(registry: Registry) -> None:
    for word in registry.numbers:
        row = INTEG_BY_NAME[word]
        found = integ_of(registry, registry.number(row))
        assert found is (INTEG_BY_NAME["sha256"] if row.is_quirk else row)
    assert integ_of(registry, 0) is None


def test_configured_numbers() -> None:
    sm4, sm3 = ENCR_BY_NAME["sm4"], INTEG_BY_NAME["sm3"]
    assert ENCRYPTION.number(sm4, PRIVATE) == 129
    assert HASH.number(sm3, PRIVATE) == 20
    assert ESP.number(sm4, PRIVATE) == 250
    assert AUTHENTICATION.number(sm3, PRIVATE) == 61440
    assert AH.number(sm3, PRIVATE) == 251
    assert cipher_of(ENCRYPTION, 129, 0, PRIVATE) is sm4
    assert cipher_of(ESP, 250, 0, PRIVATE) is sm4
    assert cipher_of(ESP, 250, 128, PRIVATE) is None
    assert cipher_of(ESP, 129, 0, PRIVATE) is None  # of the other phase
    assert integ_of(HASH, 20, PRIVATE) is sm3
    assert integ_of(AUTHENTICATION, 61440, PRIVATE) is sm3
    assert integ_of(AH, 251, PRIVATE) is sm3
    assert not ENCRYPTION.number(sm4)
    assert cipher_of(ENCRYPTION, 129, 0) is None


def test_a_configured_number_does_not_change_ianas() -> None:
    stolen = (("aes128", 250), ("esp_aes128", 250))
    assert ENCRYPTION.number(ENCR_BY_NAME["aes128"], stolen) == 7
    assert ESP.number(ENCR_BY_NAME["aes128"], stolen) == 12
    assert not ESP.keywords(250, stolen)


def test_names_of_what_we_cannot_do() -> None:
    assert ENCRYPTION.named(3, 128) == "blowfish128"
    assert ENCRYPTION.named(2) == "idea"
    assert ENCRYPTION.named(77, 192) == "encryption:77/192"
    assert HASH.named(99) == "hash:99"
    assert ESP.named(22, 256) == "camellia256"


@pytest.mark.parametrize(
    ("number", "tunnel", "udp", "draft"),
    [
        (1, True, False, False),
        (2, False, False, False),
        (3, True, True, False),
        (4, False, True, False),
        (61443, True, True, True),
        (61444, False, True, True),
    ],
)
def test_encapsulation(number: int, tunnel: bool, udp: bool, draft: bool) -> None:
    one = Encapsulation.of(tunnel=tunnel, udp=udp, draft=draft)
    assert one == number
    assert (one.is_tunnel, one.is_udp) == (tunnel, udp)


def test_without_udp_there_is_no_draft() -> None:
    assert Encapsulation.of(tunnel=True, udp=False, draft=True) is Encapsulation.TUNNEL
