"""The Security Association payload (RFC 7296 section 3.3)."""

import struct
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from ikecore.offers import build_offer, parse_offer
from ikecore.proposals import Proposal, Protocol, Transform
from ikecore.wire import Malformed, Reader
from ikev2.payloads.types import PayloadType

_TRANSFORM: Final = struct.Struct("!BxH")
_ATTRIBUTE: Final = struct.Struct("!HH")
_FIXED: Final = 0x8000  # AF: the second field is the value itself, not a length
_KEY_LENGTH: Final = _FIXED | 14
_SPI_SIZES: Final[dict[int, tuple[int, ...]]] = {
    Protocol.IKE: (0, 8),
    Protocol.AH: (4,),
    Protocol.ESP: (4,),
}


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
        for (at, number, protocol, spi), transforms in parse_offer(body, _parse_transform):
            if found and number <= found[-1].number:
                raise Malformed(f"proposal {number} after {found[-1].number}", at)
            sizes = _SPI_SIZES.get(protocol)
            if sizes is not None and (len(spi) not in sizes or (spi and not any(spi))):
                wrong = f"SPI {spi.hex()} of {len(spi)} octets for protocol {protocol}"
                raise Malformed(wrong, at)
            found.append(Proposal(protocol, transforms, spi, number))
        return cls(tuple(found))

    def body(self) -> bytes:
        """Return the payload without its generic header."""
        return build_offer(
            [
                (one.number, one.protocol, one.spi, [_transform(each) for each in one.transforms])
                for one in self.proposals
            ]
        )


def _parse_transform(body: Reader) -> Transform:
    kind, number = body.unpack(_TRANSFORM)
    key_bits, odd = 0, False
    while body:
        name, value = body.unpack(_ATTRIBUTE)
        if name == _KEY_LENGTH and value and not key_bits:
            key_bits = value
            continue
        odd = True
        if not name & _FIXED:
            body.take(value)
    return Transform(kind, number, key_bits, odd)


def _transform(one: Transform) -> bytes:
    start = _TRANSFORM.pack(one.type, one.id)
    return start + _ATTRIBUTE.pack(_KEY_LENGTH, one.key_bits) if one.key_bits else start
