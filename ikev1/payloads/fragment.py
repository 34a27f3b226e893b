"""The Fragment payload of Cisco and Microsoft ([MS-IKEE] section 2.2.3.1)."""

import struct
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from ikecore.wire import Reader
from ikev1.payloads.types import PayloadType

_FRAGMENT: Final = struct.Struct("!HBB")
_LAST: Final = 0x01


@dataclass(frozen=True, slots=True)
class Fragment:
    """Carry a part of a message, in the clear whatever the message is.

    ```
    |         Fragment ID           |Fragment Number|     Flags     |
    ~                        Fragment Data                          ~
    ```

    Numbers begin at 1; only the flag of the last part tells how many there are.
    """

    TYPE: ClassVar = PayloadType.FRAGMENT
    id: int
    number: int
    last: bool
    data: bytes

    @classmethod
    def parse(cls, body: Reader) -> Self:
        """Read the payload's body; raise :exc:`~ikecore.wire.Malformed`."""
        identifier, number, flags = body.unpack(_FRAGMENT)
        return cls(identifier, number, bool(flags & _LAST), body.rest())

    def body(self) -> bytes:
        """Return the payload without its generic header."""
        return _FRAGMENT.pack(self.id, self.number, _LAST if self.last else 0) + self.data
