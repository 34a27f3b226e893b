"""IKEv2 Transform Type 3 (integrity).

https://www.iana.org/assignments/ikev2-parameters; requirement levels from RFC 8221 section 6 and
RFC 8247 section 2.3; truncation from RFC 2403, RFC 2404, RFC 3566, RFC 4494 and RFC 4868.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.primitives import hashes

from suites.icv import GmacIcv, Icv, MacIcv
from suites.macs import AesXcbc, Mac, aes_cmac, hmac_with
from suites.status import UNNUMBERED, Status


@dataclass(frozen=True, slots=True)
class Integ:
    """One row of Transform Type 3.  Lengths in octets."""

    iana: int
    name: str
    key: int
    icv: int
    """Octets of the MAC that travel; of GMAC with its IV."""
    keyed: Callable[[bytes], Mac] | None
    """None: for AH alone, whose ICV field has room for an IV."""
    status: Status
    instead: str = ""
    """Keyword to propose to who uses a row that has aged."""
    is_for_ike: bool = True
    """May protect IKE's own messages, too."""
    is_quirk: bool = False
    """Shares its number with the row that the RFC means: meant only where it is configured."""

    def mac(self, key: bytes) -> Mac:
        """Return a keyed context: copied per packet, never finalized itself.

        ValueError when the key is not of the row's length, or the row is for AH alone.
        """
        self._check(key)
        if self.keyed is None:
            raise ValueError(f"{self.name} is for AH alone")
        return self.keyed(key)

    def for_ah(self, key: bytes) -> Icv:
        """Return what fills AH's ICV field; ValueError when the key is of another length."""
        self._check(key)
        return GmacIcv(key) if self.keyed is None else MacIcv(self.keyed(key), self.icv)

    @property
    def is_for_esp(self) -> bool:
        """May protect ESP packets; AH takes every row."""
        return self.keyed is not None

    def _check(self, key: bytes) -> None:
        if len(key) != self.key:
            raise ValueError(f"{self.name} takes {self.key} octets of key, not {len(key)}")


# fmt: off
INTEG: Final = (
    #     IANA  name      key  icv  keyed                           status
    Integ(   1, "md5",     16,  12, hmac_with(hashes.MD5),          Status.BROKEN, "sha256"),
    Integ(   2, "sha1",    20,  12, hmac_with(hashes.SHA1),         Status.LEGACY, "sha256"),
    Integ(   5, "aesxcbc", 16,  12, AesXcbc,                        Status.SHOULD),
    Integ(   8, "aescmac", 16,  12, aes_cmac,                       Status.MAY),
    Integ(  12, "sha256",  32,  16, hmac_with(hashes.SHA256),       Status.MUST),
    Integ(  13, "sha384",  48,  24, hmac_with(hashes.SHA384),       Status.MAY),
    Integ(  14, "sha512",  64,  32, hmac_with(hashes.SHA512),       Status.SHOULD),
    # draft-ietf-ipsec-ciph-sha-256-00 kept 96 bits, and some peers still do under the number of
    # RFC 4868; nothing in the negotiation tells.  swanctl.conf(5) has it as the child's option
    # sha256_96, with the same number; strongSwan's proposal keyword of this name has a private one.
    Integ(  12, "sha256_96", 32, 12, hmac_with(hashes.SHA256),      Status.LEGACY, "sha256",
          is_for_ike=False, is_quirk=True),
    # RFC 4543 section 4: key and 4 octets of salt; IV and tag.  ESP's own are rows of Encr.
    Integ(   9, "aes128gmac_ah", 20, 24, None, Status.MAY, is_for_ike=False),
    Integ(  10, "aes192gmac_ah", 28, 24, None, Status.MAY, is_for_ike=False),
    Integ(  11, "aes256gmac_ah", 36, 24, None, Status.MAY, is_for_ike=False),
    # No RFC, no number; half of the hash, as RFC 4868 has it of SHA-256 (Linux sends all of it).
    Integ(UNNUMBERED, "sm3", 32, 16, hmac_with(hashes.SM3),         Status.MAY),
)
# fmt: on

INTEG_BY_ID: Final[Mapping[int, Integ]] = MappingProxyType(
    {row.iana: row for row in INTEG if row.iana and not row.is_quirk}
)
INTEG_BY_NAME: Final[Mapping[str, Integ]] = MappingProxyType({row.name: row for row in INTEG})
