"""IKEv2 Transform Type 3 (integrity).

https://www.iana.org/assignments/ikev2-parameters; requirement levels from RFC 8221 section 6 and
RFC 8247 section 2.3; truncation from RFC 2403, RFC 2404, RFC 3566, RFC 4494 and RFC 4868.

AES-GMAC for AH (numbers 9 to 11, RFC 4543 section 4) is not here: it needs an IV of its own in the
ICV field, which no MAC of header and body has.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.primitives import hashes

from suites.macs import AesXcbc, Mac, aes_cmac, hmac_with
from suites.status import Status


@dataclass(frozen=True, slots=True)
class Integ:
    """One row of Transform Type 3.  Lengths in octets."""

    iana: int
    name: str
    key: int
    icv: int
    """Octets of the MAC that travel."""
    keyed: Callable[[bytes], Mac]
    status: Status
    instead: str = ""
    """Keyword to propose to who uses a row that has aged."""
    is_for_ike: bool = True
    """May protect IKE's own messages, too; ESP and AH take every row."""
    is_quirk: bool = False
    """Shares its number with the row that the RFC means: meant only where it is configured."""

    def mac(self, key: bytes) -> Mac:
        """Return a keyed context: copied per packet, never finalized itself.

        ValueError when the key is not of the row's length.
        """
        if len(key) != self.key:
            raise ValueError(f"{self.name} takes {self.key} octets of key, not {len(key)}")
        return self.keyed(key)


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
)
# fmt: on

INTEG_BY_ID: Final[Mapping[int, Integ]] = MappingProxyType(
    {row.iana: row for row in INTEG if not row.is_quirk}
)
INTEG_BY_NAME: Final[Mapping[str, Integ]] = MappingProxyType({row.name: row for row in INTEG})
