"""Randomness is given to a core, never drawn by it: nonces, SPIs, cookies, jitter."""

from typing import Protocol


class Entropy(Protocol):
    """A source of random octets; tests and lessons give a repeatable one."""

    def octets(self, count: int) -> bytes:
        """Return ``count`` unpredictable octets."""
        ...
