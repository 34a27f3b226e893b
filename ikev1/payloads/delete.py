"""The Delete payload (RFC 2408 section 3.15)."""

import struct
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from ikecore.wire import Malformed, Reader
from ikev1.payloads.types import DOI, PayloadType, ProtocolId

_DELETE: Final = struct.Struct("!IBBH")
_SIZES: Final[dict[int, int]] = {
    ProtocolId.ISAKMP: 16,
    ProtocolId.AH: 4,
    ProtocolId.ESP: 4,
}
_LONGEST: Final = 16
_CHILDREN: Final = (ProtocolId.AH, ProtocolId.ESP)


@dataclass(frozen=True, slots=True)
class Delete:
    """Announce that the sender has deleted SAs.

    ```
    |              Domain of Interpretation  (DOI)                  |
    |  Protocol-Id  |   SPI Size    |           # of SPIs           |
    ~               Security Parameter Index(es) (SPI)              ~
    ```

    ``spis`` are the sender's inbound SPIs, or for an ISAKMP SA both its cookies in 16 octets.
    They are all of one length.
    """

    TYPE: ClassVar = PayloadType.DELETE
    protocol: int
    spis: tuple[bytes, ...]
    doi: int = DOI

    @classmethod
    def of_children(cls, protocol: int, spis: tuple[int, ...]) -> Self:
        """Return the Delete of AH or ESP SAs."""
        return cls(protocol, tuple(spi.to_bytes(4, "big") for spi in spis))

    @property
    def children(self) -> tuple[int, ...]:
        """Return the SPIs of AH or ESP SAs; none for another protocol."""
        if self.protocol not in _CHILDREN:
            return ()
        return tuple(int.from_bytes(spi, "big") for spi in self.spis)

    @classmethod
    def parse(cls, body: Reader) -> Self:
        """Read the payload's body; raise :exc:`Malformed` also for SPIs of an impossible size."""
        at = body.at
        doi, protocol, size, count = body.unpack(_DELETE)
        if count and not 0 < size <= _LONGEST:
            raise Malformed(f"SPI of {size} octets", at)
        if count and size != _SIZES.get(protocol, size):
            raise Malformed(f"SPI of {size} octets for protocol {protocol}", at)
        # the octets are there before anything of the size that the count says is made
        octets = body.take(size * count)
        spis = tuple(octets[n * size : (n + 1) * size] for n in range(count))
        return cls(protocol, spis, doi)

    def body(self) -> bytes:
        """Return the payload without its generic header."""
        size = len(self.spis[0]) if self.spis else _SIZES.get(self.protocol, 0)
        return _DELETE.pack(self.doi, self.protocol, size, len(self.spis)) + b"".join(self.spis)
