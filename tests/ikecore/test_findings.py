"""What a failed negotiation tells each role: the cause, or the causes, and never a guess."""

import pytest

from ikecore.child import Mode
from ikecore.diagnosis import NOT_TOLD, Code, Diagnosis
from ikecore.findings import (
    esp_mismatch,
    identity_mismatch,
    ike_mismatch,
    mode_mismatch,
    networks,
    no_answer,
    proposals_text,
    psk_mismatch,
    refused,
    selectors_text,
    version_mismatch,
)
from ikecore.identities import Identity
from tests.ikev2.network import profile, selectors

MOON = profile("moon")


def codes(diagnosis: Diagnosis) -> list[Code]:
    return [finding.code for finding in diagnosis.findings]


def test_long_lists_are_cut() -> None:
    many = MOON.ike_proposals * 50
    assert proposals_text(many).count("aes128gcm16") == 8
    assert proposals_text(many).endswith(", …")
    assert selectors_text(selectors("10.0.0.0/8") * 9).endswith(", …")
    assert selectors_text(selectors("10.0.0.0/8", "fd00::/8")) == "10.0.0.0/8, fd00::/8"


def test_networks_are_told_ours_first() -> None:
    assert networks(MOON) == "10.1.0.0/24 === 10.2.0.0/24"


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        ("aes256-sha256-x25519", [Code.ENCRYPTION_MISMATCH]),
        ("aes128-sha512-x25519", [Code.PRF_MISMATCH, Code.INTEGRITY_MISMATCH]),
        ("aes128-sha256-prfsha1-x25519", [Code.PRF_MISMATCH]),
        ("aes128-sha256-modp1024", [Code.DH_GROUP_MISMATCH]),
        ("aes256-sha256-modp1024", [Code.ENCRYPTION_MISMATCH, Code.DH_GROUP_MISMATCH]),
    ],
)
def test_a_responder_names_what_keeps_two_offers_apart(theirs: str, expected: list[Code]) -> None:
    ours = profile("sun", ("aes128-sha256-x25519",)).ike_proposals
    found = ike_mismatch(ours, profile("moon", (theirs,)).ike_proposals, "seen", proven=False)
    assert codes(found) == expected
    assert found.code is expected[0]
    assert found.stage == 1
    assert proposals_text(ours) == found.findings[0].ours


def test_of_several_offers_the_nearest_is_blamed() -> None:
    ours = profile("sun", ("aes128-sha256-x25519",)).ike_proposals
    offers = profile("moon", ("3des-md5-modp768", "aes128-sha256-modp2048")).ike_proposals
    assert codes(ike_mismatch(ours, offers, "seen", proven=False)) == [Code.DH_GROUP_MISMATCH]


def test_nothing_offered_is_still_a_diagnosis() -> None:
    found = ike_mismatch(MOON.ike_proposals, (), "seen", proven=False)
    assert codes(found) == [Code.PROPOSAL_REFUSED_BY_PEER]


def test_esp_against_ah_is_not_a_matter_of_algorithms() -> None:
    esp = MOON.esp_proposals
    ah = tuple(p.__class__(2, p.transforms) for p in esp)
    assert esp_mismatch(esp, ah).code is Code.PROTOCOL_MISMATCH
    assert esp_mismatch(esp, esp).code is Code.ESP_PROPOSAL_MISMATCH
    assert esp_mismatch(esp, (*ah, *esp)).code is Code.ESP_PROPOSAL_MISMATCH


def test_modes_of_both_sides_stand_beside_each_other() -> None:
    found = mode_mismatch(Mode.TUNNEL, transport=True)
    (finding,) = found.findings
    assert (finding.ours, finding.theirs) == ("mode tunnel", "mode transport")
    assert found.code is Code.ENCAPSULATION_MISMATCH


def test_identities_of_both_sides_stand_beside_each_other() -> None:
    found = identity_mismatch([MOON.local_id, MOON.remote_id], Identity.parse("mars.lab"))
    (finding,) = found.findings
    assert (finding.ours, finding.theirs) == ("expected moon.lab, sun.lab", "sent mars.lab")


def test_a_wrong_key_is_certain_and_shows_no_key() -> None:
    found = psk_mismatch(MOON, "seen")
    assert found.certain
    assert found.stage == 1
    assert found.evidence == "seen"


def test_another_version_and_icmp_are_hearsay() -> None:
    assert not version_mismatch("ikev2", 1).certain
    assert version_mismatch("ikev2", 1).findings[0].theirs == "ikev1"
    assert no_answer("IKE_SA_INIT to sun", "").certain
    heard = no_answer("IKE_SA_INIT to sun", "no route to host")
    assert not heard.certain
    assert codes(heard) == [Code.PEER_UNREACHABLE, Code.PEER_NO_RESPONSE]


def test_a_peers_refusal_names_what_may_have_caused_it() -> None:
    causes = (1, Code.AUTH_REFUSED_BY_PEER, (Code.PSK_MISMATCH, Code.PEER_IDENTITY_MISMATCH))
    found = refused(MOON, causes, "seen")
    assert codes(found) == [Code.PSK_MISMATCH, Code.PEER_IDENTITY_MISMATCH]
    assert {finding.theirs for finding in found.findings} == {NOT_TOLD}
