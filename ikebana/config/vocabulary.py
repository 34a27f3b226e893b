"""What of proposals IKEv1 can say: the algorithms that have numbers in its registries.

https://www.iana.org/assignments/ipsec-registry (phase 1) and isakmp-registry (phase 2).
"""

from collections.abc import Iterator
from typing import Final

from ikecore.keywords import KeywordError, parse_proposal
from ikecore.proposals import Protocol
from suites.encr import Encr
from suites.integ import Integ
from suites.kex import Group
from suites.keywords import Row, lookup
from suites.prf import PRF_OF_INTEG, Prf

CIPHERS: Final = frozenset({"aes128", "aes192", "aes256", "3des", "des", "sm4"})
"""Ciphers of phase 1 (IANA, "Internet Key Exchange (IKE) Attributes": Encryption Algorithm)."""
HASHES: Final = frozenset({"md5", "sha1", "sha256", "sha384", "sha512", "sm3"})
"""Hash algorithms of phase 1, by the keyword of the integrity algorithm made of them."""
GROUPS: Final = frozenset(
    {
        "modp768", "modp1024", "modp1536", "modp2048", "modp3072", "modp4096", "modp6144",
        "modp8192", "ecp256", "ecp384", "ecp521", "modp2048s256",
    }
)  # fmt: skip
"""Groups of phase 1 and of PFS (Group Description)."""
NOT_IN_ESP: Final = frozenset({"chacha20poly1305", "sm4gcm16"})
"""Ciphers that have no ESP transform identifier of IKEv1's."""
CHECKSUMS: Final = frozenset({"md5", "sha1", "sha256", "sha256_96", "sha384", "sha512", "aesxcbc"})
"""Integrity algorithms of ESP and AH by number (Authentication Algorithm)."""


def rows_of(text: str, protocol: Protocol) -> tuple[Row, ...]:
    """Return the algorithms of a proposal; none of one that others refuse."""
    try:
        parse_proposal(text, protocol)
    except KeywordError:
        return ()
    found = (lookup(word) for word in text.strip().lower().split("-") if word)
    return tuple(row for row in found if row is not None)


def inexpressible(text: str, protocol: Protocol) -> Iterator[tuple[Row, str]]:
    """Find what of a proposal IKEv1 cannot say, each with what would do instead."""
    rows = rows_of(text, protocol)
    if protocol is Protocol.IKE:
        hashes = {PRF_OF_INTEG[row.name].name for row in rows if row.name in HASHES}
        for row in rows:
            yield from _in_phase_1(row, hashes)
        return
    for row in rows:
        yield from _in_phase_2(row, protocol)


def _in_phase_1(row: Row, hashes: set[str]) -> Iterator[tuple[Row, str]]:
    match row:
        case Encr() if row.name not in CIPHERS:
            yield row, "aes256 or aes128, with sha256" if row.is_aead else "aes256 or aes128"
        case Integ() if row.name not in HASHES:
            yield row, "sha256"
        case Prf() if row.name not in hashes:
            yield row, "leave it out: the PRF is that of the hash (RFC 2409 section 4)"
        case Group() if row.name not in GROUPS:
            yield row, "ecp256 or modp2048"


def _in_phase_2(row: Row, protocol: Protocol) -> Iterator[tuple[Row, str]]:
    match row:
        case Encr() if row.name in NOT_IN_ESP:
            yield row, "aes256gcm16"
        case Integ() if protocol is Protocol.AH:
            if row.name not in CHECKSUMS and not row.name.endswith("gmac_ah"):
                yield row, "sha256"
        case Integ() if row.name not in CHECKSUMS | {"sm3"}:
            yield row, "sha256"
        case Group() if row.name not in GROUPS:
            yield row, "ecp256 or modp2048"


def is_expressible(text: str, protocol: Protocol) -> bool:
    """Tell whether IKEv1 can say at least one choice of what a proposal leaves open."""
    rows = rows_of(text, protocol)
    bad = {row.name for row, _ in inexpressible(text, protocol)}
    kinds: tuple[type[Row], ...] = (Encr, Integ, Prf, Group)
    return bool(rows) and all(
        any(row.name not in bad for row in rows if isinstance(row, kind))
        for kind in kinds
        if any(isinstance(row, kind) for row in rows)
    )
