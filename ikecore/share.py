"""Which share of a lifetime passes before the next SA is made (RFC 7296 section 2.8)."""

from typing import Final

from ikecore.entropy import Entropy

_SOFT: Final = 0.9  # of whoever made the SA
_SOFT_OTHER: Final = 0.95  # later: the other end only steps in for one that does not
_SPREAD: Final = 0.05  # taken off at random, so that SAs do not come due together


def soft_share(entropy: Entropy, *, early: bool) -> float:
    """Return the soft share of a hard limit: 0.85 to 0.9, 0.9 to 0.95 when not ``early``."""
    jitter = int.from_bytes(entropy.octets(2), "big") / 0xFFFF * _SPREAD
    return (_SOFT if early else _SOFT_OTHER) - jitter
