"""IKEv2 Transform Type 2 (pseudorandom function) and prf+.

https://www.iana.org/assignments/ikev2-parameters; requirement levels from RFC 8247 section 2.2.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from suites.integ import INTEG
from suites.status import Status


@dataclass(frozen=True, slots=True)
class Prf:
    """One row of Transform Type 2."""

    iana: int
    name: str
    key: int
    """Preferred key length, which is the output length, in octets (RFC 7296 section 2.13)."""
    hash: str
    """Name of the hash as :mod:`hashlib` spells it."""
    status: Status
    instead: str = ""
    """Keyword to propose to who uses a row that has aged."""

    def digest(self, key: bytes, data: bytes) -> bytes:
        """Return prf(key, data), ``key`` octets of it."""
        return hmac.digest(key, data, self.hash)

    def plus(self, key: bytes, seed: bytes, octets: int) -> bytes:
        """Return the first ``octets`` octets of prf+(key, seed).

        RFC 7296 section 2.13: T1 = prf(K, S | 0x01), Tn = prf(K, Tn-1 | S | n).  The counter is one
        octet: ValueError for more than 255 blocks, or less than nothing.
        """
        if not 0 <= octets <= 255 * self.key:
            raise ValueError(f"prf+ of {self.name} gives at most {255 * self.key} octets")
        blocks = -(-octets // self.key)
        stream = last = b""
        for number in range(1, blocks + 1):
            last = hmac.digest(key, last + seed + bytes((number,)), self.hash)
            stream += last
        return stream[:octets]


# fmt: off
PRF: Final = (
    #   IANA  name         key  hash      status
    Prf(   1, "prfmd5",     16, "md5",    Status.BROKEN, "prfsha256"),
    Prf(   2, "prfsha1",    20, "sha1",   Status.LEGACY, "prfsha256"),
    Prf(   5, "prfsha256",  32, "sha256", Status.MUST),
    Prf(   6, "prfsha384",  48, "sha384", Status.MAY),
    Prf(   7, "prfsha512",  64, "sha512", Status.SHOULD),
)
# fmt: on

PRF_BY_ID: Final[Mapping[int, Prf]] = MappingProxyType({row.iana: row for row in PRF})
PRF_BY_NAME: Final[Mapping[str, Prf]] = MappingProxyType({row.name: row for row in PRF})
PRF_OF_INTEG: Final[Mapping[str, Prf]] = MappingProxyType(
    {integ.name: prf for integ in INTEG for prf in PRF if prf.hash == integ.hash}
)
"""The PRF a proposal means by its integrity keyword when it names none (strongSwan's custom)."""
