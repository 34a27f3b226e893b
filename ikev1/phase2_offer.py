"""The proposals of phase 2: what a child is made of (RFC 2407 section 4.5).

A transform is one whole combination, with how packets are wrapped, for how long, and the group of
its own key exchange (PFS).  One quick mode has one public value, so all that is offered has one
group.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from ikecore.child import Mode
from ikecore.profile import Profile
from ikecore.proposals import Proposal, Suite
from ikev1.payloads.attributes import Attribute
from ikev1.payloads.sa import ProposalPayload, SecurityAssociation, TransformPayload
from ikev1.phase2_terms import (
    ESN,
    Said,
    Terms,
    is_met,
    needs_pfs,
    pfs_groups,
    phase2_suites,
    said,
    terms_of,
)
from ikev1.proposals import KILOBYTE, MOST, Offered, accepted, alternatives
from ikev1.registry import GROUPS, Encapsulation, LifeType, Phase2, Private
from suites.kex import Group

_DEFAULT_LIFETIME: Final = 28800.0  # where a transform has none (RFC 2407 section 4.5)


@dataclass(frozen=True, slots=True)
class Chosen2:
    """What a child is made of; ``proposal`` is the answer that says so, with our SPI.

    ``suite.group`` is that of the child's own key exchange, None without.  Lifetimes are the
    initiator's: ``seconds``, and ``kilobytes`` of 1024 octets, 0 where there is no limit.
    """

    suite: Suite
    outbound_spi: int
    proposal: ProposalPayload
    seconds: float
    kilobytes: int
    mode: Mode

    @property
    def group(self) -> int:
        """Return the number of the child's own group, 0 without one."""
        return 0 if self.suite.group is None else self.suite.group.iana


def pfs_group(profile: Profile, renews: Suite | None = None) -> Group | None:
    """Return the group whose public value an offer carries, None for none.

    It is the first of the first proposal; of a child that is renewed its own, where configured.
    """
    own = None if renews is None else renews.group
    groups = {group for one in profile.esp_proposals for group in pfs_groups(one)}
    if own in groups:
        return own
    first = next((pfs_groups(one) for one in profile.esp_proposals), ())
    return first[0] if first else None


def offer_phase2(
    profile: Profile, spi: int, encapsulation: int, renews: Suite | None = None
) -> tuple[ProposalPayload, ...]:
    """Return what we offer as initiator, with our SPI.

    ``encapsulation`` is how packets are wrapped, ``renews`` the suite of the child before: it is
    kept as long as it is configured (docs/adr/0009).  ESP and AH are proposals of their own.
    ValueError when IKEv1 has numbers for nothing that is configured.
    """
    private = profile.legacy.private
    group = pfs_group(profile, renews)
    usable = [
        one for one in profile.esp_proposals if group in pfs_groups(one) or not needs_pfs(one)
    ]
    suites = phase2_suites(usable, private)
    old = None if renews is None else _bare(renews)
    if old in suites:
        suites = (old,)
    if not suites:
        raise ValueError(f"{profile.name}: no ESP or AH proposal can be said in IKEv1")
    found = []
    own = spi.to_bytes(4, "big")
    more = tuple(_more(profile, encapsulation, group))
    for number, (protocol, some) in enumerate(groupby(suites, lambda one: one.protocol), start=1):
        found.append(ProposalPayload(number, protocol, own, _transforms(some, private, more)))
    return tuple(found)


def _bare(suite: Suite) -> Suite:
    return replace(suite, group=None, prf=None, number=1)


def _transforms(
    suites: Iterator[Suite], private: Private, more: tuple[Attribute, ...]
) -> tuple[TransformPayload, ...]:
    found = dict.fromkeys(terms_of(suite, private) for suite in suites)
    return tuple(
        TransformPayload(number, terms.transform, (*more, *_attributes(terms)))
        for number, terms in enumerate(filter(None, found), start=1)
    )


def _more(profile: Profile, encapsulation: int, group: Group | None) -> Iterator[Attribute]:
    if group is not None:
        yield Attribute(Phase2.GROUP, group.iana)
    yield Attribute(Phase2.ENCAPSULATION, encapsulation)
    if profile.child_lifetime >= 1:
        yield Attribute(Phase2.LIFE_TYPE, LifeType.SECONDS)
        yield Attribute(Phase2.LIFE_DURATION, int(profile.child_lifetime))
    kilobytes = profile.child_limits.hard_octets // KILOBYTE
    if kilobytes:
        yield Attribute(Phase2.LIFE_TYPE, LifeType.KILOBYTES)
        yield Attribute(Phase2.LIFE_DURATION, min(kilobytes, (1 << 32) - 1))


def _attributes(terms: Terms) -> Iterator[Attribute]:
    if terms.bits:
        yield Attribute(Phase2.KEY_LENGTH, terms.bits)
    if terms.authentication:
        yield Attribute(Phase2.AUTHENTICATION, terms.authentication)
    if terms.esn:
        yield Attribute(Phase2.ESN, ESN)


def choose_phase2(
    profile: Profile,
    sa: SecurityAssociation,
    spi: int,
    encapsulation: int,
    renews: Suite | None = None,
) -> Chosen2 | None:
    """Return what our order prefers among a peer's transforms, None when nothing fits.

    ``spi`` is ours, for the answer; ``encapsulation`` what we would offer; ``renews`` the suite of
    the child before, which is taken first.  A group that we did not ask for is stronger than none.
    """
    found = fitting(
        profile,
        sa,
        lambda proposal, what: (
            is_met(what.encapsulation, encapsulation) and is_group_good(proposal, what.group)
        ),
        renews,
    )
    for suite, what, one in found:
        return _chosen(suite, what, one, one.answer(spi.to_bytes(4, "big")))
    return None


def fitting(
    profile: Profile,
    sa: SecurityAssociation,
    is_good: Callable[[Proposal, Said], bool],
    renews: Suite | None = None,
) -> Iterator[tuple[Suite, Said, Offered]]:
    """Yield what of a peer's transforms has our algorithms and is good, in our order."""
    offered: dict[Terms, list[tuple[Said, Offered]]] = {}
    for one in alternatives(sa):
        what = said(one)
        if what is not None:
            offered.setdefault(what.terms, []).append((what, one))
    for proposal, suite in _wanted(profile, renews):
        terms = terms_of(suite, profile.legacy.private)
        for what, one in () if terms is None else offered.get(terms, ()):
            if is_good(proposal, what):
                yield suite, what, one


def _wanted(profile: Profile, renews: Suite | None) -> list[tuple[Proposal, Suite]]:
    private = profile.legacy.private
    found = [
        (one, suite) for one in profile.esp_proposals for suite in phase2_suites((one,), private)
    ]
    if renews is not None:
        old = _bare(renews)
        found.sort(key=lambda pair: pair[1] != old)
    return found[:MOST]


def is_group_good(proposal: Proposal, group: int) -> bool:
    """Tell whether a group (0: none) is what a proposal asks for, or more than it asks for."""
    own = {one.iana for one in pfs_groups(proposal)}
    if not group:
        return not needs_pfs(proposal)
    return group in own or (not own and not needs_pfs(proposal) and group in GROUPS)


def _chosen(suite: Suite, what: Said, one: Offered, proposal: ProposalPayload) -> Chosen2:
    life = what.life
    seconds = float(life.seconds) if any((life.seconds, life.kilobytes)) else _DEFAULT_LIFETIME
    is_tunnel = not what.encapsulation or Encapsulation(what.encapsulation).is_tunnel
    return Chosen2(
        replace(suite, group=GROUPS.get(what.group), number=one.proposal.number),
        int.from_bytes(one.proposal.spi, "big"),
        proposal,
        seconds,
        life.kilobytes,
        Mode.TUNNEL if is_tunnel else Mode.TRANSPORT,
    )


def accepted_phase2(
    profile: Profile, offered: Sequence[ProposalPayload], answer: SecurityAssociation
) -> Chosen2:
    """Return what the responder took of our offer; ValueError unless it is one thing of it."""
    one = accepted(answer)
    what = said(one)
    ours = (said(own) for own in alternatives(SecurityAssociation(tuple(offered))))
    if what is None or not any(own and _is_same(own, what) for own in ours):
        raise ValueError("the answer is none of our transforms")
    for _, suite in _wanted(profile, None):
        if terms_of(suite, profile.legacy.private) == what.terms:
            return _chosen(suite, what, one, one.proposal)
    raise ValueError("the answer is no longer configured")


def _is_same(own: Said, theirs: Said) -> bool:
    return (own.terms, own.group, own.encapsulation) == (
        theirs.terms,
        theirs.group,
        theirs.encapsulation,
    )
