"""The Hash payload (RFC 2408 section 3.11)."""

from dataclasses import dataclass
from typing import ClassVar

from ikecore.octets import Octets
from ikev1.payloads.types import PayloadType


@dataclass(frozen=True, slots=True)
class Hash(Octets):
    """Authenticate the message, or in phase 1 its sender (RFC 2409 section 5).

    Of which length it has to be the negotiated hash says, not the codec.
    """

    TYPE: ClassVar = PayloadType.HASH
