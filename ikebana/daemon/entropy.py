"""Randomness for the cores, from the operating system."""

import os


class SystemEntropy:
    """The kernel's generator (getrandom(2))."""

    def octets(self, count: int) -> bytes:
        """Return ``count`` unpredictable octets."""
        return os.urandom(count)
