"""What a failed negotiation tells each role (RFC 7296 section 2.21).

A responder knows the cause.  An initiator knows only the notify it got: it names the possible
causes, likeliest first, with ours beside ``not told``.
"""

from collections.abc import Sequence
from typing import Final

from ikecore.child import Mode
from ikecore.diagnosis import NOT_TOLD, Code, Diagnosis, Finding, diagnose
from ikecore.identities import Identity
from ikecore.profile import ChildProfile, Profile
from ikecore.proposals import Proposal, TransformType, blame, describe
from ikev2.labels import notify_name
from ikev2.payloads.types import NotifyType
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
    ours: Sequence[Proposal], theirs: Sequence[Proposal], *, proven: bool
) -> Diagnosis:
    """Return what keeps two lists of IKE proposals apart; we are the responder."""
    mine, offered = proposals_text(ours), proposals_text(theirs)
    codes = [_BLAMED[kind] for kind in blame(ours, theirs) if kind in _BLAMED]
    findings = tuple(Finding(code, mine, offered) for code in codes)
    findings = findings or (Finding(Code.PROPOSAL_REFUSED_BY_PEER, mine, offered),)
    return Diagnosis(1, findings[0].code, findings, "the peer's IKE_SA_INIT proposals", proven)


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


def psk_mismatch(profile: Profile) -> Diagnosis:
    """Return that AUTH is wrong although the identity is the expected one."""
    return diagnose(
        1,
        Code.PSK_MISMATCH,
        f"the psk of {profile.name}",
        "another key",
        f"{profile.remote_id} sent an AUTH that our key does not give",
    )


def version_mismatch(major: int) -> Diagnosis:
    """Return that the peer spoke another IKE version."""
    return Diagnosis(
        1,
        Code.IKE_VERSION_MISMATCH,
        (Finding(Code.IKE_VERSION_MISMATCH, "ikev2", f"ikev{major}"),),
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


def group_refused(profile: Profile, wanted: str) -> Diagnosis:
    """Return that the peer asked for a group we do not offer (INVALID_KE_PAYLOAD, in clear)."""
    ours = proposals_text(profile.ike_proposals)
    finding = Finding(Code.DH_GROUP_MISMATCH, ours, wanted)
    seen = "INVALID_KE_PAYLOAD in the answer to IKE_SA_INIT"
    return Diagnosis(1, Code.DH_GROUP_MISMATCH, (finding,), seen, proven=False)


def refused_by_peer(
    profile: Profile,
    notify: int | str,
    step: str = "IKE_AUTH",
    *,
    child: ChildProfile | None = None,
    in_clear: bool = False,
) -> Diagnosis:
    """Return what a peer's error notify in the answer to ``step`` lets an initiator know.

    ``child`` is the one that was asked for.
    """
    name = notify if isinstance(notify, str) else notify_name(notify)
    stage, code, causes = _CAUSES.get(name, (1, Code.PEER_ERROR, (Code.PEER_ERROR,)))
    if in_clear and name == "NO_PROPOSAL_CHOSEN":
        stage, code, causes = _INIT_REFUSED
    findings = tuple(Finding(cause, _ours(profile, cause, child), NOT_TOLD) for cause in causes)
    step = "IKE_SA_INIT" if in_clear else step
    return Diagnosis(stage, code, findings, f"{name} in the answer to {step}", proven=not in_clear)


_INIT_REFUSED: Final = (
    1,
    Code.PROPOSAL_REFUSED_BY_PEER,
    (
        Code.ENCRYPTION_MISMATCH,
        Code.DH_GROUP_MISMATCH,
        Code.INTEGRITY_MISMATCH,
        Code.PRF_MISMATCH,
        Code.IKE_VERSION_MISMATCH,
    ),
)
_CAUSES: Final[dict[str, tuple[int, Code, tuple[Code, ...]]]] = {
    NotifyType.AUTHENTICATION_FAILED.name: (
        1,
        Code.AUTH_REFUSED_BY_PEER,
        (Code.PSK_MISMATCH, Code.PEER_IDENTITY_MISMATCH),
    ),
    NotifyType.NO_PROPOSAL_CHOSEN.name: (
        2,
        Code.PROPOSAL_REFUSED_BY_PEER,
        (Code.ESP_PROPOSAL_MISMATCH, Code.PROTOCOL_MISMATCH),
    ),
    NotifyType.INVALID_KE_PAYLOAD.name: (2, Code.PFS_MISMATCH, (Code.PFS_MISMATCH,)),
    NotifyType.TEMPORARY_FAILURE.name: (2, Code.PEER_ERROR, (Code.PEER_ERROR,)),
    NotifyType.UNEXPECTED_NAT_DETECTED.name: (1, Code.NAT_FORBIDDEN, (Code.NAT_FORBIDDEN,)),
    NotifyType.TS_UNACCEPTABLE.name: (2, Code.TS_MISMATCH, (Code.TS_MISMATCH,)),
    NotifyType.SINGLE_PAIR_REQUIRED.name: (2, Code.TS_MISMATCH, (Code.TS_MISMATCH,)),
    NotifyType.NO_ADDITIONAL_SAS.name: (2, Code.LIMIT_REACHED, (Code.LIMIT_REACHED,)),
    NotifyType.INTERNAL_ADDRESS_FAILURE.name: (2, Code.PEER_ERROR, (Code.PEER_ERROR,)),
    NotifyType.FAILED_CP_REQUIRED.name: (2, Code.PEER_ERROR, (Code.PEER_ERROR,)),
    NotifyType.INVALID_MAJOR_VERSION.name: (
        1,
        Code.IKE_VERSION_MISMATCH,
        (Code.IKE_VERSION_MISMATCH,),
    ),
    NotifyType.INVALID_SYNTAX.name: (1, Code.INVALID_SYNTAX, (Code.INVALID_SYNTAX,)),
}


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
            return "ikev2"
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
