"""The NAT-OA payloads (RFC 3947 section 5.2; draft-ietf-ipsec-nat-t-ike-02 and 03)."""

import struct
from dataclasses import dataclass
from ipaddress import ip_address
from typing import ClassVar, Final, Self

from ikecore.identities import IdType
from ikecore.wire import Malformed, Reader
from ikev1.payloads.types import PayloadType

_ORIGINAL: Final = struct.Struct("!B3x")
_WIDTHS: Final[dict[int, int]] = {IdType.IPV4_ADDR: 4, IdType.IPV6_ADDR: 16}


@dataclass(frozen=True, slots=True)
class OriginalAddress:
    """Tell an address as it was before NAT: transport mode mends checksums with it.

    ```
    |   ID Type     |                 RESERVED                      |
    ~           IPv4 (4 octets) or IPv6 address (16 octets)         ~
    ```

    ``address`` is written as people do.  NAT-OAi comes before NAT-OAr.
    """

    TYPE: ClassVar = PayloadType.NAT_OA
    address: str

    @classmethod
    def parse(cls, body: Reader) -> Self:
        """Read the payload's body; raise :exc:`Malformed` also for anything but an address."""
        at = body.at
        (kind,) = body.unpack(_ORIGINAL)
        if kind not in _WIDTHS:
            raise Malformed(f"original address of type {kind}", at)
        return cls(str(ip_address(body.take(_WIDTHS[kind]))))

    def body(self) -> bytes:
        """Return the payload without its generic header."""
        found = ip_address(self.address)
        kind = IdType.IPV4_ADDR if found.version == 4 else IdType.IPV6_ADDR
        return _ORIGINAL.pack(kind) + found.packed


@dataclass(frozen=True, slots=True)
class DraftOriginalAddress(OriginalAddress):
    """Tell the same under the drafts' private number."""

    TYPE: ClassVar = PayloadType.NAT_OA_DRAFT
