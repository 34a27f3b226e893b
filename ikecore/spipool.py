"""Inbound ESP and AH SPIs, shared by all endpoints (RFC 4301 section 4.1, RFC 4303 2.1)."""

from typing import Final

from ikecore.entropy import Entropy

_RESERVED: Final = 256  # RFC 4303 section 2.1: 1-255 are IANA's, 0 is local use
_REST: Final = 60.0  # a late packet for the SA before must not meet a new SA under its SPI
_TRIES: Final = 64


class SpiPool:
    """Hand out SPIs that are random, not in use, and not freed within the last 60 s."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._taken: set[int] = set()
        self._resting: dict[int, float] = {}  # SPI: until when, soonest first

    def take(self, now: float) -> int:
        """Return a fresh SPI (RFC 4303: at least 256)."""
        self._wake(now)
        for _ in range(_TRIES):
            spi = int.from_bytes(self._entropy.octets(4), "big")
            if spi >= _RESERVED and spi not in self._taken:
                self._taken.add(spi)
                return spi
        raise RuntimeError("the entropy source repeats itself: no free SPI in 64 draws")

    def free(self, spi: int, now: float) -> None:
        """Give ``spi`` back; it rests before it is handed out again."""
        # A second free must not end the life of the SPI's next owner.
        if spi in self._taken and spi not in self._resting:
            self._resting[spi] = now + _REST

    def _wake(self, now: float) -> None:
        while self._resting:
            spi, until = next(iter(self._resting.items()))
            if until > now:
                return
            del self._resting[spi]
            self._taken.discard(spi)
