"""The Nonce payload (RFC 7296 section 3.9)."""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from ikecore.wire import Malformed, Reader
from ikev2.payloads.types import PayloadType

SHORTEST: Final = 16
LONGEST: Final = 256

OCTETS: Final = 32
"""How many of them ours are: at least half the key of any PRF here (section 2.10)."""


@dataclass(frozen=True, slots=True)
class Nonce:
    """Carry 16 to 256 random octets.

    ```
    ~                            Nonce Data                         ~
    ```
    """

    TYPE: ClassVar = PayloadType.NONCE
    data: bytes

    @classmethod
    def parse(cls, body: Reader) -> Self:
        """Read the payload's body; raise :exc:`Malformed` also for a length out of bounds."""
        at, data = body.at, body.rest()
        if not SHORTEST <= len(data) <= LONGEST:
            raise Malformed(f"nonce of {len(data)} octets", at)
        return cls(data)

    def body(self) -> bytes:
        """Return the payload without its generic header."""
        return self.data
