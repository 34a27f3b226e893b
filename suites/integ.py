"""IKEv2 Transform Type 3 (integrity).

https://www.iana.org/assignments/ikev2-parameters; requirement levels from RFC 8221 section 6 and
RFC 8247 section 2.3; truncation from RFC 2403, RFC 2404 and RFC 4868.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

from suites.status import Status

_HASHES: Final[Mapping[str, type[hashes.HashAlgorithm]]] = MappingProxyType(
    {
        "md5": hashes.MD5,
        "sha1": hashes.SHA1,
        "sha256": hashes.SHA256,
        "sha384": hashes.SHA384,
        "sha512": hashes.SHA512,
    }
)


@dataclass(frozen=True, slots=True)
class Integ:
    """One row of Transform Type 3.  Lengths in octets."""

    iana: int
    name: str
    key: int
    icv: int
    """Octets of the HMAC that travel."""
    hash: str
    """Name of the hash as :mod:`hashlib` spells it."""
    status: Status
    instead: str = ""
    """Keyword to propose to who uses a row that has aged."""

    def mac(self, key: bytes) -> HMAC:
        """Return a keyed context: copied per packet, never finalized itself.

        ValueError when the key is not of the row's length.
        """
        if len(key) != self.key:
            raise ValueError(f"{self.name} takes {self.key} octets of key, not {len(key)}")
        return HMAC(key, _HASHES[self.hash]())


# fmt: off
INTEG: Final = (
    #     IANA  name      key  icv  hash      status
    Integ(   1, "md5",     16,  12, "md5",    Status.BROKEN, "sha256"),
    Integ(   2, "sha1",    20,  12, "sha1",   Status.LEGACY, "sha256"),
    Integ(  12, "sha256",  32,  16, "sha256", Status.MUST),
    Integ(  13, "sha384",  48,  24, "sha384", Status.MAY),
    Integ(  14, "sha512",  64,  32, "sha512", Status.SHOULD),
)
# fmt: on

INTEG_BY_ID: Final[Mapping[int, Integ]] = MappingProxyType({row.iana: row for row in INTEG})
INTEG_BY_NAME: Final[Mapping[str, Integ]] = MappingProxyType({row.name: row for row in INTEG})
