"""The Key Exchange payload (RFC 2408 section 3.7)."""

from dataclasses import dataclass
from typing import ClassVar

from ikecore.octets import Octets
from ikev1.payloads.types import PayloadType


@dataclass(frozen=True, slots=True)
class KeyExchangeData(Octets):
    """Carry one side's public value, of the group that the SA payload names.

    Whether the value fits the group is the key exchange's to judge, not the codec's.
    """

    TYPE: ClassVar = PayloadType.KE
