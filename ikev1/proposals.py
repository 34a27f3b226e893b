"""What both phases' offers have in common: attributes read, rows combined, lists told to people.

IKEv1 has no lists of algorithms to pick one of each kind from: a transform is one whole
combination (RFC 2408 section 4.2), and what is chosen goes back as it came.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from ikecore.proposals import Proposal, Transform, TransformType, row_of, transform_of
from ikev1.payloads.attributes import Attribute, value_of
from ikev1.payloads.sa import ProposalPayload, SecurityAssociation, TransformPayload
from ikev1.registry import FOREIGN_GROUPS, GROUPS, LifeType
from suites.encr import ENCR, ENCR_BY_NAME, Encr
from suites.integ import INTEG, INTEG_BY_NAME, Integ
from suites.kex import Group
from suites.keywords import Row
from suites.prf import Prf

_R = TypeVar("_R", Encr, Integ, Prf, Group)

MOST: Final = 200
"""Transforms that are offered: they make a datagram of 7 kB, and each has a number of one octet."""
FOREIGN: Final = 1 << 16
"""The number, none of IKEv2's, of what means nothing to us; those after it are of rows without."""
KILOBYTE: Final = 1024
_UNNUMBERED: Final = tuple(row.name for row in (*ENCR, *INTEG) if not row.iana)
_OF_KIND: Final[Mapping[type[Row], TransformType]] = {
    Encr: TransformType.ENCR,
    Integ: TransformType.INTEG,
    Prf: TransformType.PRF,
    Group: TransformType.KE,
}


class Offered(NamedTuple):
    """One transform of a peer's list, and the proposal that it stands in."""

    proposal: ProposalPayload
    transform: TransformPayload

    def answer(self, spi: bytes) -> ProposalPayload:
        """Return the proposal that accepts it: its transform exactly as it came."""
        one = self.proposal
        return ProposalPayload(one.number, one.protocol, spi, (self.transform,))


@dataclass(frozen=True, slots=True)
class Life:
    """A lifetime as a transform has it; 0: not told."""

    seconds: int = 0
    kilobytes: int = 0


class Read(NamedTuple):
    """A transform's attributes: one number a class, and the lifetime."""

    values: Mapping[int, int]
    life: Life


def alternatives(sa: SecurityAssociation) -> Iterator[Offered]:
    """Yield all transforms that may be picked, in the peer's order.

    Proposals with one number are wanted together (ESP with AH, or with IPComp): we take no such.
    """
    numbers = [one.number for one in sa.proposals]
    for proposal in sa.proposals:
        if numbers.count(proposal.number) == 1:
            for transform in proposal.transforms:
                yield Offered(proposal, transform)


def accepted(sa: SecurityAssociation) -> Offered:
    """Return the one transform of an answer; ValueError when it is not one."""
    found = list(alternatives(sa))
    if len(found) != 1 or len(sa.proposals) != 1:
        raise ValueError("the answer does not name one transform")
    return found[0]


def read(
    attributes: Iterable[Attribute], known: Container[int], life_type: int, life_duration: int
) -> Read | None:
    """Return what a transform's attributes say; None where one is odd.

    Odd is what we do not know, what comes twice, and a duration without its unit, which stands
    before it (RFC 2407 section 4.5): such a transform cannot be used, the others can.
    """
    values: dict[int, int] = {}
    lifetimes: dict[int, int] = {}
    unit = 0
    for attribute in attributes:
        value = value_of(attribute)
        if attribute.type == life_type and not unit and value in tuple(LifeType):
            unit = value
        elif attribute.type == life_duration and unit and unit not in lifetimes:
            lifetimes[unit], unit = value, 0
        elif attribute.type in known and attribute.type not in values:
            values[attribute.type] = value
        else:
            return None
    if unit:
        return None
    return Read(
        values, Life(lifetimes.get(LifeType.SECONDS, 0), lifetimes.get(LifeType.KILOBYTES, 0))
    )


def rows(proposal: Proposal, kind: type[_R]) -> tuple[_R, ...]:
    """Return the rows of one kind that our proposal has, in order of preference.

    They are the tables' own: a number that was configured for IKEv2 means nothing here.
    """
    found = (row_of(transform) for transform in proposal.of(_OF_KIND[kind]))
    return tuple(_own(row) for row in found if isinstance(row, kind))


def _own(row: _R) -> _R:
    match row:
        case Encr():
            return ENCR_BY_NAME[row.name]
        case Integ():
            return INTEG_BY_NAME[row.name]
        case _:
            return row


def told(row: Row | None, kind: TransformType, name: str) -> Transform:
    """Return what stands for a peer's choice where people read it, and where it is compared."""
    if row is None:
        return Transform(kind, FOREIGN, quirk=name)
    if not row.iana:
        return Transform(kind, FOREIGN + 1 + _UNNUMBERED.index(row.name), quirk=row.name)
    return transform_of(row)


def told_group(number: int) -> Transform:
    """Return what stands for a Group Description, known or not."""
    name = FOREIGN_GROUPS.get(number, f"group:{number}")
    return told(GROUPS.get(number), TransformType.KE, name)
