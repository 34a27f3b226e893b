"""What a failed negotiation says, whichever IKE version it was: ours, theirs, evidence."""

from collections.abc import Sequence
from typing import Final

from ikecore.child import Mode
from ikecore.diagnosis import NOT_TOLD, Code, Diagnosis, Finding, diagnose
from ikecore.identities import Identity
from ikecore.profile import ChildProfile, Profile, Role
from ikecore.proposals import Proposal, TransformType, blame, describe
from policy.selectors import TrafficSelector

_BLAMED: Final = {
    TransformType.ENCR: Code.ENCRYPTION_MISMATCH,
    TransformType.INTEG: Code.INTEGRITY_MISMATCH,
    TransformType.PRF: Code.PRF_MISMATCH,
    TransformType.KE: Code.DH_GROUP_MISMATCH,
}
_SHOWN: Final = 8  # proposals of a peer's list that a person gets to see


def proposals_text(proposals: Sequence[Proposal]) -> str:
    """Return a proposal list in keywords, bounded."""
    told = [describe(p) for p in proposals[:_SHOWN]]
    return ", ".join(told) + (", …" if len(proposals) > _SHOWN else "")


def selectors_text(selectors: Sequence[TrafficSelector]) -> str:
    """Return traffic selectors as a list, bounded."""
    told = [str(s) for s in selectors[:_SHOWN]]
    return ", ".join(told) + (", …" if len(selectors) > _SHOWN else "")


def ike_mismatch(
    ours: Sequence[Proposal], theirs: Sequence[Proposal], seen: str, *, proven: bool
) -> Diagnosis:
    """Return what keeps two lists of IKE proposals apart; we are the responder."""
    mine, offered = proposals_text(ours), proposals_text(theirs)
    codes = [_BLAMED[kind] for kind in blame(ours, theirs) if kind in _BLAMED]
    findings = tuple(Finding(code, mine, offered) for code in codes)
    findings = findings or (Finding(Code.PROPOSAL_REFUSED_BY_PEER, mine, offered),)
    return Diagnosis(1, findings[0].code, findings, seen, proven)


def esp_mismatch(ours: Sequence[Proposal], theirs: Sequence[Proposal]) -> Diagnosis:
    """Return why no ESP proposal was chosen; we are the responder."""
    same = {p.protocol for p in ours} & {p.protocol for p in theirs}
    code = Code.ESP_PROPOSAL_MISMATCH if same else Code.PROTOCOL_MISMATCH
    return diagnose(2, code, proposals_text(ours), proposals_text(theirs))


def mode_mismatch(ours: Mode, *, transport: bool) -> Diagnosis:
    """Return that the ends differ in what a child protects."""
    theirs = "transport" if transport else "tunnel"
    return diagnose(2, Code.ENCAPSULATION_MISMATCH, f"mode {ours}", f"mode {theirs}")


def networks(wanted: Profile | ChildProfile) -> str:
    """Return the networks of a connection or of one child of it, ours first."""
    return f"{selectors_text(wanted.local_ts)} === {selectors_text(wanted.remote_ts)}"


def identity_mismatch(expected: Sequence[Identity], received: Identity) -> Diagnosis:
    """Return that the peer is, or takes us for, somebody else."""
    ours = ", ".join(str(identity) for identity in expected[:_SHOWN])
    return diagnose(1, Code.PEER_IDENTITY_MISMATCH, f"expected {ours}", f"sent {received}")


def psk_mismatch(profile: Profile, seen: str) -> Diagnosis:
    """Return that the keys differ; ``seen`` is what shows it."""
    return diagnose(
        1,
        Code.PSK_MISMATCH,
        f"the psk of {profile.name}",
        "another key",
        seen,
    )


def version_mismatch(ours: str, major: int) -> Diagnosis:
    """Return that the peer spoke another IKE version than ``ours``."""
    return Diagnosis(
        1,
        Code.IKE_VERSION_MISMATCH,
        (Finding(Code.IKE_VERSION_MISMATCH, ours, f"ikev{major}"),),
        f"the peer sent an IKEv{major} message",
        proven=False,
    )


def no_answer(waited: str, icmp: str) -> Diagnosis:
    """Return that a request stayed without an answer; ``icmp`` is what the network said."""
    silent = Finding(Code.PEER_NO_RESPONSE)
    if not icmp:
        return Diagnosis(1, Code.PEER_NO_RESPONSE, (silent,), f"no answer to {waited}")
    findings = (Finding(Code.PEER_UNREACHABLE), silent)
    return Diagnosis(1, Code.PEER_UNREACHABLE, findings, f"{waited}: {icmp}", proven=False)


def refused(
    profile: Profile,
    causes: tuple[int, Code, tuple[Code, ...]],
    evidence: str,
    *,
    child: ChildProfile | None = None,
    proven: bool = True,
) -> Diagnosis:
    """Return what a peer's refusal lets us know: stage, code, possible causes, likeliest first.

    ``child`` is the one that was asked for.
    """
    stage, code, possible = causes
    findings = tuple(Finding(cause, _ours(profile, cause, child), NOT_TOLD) for cause in possible)
    return Diagnosis(stage, code, findings, evidence, proven=proven)


def _ours(profile: Profile, cause: Code, child: ChildProfile | None) -> str:
    match cause:
        case (
            Code.ENCRYPTION_MISMATCH
            | Code.INTEGRITY_MISMATCH
            | Code.PRF_MISMATCH
            | Code.DH_GROUP_MISMATCH
        ):
            return proposals_text(profile.ike_proposals)
        case Code.IKE_VERSION_MISMATCH:
            return str(profile.version)
        case Code.MODE_MISMATCH:
            return f"{profile.legacy.mode} mode"
        case Code.AUTH_METHOD_MISMATCH:
            return "pre-shared key" + (" with XAUTH" if profile.legacy.xauth != Role.NONE else "")
        case Code.PSK_MISMATCH:
            return f"the psk of {profile.name}"
        case Code.PEER_IDENTITY_MISMATCH:
            return f"we are {profile.local_id}, the peer is {profile.remote_id}"
        case Code.ESP_PROPOSAL_MISMATCH | Code.PROTOCOL_MISMATCH | Code.PFS_MISMATCH:
            return proposals_text(profile.esp_proposals)
        case Code.TS_MISMATCH:
            return networks(profile if child is None else child)
        case _:
            return ""
