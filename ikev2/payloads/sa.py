"""The Security Association payload (RFC 7296 section 3.3)."""

import struct
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from ikecore.proposals import Proposal, Protocol, Transform
from ikecore.wire import Malformed, Reader
from ikev2.payloads.types import PayloadType

PROPOSALS: Final = 64  # more than any peer sends; each is compared with each of ours
TRANSFORMS: Final = 256  # in all proposals: comparing them is what a forged offer costs us
_PROPOSAL: Final = struct.Struct("!BxHBBBB")
_TRANSFORM: Final = struct.Struct("!BxHBxH")
_ATTRIBUTE: Final = struct.Struct("!HH")
_FIXED: Final = 0x8000  # AF: the second field is the value itself, not a length
_KEY_LENGTH: Final = _FIXED | 14
_LAST: Final = 0
_MORE_PROPOSALS: Final = 2
_MORE_TRANSFORMS: Final = 3
_SPI_SIZES: Final = {Protocol.IKE: (0, 8), Protocol.AH: (4,), Protocol.ESP: (4,)}


@dataclass(frozen=True, slots=True)
class SecurityAssociation:
    """Offer proposals, or name the one that was accepted.

    ```
    proposal:
    | 0 (last) or 2 |   RESERVED    |         Proposal Length       |
    | Proposal Num  |  Protocol ID  |    SPI Size   |Num  Transforms|
    ~                        SPI (variable)                         ~
    transform:
    | 0 (last) or 3 |   RESERVED    |        Transform Length       |
    |Transform Type |   RESERVED    |          Transform ID         |
    ~                      Transform Attributes                     ~
    attribute:
    |A|       Attribute Type        |    AF=0  Attribute Length     |
    |F|                             |    AF=1  Attribute Value      |
    ~                   AF=0  Attribute Value                       ~
    ```

    The SPI of an AH or ESP proposal is four octets and not zero (on UDP 4500 a zero SPI is the
    non-ESP marker), an IKE one's none or eight.  Numbers rise from one proposal to the next.
    """

    TYPE: ClassVar = PayloadType.SA
    proposals: tuple[Proposal, ...]

    @classmethod
    def parse(cls, body: Reader) -> Self:
        """Read the payload's body; raise :exc:`Malformed`.

        Unknown protocols, transform types and ids survive; a transform with an attribute that we
        do not know comes back as ``odd``.
        """
        found: list[Proposal] = []
        more, number, left = True, -1, TRANSFORMS
        while more:
            at = body.at
            if len(found) == PROPOSALS:
                raise Malformed(f"more than {PROPOSALS} proposals", at)
            more, proposal = _parse_proposal(body)
            if proposal.number <= number:
                raise Malformed(f"proposal {proposal.number} after {number}", at)
            number = proposal.number
            left -= len(proposal.transforms)
            if left < 0:
                raise Malformed(f"more than {TRANSFORMS} transforms", at)
            found.append(proposal)
        return cls(tuple(found))

    def body(self) -> bytes:
        """Return the payload without its generic header."""
        last = len(self.proposals) - 1
        return b"".join(
            _proposal(_LAST if at == last else _MORE_PROPOSALS, one)
            for at, one in enumerate(self.proposals)
        )


def _parse_proposal(body: Reader) -> tuple[bool, Proposal]:
    at = body.at
    more, length, number, protocol, spi_size, count = body.unpack(_PROPOSAL)
    if more not in (_LAST, _MORE_PROPOSALS):
        raise Malformed(f"proposal followed by {more}", at)
    inside = body.sub(length - _PROPOSAL.size)
    sizes = _SPI_SIZES.get(protocol)
    spi = inside.take(spi_size)
    if sizes is not None and (spi_size not in sizes or (spi and not any(spi))):
        raise Malformed(f"SPI {spi.hex()} of {spi_size} octets for protocol {protocol}", at)
    transforms = tuple(_parse_transform(inside, n == count - 1) for n in range(count))
    if inside:
        raise Malformed("octets after the proposal's last transform", inside.at)
    return more == _MORE_PROPOSALS, Proposal(protocol, transforms, spi, number)


def _parse_transform(body: Reader, is_last: bool) -> Transform:
    at = body.at
    more, length, kind, number = body.unpack(_TRANSFORM)
    if more != (_LAST if is_last else _MORE_TRANSFORMS):
        raise Malformed(f"transform followed by {more}", at)
    if length == _TRANSFORM.size:
        return Transform(kind, number)
    key_bits, odd = 0, False
    attributes = body.sub(length - _TRANSFORM.size)
    while attributes:
        name, value = attributes.unpack(_ATTRIBUTE)
        if name == _KEY_LENGTH and value and not key_bits:
            key_bits = value
            continue
        odd = True
        if not name & _FIXED:
            attributes.take(value)
    return Transform(kind, number, key_bits, odd)


def _proposal(more: int, proposal: Proposal) -> bytes:
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


def _transform(more: int, transform: Transform) -> bytes:
    if not transform.key_bits:
        return _TRANSFORM.pack(more, _TRANSFORM.size, transform.type, transform.id)
    length = _TRANSFORM.size + _ATTRIBUTE.size
    start = _TRANSFORM.pack(more, length, transform.type, transform.id)
    return start + _ATTRIBUTE.pack(_KEY_LENGTH, transform.key_bits)
