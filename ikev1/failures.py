"""What a failed negotiation tells each role (RFC 2408 section 3.14.1, RFC 2409 section 5.7).

IKEv1 says less than IKEv2: an error in clear is a rumour, and a wrong PSK is only seen as a message
that nobody can read.  What cannot be told apart is named together, likeliest first.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from ikecore.diagnosis import NOT_TOLD, Code, Diagnosis, Finding, diagnose
from ikecore.findings import no_answer, refused
from ikecore.profile import ChildProfile, Phase1Mode, Profile
from ikev1.labels import notify_name
from ikev1.payloads.types import NotifyType
from ikev1.rules import Place

if TYPE_CHECKING:
    from ikev1.sa import IkeSa

_SHOWN: Final = 8  # methods of a peer's list that a person gets to see
_Causes = tuple[int, Code, tuple[Code, ...]]
_PROPOSALS: Final = (
    1,
    Code.PROPOSAL_REFUSED_BY_PEER,
    (
        Code.ENCRYPTION_MISMATCH,
        Code.DH_GROUP_MISMATCH,
        Code.INTEGRITY_MISMATCH,
        Code.AUTH_METHOD_MISMATCH,
        Code.MODE_MISMATCH,
        Code.IKE_VERSION_MISMATCH,
    ),
)
# strongSwan finds out who we are late, and then says no more than this
_NOT_US: Final = (Code.PEER_IDENTITY_MISMATCH, Code.AUTH_METHOD_MISMATCH, Code.MODE_MISMATCH)
_WHO: Final = (1, Code.AUTH_REFUSED_BY_PEER, (Code.PSK_MISMATCH, *_NOT_US))
_WHO_WITH_OUR_KEY: Final = (1, Code.AUTH_REFUSED_BY_PEER, _NOT_US)
_PHASE1: Final[dict[str, _Causes]] = {
    NotifyType.NO_PROPOSAL_CHOSEN.name: _PROPOSALS,
    NotifyType.ATTRIBUTES_NOT_SUPPORTED.name: _PROPOSALS,
    NotifyType.BAD_PROPOSAL_SYNTAX.name: _PROPOSALS,
    NotifyType.INVALID_EXCHANGE_TYPE.name: (1, Code.MODE_MISMATCH, (Code.MODE_MISMATCH,)),
    NotifyType.UNSUPPORTED_EXCHANGE_TYPE.name: (1, Code.MODE_MISMATCH, (Code.MODE_MISMATCH,)),
    NotifyType.INVALID_MAJOR_VERSION.name: (
        1,
        Code.IKE_VERSION_MISMATCH,
        (Code.IKE_VERSION_MISMATCH,),
    ),
    NotifyType.AUTHENTICATION_FAILED.name: _WHO,
    NotifyType.INVALID_HASH_INFORMATION.name: (1, Code.PSK_MISMATCH, (Code.PSK_MISMATCH,)),
    NotifyType.INVALID_KEY_INFORMATION.name: (1, Code.PSK_MISMATCH, (Code.PSK_MISMATCH,)),
    NotifyType.PAYLOAD_MALFORMED.name: (1, Code.PSK_MISMATCH, (Code.PSK_MISMATCH,)),
    NotifyType.INVALID_ID_INFORMATION.name: (
        1,
        Code.PEER_IDENTITY_MISMATCH,
        (Code.PEER_IDENTITY_MISMATCH,),
    ),
}
_QUICK: Final[dict[str, _Causes]] = {
    NotifyType.NO_PROPOSAL_CHOSEN.name: (
        2,
        Code.PROPOSAL_REFUSED_BY_PEER,
        (
            Code.ESP_PROPOSAL_MISMATCH,
            Code.PFS_MISMATCH,
            Code.PROTOCOL_MISMATCH,
            Code.ENCAPSULATION_MISMATCH,
        ),
    ),
    NotifyType.INVALID_ID_INFORMATION.name: (2, Code.TS_MISMATCH, (Code.TS_MISMATCH,)),
    NotifyType.INVALID_KEY_INFORMATION.name: (2, Code.PFS_MISMATCH, (Code.PFS_MISMATCH,)),
}


def refused_in_phase1(profile: Profile, notify: str, *, proven: bool) -> Diagnosis:
    """Return what a peer's error notify in phase 1 lets us know; ``proven``: under our keys."""
    causes = _PHASE1.get(notify, (1, Code.PEER_ERROR, (Code.PEER_ERROR,)))
    if proven and causes is _WHO:
        causes = _WHO_WITH_OUR_KEY  # phase 1's keys are made of the PSK
    where = "under phase 1's keys" if proven else "in clear"
    return refused(profile, causes, f"{notify} {where}", proven=proven)


def refused_in_quick_mode(profile: Profile, child: ChildProfile, notify: int) -> Diagnosis:
    """Return what a peer's error notify in the answer to a quick mode lets us know."""
    name = notify_name(notify)
    causes = _QUICK.get(name, (2, Code.PEER_ERROR, (Code.PEER_ERROR,)))
    return refused(profile, causes, f"{name} in the answer to quick mode", child=child)


def silent_in_phase1(sa: "IkeSa", place: Place) -> Diagnosis:
    """Return why the message that was to come in ``place`` may not have come."""
    profile, hints = sa.profile, sa.hints
    if hints.told:
        return refused_in_phase1(profile, hints.told[-1], proven=False)
    where = f"{sa.path.remote[0]}: no {place.value}"
    if place is Place.AM2 and not (hints.is_unreadable or hints.icmp):
        # many say nothing to who has no name that they know, as we do
        either = (Code.PEER_NO_RESPONSE, Code.PEER_IDENTITY_MISMATCH)
        return refused(profile, (1, Code.PEER_NO_RESPONSE, either), f"no answer to {where}")
    if place is not Place.MM6 and not hints.is_unreadable:
        return no_answer(where, hints.icmp)
    seen = f"no {place.value}"
    if hints.is_unreadable:
        seen += " that our key fits, though an answer came"
        return refused(profile, (1, Code.PSK_MISMATCH, (Code.PSK_MISMATCH,)), seen, proven=False)
    # who cannot open message 5, or does not know who sent it, often says nothing at all
    codes = (Code.PSK_MISMATCH, Code.PEER_IDENTITY_MISMATCH, Code.PEER_NO_RESPONSE)
    causes = (1, Code.AUTH_REFUSED_BY_PEER, codes)
    return refused(profile, causes, seen, proven=False)


def no_more_came(profile: Profile, place: Place) -> Diagnosis:
    """Return why a peer that began has gone silent; its address may be forged."""
    causes = (Code.PEER_NO_RESPONSE, Code.PSK_MISMATCH)  # who finds our proof wrong may say nothing
    possible = causes if place is Place.AM3 else causes[:1]
    silent = (1, Code.PEER_NO_RESPONSE, possible)
    return refused(profile, silent, f"{place.value} did not come", proven=False)


def unreadable(profile: Profile) -> Diagnosis:
    """Return that a main-mode message 5 cannot be read: the PSKs differ (or it is forged)."""
    return Diagnosis(
        1,
        Code.PSK_MISMATCH,
        (Finding(Code.PSK_MISMATCH, f"the psk of {profile.name}", "another key"),),
        "main mode message 5 cannot be read with our key",
        proven=False,
    )


def wrong_proof(profile: Profile) -> Diagnosis:
    """Return that an aggressive peer's message 3 does not fit our key."""
    finding = Finding(Code.PSK_MISMATCH, f"the psk of {profile.name}", "another key")
    seen = "what came after our aggressive mode message 2 cannot be read with our key"
    return Diagnosis(1, Code.PSK_MISMATCH, (finding,), seen, proven=False)


def no_key(sa: "IkeSa") -> Diagnosis:
    """Return that there is no key for this peer."""
    return diagnose(1, Code.KEY_MISSING, f"connection {sa.profile.name}", str(sa.path.remote[0]))


def other_mode(ours: Sequence[Profile], theirs: Phase1Mode) -> Diagnosis:
    """Return that the peer came with the other mode."""
    mine = ", ".join(dict.fromkeys(f"{one.legacy.mode} mode" for one in ours))
    finding = Finding(Code.MODE_MISMATCH, mine, f"{theirs} mode")
    return Diagnosis(1, Code.MODE_MISMATCH, (finding,), f"a peer in {theirs} mode", proven=False)


def other_method(ours: Iterable[str], theirs: Iterable[str]) -> Diagnosis:
    """Return that the peer's algorithms would do, but not how it wants to authenticate."""
    mine, offered = (", ".join(list(dict.fromkeys(names))[:_SHOWN]) for names in (ours, theirs))
    finding = Finding(Code.AUTH_METHOD_MISMATCH, mine, offered)
    seen = "the authentication methods of the peer's proposals"
    return Diagnosis(1, Code.AUTH_METHOD_MISMATCH, (finding,), seen, proven=False)


def aggressive_is_off() -> Diagnosis:
    """Return that we do not answer aggressive mode with a PSK, and why."""
    off = "allow_aggressive_psk = false: the answer would let anybody guess the PSK off line"
    finding = Finding(Code.MODE_MISMATCH, off, "aggressive mode")
    return Diagnosis(1, Code.MODE_MISMATCH, (finding,), "aggressive mode message 1", proven=False)


def not_offered(why: str) -> Diagnosis:
    """Return that the peer's answer accepts what we never offered."""
    return diagnose(1, Code.INVALID_SYNTAX, theirs=NOT_TOLD, evidence=why)
