"""Proposals: what may be negotiated, and what is chosen of two lists (RFC 7296 section 3.3)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Final, TypeVar

from suites.encr import ENCR_BY_ID, ENCR_BY_NAME, NULL, Encr
from suites.integ import INTEG_BY_ID, INTEG_BY_NAME, Integ
from suites.kex import GROUP_BY_ID, Group
from suites.keywords import Row
from suites.prf import PRF_BY_ID, PRF_BY_NAME, Prf
from suites.status import UNNUMBERED, is_standard

_R = TypeVar("_R", Encr, Integ, Prf)


class Protocol(IntEnum):
    """Security protocol identifiers (RFC 7296 section 3.3.1)."""

    IKE = 1
    AH = 2
    ESP = 3


class TransformType(IntEnum):
    """Transform types (RFC 7296 section 3.3.2, RFC 9370 for the fourth's name)."""

    ENCR = 1
    PRF = 2
    INTEG = 3
    KE = 4
    ESN = 5


_WRITTEN: Final = (  # how proposals are spelled
    TransformType.ENCR, TransformType.INTEG, TransformType.PRF, TransformType.KE, TransformType.ESN,
)  # fmt: skip
NONE: Final = 0  # INTEG, KE: none; ESN: 32-bit sequence numbers
_REQUIRED: Final = {
    Protocol.IKE: (TransformType.ENCR, TransformType.PRF, TransformType.KE),
    Protocol.AH: (TransformType.INTEG,),
    Protocol.ESP: (TransformType.ENCR,),
}
_OPTIONAL: Final = {
    Protocol.IKE: (TransformType.INTEG,),
    Protocol.AH: (TransformType.KE, TransformType.ESN),
    Protocol.ESP: (TransformType.INTEG, TransformType.KE, TransformType.ESN),
}


@dataclass(frozen=True, slots=True)
class Transform:
    """One algorithm offered.

    ``key_bits`` is the Key Length attribute, 0 when absent; ``odd`` marks an attribute that we do
    not know, or a key length that came twice: such a transform is never chosen (section 3.3.6).
    ``quirk`` is what only we know of our own: the keyword of the row that is meant by a number it
    shares with another, or by one that was configured; on the wire nothing tells.  Of a peer's it
    is the name of what we know by name alone.
    """

    type: int
    id: int
    key_bits: int = 0
    odd: bool = False
    quirk: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Proposal:
    """One proposal substructure: any transform of each type may be picked."""

    protocol: int
    transforms: tuple[Transform, ...]
    spi: bytes = b""
    number: int = 1

    def of(self, kind: int) -> tuple[Transform, ...]:
        """Return the transforms of one type, in order of preference."""
        return tuple(t for t in self.transforms if t.type == kind)

    def types(self) -> frozenset[int]:
        """Return the transform types that occur."""
        return frozenset(t.type for t in self.transforms)

    def without(self, kind: int) -> "Proposal":
        """Return the proposal without one transform type (a first child's KE, section 1.2)."""
        kept = tuple(t for t in self.transforms if t.type != kind)
        return Proposal(self.protocol, kept, self.spi, self.number)


@dataclass(frozen=True, slots=True)
class Suite:
    """What was chosen: one row a type.  ``number`` is that of the accepted proposal.

    A row that has no number of its own has the one that was configured.
    """

    protocol: int
    encr: Encr
    """NULL for AH, so that keys are cut the same way for all."""
    integ: Integ | None = None
    prf: Prf | None = None
    group: Group | None = None
    esn: bool = False
    number: int = 1

    def proposal(self, spi: bytes = b"") -> Proposal:
        """Return the answer's single proposal (section 3.3: one transform of each type)."""
        found = []
        if self.protocol != Protocol.AH:
            found.append(transform_of(self.encr))
        rows = (self.prf, self.integ, self.group)
        found += [transform_of(row) for row in rows if row is not None]
        if self.protocol != Protocol.IKE:
            found.append(Transform(TransformType.ESN, int(self.esn)))
        return Proposal(self.protocol, tuple(found), spi, self.number)

    def __str__(self) -> str:
        encr = None if self.protocol == Protocol.AH else self.encr
        rows = (encr, self.integ, self.prf, self.group)
        names = [row.name for row in rows if row is not None]
        return "-".join([*names, "esn"] if self.esn else names)


def choose(ours: Sequence[Proposal], theirs: Sequence[Proposal]) -> tuple[Suite, Proposal] | None:
    """Return the suite our order prefers among theirs, and their proposal it came from.

    Every transform type of their proposal must be settled, and a type they leave out counts as
    NONE (section 3.3.3); an algorithm we have no row for is never chosen.
    """
    for mine in ours:
        for offer in theirs:
            if offer.protocol != mine.protocol:
                continue
            suite = _settle(mine, offer)
            if suite is not None:
                return suite, offer
    return None


def _settle(mine: Proposal, offer: Proposal) -> Suite | None:
    protocol = Protocol(mine.protocol)
    known = (*_REQUIRED[protocol], *_OPTIONAL[protocol])
    if not offer.types() <= set(known):
        return None
    picked: dict[int, Transform] = {}
    for kind in known:
        both = _common(mine.of(kind), offer.of(kind))
        if both is not None:
            picked[kind] = both
        elif not (_may_lack(mine, kind) and _may_lack(offer, kind)):
            return None
    if any(kind not in picked for kind in _REQUIRED[protocol]):
        return None
    return _suite(protocol, picked, offer.number)


def _common(mine: tuple[Transform, ...], theirs: tuple[Transform, ...]) -> Transform | None:
    offered = {t for t in theirs if not t.odd}
    return next((t for t in mine if t in offered and not _is_unnumbered(t)), None)


def _is_unnumbered(transform: Transform) -> bool:
    return bool(transform.quirk) and transform.id == UNNUMBERED


def _may_lack(proposal: Proposal, kind: int) -> bool:
    found = proposal.of(kind)
    return not found or any(t.id == NONE for t in found)


def _suite(protocol: Protocol, picked: dict[int, Transform], number: int) -> Suite | None:
    chosen = picked.get(TransformType.ENCR)  # none in AH
    encr = NULL if chosen is None else _encr(chosen)
    integ = _integ(picked.get(TransformType.INTEG))
    prf = _prf(picked.get(TransformType.PRF))
    group = GROUP_BY_ID.get(_id(picked, TransformType.KE))
    if encr is None or encr.is_aead != (integ is None):
        return None
    if protocol is Protocol.IKE:
        if prf is None or group is None:
            return None
        if not encr.is_for_ike or (integ is not None and not integ.is_for_ike):
            return None
    if protocol is Protocol.ESP and integ is not None and not integ.is_for_esp:
        return None
    esn = _id(picked, TransformType.ESN) == 1
    return Suite(protocol, encr, integ, prf, group, esn, number)


def transform_of(row: Row) -> Transform:
    """Return what stands for a row in a proposal; without a number of its own: not yet sendable."""
    quirk = "" if is_standard(row.iana) else row.name
    match row:
        case Encr():
            return Transform(TransformType.ENCR, row.iana, row.key_bits, quirk=quirk)
        case Integ():
            quirk = row.name if row.is_quirk else quirk
            return Transform(TransformType.INTEG, row.iana, quirk=quirk)
        case Prf():
            return Transform(TransformType.PRF, row.iana, quirk=quirk)
        case Group():
            return Transform(TransformType.KE, row.iana)


def unnumbered(proposal: Proposal) -> tuple[str, ...]:
    """Return the keywords of what is in a proposal and waits for a number."""
    return tuple(one.quirk for one in proposal.transforms if _is_unnumbered(one))


def numbered(proposal: Proposal, numbers: Mapping[str, int]) -> Proposal:
    """Return the proposal with configured numbers, by keyword, for rows that have none.

    Raises KeyError, of the keyword, where one is missing.
    """
    made = (
        replace(one, id=numbers[one.quirk]) if _is_unnumbered(one) else one
        for one in proposal.transforms
    )
    return replace(proposal, transforms=tuple(made))


def _meant(table: Mapping[str, _R], transform: Transform) -> _R | None:
    """Return the row that only we know to be meant, with the number it goes by."""
    row = table.get(transform.quirk)
    if row is None or row.iana == transform.id:
        return row
    return replace(row, iana=transform.id)


def _encr(transform: Transform) -> Encr | None:
    by_number = ENCR_BY_ID.get((transform.id, transform.key_bits))
    return _meant(ENCR_BY_NAME, transform) or by_number


def _integ(transform: Transform | None) -> Integ | None:
    if transform is None:
        return None
    return _meant(INTEG_BY_NAME, transform) or INTEG_BY_ID.get(transform.id)


def _prf(transform: Transform | None) -> Prf | None:
    if transform is None:
        return None
    return _meant(PRF_BY_NAME, transform) or PRF_BY_ID.get(transform.id)


def _id(picked: dict[int, Transform], kind: int) -> int:
    transform = picked.get(kind)
    return NONE if transform is None else transform.id


def blame(ours: Sequence[Proposal], theirs: Sequence[Proposal]) -> tuple[TransformType, ...]:
    """Return the transform types that keep the closest pair of proposals apart.

    Empty when not even the protocols agree (AH against ESP) or nothing was offered.
    """
    best: tuple[TransformType, ...] | None = None
    for mine in ours:
        for offer in theirs:
            if mine.protocol != offer.protocol:
                continue
            apart = tuple(_apart(mine, offer))
            if apart and (best is None or len(apart) < len(best)):
                best = apart
    return best or ()


def _apart(mine: Proposal, offer: Proposal) -> Iterable[TransformType]:
    for kind in TransformType:
        a, b = mine.of(kind), offer.of(kind)
        if _common(a, b) is None and not (_may_lack(mine, kind) and _may_lack(offer, kind)):
            yield kind


def describe(proposal: Proposal) -> str:
    """Return the proposal in keywords, in their usual order; unknown transforms as type:id."""
    told = [t for t in proposal.transforms if not _is_plain(t)]
    return "-".join(dict.fromkeys(map(_name, sorted(told, key=_place))))


def _place(transform: Transform) -> int:
    return _WRITTEN.index(transform.type) if transform.type in _WRITTEN else len(_WRITTEN)


def _is_plain(transform: Transform) -> bool:
    return transform.type in (TransformType.ESN, TransformType.KE) and transform.id == NONE


def row_of(transform: Transform) -> Row | None:
    """Return the row that a transform stands for, None for none or one that we do not know."""
    match transform.type:
        case TransformType.ENCR:
            return _encr(transform)
        case TransformType.PRF:
            return _prf(transform)
        case TransformType.INTEG:
            return _integ(transform)
        case TransformType.KE:
            return GROUP_BY_ID.get(transform.id)
    return None


def _name(transform: Transform) -> str:
    row = row_of(transform)
    if row is not None:
        return row.name
    if transform.type == TransformType.ESN and transform.id == 1:
        return "esn"
    size = f"/{transform.key_bits}" if transform.key_bits else ""
    return transform.quirk or f"{transform.type}:{transform.id}{size}"
