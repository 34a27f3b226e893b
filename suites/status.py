"""How much an algorithm is still worth: RFC 8221 (ESP, AH) and RFC 8247 (IKEv2)."""

from enum import StrEnum


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
