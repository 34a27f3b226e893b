"""The Delete payload (RFC 7296 section 3.11)."""

import struct
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from ikecore.proposals import Protocol
from ikecore.wire import Malformed, Reader
from ikev2.payloads.types import PayloadType

_DELETE: Final = struct.Struct("!BBH")
_WITH_SPIS: Final = (Protocol.AH, Protocol.ESP)


@dataclass(frozen=True, slots=True)
class Delete:
    """Announce that the sender has deleted SAs.

    ```
    | Protocol ID   |   SPI Size    |          Num of SPIs          |
    ~               Security Parameter Index(es) (SPI)              ~
    ```

    ``spis`` are the sender's inbound SPIs; it is empty for the IKE SA itself, which the message's
    header names.
    """

    TYPE: ClassVar = PayloadType.DELETE
    protocol: int
    spis: tuple[int, ...] = ()

    @classmethod
    def parse(cls, body: Reader) -> Self:
        """Read the payload's body; raise :exc:`Malformed` also for SPIs of an impossible size."""
        at = body.at
        protocol, spi_size, count = body.unpack(_DELETE)
        if protocol not in _WITH_SPIS:
            if protocol != Protocol.IKE or spi_size or count:
                raise Malformed(f"delete of {count} SPIs of protocol {protocol}", at)
        elif spi_size != 4 and count:
            raise Malformed(f"SPI of {spi_size} octets", at)
        # the octets are there before anything of the size that the count says is made
        octets = body.take(4 * count)
        return cls(protocol, struct.unpack(f"!{count}I", octets))

    def body(self) -> bytes:
        """Return the payload without its generic header."""
        spi_size = 4 if self.protocol in _WITH_SPIS else 0
        count = len(self.spis)
        return _DELETE.pack(self.protocol, spi_size, count) + struct.pack(f"!{count}I", *self.spis)
