"""IKEv1's numbers, and the rows of ``suites`` they stand for.

https://www.iana.org/assignments/ipsec-registry (phase 1: RFC 2409 appendix A) and
https://www.iana.org/assignments/isakmp-registry (phase 2: RFC 2407 section 4.5), both closed by
RFC 9395: what has no number there will never have one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from suites.encr import ENCR_BY_NAME, Encr
from suites.integ import INTEG_BY_NAME, Integ
from suites.kex import GROUP_BY_ID, Group
from suites.keywords import Row

Private = tuple[tuple[str, int], ...]
"""Configured numbers of what has none, by registry and keyword: ``("esp_sm4", 250)``."""
KEY_IKE: Final = 1
"""The only transform of a phase 1 proposal (RFC 2407 section 4.4.2)."""
SIZES: Final = (128, 192, 256)


class Phase1(IntEnum):
    """Attribute classes of phase 1 (ipsec-registry: Attribute Assigned Numbers)."""

    ENCRYPTION = 1
    HASH = 2
    METHOD = 3
    GROUP = 4
    LIFE_TYPE = 11
    LIFE_DURATION = 12
    KEY_LENGTH = 14


class Phase2(IntEnum):
    """Attribute classes of phase 2 (isakmp-registry: IPSEC Security Association Attributes)."""

    LIFE_TYPE = 1
    LIFE_DURATION = 2
    GROUP = 3
    ENCAPSULATION = 4
    AUTHENTICATION = 5
    KEY_LENGTH = 6
    ESN = 11  # RFC 4304; its one value is 1, and without it sequence numbers have 32 bits


class LifeType(IntEnum):
    """Units of a lifetime, in both phases."""

    SECONDS = 1
    KILOBYTES = 2  # of 1024 octets


class Method(IntEnum):
    """Authentication methods that are spoken here; the latter two are XAUTH's."""

    PSK = 1
    XAUTH_INIT_PSK = 65001  # the initiator of phase 1 is the one who logs in
    XAUTH_RESP_PSK = 65002


METHOD_NAMES: Final[Mapping[int, str]] = {
    1: "pre-shared key",
    2: "DSS signature",
    3: "RSA signature",
    4: "RSA encryption",
    5: "revised RSA encryption",
    9: "ECDSA with SHA-256",
    10: "ECDSA with SHA-384",
    11: "ECDSA with SHA-512",
    64221: "hybrid with RSA signature",  # draft-zegman-ike-hybrid-auth-01
    65001: "pre-shared key with XAUTH",
    65002: "pre-shared key with XAUTH of the responder",
    65005: "RSA signature with XAUTH",
}
"""What a peer may have offered, for people."""


class Encapsulation(IntEnum):
    """How packets are wrapped (isakmp-registry: Encapsulation Mode); the drafts' UDP is 61443."""

    TUNNEL = 1
    TRANSPORT = 2
    UDP_TUNNEL = 3
    UDP_TRANSPORT = 4
    UDP_TUNNEL_DRAFT = 61443
    UDP_TRANSPORT_DRAFT = 61444

    @property
    def is_tunnel(self) -> bool:
        """Tell whether whole packets are protected."""
        return self.value % 2 == 1

    @property
    def is_udp(self) -> bool:
        """Tell whether packets travel in UDP."""
        return self.value > Encapsulation.TRANSPORT

    @classmethod
    def of(cls, *, tunnel: bool, udp: bool, draft: bool = False) -> "Encapsulation":
        """Return the number; ``draft`` is whether NAT traversal is that of a draft (00 to 03)."""
        first = (cls.UDP_TUNNEL_DRAFT if draft else cls.UDP_TUNNEL) if udp else cls.TUNNEL
        return cls(first if tunnel else first + 1)


@dataclass(frozen=True, slots=True)
class Registry:
    """One list of numbers: ours by keyword, and the names of those we have no row for.

    ``prefix`` is what stands before the keyword of a configured number.
    """

    name: str
    numbers: Mapping[str, int]
    prefix: str = ""
    foreign: Mapping[int, str] = field(default_factory=dict)

    def number(self, row: Row, private: Private = ()) -> int:
        """Return the number of a row, 0 when it has none."""
        found = self.numbers.get(row.name, 0)
        return found or dict(private).get(self.prefix + row.name, 0)

    def keywords(self, number: int, private: Private = ()) -> tuple[str, ...]:
        """Return the keywords that go by a number: one for each key length, none if unknown."""
        found = [word for word, one in self.numbers.items() if one == number]
        for word, one in private:
            bare = word.removeprefix(self.prefix)
            if one == number and word == self.prefix + bare and bare not in self.numbers:
                found.append(bare)
        return tuple(found)

    def named(self, number: int, bits: int = 0) -> str:
        """Return what to call a number that no row of ours goes by, with its key length."""
        name = self.foreign.get(number)
        if name is not None:
            return f"{name}{bits or ''}"
        return f"{self.name}:{number}" + (f"/{bits}" if bits else "")


def _sized(name: str, number: int) -> dict[str, int]:
    return {name.format(bits): number for bits in SIZES}


ENCRYPTION: Final = Registry(
    "encryption",
    {"des": 1, "3des": 5, **_sized("aes{}", 7)},
    foreign={2: "idea", 3: "blowfish", 4: "rc5_", 6: "cast", 8: "camellia"},
)
"""Phase 1, Encryption Algorithm."""
HASH: Final = Registry(
    "hash",
    {"md5": 1, "sha1": 2, "sha256": 4, "sha384": 5, "sha512": 6},
    foreign={3: "tiger"},
)
"""Phase 1, Hash Algorithm; the keyword is that of its HMAC."""
ESP: Final = Registry(
    "esp",
    {
        "des": 2,
        "3des": 3,
        "null": 11,
        **_sized("aes{}", 12),
        **_sized("aes{}ctr", 13),
        **_sized("aes{}ccm8", 14),
        **_sized("aes{}ccm12", 15),
        **_sized("aes{}ccm16", 16),
        **_sized("aes{}gcm8", 18),
        **_sized("aes{}gcm12", 19),
        **_sized("aes{}gcm16", 20),
        **_sized("aes{}gmac", 23),  # 21 in IKEv2
    },
    prefix="esp_",
    foreign={4: "rc5_", 5: "idea", 6: "cast", 7: "blowfish", 21: "seed", 22: "camellia"},
)
"""Phase 2, IPSEC ESP Transform Identifiers."""
AH: Final = Registry(
    "ah",
    {
        "md5": 2,
        "sha1": 3,
        "sha256": 5,
        "sha256_96": 5,
        "sha384": 6,
        "sha512": 7,
        "aesxcbc": 9,
        "aes128gmac_ah": 11,
        "aes192gmac_ah": 12,
        "aes256gmac_ah": 13,
    },
    prefix="ah_",
    foreign={4: "desmac", 8: "ripemd160"},
)
"""Phase 2, IPSEC AH Transform Identifiers."""
AUTHENTICATION: Final = Registry(
    "authentication",
    {
        "md5": 1,
        "sha1": 2,
        "sha256": 5,
        "sha256_96": 5,
        "sha384": 6,
        "sha512": 7,
        "aesxcbc": 9,
        "aes128gmac_ah": 11,
        "aes192gmac_ah": 12,
        "aes256gmac_ah": 13,
    },
    prefix="auth_",
    foreign={3: "desmac", 4: "kpdk", 8: "ripemd160"},
)
"""Phase 2, Authentication Algorithm: of ESP, and of AH beside its transform identifier."""
GROUPS: Final[Mapping[int, Group]] = {
    number: GROUP_BY_ID[number] for number in (1, 2, 5, 14, 15, 16, 17, 18, 19, 20, 21, 24)
}
"""Group Description, in both phases; IKEv2's 31 and 32 have no number here."""
FOREIGN_GROUPS: Final[Mapping[int, str]] = {
    3: "ec2n155",
    4: "ec2n185",
    22: "modp1024s160",
    23: "modp2048s224",
    25: "ecp192",
    26: "ecp224",
    27: "ecp224bp",
    28: "ecp256bp",
    29: "ecp384bp",
    30: "ecp512bp",
}


def cipher_of(registry: Registry, number: int, bits: int, private: Private = ()) -> Encr | None:
    """Return the cipher of a number and a Key Length attribute (0: none), None if unknown."""
    rows = (ENCR_BY_NAME.get(word) for word in registry.keywords(number, private))
    return next((row for row in rows if row is not None and row.key_bits == bits), None)


def integ_of(registry: Registry, number: int, private: Private = ()) -> Integ | None:
    """Return the row that RFCs mean by a number, None if unknown."""
    rows = (INTEG_BY_NAME.get(word) for word in registry.keywords(number, private))
    return next((row for row in rows if row is not None and not row.is_quirk), None)
