"""The Notification payload (RFC 2408 section 3.14, RFC 2407 section 4.6.3)."""

import struct
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from ikecore.wire import Reader
from ikev1.payloads.types import DOI, PayloadType, ProtocolId

_NOTIFY: Final = struct.Struct("!IBBH")


@dataclass(frozen=True, slots=True)
class Notify:
    """Report an error or a status; ``protocol`` and ``spi`` tell of which SA.

    ```
    |              Domain of Interpretation  (DOI)                  |
    |  Protocol-ID  |   SPI Size    |      Notify Message Type      |
    ~                Security Parameter Index (SPI)                 ~
    ~                       Notification Data                       ~
    ```

    The SPI of an ISAKMP SA are its two cookies, or nothing.  Unknown types survive.
    """

    TYPE: ClassVar = PayloadType.NOTIFY
    type: int
    data: bytes = b""
    protocol: int = ProtocolId.ISAKMP
    spi: bytes = b""
    doi: int = DOI

    @classmethod
    def parse(cls, body: Reader) -> Self:
        """Read the payload's body; raise :exc:`~ikecore.wire.Malformed`."""
        doi, protocol, spi_size, kind = body.unpack(_NOTIFY)
        spi = body.take(spi_size)
        return cls(kind, body.rest(), protocol, spi, doi)

    def body(self) -> bytes:
        """Return the payload without its generic header."""
        start = _NOTIFY.pack(self.doi, self.protocol, len(self.spi), self.type)
        return start + self.spi + self.data
