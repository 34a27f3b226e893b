"""The Authentication payload (RFC 7296 section 3.8)."""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, Self

from ikecore.wire import Reader
from ikev2.payloads.types import PayloadType

_AUTH: Final = struct.Struct("!B3x")


class AuthMethod(IntEnum):
    """How the AUTH data was made (section 3.8, RFC 4754, RFC 7427, RFC 7619)."""

    RSA_SIGNATURE = 1
    SHARED_KEY = 2
    DSS_SIGNATURE = 3
    ECDSA_256 = 9
    ECDSA_384 = 10
    ECDSA_521 = 11
    GENERIC_SECURE_PASSWORD = 12
    NULL = 13
    DIGITAL_SIGNATURE = 14


@dataclass(frozen=True, slots=True)
class Authentication:
    """Prove that the sender is whom its ID payload names.

    ```
    | Auth Method   |                RESERVED                       |
    ~                      Authentication Data                      ~
    ```
    """

    TYPE: ClassVar = PayloadType.AUTH
    method: int
    data: bytes

    @classmethod
    def parse(cls, body: Reader) -> Self:
        """Read the payload's body; raise :exc:`~ikecore.wire.Malformed`."""
        (method,) = body.unpack(_AUTH)
        return cls(method, body.rest())

    def body(self) -> bytes:
        """Return the payload without its generic header."""
        return _AUTH.pack(self.method) + self.data
