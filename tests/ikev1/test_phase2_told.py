from dataclasses import replace

import pytest

from ikecore.diagnosis import Code
from ikecore.proposals import Protocol, TransformType, describe
from ikev1.payloads.attributes import Attribute
from ikev1.payloads.sa import SecurityAssociation
from ikev1.phase2_offer import choose_phase2
from ikev1.phase2_told import (
    blame_phase2,
    encapsulation_name,
    encapsulations_of,
    ours_phase2,
    refusal_phase2,
    theirs_phase2,
)

from .offers import (
    TUNNEL,
    home,
    lacking,
    legacy,
    offered,
    with_more,
    with_value,
)

US = home("aes128-sha256-modp2048")


@pytest.mark.parametrize(
    ("kind", "value", "code", "blamed"),
    [
        pytest.param(6, 256, Code.ESP_PROPOSAL_MISMATCH, (TransformType.ENCR,), id="cipher"),
        pytest.param(5, 2, Code.ESP_PROPOSAL_MISMATCH, (TransformType.INTEG,), id="integrity"),
        pytest.param(5, 99, Code.ESP_PROPOSAL_MISMATCH, (TransformType.INTEG,), id="unknown"),
        pytest.param(4, 2, Code.ENCAPSULATION_MISMATCH, (), id="transport"),
        pytest.param(4, 3, Code.ENCAPSULATION_MISMATCH, (), id="UDP"),
        pytest.param(3, 2, Code.PFS_MISMATCH, (TransformType.KE,), id="another group"),
        pytest.param(3, 31, Code.PFS_MISMATCH, (TransformType.KE,), id="unknown group"),
    ],
)
def test_what_was_changed_is_blamed(
    kind: int, value: int, code: Code, blamed: tuple[TransformType, ...]
) -> None:
    sa = with_value(offered(US), kind, value)
    assert choose_phase2(US, sa, 257, TUNNEL) is None
    assert refusal_phase2(US, sa, TUNNEL) is code
    assert blame_phase2(US, sa) == blamed


def test_a_peer_without_secrecy_of_its_own_is_a_pfs_mismatch() -> None:
    sa = lacking(offered(US), 3)
    assert refusal_phase2(US, sa, TUNNEL) is Code.PFS_MISMATCH
    assert blame_phase2(US, sa) == (TransformType.KE,)


def test_sequence_numbers_are_blamed() -> None:
    sa = with_more(offered(US), Attribute(11, 1))
    assert refusal_phase2(US, sa, TUNNEL) is Code.ESP_PROPOSAL_MISMATCH
    assert blame_phase2(US, sa) == (TransformType.ESN,)


def test_ah_against_esp_is_a_protocol_mismatch() -> None:
    sa = offered(home("sha256", protocol=Protocol.AH))
    assert refusal_phase2(US, sa, TUNNEL) is Code.PROTOCOL_MISMATCH
    assert blame_phase2(US, sa) == ()
    assert refusal_phase2(US, SecurityAssociation(()), TUNNEL) is Code.PROTOCOL_MISMATCH


def test_two_things_apart_are_the_proposals_fault() -> None:
    sa = with_value(with_value(offered(US), 4, 2), 3, 2)
    assert refusal_phase2(US, sa, TUNNEL) is Code.ESP_PROPOSAL_MISMATCH


def test_both_lists_are_told_in_keywords() -> None:
    us = home("aes256-3des-sha1-modp2048-x25519", "aes128gcm16-esn", "chacha20poly1305")
    assert [describe(one) for one in ours_phase2(us)] == [
        "aes256-sha1-modp2048",
        "3des-sha1-modp2048",
        "aes128gcm16-esn",
    ]
    assert [describe(one) for one in theirs_phase2(offered(us))] == [
        "aes256-sha1-modp2048",
        "3des-sha1-modp2048",
        "aes128gcm16-modp2048-esn",
    ]


def test_ah_is_told_in_keywords() -> None:
    us = home("sha256-aesxcbc-modp1024", protocol=Protocol.AH)
    told = ["sha256-modp1024", "aesxcbc-modp1024"]
    assert [describe(one) for one in ours_phase2(us)] == told
    assert [describe(one) for one in theirs_phase2(offered(us))] == told
    other = with_value(offered(us), 5, 8)
    assert [describe(one) for one in theirs_phase2(other)] == ["ripemd160-modp1024"]


def test_ah_whose_two_numbers_differ_is_not_told_as_either() -> None:
    sa = with_value(offered(home("sha1", protocol=Protocol.AH)), 5, 1)
    assert [describe(one) for one in theirs_phase2(sa)] == ["authentication:1"]
    for ours in ("sha1", "md5"):
        assert blame_phase2(home(ours, protocol=Protocol.AH), sa) == (TransformType.INTEG,)


def test_strangers_are_told_by_name_or_number() -> None:
    sa = with_value(with_value(offered(US), 5, 4), 3, 30)
    assert [describe(one) for one in theirs_phase2(sa)] == ["aes128-kpdk-ecp512bp"]
    sa = with_value(with_value(offered(US), 5, 99), 6, 512)
    assert [describe(one) for one in theirs_phase2(sa)] == ["esp:12/512-authentication:99-modp2048"]


def test_odd_transforms_and_strange_protocols_are_left_out() -> None:
    assert theirs_phase2(with_more(offered(US), Attribute(99, 1))) == ()
    (one,) = offered(US).proposals
    assert theirs_phase2(SecurityAssociation((replace(one, protocol=4),))) == ()
    assert theirs_phase2(SecurityAssociation(())) == ()


def test_configured_numbers_are_told() -> None:
    private = (("esp_sm4", 129), ("auth_sm3", 20))
    us = legacy(home("sm4-sm3"), private=private)
    assert [describe(one) for one in ours_phase2(us)] == ["sm4-sm3"]
    assert [describe(one) for one in theirs_phase2(offered(us), private)] == ["sm4-sm3"]
    assert [describe(one) for one in theirs_phase2(offered(us))] == ["esp:129-authentication:20"]
    assert blame_phase2(us, offered(us)) == ()


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, "not told"),
        (1, "tunnel"),
        (2, "transport"),
        (3, "tunnel in UDP"),
        (61444, "transport in UDP"),
        (61440, "encapsulation 61440"),
    ],
)
def test_encapsulations_have_names(number: int, name: str) -> None:
    assert encapsulation_name(number) == name
    assert encapsulations_of(with_value(offered(US), 4, number)) == (name,)
