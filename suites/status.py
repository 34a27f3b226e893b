"""How much an algorithm is still worth: RFC 8221 (ESP, AH) and RFC 8247 (IKEv2)."""

from enum import StrEnum
from typing import Final

UNNUMBERED: Final = 0
"""What a row has in place of a number that IANA did not give: one is configured for it."""
NON_STANDARD: Final = "non-standard; no independent peer was available"
"""What to say of a row without such a number."""
_PRIVATE_USE: Final = 1024


def is_standard(number: int) -> bool:
    """Tell whether a transform's number is IANA's: 1024 and above are for private use."""
    return UNNUMBERED < number < _PRIVATE_USE


class Status(StrEnum):
    """Say what the RFCs ask of an implementation, folded to what a checker can act upon.

    Where the two RFCs differ the row takes the kinder word for ``MUST``/``SHOULD`` and the harsher
    one for ``LEGACY``/``BROKEN``.  What neither names is ``MAY``.
    """

    MUST = "must"
    SHOULD = "should"
    MAY = "may"
    LEGACY = "legacy"
    """MUST- and SHOULD NOT: only for a peer that has nothing better."""
    BROKEN = "broken"
    """MUST NOT: gives no protection against a determined attacker."""
