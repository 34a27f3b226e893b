"""The Key Exchange payload (RFC 7296 section 3.4)."""

import struct
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from ikecore.wire import Reader
from ikev2.payloads.types import PayloadType

_KE: Final = struct.Struct("!HH")


@dataclass(frozen=True, slots=True)
class KeyExchangeData:
    """Carry one side's public value of a key exchange.

    ```
    |   Key Exchange Method Num     |           RESERVED            |
    ~                       Key Exchange Data                       ~
    ```

    Whether the value fits the group is the key exchange's to judge, not the codec's.
    """

    TYPE: ClassVar = PayloadType.KE
    group: int
    data: bytes

    @classmethod
    def parse(cls, body: Reader) -> Self:
        """Read the payload's body; raise :exc:`~ikecore.wire.Malformed`."""
        group, _reserved = body.unpack(_KE)
        return cls(group, body.rest())

    def body(self) -> bytes:
        """Return the payload without its generic header."""
        return _KE.pack(self.group, 0) + self.data
