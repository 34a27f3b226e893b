"""The Identification payloads (RFC 7296 section 3.5)."""

import struct
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from ikecore.identities import LONGEST, Identity
from ikecore.wire import Malformed, Reader
from ikev2.payloads.types import PayloadType

_ID: Final = struct.Struct("!B3s")
_ZEROS: Final = bytes(3)


@dataclass(frozen=True, slots=True)
class _Identification:
    """Name one end of the IKE SA.

    ```
    |   ID Type     |                 RESERVED                      |
    ~                   Identification Data                         ~
    ```

    ``reserved`` keeps the octets that came: :meth:`body` is RestOfIDPayload, which the AUTH
    payload signs as it stood on the wire (section 2.15).
    """

    identity: Identity
    reserved: bytes = _ZEROS

    @classmethod
    def parse(cls, body: Reader) -> Self:
        """Read the payload's body; raise :exc:`Malformed` also for an identity that is too long."""
        kind, reserved = body.unpack(_ID)
        if len(body) > LONGEST:
            raise Malformed(f"identity of {len(body)} octets", body.at)
        return cls(Identity(kind, body.rest()), reserved)

    def body(self) -> bytes:
        """Return the payload without its generic header: RestOfInitIDPayload of section 2.15."""
        return _ID.pack(self.identity.type, self.reserved) + self.identity.data


@dataclass(frozen=True, slots=True)
class IdInitiator(_Identification):
    """IDi: who the initiator of the IKE SA says it is."""

    TYPE: ClassVar = PayloadType.IDI


@dataclass(frozen=True, slots=True)
class IdResponder(_Identification):
    """IDr: who the responder says it is; in a request, whom the initiator wants to meet."""

    TYPE: ClassVar = PayloadType.IDR
