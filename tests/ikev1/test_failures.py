"""What a failed negotiation tells each role: the cause, or the causes, and never a guess."""

import pytest

from ikecore.diagnosis import NOT_TOLD, Code, Diagnosis
from ikecore.profile import Phase1Mode
from ikev1.failures import (
    aggressive_is_off,
    no_key,
    no_more_came,
    not_offered,
    other_method,
    other_mode,
    refused_in_phase1,
    refused_in_quick_mode,
    silent_in_phase1,
    unreadable,
    wrong_proof,
)
from ikev1.payloads.types import NotifyType
from ikev1.rules import Place

from .alone import lone
from .hosts import AGGRESSIVE, profile

MOON = profile("moon")


def codes(diagnosis: Diagnosis) -> list[Code]:
    return [finding.code for finding in diagnosis.findings]


@pytest.mark.parametrize("kind", list(NotifyType))
@pytest.mark.parametrize("proven", [False, True])
def test_every_notify_has_a_diagnosis_without_theirs(kind: NotifyType, proven: bool) -> None:
    found = refused_in_phase1(MOON, kind.name, proven=proven)
    assert found.stage == 1
    assert found.proven is proven
    assert {finding.theirs for finding in found.findings} == {NOT_TOLD}
    assert found.lines()
    second = refused_in_quick_mode(MOON, MOON.children[0], kind)
    assert second.stage == 2
    assert second.lines()


def test_who_refuses_us_under_our_keys_has_the_same_key() -> None:
    name = NotifyType.AUTHENTICATION_FAILED.name
    in_clear, under_keys = (refused_in_phase1(MOON, name, proven=x) for x in (False, True))
    assert in_clear.code is under_keys.code is Code.AUTH_REFUSED_BY_PEER
    assert codes(in_clear) == [Code.PSK_MISMATCH, *codes(under_keys)]


def test_silence_after_our_proof_may_be_the_key_or_the_identity() -> None:
    found = silent_in_phase1(lone(), Place.MM6)
    assert codes(found) == [Code.PSK_MISMATCH, Code.PEER_IDENTITY_MISMATCH, Code.PEER_NO_RESPONSE]
    assert not found.certain


def test_silence_before_it_is_silence_or_what_the_network_says() -> None:
    sa = lone()
    assert codes(silent_in_phase1(sa, Place.MM2)) == [Code.PEER_NO_RESPONSE]
    sa.hints.icmp = "no route to host"
    assert codes(silent_in_phase1(sa, Place.MM2))[0] is Code.PEER_UNREACHABLE


def test_who_does_not_know_our_name_may_be_silent_in_aggressive_mode() -> None:
    sa = lone()
    found = silent_in_phase1(sa, Place.AM2)
    assert codes(found) == [Code.PEER_NO_RESPONSE, Code.PEER_IDENTITY_MISMATCH]
    assert found.findings[1].ours == "we are moon.lab, the peer is sun.lab"
    assert not found.certain
    sa.hints.icmp = "no route to host"
    assert codes(silent_in_phase1(sa, Place.AM2))[0] is Code.PEER_UNREACHABLE


def test_an_answer_that_our_key_does_not_open_means_another_key() -> None:
    sa = lone()
    sa.hints.is_unreadable = True
    found = silent_in_phase1(sa, Place.MM6)
    assert codes(found) == [Code.PSK_MISMATCH]
    assert not found.certain


def test_a_rumour_comes_before_silence() -> None:
    sa = lone()
    sa.hints.told.append("NO_PROPOSAL_CHOSEN")
    assert silent_in_phase1(sa, Place.MM2).code is Code.PROPOSAL_REFUSED_BY_PEER


def test_modes_of_both_sides_stand_beside_each_other() -> None:
    (finding,) = other_mode((profile("moon", legacy=AGGRESSIVE),), Phase1Mode.MAIN).findings
    assert (finding.ours, finding.theirs) == ("aggressive mode", "main mode")
    assert aggressive_is_off().code is Code.MODE_MISMATCH


def test_a_wrong_key_is_named_and_never_shown() -> None:
    assert unreadable(MOON).code is wrong_proof(MOON).code is Code.PSK_MISMATCH
    assert no_key(lone()).code is Code.KEY_MISSING
    assert not_offered("odd").code is Code.INVALID_SYNTAX


def test_of_many_methods_a_few_are_shown() -> None:
    found = other_method(("pre-shared key",) * 9, (f"method {number}" for number in range(99)))
    (finding,) = found.findings
    assert finding.ours == "pre-shared key"
    assert finding.theirs == ", ".join(f"method {number}" for number in range(8))


def test_who_finds_our_aggressive_proof_wrong_may_say_nothing() -> None:
    assert codes(no_more_came(MOON, Place.AM3)) == [Code.PEER_NO_RESPONSE, Code.PSK_MISMATCH]
    found = no_more_came(MOON, Place.MM3)
    assert codes(found) == [Code.PEER_NO_RESPONSE]
    assert found.evidence == "main mode message 3 did not come"
    assert not found.certain
