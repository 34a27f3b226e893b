"""IKEv2 Transform Type 2 (pseudorandom function) and prf+.

https://www.iana.org/assignments/ikev2-parameters; requirement levels from RFC 8247 section 2.2.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from suites.integ import INTEG
from suites.macs import AesXcbc, Mac, aes_cmac
from suites.shangmi import hmac_sm3
from suites.status import UNNUMBERED, Status

Function = Callable[[bytes, bytes], bytes]
"""From key and data, each of any length."""


@dataclass(frozen=True, slots=True)
class Prf:
    """One row of Transform Type 2."""

    iana: int
    name: str
    key: int
    """Preferred key length, which is the output length, in octets (RFC 7296 section 2.13)."""
    function: Function
    status: Status
    instead: str = ""
    """Keyword to propose to who uses a row that has aged."""
    nonce: int | None = None
    """Octets of each nonce that make the key of SKEYSEED; None: all (RFC 7296 section 2.14)."""

    def digest(self, key: bytes, data: bytes) -> bytes:
        """Return prf(key, data), ``key`` octets of it."""
        return self.function(key, data)

    def skeyseed(self, initiator_nonce: bytes, responder_nonce: bytes, shared: bytes) -> bytes:
        """Return SKEYSEED of a first exchange (RFC 7296 section 2.14)."""
        key = initiator_nonce[: self.nonce] + responder_nonce[: self.nonce]
        return self.function(key, shared)

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
            last = self.function(key, last + seed + bytes((number,)))
            stream += last
        return stream[:octets]


def _hmac(name: str) -> Function:
    return lambda key, data: hmac.digest(key, data, name)


def _fitted(mac: Callable[[bytes], Mac], fit: Callable[[bytes], bytes]) -> Function:
    def digest(key: bytes, data: bytes) -> bytes:
        context = mac(key if len(key) == 16 else fit(key))
        context.update(data)
        return context.finalize()

    return digest


def _xcbc_key(key: bytes) -> bytes:
    """Fill a short key with zeros, and take the XCBC of a long one (RFC 4434 section 2)."""
    return key.ljust(16, b"\0") if len(key) < 16 else _aes_xcbc(bytes(16), key)


def _cmac_key(key: bytes) -> bytes:
    """Take the CMAC of a key of any other length (RFC 4615 section 3)."""
    return _aes_cmac(bytes(16), key)


_aes_xcbc: Final = _fitted(AesXcbc, _xcbc_key)
_aes_cmac: Final = _fitted(aes_cmac, _cmac_key)

# fmt: off
PRF: Final = (
    #   IANA  name         key  function         status
    Prf(   1, "prfmd5",     16, _hmac("md5"),    Status.BROKEN, "prfsha256"),
    Prf(   2, "prfsha1",    20, _hmac("sha1"),   Status.LEGACY, "prfsha256"),
    Prf(   4, "prfaesxcbc", 16, _aes_xcbc,       Status.SHOULD, nonce=8),
    Prf(   5, "prfsha256",  32, _hmac("sha256"), Status.MUST),
    Prf(   6, "prfsha384",  48, _hmac("sha384"), Status.MAY),
    Prf(   7, "prfsha512",  64, _hmac("sha512"), Status.SHOULD),
    Prf(   8, "prfaescmac", 16, _aes_cmac,       Status.MAY,    nonce=8),
    Prf(UNNUMBERED, "prfsm3", 32, hmac_sm3,      Status.MAY),  # no RFC; as RFC 4868 has SHA-256
)
# fmt: on

PRF_BY_ID: Final[Mapping[int, Prf]] = MappingProxyType({row.iana: row for row in PRF if row.iana})
PRF_BY_NAME: Final[Mapping[str, Prf]] = MappingProxyType({row.name: row for row in PRF})
PRF_OF_INTEG: Final[Mapping[str, Prf]] = MappingProxyType(
    {
        integ.name: PRF_BY_NAME[f"prf{integ.name.removesuffix('_96')}"]
        for integ in INTEG
        if integ.is_for_esp
    }
)
"""The PRF a proposal means by its integrity keyword when it names none (strongSwan's custom)."""
