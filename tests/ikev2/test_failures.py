"""What a failed negotiation tells each role: the cause, or the causes, and never a guess."""

import pytest

from ikecore.diagnosis import NOT_TOLD, Code, Diagnosis
from ikecore.profile import ChildProfile
from ikev2.failures import group_refused, refused_by_peer, wrong_auth
from ikev2.payloads.types import NotifyType
from tests.ikev2.network import profile, selectors

MOON = profile("moon")


def codes(diagnosis: Diagnosis) -> list[Code]:
    return [finding.code for finding in diagnosis.findings]


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


def test_a_wrong_auth_names_whose_it_is() -> None:
    assert "sun.lab" in wrong_auth(MOON)
