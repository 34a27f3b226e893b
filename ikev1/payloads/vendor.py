"""The Vendor ID payload (RFC 2408 section 3.16)."""

from dataclasses import dataclass
from typing import ClassVar

from ikecore.octets import Octets
from ikev1.payloads.types import PayloadType


@dataclass(frozen=True, slots=True)
class VendorId(Octets):
    """Name an implementation, or an extension that it knows."""

    TYPE: ClassVar = PayloadType.VENDOR
