"""The Security Association payload, proposals and transforms (RFC 2408 sections 3.4 to 3.6)."""

import struct
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from ikecore.wire import Malformed, Reader
from ikev1.payloads.attributes import Attribute, build_attributes, parse_attributes
from ikev1.payloads.types import DOI, SIT_IDENTITY_ONLY, PayloadType, ProtocolId

PROPOSALS: Final = 64  # more than any peer sends; each is compared with each of ours
TRANSFORMS: Final = 256  # in all proposals: comparing them is what a forged offer costs us
_SA: Final = struct.Struct("!II")
_PROPOSAL: Final = struct.Struct("!BxHBBBB")
_TRANSFORM: Final = struct.Struct("!BxHBBxx")
_LAST: Final = 0
_MORE_PROPOSALS: Final = 2
_MORE_TRANSFORMS: Final = 3
_LONGEST_SPI: Final = 16
_CHILDREN: Final = (ProtocolId.AH, ProtocolId.ESP)


@dataclass(frozen=True, slots=True)
class TransformPayload:
    """One way to do what the proposal's protocol is for: a cipher, a hash, and so on.

    ```
    | 0 (last) or 3 |   RESERVED    |        Payload Length         |
    |  Transform #  |  Transform-Id |           RESERVED2           |
    ~                        SA Attributes                          ~
    ```
    """

    number: int
    id: int
    attributes: tuple[Attribute, ...] = ()


@dataclass(frozen=True, slots=True)
class ProposalPayload:
    """One protocol, and the transforms of which one is to be picked.

    ```
    | 0 (last) or 2 |   RESERVED    |         Payload Length        |
    |  Proposal #   |  Protocol-Id  |    SPI Size   |# of Transforms|
    ~                        SPI (variable)                         ~
    ```

    Proposals with one number belong together: all of them are wanted (section 4.2).
    """

    number: int
    protocol: int
    spi: bytes
    transforms: tuple[TransformPayload, ...]


@dataclass(frozen=True, slots=True)
class SecurityAssociation:
    """Offer proposals, or name the one that was accepted.

    ```
    |              Domain of Interpretation  (DOI)                  |
    |                           Situation                           |
    ~                           Proposals                           ~
    ```

    What follows another DOI, or a situation that is more than identities, has a form of its own:
    it is kept in ``opaque``, and the exchange refuses it.
    """

    TYPE: ClassVar = PayloadType.SA
    proposals: tuple[ProposalPayload, ...]
    doi: int = DOI
    situation: int = SIT_IDENTITY_ONLY
    opaque: bytes = b""

    @classmethod
    def parse(cls, body: Reader) -> Self:
        """Read the payload's body; raise :exc:`Malformed`.

        Unknown protocols, transform ids and attributes survive.
        """
        doi, situation = body.unpack(_SA)
        if (doi, situation) != (DOI, SIT_IDENTITY_ONLY):
            return cls((), doi, situation, body.rest())
        found: list[ProposalPayload] = []
        more, left = True, TRANSFORMS
        while more:
            at = body.at
            if len(found) == PROPOSALS:
                raise Malformed(f"more than {PROPOSALS} proposals", at)
            more, proposal = _parse_proposal(body)
            left -= len(proposal.transforms)
            if left < 0:
                raise Malformed(f"more than {TRANSFORMS} transforms", at)
            found.append(proposal)
        return cls(tuple(found))

    def body(self) -> bytes:
        """Return the payload without its generic header: SAi_b of RFC 2409 section 5."""
        last = len(self.proposals) - 1
        inside = b"".join(
            _proposal(_LAST if at == last else _MORE_PROPOSALS, one)
            for at, one in enumerate(self.proposals)
        )
        return _SA.pack(self.doi, self.situation) + inside + self.opaque


def _parse_proposal(body: Reader) -> tuple[bool, ProposalPayload]:
    at = body.at
    more, length, number, protocol, spi_size, count = body.unpack(_PROPOSAL)
    if more not in (_LAST, _MORE_PROPOSALS):
        raise Malformed(f"proposal followed by {more}", at)
    inside = body.sub(length - _PROPOSAL.size)
    spi = inside.take(spi_size)
    if spi_size > _LONGEST_SPI:
        raise Malformed(f"SPI of {spi_size} octets", at)
    # on UDP 4500 a zero SPI is the non-ESP marker
    if protocol in _CHILDREN and (spi_size != 4 or not any(spi)):
        raise Malformed(f"SPI {spi.hex()} of {spi_size} octets for protocol {protocol}", at)
    transforms = tuple(_parse_transform(inside, n == count - 1) for n in range(count))
    if inside:
        raise Malformed("octets after the proposal's last transform", inside.at)
    return more == _MORE_PROPOSALS, ProposalPayload(number, protocol, spi, transforms)


def _parse_transform(body: Reader, is_last: bool) -> TransformPayload:
    at = body.at
    more, length, number, kind = body.unpack(_TRANSFORM)
    if more != (_LAST if is_last else _MORE_TRANSFORMS):
        raise Malformed(f"transform followed by {more}", at)
    attributes = parse_attributes(body.sub(length - _TRANSFORM.size))
    return TransformPayload(number, kind, attributes)


def _proposal(more: int, proposal: ProposalPayload) -> bytes:
    last = len(proposal.transforms) - 1
    inside = proposal.spi + b"".join(
        _transform(_LAST if at == last else _MORE_TRANSFORMS, one)
        for at, one in enumerate(proposal.transforms)
    )
    start = _PROPOSAL.pack(
        more, _PROPOSAL.size + len(inside), proposal.number, proposal.protocol, len(proposal.spi),
        last + 1,
    )  # fmt: skip
    return start + inside


def _transform(more: int, transform: TransformPayload) -> bytes:
    inside = build_attributes(transform.attributes)
    length = _TRANSFORM.size + len(inside)
    return _TRANSFORM.pack(more, length, transform.number, transform.id) + inside
