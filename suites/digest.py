"""The hash by itself, without a key, beside the PRF that is its HMAC.

IKEv1 negotiates a hash and takes its HMAC for the PRF (RFC 2409 section 4); the hash alone makes
IVs (appendix B) and NAT-D payloads (RFC 3947 section 3.2).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.primitives import hashes

from suites.prf import Prf

_OF_PRF: Final[Mapping[str, type[hashes.HashAlgorithm]]] = MappingProxyType(
    {
        "prfmd5": hashes.MD5,
        "prfsha1": hashes.SHA1,
        "prfsha256": hashes.SHA256,
        "prfsha384": hashes.SHA384,
        "prfsha512": hashes.SHA512,
        "prfsm3": hashes.SM3,
    }
)


def has_digest(prf: Prf) -> bool:
    """Tell whether a PRF is the HMAC of a hash."""
    return prf.name in _OF_PRF


def digest(prf: Prf, data: bytes) -> bytes:
    """Return the hash, of the PRF's own length; ValueError when the PRF has none."""
    algorithm = _OF_PRF.get(prf.name)
    if algorithm is None:
        raise ValueError(f"{prf.name} is no HMAC of a hash")
    context = hashes.Hash(algorithm())
    context.update(data)
    return context.finalize()
