"""IKEv2 Transform Type 1 (encryption), and what makes a sealer of each.

https://www.iana.org/assignments/ikev2-parameters; requirement levels from RFC 8221 section 5 and
RFC 8247 section 2.1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm
from cryptography.hazmat.primitives.ciphers.algorithms import AES, SM4

from suites.integ import Integ
from suites.macs import Mac
from suites.paired import Cbc, aes_ctr, no_cipher
from suites.sealers import Sealer, aes_ccm, aes_gcm, aes_gcm_short, aes_gmac, chacha20_poly1305
from suites.shangmi import sm4_gcm
from suites.status import UNNUMBERED, Status, is_standard

_FIXED_KEY: Final = frozenset({2, 3, 11, 28})
"""DES, 3DES, NULL, ChaCha20: a Key Length attribute MUST NOT be sent (RFC 7296 section 3.3.5)."""


def _des(key: bytes) -> BlockCipherAlgorithm:
    # The library has no single DES; 3DES (encrypt, decrypt, encrypt) with one key three times is
    # the same function.
    return TripleDES(key * 3)


@dataclass(frozen=True, slots=True)
class Encr:
    """One row of Transform Type 1.  Lengths in octets.

    Exactly one of ``aead`` (combined mode) and ``cipher`` (together with an
    :class:`~suites.integ.Integ` row) is set; both make the sealer and begin with key and salt.
    """

    iana: int
    name: str
    key: int
    salt: int
    iv: int
    icv: int
    """0 when an Integ row brings it."""
    block: int
    """The plaintext with its trailer is a multiple of this."""
    status: Status
    aead: Callable[[bytes], Sealer] | None = None
    cipher: Callable[[bytes, Mac, int], Sealer] | None = None
    """From key and salt, the keyed MAC and the octets of it that travel."""
    instead: str = ""
    """Keyword to propose to who uses a row that has aged."""
    is_for_ike: bool = True
    """May protect IKE's own messages, too; ESP takes every row."""

    @property
    def key_bits(self) -> int:
        """Value of the Key Length attribute, 0 where none is sent."""
        # SM4 takes keys of one length, too
        return 0 if self.iana in _FIXED_KEY or not is_standard(self.iana) else self.key * 8

    @property
    def keymat(self) -> int:
        """Octets to take from prf+ for one direction."""
        return self.key + self.salt

    @property
    def is_aead(self) -> bool:
        """Tell whether the row authenticates by itself."""
        return self.aead is not None


# fmt: off
ENCR: Final = (
    #   IANA  name                key salt iv icv block status
    Encr(12, "aes128",            16, 0, 16,  0, 16, Status.MUST,   cipher=Cbc(AES)),
    Encr(12, "aes192",            24, 0, 16,  0, 16, Status.MAY,    cipher=Cbc(AES)),
    Encr(12, "aes256",            32, 0, 16,  0, 16, Status.MUST,   cipher=Cbc(AES)),
    Encr(13, "aes128ctr",         16, 4,  8,  0,  4, Status.MAY,    cipher=aes_ctr),
    Encr(13, "aes192ctr",         24, 4,  8,  0,  4, Status.MAY,    cipher=aes_ctr),
    Encr(13, "aes256ctr",         32, 4,  8,  0,  4, Status.MAY,    cipher=aes_ctr),
    Encr(14, "aes128ccm8",        16, 3,  8,  8,  4, Status.SHOULD, aead=aes_ccm(8)),
    Encr(14, "aes192ccm8",        24, 3,  8,  8,  4, Status.MAY,    aead=aes_ccm(8)),
    Encr(14, "aes256ccm8",        32, 3,  8,  8,  4, Status.SHOULD, aead=aes_ccm(8)),
    Encr(15, "aes128ccm12",       16, 3,  8, 12,  4, Status.MAY,    aead=aes_ccm(12)),
    Encr(15, "aes192ccm12",       24, 3,  8, 12,  4, Status.MAY,    aead=aes_ccm(12)),
    Encr(15, "aes256ccm12",       32, 3,  8, 12,  4, Status.MAY,    aead=aes_ccm(12)),
    Encr(16, "aes128ccm16",       16, 3,  8, 16,  4, Status.MAY,    aead=aes_ccm(16)),
    Encr(16, "aes192ccm16",       24, 3,  8, 16,  4, Status.MAY,    aead=aes_ccm(16)),
    Encr(16, "aes256ccm16",       32, 3,  8, 16,  4, Status.MAY,    aead=aes_ccm(16)),
    Encr(18, "aes128gcm8",        16, 4,  8,  8,  4, Status.MAY,    aead=aes_gcm_short(8)),
    Encr(18, "aes192gcm8",        24, 4,  8,  8,  4, Status.MAY,    aead=aes_gcm_short(8)),
    Encr(18, "aes256gcm8",        32, 4,  8,  8,  4, Status.MAY,    aead=aes_gcm_short(8)),
    Encr(19, "aes128gcm12",       16, 4,  8, 12,  4, Status.MAY,    aead=aes_gcm_short(12)),
    Encr(19, "aes192gcm12",       24, 4,  8, 12,  4, Status.MAY,    aead=aes_gcm_short(12)),
    Encr(19, "aes256gcm12",       32, 4,  8, 12,  4, Status.MAY,    aead=aes_gcm_short(12)),
    Encr(20, "aes128gcm16",       16, 4,  8, 16,  4, Status.MUST,   aead=aes_gcm),
    Encr(20, "aes192gcm16",       24, 4,  8, 16,  4, Status.MAY,    aead=aes_gcm),
    Encr(20, "aes256gcm16",       32, 4,  8, 16,  4, Status.MUST,   aead=aes_gcm),
    Encr(28, "chacha20poly1305",  32, 4,  8, 16,  4, Status.SHOULD, aead=chacha20_poly1305),
    # Without secrecy (RFC 2410, RFC 4543); for IKE the registry has: not allowed.
    Encr(11, "null",               0, 0,  0,  0,  4, Status.MUST,   cipher=no_cipher,
         is_for_ike=False),
    Encr(21, "aes128gmac",        16, 4,  8, 16,  4, Status.MAY,    aead=aes_gmac,
         is_for_ike=False),
    Encr(21, "aes192gmac",        24, 4,  8, 16,  4, Status.MAY,    aead=aes_gmac,
         is_for_ike=False),
    Encr(21, "aes256gmac",        32, 4,  8, 16,  4, Status.MAY,    aead=aes_gmac,
         is_for_ike=False),
    Encr( 3, "3des",              24, 0,  8,  0,  8, Status.LEGACY, cipher=Cbc(TripleDES),
         instead="aes256"),
    Encr( 2, "des",                8, 0,  8,  0,  8, Status.BROKEN, cipher=Cbc(_des),
         instead="aes256"),
    # RFC 8998 has them for TLS; nobody has numbered them for IKEv2.
    Encr(UNNUMBERED, "sm4",       16, 0, 16,  0, 16, Status.MAY,    cipher=Cbc(SM4)),
    Encr(UNNUMBERED, "sm4gcm16",  16, 4,  8, 16,  4, Status.MAY,    aead=sm4_gcm),
)
# fmt: on

ENCR_BY_ID: Final[Mapping[tuple[int, int], Encr]] = MappingProxyType(
    {(row.iana, row.key_bits): row for row in ENCR if row.iana}
)
"""Rows by transform id and Key Length attribute in bits (0: none)."""
ENCR_BY_NAME: Final[Mapping[str, Encr]] = MappingProxyType({row.name: row for row in ENCR})
NULL: Final = ENCR_BY_NAME["null"]
"""No encryption: what AH has, and ESP may have."""


def sealer(
    encr: Encr, encr_key: bytes, integ: Integ | None = None, integ_key: bytes = b""
) -> Sealer:
    """Make the sealer for one direction of an SA from its two keys.

    ``encr_key`` is key and salt, ``encr.keymat`` octets.  ValueError when a key is of the wrong
    length, an integrity transform is missing, or one is given to a combined mode.
    """
    if len(encr_key) != encr.keymat:
        raise ValueError(f"{encr.name} takes {encr.keymat} octets of key, not {len(encr_key)}")
    if encr.aead is not None:
        if integ is not None or integ_key:
            raise ValueError(f"{encr.name} takes no integrity transform")
        return encr.aead(encr_key)
    if encr.cipher is None or integ is None:
        raise ValueError(f"{encr.name} needs an integrity transform")
    return encr.cipher(encr_key, integ.mac(integ_key), integ.icv)
