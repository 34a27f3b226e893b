"""What a failed negotiation tells each role (RFC 7296 section 2.21).

A responder knows the cause.  An initiator knows only the notify it got: it names the possible
causes, likeliest first, with ours beside ``not told``.
"""

from typing import Final

from ikecore.diagnosis import Code, Diagnosis, Finding
from ikecore.findings import proposals_text, refused
from ikecore.profile import ChildProfile, Profile
from ikev2.labels import notify_name
from ikev2.payloads.types import NotifyType


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
    step = "IKE_SA_INIT" if in_clear else step
    seen = f"{name} in the answer to {step}"
    return refused(profile, (stage, code, causes), seen, child=child, proven=not in_clear)


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


def wrong_auth(profile: Profile) -> str:
    """Return what shows that the keys differ: the identity is the expected one."""
    return f"{profile.remote_id} sent an AUTH that our key does not give"
