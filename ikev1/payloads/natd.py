"""The NAT-D payloads (RFC 3947 section 3.2; draft-ietf-ipsec-nat-t-ike-02 and 03)."""

from dataclasses import dataclass
from typing import ClassVar

from ikecore.octets import Octets
from ikev1.payloads.types import PayloadType


@dataclass(frozen=True, slots=True)
class NatDetection(Octets):
    """Carry the negotiated hash of the cookies, an address and a port.

    The first one of a message is of the far end as its sender sees it, the others of its own.
    """

    TYPE: ClassVar = PayloadType.NAT_D


@dataclass(frozen=True, slots=True)
class DraftNatDetection(NatDetection):
    """Carry the same under the drafts' private number."""

    TYPE: ClassVar = PayloadType.NAT_D_DRAFT
