import pytest

from ikecore.keywords import parse_proposal
from ikecore.proposals import Protocol, Suite, Transform, TransformType
from ikev1.payloads.attributes import Attribute
from ikev1.payloads.sa import ProposalPayload, TransformPayload
from ikev1.phase2_terms import (
    Said,
    Terms,
    is_met,
    needs_pfs,
    pfs_groups,
    phase2_suites,
    said,
    terms_of,
)
from ikev1.proposals import Life, Offered

from .offers import proposals


def esp(*texts: str) -> tuple[Suite, ...]:
    return phase2_suites(proposals(*texts, protocol=Protocol.ESP))


def ah(*texts: str) -> tuple[Suite, ...]:
    return phase2_suites(proposals(*texts, protocol=Protocol.AH))


@pytest.mark.parametrize(
    ("keywords", "terms"),
    [
        ("des-md5", Terms(3, 2, 0, 1, 0)),
        ("3des-sha1", Terms(3, 3, 0, 2, 0)),
        ("null-sha256", Terms(3, 11, 0, 5, 0)),
        ("aes192-sha384", Terms(3, 12, 192, 6, 0)),
        ("aes256ctr-sha512", Terms(3, 13, 256, 7, 0)),
        ("aes128-aesxcbc", Terms(3, 12, 128, 9, 0)),
        ("aes128-sha256_96", Terms(3, 12, 128, 5, 0)),
        ("aes128ccm8", Terms(3, 14, 128, 0, 0)),
        ("aes256gcm16-esn", Terms(3, 20, 256, 0, 1)),
        ("aes192gmac", Terms(3, 23, 192, 0, 0)),
    ],
)
def test_what_esp_says_in_numbers(keywords: str, terms: Terms) -> None:
    (suite,) = esp(keywords)
    assert terms_of(suite) == terms


@pytest.mark.parametrize(
    ("keywords", "terms"),
    [
        ("md5", Terms(2, 2, 0, 1, 0)),
        ("sha1", Terms(2, 3, 0, 2, 0)),
        ("sha512-esn", Terms(2, 7, 0, 7, 1)),
        ("aesxcbc", Terms(2, 9, 0, 9, 0)),
        ("aes256gmac_ah", Terms(2, 13, 0, 13, 0)),
    ],
)
def test_what_ah_says_in_numbers(keywords: str, terms: Terms) -> None:
    (suite,) = ah(keywords)
    assert terms_of(suite) == terms


@pytest.mark.parametrize("keywords", ["chacha20poly1305", "aes128-aescmac", "sm4-sm3", "sm4gcm16"])
def test_what_has_no_number_cannot_be_said(keywords: str) -> None:
    assert not esp(keywords)


def test_combinations_come_in_order_of_preference() -> None:
    found = [str(suite) for suite in esp("aes256-aes128-sha1-md5-esn-noesn", "aes128gcm16")]
    assert found == [
        "aes256-sha1-esn",
        "aes256-sha1",
        "aes256-md5-esn",
        "aes256-md5",
        "aes128-sha1-esn",
        "aes128-sha1",
        "aes128-md5-esn",
        "aes128-md5",
        "aes128gcm16",
    ]


def test_groups_are_those_with_a_number() -> None:
    (one,) = proposals("aes128gcm16-x25519-modp2048-ecp256", protocol=Protocol.ESP)
    assert [group.name for group in pfs_groups(one)] == ["modp2048", "ecp256"]
    assert needs_pfs(one)
    (bare,) = proposals("aes128gcm16", protocol=Protocol.ESP)
    assert not needs_pfs(bare)
    either = parse_proposal("aes128gcm16-modp2048", Protocol.ESP)
    either = type(either)(either.protocol, (*either.transforms, Transform(TransformType.KE, 0)))
    assert not needs_pfs(either)
    assert [group.name for group in pfs_groups(either)] == ["modp2048"]


def transform(*attributes: tuple[int, int | bytes], number: int = 12) -> Offered:
    one = TransformPayload(1, number, tuple(Attribute(*a) for a in attributes))
    return Offered(ProposalPayload(1, 3, b"abcd", (one,)), one)


def test_everything_is_read() -> None:
    found = said(
        transform(
            (1, 1), (2, b"\0\0\x0e\x10"), (1, 2), (2, 4608), (3, 14), (4, 1), (5, 5), (6, 256),
            (11, 1),
        )
    )  # fmt: skip
    assert found == Said(Terms(3, 12, 256, 5, 1), 14, 1, Life(3600, 4608))


def test_little_is_read() -> None:
    assert said(transform((5, 2), number=3)) == Said(Terms(3, 3, 0, 2, 0))


@pytest.mark.parametrize(
    "odd", [(7, 12), (10, 1), (11, 0), (11, 2), (14, 1), (32001, b"context"), (5, 2)]
)
def test_what_we_do_not_know_makes_it_unusable(odd: tuple[int, int | bytes]) -> None:
    assert said(transform((5, 2), odd)) is None


@pytest.mark.parametrize("ours", [1, 2, 3, 4, 61443, 61444])
@pytest.mark.parametrize("theirs", [1, 2, 3, 4, 61443, 61444])
def test_encapsulations_that_mean_the_same(theirs: int, ours: int) -> None:
    alike = ({1}, {2}, {3, 61443}, {4, 61444})
    assert is_met(theirs, ours) is any(theirs in kind and ours in kind for kind in alike)


def test_an_encapsulation_that_is_not_told_is_a_tunnel() -> None:
    assert [is_met(0, ours) for ours in (1, 2, 3, 4)] == [True, False, False, False]
    assert not any(is_met(61440, ours) for ours in (1, 2, 3, 4))
    assert not is_met(61440, 61440)
