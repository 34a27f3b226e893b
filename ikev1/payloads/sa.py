"""The Security Association payload, proposals and transforms (RFC 2408 sections 3.4 to 3.6)."""

import struct
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from ikecore.offers import build_offer, parse_offer
from ikecore.wire import Malformed, Reader
from ikev1.payloads.attributes import Attribute, build_attributes, parse_attributes
from ikev1.payloads.types import DOI, SIT_IDENTITY_ONLY, PayloadType, ProtocolId

_SA: Final = struct.Struct("!II")
_TRANSFORM: Final = struct.Struct("!BBxx")
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
        return cls(
            tuple(
                ProposalPayload(number, protocol, _spi_of(protocol, spi, at), transforms)
                for (at, number, protocol, spi), transforms in parse_offer(body, _parse_transform)
            )
        )

    def body(self) -> bytes:
        """Return the payload without its generic header: SAi_b of RFC 2409 section 5."""
        inside = build_offer(
            [
                (one.number, one.protocol, one.spi, [_transform(each) for each in one.transforms])
                for one in self.proposals
            ]
        )
        return _SA.pack(self.doi, self.situation) + inside + self.opaque


def _spi_of(protocol: int, spi: bytes, at: int) -> bytes:
    """Return a proposal's SPI if it may be one."""
    if len(spi) > _LONGEST_SPI:
        raise Malformed(f"SPI of {len(spi)} octets", at)
    # on UDP 4500 a zero SPI is the non-ESP marker
    if protocol in _CHILDREN and (len(spi) != 4 or not any(spi)):
        raise Malformed(f"SPI {spi.hex()} of {len(spi)} octets for protocol {protocol}", at)
    return spi


def _parse_transform(body: Reader) -> TransformPayload:
    number, kind = body.unpack(_TRANSFORM)
    return TransformPayload(number, kind, parse_attributes(body))


def _transform(one: TransformPayload) -> bytes:
    return _TRANSFORM.pack(one.number, one.id) + build_attributes(one.attributes)
