"""What an operator reads: one cause as a fact, several as possibilities, likeliest first."""

import pytest

from ikecore.diagnosis import CATALOGUE, NOT_TOLD, Code, Diagnosis, Finding, diagnose


@pytest.mark.parametrize("code", Code)
def test_every_code_tells_what_happened_and_what_to_do_on_each_side(code: Code) -> None:
    entry = CATALOGUE[code]
    assert entry.title
    assert entry.here
    assert entry.there
    lines = diagnose(1, code, "this", "that").lines()
    assert str(code) in lines[0]
    assert any("here:" in line for line in lines)
    assert any("there:" in line for line in lines)


def test_a_proven_single_cause_is_told_as_a_fact() -> None:
    diagnosis = diagnose(2, Code.TS_MISMATCH, "10.1.0.0/24", "10.9.0.0/24")
    assert diagnosis.certain
    assert diagnosis.lines() == (
        "Stage 2 failure: TS_MISMATCH: the networks of the two ends do not mirror each other",
        "    ours:   10.1.0.0/24",
        "    theirs: 10.9.0.0/24",
        "    here:   our local_subnets must be its remote ones, our remote_subnets its local ones",
        "    there:  mirror the networks: its remote ones are our local_subnets",
    )


def test_several_causes_are_told_as_possibilities_and_what_was_not_said_as_not_told() -> None:
    findings = (Finding(Code.PSK_MISMATCH, "our key"), Finding(Code.PEER_IDENTITY_MISMATCH, "we"))
    diagnosis = Diagnosis(1, Code.AUTH_REFUSED_BY_PEER, findings, "AUTHENTICATION_FAILED")
    assert not diagnosis.certain
    lines = diagnosis.lines()
    assert "  possible causes, likeliest first:" in lines
    causes = [line.split()[1] for line in lines if line.startswith("  *")]
    assert causes == ["PSK_MISMATCH:", "PEER_IDENTITY_MISMATCH:"]
    assert lines.count(f"    theirs: {NOT_TOLD}") == 2


def test_hearsay_is_marked_as_such() -> None:
    finding = (Finding(Code.DH_GROUP_MISMATCH, "x25519", "modp2048"),)
    diagnosis = Diagnosis(1, Code.DH_GROUP_MISMATCH, finding, "INVALID_KE_PAYLOAD", proven=False)
    assert not diagnosis.certain
    assert "  seen: INVALID_KE_PAYLOAD (not authenticated)" in diagnosis.lines()
