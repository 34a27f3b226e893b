"""The Vendor ID payload (RFC 7296 section 3.12)."""

from dataclasses import dataclass
from typing import ClassVar

from ikecore.octets import Octets
from ikev2.payloads.types import PayloadType


@dataclass(frozen=True, slots=True)
class VendorId(Octets):
    """Name an implementation or a private extension of it."""

    TYPE: ClassVar = PayloadType.VENDOR
