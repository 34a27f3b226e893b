"""The proposals of phase 1: which cipher, hash and group protect the ISAKMP SA (RFC 2409 5).

One proposal with one transform for each combination; all goes in the clear, and HASH_I covers it.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Final, NamedTuple

from ikecore.profile import Phase1Mode, Profile
from ikecore.proposals import Proposal, Protocol, Suite, TransformType, blame
from ikev1.payloads.attributes import Attribute
from ikev1.payloads.sa import ProposalPayload, SecurityAssociation, TransformPayload
from ikev1.payloads.types import ProtocolId
from ikev1.proposals import (
    MOST,
    Offered,
    accepted,
    alternatives,
    read,
    rows,
    told,
    told_group,
)
from ikev1.registry import (
    ENCRYPTION,
    GROUPS,
    HASH,
    KEY_IKE,
    METHOD_NAMES,
    LifeType,
    Phase1,
    Private,
    cipher_of,
    integ_of,
)
from suites.chaining import can_chain
from suites.digest import has_digest
from suites.encr import Encr
from suites.integ import Integ
from suites.kex import Group
from suites.prf import PRF_OF_INTEG, Prf

_KNOWN: Final = (
    Phase1.ENCRYPTION, Phase1.HASH, Phase1.METHOD, Phase1.GROUP, Phase1.KEY_LENGTH,
)  # fmt: skip


class Terms(NamedTuple):
    """What a transform says, in IKEv1's numbers."""

    encryption: int
    bits: int
    hash: int
    group: int


class _Read(NamedTuple):
    terms: Terms
    method: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Chosen1:
    """What phase 1 uses; ``proposal`` is the answer that says so.

    ``lifetime`` is the initiator's, in seconds, 0 for none; of kilobytes it says nothing: an ISAKMP
    SA carries a few.
    """

    suite: Suite
    proposal: ProposalPayload
    lifetime: float
    auth_method: int


def phase1_suites(proposals: Sequence[Proposal], private: Private = ()) -> tuple[Suite, ...]:
    """Return all combinations that IKEv1 has numbers for, in order of preference.

    A PRF is taken only as the HMAC of the hash: IKEv1 knows no other (RFC 2409 appendix A).
    """
    found = (suite for one in proposals for suite in _suites(one, private))
    return tuple(islice(dict.fromkeys(found), MOST))


def _suites(proposal: Proposal, private: Private) -> Iterator[Suite]:
    if proposal.protocol != Protocol.IKE:
        return
    prfs = {prf.name for prf in rows(proposal, Prf)}
    parts = rows(proposal, Encr), rows(proposal, Integ), rows(proposal, Group)
    for encr, integ, group in product(*parts):
        prf = PRF_OF_INTEG.get(integ.name)
        if prf is None or prf.name not in prfs or not has_digest(prf) or not can_chain(encr):
            continue
        suite = Suite(Protocol.IKE, encr, integ, prf, group)
        if _terms(suite, private) is not None:
            yield suite


def _terms(suite: Suite, private: Private) -> Terms | None:
    if suite.integ is None or suite.group is None or suite.group.iana not in GROUPS:
        return None
    numbers = ENCRYPTION.number(suite.encr, private), HASH.number(suite.integ, private)
    if not all(numbers):
        return None
    return Terms(numbers[0], suite.encr.key_bits, numbers[1], suite.group.iana)


def _by_terms(proposals: Sequence[Proposal], private: Private) -> dict[Terms, Suite]:
    found: dict[Terms, Suite] = {}
    for suite in phase1_suites(proposals, private):
        terms = _terms(suite, private)
        if terms is not None:
            found.setdefault(terms, suite)
    return found


def offer_phase1(profile: Profile, auth_method: int) -> tuple[ProposalPayload]:
    """Return what we offer as initiator: one proposal, without an SPI.

    In aggressive mode the public value travels beside it, so all have the first suite's group
    (RFC 2409 section 5.4).  ValueError when IKEv1 has numbers for nothing that is configured.
    """
    private = profile.legacy.private
    suites = list(_by_terms(profile.ike_proposals, private).items())
    if not suites:
        raise ValueError(f"{profile.name}: no IKE proposal can be said in IKEv1")
    if profile.legacy.mode is Phase1Mode.AGGRESSIVE:
        first = suites[0][0].group
        suites = [(terms, suite) for terms, suite in suites if terms.group == first]
    transforms = (
        TransformPayload(
            number, KEY_IKE, tuple(_attributes(terms, auth_method, profile.ike_lifetime))
        )
        for number, (terms, _) in enumerate(suites, start=1)
    )
    return (ProposalPayload(1, ProtocolId.ISAKMP, b"", tuple(transforms)),)


def aggressive_group(profile: Profile) -> Group:
    """Return the group of everything that :func:`offer_phase1` offers in aggressive mode."""
    suites = phase1_suites(profile.ike_proposals, profile.legacy.private)
    if not suites or suites[0].group is None:
        raise ValueError(f"{profile.name}: no IKE proposal can be said in IKEv1")
    return suites[0].group


def _attributes(terms: Terms, method: int, lifetime: float) -> Iterator[Attribute]:
    yield Attribute(Phase1.ENCRYPTION, terms.encryption)
    if terms.bits:
        yield Attribute(Phase1.KEY_LENGTH, terms.bits)
    yield Attribute(Phase1.HASH, terms.hash)
    yield Attribute(Phase1.GROUP, terms.group)
    yield Attribute(Phase1.METHOD, method)
    if lifetime >= 1:
        yield Attribute(Phase1.LIFE_TYPE, LifeType.SECONDS)
        yield Attribute(Phase1.LIFE_DURATION, int(lifetime))


def choose_phase1(
    proposals: Sequence[Proposal],
    sa: SecurityAssociation,
    auth_methods: Container[int],
    private: Private = (),
) -> Chosen1 | None:
    """Return what our order prefers among a peer's transforms, None when nothing fits."""
    offered: dict[Terms, tuple[_Read, Offered]] = {}
    for one in alternatives(sa):
        what = _read(one)
        if what is not None and what.method in auth_methods:
            offered.setdefault(what.terms, (what, one))
    for terms, suite in _by_terms(proposals, private).items():
        if terms in offered:
            what, one = offered[terms]
            return Chosen1(suite, one.answer(one.proposal.spi), float(what.seconds), what.method)
    return None


def accepted_phase1(
    profile: Profile, offered: Sequence[ProposalPayload], answer: SecurityAssociation
) -> Chosen1:
    """Return what the responder took of our offer; ValueError unless it is one thing of it."""
    one = accepted(answer)
    what = _read(one)
    ours = (_read(own) for own in alternatives(SecurityAssociation(tuple(offered))))
    if what is None or (what.terms, what.method) not in {
        (own.terms, own.method) for own in ours if own is not None
    }:
        raise ValueError("the answer is none of our transforms")
    suite = _by_terms(profile.ike_proposals, profile.legacy.private).get(what.terms)
    if suite is None:
        raise ValueError("the answer is no longer configured")
    return Chosen1(suite, one.answer(one.proposal.spi), float(what.seconds), what.method)


def _read(one: Offered) -> _Read | None:
    """Return what a transform says, None where it cannot be used."""
    if one.proposal.protocol != ProtocolId.ISAKMP or one.transform.id != KEY_IKE:
        return None
    found = read(one.transform.attributes, _KNOWN, Phase1.LIFE_TYPE, Phase1.LIFE_DURATION)
    if found is None:
        return None
    values, life = found
    terms = Terms(
        values.get(Phase1.ENCRYPTION, 0),
        values.get(Phase1.KEY_LENGTH, 0),
        values.get(Phase1.HASH, 0),
        values.get(Phase1.GROUP, 0),
    )
    return _Read(terms, values.get(Phase1.METHOD, 0), life.seconds)


def ours_phase1(proposals: Sequence[Proposal], private: Private = ()) -> tuple[Proposal, ...]:
    """Return what IKEv1 can say of our proposals, to be compared and shown beside a peer's."""
    terms = _by_terms(proposals, private)
    return tuple(_told(number, one, private) for number, one in enumerate(terms, start=1))


def theirs_phase1(sa: SecurityAssociation, private: Private = ()) -> tuple[Proposal, ...]:
    """Return a peer's transforms as proposals, to be compared and shown; odd ones are left out."""
    found = dict.fromkeys(what.terms for one in alternatives(sa) if (what := _read(one)))
    return tuple(_told(number, one, private) for number, one in enumerate(found, start=1))


def _told(number: int, terms: Terms, private: Private) -> Proposal:
    encr = cipher_of(ENCRYPTION, terms.encryption, terms.bits, private)
    integ = integ_of(HASH, terms.hash, private)
    transforms = (
        told(encr, TransformType.ENCR, ENCRYPTION.named(terms.encryption, terms.bits)),
        told(integ, TransformType.INTEG, HASH.named(terms.hash)),
        told_group(terms.group),
    )
    return Proposal(Protocol.IKE, transforms, b"", min(number, 255))


def blame_phase1(
    proposals: Sequence[Proposal], sa: SecurityAssociation, private: Private = ()
) -> tuple[TransformType, ...]:
    """Return what keeps the closest pair of transforms apart: cipher, hash (INTEG) or group."""
    return blame(ours_phase1(proposals, private), theirs_phase1(sa, private))


def methods_of(sa: SecurityAssociation) -> tuple[str, ...]:
    """Return the authentication methods that a peer offers, for people."""
    numbers = dict.fromkeys(what.method for one in alternatives(sa) if (what := _read(one)))
    return tuple(METHOD_NAMES.get(number, f"method {number}") for number in numbers)
