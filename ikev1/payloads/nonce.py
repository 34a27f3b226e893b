"""The Nonce payload (RFC 2408 section 3.13, RFC 2409 section 5)."""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from ikecore.octets import Octets
from ikecore.wire import Malformed, Reader
from ikev1.payloads.types import PayloadType

SHORTEST: Final = 8
LONGEST: Final = 256

OCTETS: Final = 32
"""How many of them ours are."""


@dataclass(frozen=True, slots=True)
class Nonce(Octets):
    """Carry 8 to 256 random octets."""

    TYPE: ClassVar = PayloadType.NONCE

    @classmethod
    def parse(cls, body: Reader) -> Self:
        """Read the payload's body; raise :exc:`Malformed` also for a length out of bounds."""
        at, data = body.at, body.rest()
        if not SHORTEST <= len(data) <= LONGEST:
            raise Malformed(f"nonce of {len(data)} octets", at)
        return cls(data)
