"""What a transform of phase 2 says, and what of ours IKEv1 can say (RFC 2407 section 4.5)."""

from collections.abc import Iterator, Sequence
from itertools import islice, product
from typing import Final, NamedTuple

from ikecore.proposals import NONE, Proposal, Protocol, Suite, TransformType
from ikev1.proposals import MOST, Life, Offered, read, rows
from ikev1.registry import AH, AUTHENTICATION, ESP, GROUPS, Encapsulation, Phase2, Private
from suites.encr import NULL, Encr
from suites.integ import Integ
from suites.kex import Group

ESN: Final = 1
"""The only value of the attribute (RFC 4304); without it sequence numbers have 32 bits."""
_KNOWN: Final = (
    Phase2.GROUP, Phase2.ENCAPSULATION, Phase2.AUTHENTICATION, Phase2.KEY_LENGTH, Phase2.ESN,
)  # fmt: skip


class Terms(NamedTuple):
    """What a transform says of algorithms, in IKEv1's numbers."""

    protocol: int
    transform: int
    bits: int
    authentication: int
    esn: int


class Said(NamedTuple):
    """A usable transform: 0 where it has no group or no encapsulation of its own."""

    terms: Terms
    group: int = 0
    encapsulation: int = 0
    life: Life = Life()


def phase2_suites(proposals: Sequence[Proposal], private: Private = ()) -> tuple[Suite, ...]:
    """Return all combinations that IKEv1 has numbers for, in order of preference, without group."""
    found = (suite for one in proposals for suite in _suites(one, private))
    return tuple(islice(dict.fromkeys(found), MOST))


def _suites(proposal: Proposal, private: Private) -> Iterator[Suite]:
    protocol = Protocol(proposal.protocol)
    is_ah = protocol is Protocol.AH
    ciphers = (NULL,) if is_ah else rows(proposal, Encr)
    esn = tuple(one.id for one in proposal.of(TransformType.ESN)) or (NONE,)
    for encr in ciphers:
        integs: tuple[Integ | None, ...] = (None,) if encr.is_aead else rows(proposal, Integ)
        for integ, number in product(integs, esn):
            suite = Suite(protocol, encr, integ, esn=number == ESN)
            if terms_of(suite, private) is not None:
                yield suite


def terms_of(suite: Suite, private: Private = ()) -> Terms | None:
    """Return what a suite is in numbers, None where IKEv1 lacks one."""
    authentication = 0
    if suite.integ is not None:
        authentication = AUTHENTICATION.number(suite.integ, private)
        if not authentication:
            return None
    if suite.protocol == Protocol.AH and suite.integ is not None:
        transform, bits = AH.number(suite.integ, private), 0
    elif suite.protocol == Protocol.ESP:
        transform, bits = ESP.number(suite.encr, private), suite.encr.key_bits
    else:
        return None
    if not transform:
        return None
    return Terms(suite.protocol, transform, bits, authentication, int(suite.esn))


def pfs_groups(proposal: Proposal) -> tuple[Group, ...]:
    """Return the groups of a proposal that IKEv1 has numbers for, in order of preference."""
    return tuple(group for group in rows(proposal, Group) if group.iana in GROUPS)


def needs_pfs(proposal: Proposal) -> bool:
    """Tell whether a proposal is not to be had without a key exchange of its own."""
    groups = proposal.of(TransformType.KE)
    return bool(groups) and all(one.id != NONE for one in groups)


def is_met(theirs: int, ours: int) -> bool:
    """Tell whether two numbers mean the same: a draft's and the RFC's do.

    None at all is up to the host (RFC 2407 section 4.5): a tunnel as it is.
    """
    known = tuple(Encapsulation)
    if theirs not in known or ours not in known:
        return not theirs and ours == Encapsulation.TUNNEL
    one, other = Encapsulation(theirs), Encapsulation(ours)
    return (one.is_tunnel, one.is_udp) == (other.is_tunnel, other.is_udp)


def said(one: Offered) -> Said | None:
    """Return what a transform says, None where it cannot be used."""
    found = read(one.transform.attributes, _KNOWN, Phase2.LIFE_TYPE, Phase2.LIFE_DURATION)
    if found is None:
        return None
    values, life = found
    esn = values.get(Phase2.ESN, 0)
    if Phase2.ESN in values and esn != ESN:  # RFC 4304: there is no other value
        return None
    terms = Terms(
        one.proposal.protocol,
        one.transform.id,
        values.get(Phase2.KEY_LENGTH, 0),
        values.get(Phase2.AUTHENTICATION, 0),
        esn,
    )
    return Said(terms, values.get(Phase2.GROUP, 0), values.get(Phase2.ENCAPSULATION, 0), life)
