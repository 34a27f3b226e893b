"""The Notify payload (RFC 7296 section 3.10)."""

import struct
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from ikecore.wire import Reader
from ikev2.payloads.types import PayloadType

_NOTIFY: Final = struct.Struct("!BBH")


@dataclass(frozen=True, slots=True)
class Notify:
    """Report an error or a status; ``protocol`` and ``spi`` tell of which SA, if of one.

    ```
    |  Protocol ID  |   SPI Size    |      Notify Message Type      |
    ~                Security Parameter Index (SPI)                 ~
    ~                       Notification Data                       ~
    ```

    Unknown types survive: an unknown error still fails the exchange, an unknown status is ignored.
    """

    TYPE: ClassVar = PayloadType.NOTIFY
    type: int
    data: bytes = b""
    protocol: int = 0
    spi: bytes = b""

    @classmethod
    def parse(cls, body: Reader) -> Self:
        """Read the payload's body; raise :exc:`~ikecore.wire.Malformed`."""
        protocol, spi_size, kind = body.unpack(_NOTIFY)
        spi = body.take(spi_size)
        return cls(kind, body.rest(), protocol, spi)

    def body(self) -> bytes:
        """Return the payload without its generic header."""
        return _NOTIFY.pack(self.protocol, len(self.spi), self.type) + self.spi + self.data
