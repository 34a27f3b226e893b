"""The words of a proposal, in strongSwan's spelling: ``aes128-sha256-modp2048``."""

import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from suites.encr import ENCR, Encr
from suites.integ import INTEG, Integ
from suites.kex import GROUP, Group
from suites.prf import PRF, Prf
from suites.status import is_standard

Row = Encr | Integ | Prf | Group
"""What a keyword can name."""

_ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "aes": "aes128",
        "sha": "sha1",
        "sha2_256": "sha256",
        "sha2_256_96": "sha256_96",
        "sha2_384": "sha384",
        "sha2_512": "sha512",
        "curve25519": "x25519",
        "curve448": "x448",
        "sm4cbc": "sm4",
        "sm4gcm": "sm4gcm16",
        "sm4gcm128": "sm4gcm16",
    }
    | {f"aes{bits}gcm": f"aes{bits}gcm16" for bits in (128, 192, 256)}
    | {  # the ICV in bits
        f"aes{bits}{mode}{icv * 8}": f"aes{bits}{mode}{icv}"
        for bits in (128, 192, 256)
        for mode in ("ccm", "gcm")
        for icv in (8, 12, 16)
    }
)

_MISSPELT: Final[Mapping[str, str]] = MappingProxyType({"aes196": "aes256"})
"""What some gateways' menus call an algorithm: the nearest word would be the wrong one."""

_ROWS: Final[Mapping[str, Row]] = MappingProxyType(
    {row.name: row for table in (ENCR, INTEG, PRF, GROUP) for row in table}
)


def lookup(token: str) -> Row | None:
    """Return the row a keyword or one of its aliases names, in any case, or None."""
    word = token.lower()
    return _ROWS.get(_ALIASES.get(word, word))


def nearest(token: str) -> str | None:
    """Return the keyword that an unknown token probably meant, or None."""
    word = token.lower()[:64]
    if word in _MISSPELT:
        return _MISSPELT[word]
    close = difflib.get_close_matches(word, (*_ROWS, *_ALIASES), n=1)
    return _ALIASES.get(close[0], close[0]) if close else None


def non_standard(words: str) -> tuple[str, ...]:
    """Return those keywords of a proposal whose rows have no number of IANA's."""
    rows = map(lookup, words.split("-"))
    return tuple(row.name for row in rows if row is not None and not is_standard(row.iana))


def keyword(row: Row) -> str:
    """Return the keyword of a row: what :func:`lookup` takes back."""
    return row.name
