"""Why no transform of phase 2 was chosen, and both lists as people read them."""

from collections.abc import Callable
from typing import Final

from ikecore.diagnosis import Code
from ikecore.profile import Profile
from ikecore.proposals import Proposal, Protocol, Transform, TransformType, blame
from ikev1.payloads.sa import SecurityAssociation
from ikev1.phase2_offer import fitting, is_group_good
from ikev1.phase2_terms import Said, is_met, pfs_groups, phase2_suites, said, terms_of
from ikev1.proposals import alternatives, told, told_group
from ikev1.registry import (
    AH,
    AUTHENTICATION,
    ESP,
    Encapsulation,
    Private,
    cipher_of,
    integ_of,
)

_CHILDREN: Final = (Protocol.AH, Protocol.ESP)


def refusal_phase2(profile: Profile, sa: SecurityAssociation, encapsulation: int) -> Code:
    """Return what keeps a peer's list and ours apart, where nothing was chosen.

    It is the one thing that would have to be otherwise, if there is one: how packets are wrapped,
    or the group of the child's own key exchange.
    """
    theirs = {one.proposal.protocol for one in alternatives(sa)}
    if not theirs & {one.protocol for one in profile.esp_proposals}:
        return Code.PROTOCOL_MISMATCH

    def fits(is_good: Callable[[Proposal, Said], bool]) -> bool:
        return any(True for _ in fitting(profile, sa, is_good))

    if fits(lambda proposal, what: is_group_good(proposal, what.group)):
        return Code.ENCAPSULATION_MISMATCH
    if fits(lambda _, what: is_met(what.encapsulation, encapsulation)):
        return Code.PFS_MISMATCH
    return Code.ESP_PROPOSAL_MISMATCH


def ours_phase2(profile: Profile) -> tuple[Proposal, ...]:
    """Return what IKEv1 can say of our proposals, to be compared and shown beside a peer's."""
    private = profile.legacy.private
    found = []
    for proposal in profile.esp_proposals:
        groups = tuple(told_group(group.iana) for group in pfs_groups(proposal))
        for suite in phase2_suites((proposal,), private):
            terms = terms_of(suite, private)
            if terms is not None:
                transforms = _algorithms(Said(terms), private)
                found.append(Proposal(suite.protocol, (*transforms, *groups)))
    return tuple(dict.fromkeys(found))


def theirs_phase2(sa: SecurityAssociation, private: Private = ()) -> tuple[Proposal, ...]:
    """Return a peer's transforms as proposals, to be compared and shown; odd ones are left out."""
    found = []
    for one in alternatives(sa):
        what = said(one)
        if what is not None and what.terms.protocol in _CHILDREN:
            group = (told_group(what.group),) if what.group else ()
            transforms = (*_algorithms(what, private), *group)
            found.append(Proposal(what.terms.protocol, transforms))
    return tuple(dict.fromkeys(found))


def _algorithms(what: Said, private: Private) -> tuple[Transform, ...]:
    terms = what.terms
    found = []
    if terms.protocol == Protocol.ESP:
        encr = cipher_of(ESP, terms.transform, terms.bits, private)
        found.append(told(encr, TransformType.ENCR, ESP.named(terms.transform, terms.bits)))
    if terms.authentication or terms.protocol == Protocol.AH:
        integ = integ_of(AUTHENTICATION, terms.authentication, private)
        if terms.protocol == Protocol.AH and integ is not integ_of(AH, terms.transform, private):
            integ = None
        name = AUTHENTICATION.named(terms.authentication)
        found.append(told(integ, TransformType.INTEG, name))
    return (*found, Transform(TransformType.ESN, terms.esn))


def blame_phase2(profile: Profile, sa: SecurityAssociation) -> tuple[TransformType, ...]:
    """Return what keeps the closest pair of transforms apart: cipher, integrity, group or ESN."""
    return blame(ours_phase2(profile), theirs_phase2(sa, profile.legacy.private))


def encapsulations_of(sa: SecurityAssociation) -> tuple[str, ...]:
    """Return how a peer wants packets wrapped, for people."""
    numbers = dict.fromkeys(what.encapsulation for one in alternatives(sa) if (what := said(one)))
    return tuple(map(encapsulation_name, numbers))


def encapsulation_name(number: int) -> str:
    """Return what to call an Encapsulation Mode."""
    if number not in tuple(Encapsulation):
        return f"encapsulation {number}" if number else "not told"
    one = Encapsulation(number)
    name = "tunnel" if one.is_tunnel else "transport"
    return f"{name} in UDP" if one.is_udp else name
