"""What a failed negotiation tells each role: the cause, or the causes, and never a guess."""

import pytest

from ikecore.child import Mode
from ikecore.diagnosis import NOT_TOLD, Code, Diagnosis
from ikecore.identities import Identity
from ikecore.profile import ChildProfile
from ikev2.failures import (
    esp_mismatch,
    group_refused,
    identity_mismatch,
    ike_mismatch,
    mode_mismatch,
    networks,
    no_answer,
    proposals_text,
    psk_mismatch,
    refused_by_peer,
    selectors_text,
    version_mismatch,
)
from ikev2.payloads.types import NotifyType

from .network import profile, selectors

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
    found = ike_mismatch(ours, profile("moon", (theirs,)).ike_proposals, proven=False)
    assert codes(found) == expected
    assert found.code is expected[0]
    assert found.stage == 1
    assert proposals_text(ours) == found.findings[0].ours


def test_of_several_offers_the_nearest_is_blamed() -> None:
    ours = profile("sun", ("aes128-sha256-x25519",)).ike_proposals
    offers = profile("moon", ("3des-md5-modp768", "aes128-sha256-modp2048")).ike_proposals
    assert codes(ike_mismatch(ours, offers, proven=False)) == [Code.DH_GROUP_MISMATCH]


def test_nothing_offered_is_still_a_diagnosis() -> None:
    found = ike_mismatch(MOON.ike_proposals, (), proven=False)
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
    found = psk_mismatch(MOON)
    assert found.certain
    assert found.stage == 1
    assert "sun.lab" in found.evidence


def test_another_version_and_icmp_are_hearsay() -> None:
    assert not version_mismatch(1).certain
    assert version_mismatch(1).findings[0].theirs == "ikev1"
    assert no_answer("IKE_SA_INIT to sun", "").certain
    heard = no_answer("IKE_SA_INIT to sun", "no route to host")
    assert not heard.certain
    assert codes(heard) == [Code.PEER_UNREACHABLE, Code.PEER_NO_RESPONSE]


def test_a_group_that_is_not_offered_is_named() -> None:
    (finding,) = group_refused(MOON, "modp2048").findings
    assert (finding.ours, finding.theirs) == ("aes128gcm16-prfsha256-x25519", "modp2048")


@pytest.mark.parametrize("kind", [*NotifyType, 8192, 9999])
@pytest.mark.parametrize("in_clear", [False, True])
def test_every_notify_has_a_diagnosis_without_theirs(kind: int, in_clear: bool) -> None:
    found = refused_by_peer(MOON, kind, in_clear=in_clear)
    assert found.stage in (1, 2)
    assert found.proven is not in_clear
    assert {finding.theirs for finding in found.findings} == {NOT_TOLD}
    assert found.evidence.endswith("IKE_SA_INIT" if in_clear else "IKE_AUTH")
    assert found.lines()


def test_of_several_children_the_one_refused_is_named() -> None:
    child = ChildProfile(selectors("10.1.7.0/24"), selectors("10.2.7.0/24"))
    kind = NotifyType.TS_UNACCEPTABLE
    (finding,) = refused_by_peer(MOON, kind, "CREATE_CHILD_SA", child=child).findings
    assert finding.ours == "10.1.7.0/24 === 10.2.7.0/24"


def test_the_same_notify_means_another_thing_in_another_exchange() -> None:
    kind = NotifyType.NO_PROPOSAL_CHOSEN
    assert refused_by_peer(MOON, kind, in_clear=True).stage == 1
    inside = refused_by_peer(MOON, kind)
    assert inside.stage == 2
    assert codes(inside) == [Code.ESP_PROPOSAL_MISMATCH, Code.PROTOCOL_MISMATCH]
    assert inside.findings[0].ours == "aes128gcm16"
