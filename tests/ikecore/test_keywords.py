"""Proposals as an administrator writes them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ikecore.keywords import KeywordError, parse_proposal
from ikecore.proposals import Proposal, Protocol, choose
from ikecore.proposals import Transform as T


@pytest.mark.parametrize(
    ("text", "transforms"),
    [
        ("aes128-sha256-modp2048", (T(1, 12, 128), T(2, 5), T(3, 12), T(4, 14))),
        ("AES256GCM16-X25519", (T(1, 20, 256), T(2, 5), T(4, 31))),
        ("aes256gcm16-sha384-ecp384", (T(1, 20, 256), T(2, 6), T(4, 20))),
        ("aes128-sha256-prfsha384-x25519", (T(1, 12, 128), T(2, 6), T(3, 12), T(4, 31))),
        (
            "aes128-aes256-sha1-sha256-modp1024",
            (T(1, 12, 128), T(1, 12, 256), T(2, 2), T(2, 5), T(3, 2), T(3, 12), T(4, 2)),
        ),
        ("aes128ctr-aesxcbc-modp2048", (T(1, 13, 128), T(2, 4), T(3, 5), T(4, 14))),
        ("aes256ccm16-aescmac-x25519", (T(1, 16, 256), T(2, 8), T(4, 31))),
        (" 3des-md5-modp1024 ", (T(1, 3), T(2, 1), T(3, 1), T(4, 2))),
    ],
)
def test_ike_proposals(text: str, transforms: tuple[T, ...]) -> None:
    found = parse_proposal(text, Protocol.IKE)
    assert found.transforms == transforms


@pytest.mark.parametrize(
    ("text", "transforms"),
    [
        ("aes128gcm16", (T(1, 20, 128), T(5, 0))),
        ("aes128-sha256", (T(1, 12, 128), T(3, 12), T(5, 0))),
        ("aes128-sha256-modp2048-esn", (T(1, 12, 128), T(3, 12), T(4, 14), T(5, 1))),
        ("aes256gcm16-noesn-esn", (T(1, 20, 256), T(5, 0), T(5, 1))),
        ("chacha20poly1305-aes256gcm16", (T(1, 28), T(1, 20, 256), T(5, 0))),
        ("null-sha256", (T(1, 11), T(3, 12), T(5, 0))),
        ("aes256ctr-aesxcbc-aescmac", (T(1, 13, 256), T(3, 5), T(3, 8), T(5, 0))),
        (
            "aes128gmac-aes128ccm8-aes192gcm12",
            (T(1, 21, 128), T(1, 14, 128), T(1, 19, 192), T(5, 0)),
        ),
    ],
)
def test_esp_proposals(text: str, transforms: tuple[T, ...]) -> None:
    found = parse_proposal(text, Protocol.ESP)
    assert found.transforms == transforms


@pytest.mark.parametrize(
    ("text", "transforms"),
    [
        ("sha256", (T(3, 12), T(5, 0))),
        ("sha256-modp2048-esn", (T(3, 12), T(4, 14), T(5, 1))),
        ("sha512-sha256-esn-noesn", (T(3, 14), T(3, 12), T(5, 1), T(5, 0))),
        ("aes256gmac_ah-aes128gmac_ah", (T(3, 11), T(3, 9), T(5, 0))),
    ],
)
def test_ah_proposals(text: str, transforms: tuple[T, ...]) -> None:
    found = parse_proposal(text, Protocol.AH)
    assert found == Proposal(Protocol.AH, transforms)


def test_what_has_no_number_waits_for_one() -> None:
    found = parse_proposal("sm4-sm3-x25519", Protocol.IKE)
    assert found.transforms == (T(1, 0), T(2, 0), T(3, 0), T(4, 31))
    assert [one.quirk for one in found.transforms] == ["sm4", "prfsm3", "sm3", ""]
    assert choose((found,), (found,)) is None


def test_a_keyword_twice_is_one_transform() -> None:
    found = parse_proposal("aes128-aes128-sha256-sha256-x25519", Protocol.IKE)
    assert len(found.transforms) == 4


@pytest.mark.parametrize(
    ("text", "protocol", "what", "hint"),
    [
        ("aes129-sha256-x25519", Protocol.IKE, "unknown algorithm 'aes129'", "did you mean aes"),
        ("zzzzzz", Protocol.ESP, "unknown algorithm", "explain-proposal"),
        ("", Protocol.ESP, "no cipher", "begin with one"),
        ("sha256-x25519", Protocol.IKE, "no cipher", "begin with one"),
        ("aes128-aes128gcm16-sha256-x25519", Protocol.IKE, "mixes", "two proposals"),
        ("aes128gcm16-sha256", Protocol.ESP, "authenticates by itself", "write aes128gcm16"),
        ("aes128-x25519", Protocol.IKE, "needs an integrity", "sha256"),
        ("aes128-sha256", Protocol.IKE, "no key exchange", "x25519"),
        ("aes128-sha256-x25519-esn", Protocol.IKE, "esn belongs to ESP", "leave it out"),
        ("aes128gmac-x25519", Protocol.IKE, "aes128gmac is not for IKE", "aes256gcm16"),
        ("aes128-sha256_96-x25519", Protocol.IKE, "sha256_96 is not for IKE", "use sha256"),
        ("aes128-sha256-sha256_96", Protocol.ESP, "one number", "keep the one"),
        ("null-sha256-x25519", Protocol.IKE, "null is not for IKE", "aes256gcm16"),
        ("aes128gmac", Protocol.AH, "AH takes no cipher", "write aes128gmac_ah, or take ESP"),
        ("null-aes128gmac_ah", Protocol.ESP, "aes128gmac_ah is for AH", "write aes128gmac"),
        ("aes128-aes256gmac_ah-x25519", Protocol.IKE, "gmac_ah is not for IKE", "use sha256"),
        ("null", Protocol.ESP, "null needs an integrity", "sha256"),
        ("aes128-sha384", Protocol.AH, "AH takes no cipher: aes128", "write sha384, or take ESP"),
        ("aes128gcm16", Protocol.AH, "AH takes no cipher", "write sha256, or take ESP"),
        ("modp2048-esn", Protocol.AH, "no integrity algorithm", "begin with one"),
        ("sha256-prfsha256", Protocol.AH, "a PRF belongs to IKE", "the AH proposal"),
        ("aes128-sha256-prfsha256", Protocol.ESP, "a PRF belongs to IKE", "leave it out"),
    ],
)
def test_what_cannot_be_read_says_what_would_do(
    text: str, protocol: Protocol, what: str, hint: str
) -> None:
    with pytest.raises(KeywordError, match=what) as found:
        parse_proposal(text, protocol)
    assert hint in found.value.hint


TOKENS = [
    "aes128", "AES256", "aes256gcm16", "chacha20poly1305", "3des", "sha256", "md5", "prfsha384",
    "null", "sha256_96", "aes128gmac", "x25519", "modp2048", "esn", "noesn", "aes129", "", " ",
]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(st.text(max_size=40), st.lists(st.sampled_from(TOKENS), max_size=6).map("-".join)),
    st.sampled_from(list(Protocol)),
)
def test_any_text_is_a_proposal_that_agrees_with_itself_or_an_error(
    text: str, protocol: Protocol
) -> None:
    try:
        found = parse_proposal(text, protocol)
    except KeywordError:
        return
    assert choose((found,), (found,)) is not None
