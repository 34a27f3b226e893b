"""Connections and SA payloads for the tests of both phases' offers."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from ikecore.identities import Identity, IdType
from ikecore.keywords import parse_proposal
from ikecore.profile import LegacyTerms, Profile
from ikecore.proposals import Proposal, Protocol, Suite
from ikecore.wire import Reader
from ikev1.payloads.attributes import Attribute, value_of
from ikev1.payloads.sa import ProposalPayload, SecurityAssociation, TransformPayload
from ikev1.phase2_offer import Chosen2, choose_phase2, offer_phase2

THEIRS, OURS = 0xC0000001, 0xD0000002
TUNNEL = 1
NOBODY = Identity(IdType.FQDN, b"nobody")


def proposals(*texts: str, protocol: Protocol = Protocol.IKE) -> tuple[Proposal, ...]:
    return tuple(parse_proposal(text, protocol) for text in texts)


def profile(*ike: str, esp: tuple[Proposal, ...] = (), **more: Any) -> Profile:
    return Profile("home", NOBODY, proposals(*ike), esp, (), NOBODY, **more)


def legacy(one: Profile, **terms: Any) -> Profile:
    return replace(one, legacy=LegacyTerms(**terms))


def on_the_wire(offer: Iterable[ProposalPayload]) -> SecurityAssociation:
    """Return what the peer reads of an offer."""
    return SecurityAssociation.parse(Reader(SecurityAssociation(tuple(offer)).body()))


def numbers(transform: TransformPayload) -> dict[int, int]:
    return {one.type: value_of(one) for one in transform.attributes}


def changed(
    sa: SecurityAssociation, change: Callable[[tuple[Attribute, ...]], Iterable[Attribute]]
) -> SecurityAssociation:
    """Return the payload with the attributes of each transform changed."""
    return SecurityAssociation(
        tuple(
            replace(
                one,
                transforms=tuple(
                    replace(t, attributes=tuple(change(t.attributes))) for t in one.transforms
                ),
            )
            for one in sa.proposals
        )
    )


def with_value(sa: SecurityAssociation, kind: int, value: int | bytes) -> SecurityAssociation:
    """Return the payload with another value of one attribute in each transform."""
    return changed(
        sa, lambda all_: (Attribute(kind, value) if one.type == kind else one for one in all_)
    )


def with_more(sa: SecurityAssociation, *more: Attribute) -> SecurityAssociation:
    return changed(sa, lambda all_: (*all_, *more))


def lacking(sa: SecurityAssociation, kind: int) -> SecurityAssociation:
    return changed(sa, lambda all_: (one for one in all_ if one.type != kind))


def home(*texts: str, protocol: Protocol = Protocol.ESP, **more: Any) -> Profile:
    return profile(esp=proposals(*texts, protocol=protocol), **more)


def offered(us: Profile, encapsulation: int = TUNNEL) -> SecurityAssociation:
    return on_the_wire(offer_phase2(us, THEIRS, encapsulation))


def chosen(us: Profile, sa: SecurityAssociation, encapsulation: int = TUNNEL) -> Chosen2 | None:
    return choose_phase2(us, sa, OURS, encapsulation)


def agreed(us: Profile, peer: Profile) -> Suite:
    found = chosen(us, offered(peer))
    assert found is not None
    return found.suite
