"""The Vendor ID payload (RFC 7296 section 3.12)."""

from dataclasses import dataclass
from typing import ClassVar, Self

from ikecore.wire import Reader
from ikev2.payloads.types import PayloadType


@dataclass(frozen=True, slots=True)
class VendorId:
    """Name an implementation or a private extension of it.

    ```
    ~                        Vendor ID (VID)                        ~
    ```
    """

    TYPE: ClassVar = PayloadType.VENDOR
    data: bytes

    @classmethod
    def parse(cls, body: Reader) -> Self:
        """Read the payload's body: any octets."""
        return cls(body.rest())

    def body(self) -> bytes:
        """Return the payload without its generic header."""
        return self.data
