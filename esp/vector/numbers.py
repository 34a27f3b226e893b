"""What goes with consecutive sequence numbers where the IV counts, too: made for many at once.

For one batch after the other it would be a fifth of what a row costs.
"""

from typing import Final, NamedTuple

import numpy as np

from esp.vector.rows import MOST, Octets, octets_of

_BLOCK: Final = 256
_SAS: Final = 64  # whose numbers are remembered; one more, and all are forgotten
_LOW: Final = 0xFFFFFFFF
_STEPS: Final = np.arange(MOST, dtype=np.uint64)


class Span(NamedTuple):
    """Some numbers in a row."""

    octets: Octets
    """Rows as on the wire: SPI, sequence number, IV."""
    nonces: list[bytes]
    """Salt and IV (RFC 4106 section 4)."""
    heads: list[bytes]
    """What is authenticated: SPI and number, the upper half between them (RFC 4106 section 5)."""


class _Block:
    """The numbers of one SA from a first one on."""

    def __init__(self, spi: int, salt: bytes, esn: bool) -> None:
        self.salt = salt
        self.esn = esn
        self._spi = spi
        self._first = self._count = 0
        self._span = Span(np.empty((0, 16), np.uint8), [], [])

    def of(self, first: int, count: int) -> Span:
        at = first - self._first
        if at < 0 or at + count > self._count:
            self._fill(first, max(count, _BLOCK))
            at = 0
        end = at + count
        octets, nonces, heads = self._span
        return Span(octets[at:end], nonces[at:end], heads[at:end])

    def _fill(self, first: int, count: int) -> None:
        numbers = _STEPS[:count] + np.uint64(first)
        pairs = np.empty((count, 2), ">u8")
        pairs[:, 0] = numbers & np.uint64(_LOW) | np.uint64(self._spi << 32)
        pairs[:, 1] = numbers
        octets = pairs.view(np.uint8)
        salt = len(self.salt)
        nonces = np.empty((count, salt + 8), np.uint8)
        nonces[:, :salt] = np.frombuffer(self.salt, np.uint8)
        nonces[:, salt:] = octets[:, 8:]
        if self.esn:
            told = np.empty((count, 12), np.uint8)
            told[:, :4] = octets[:, :4]
            told[:, 4:] = octets[:, 8:]
            heads = octets_of(told, 12)
        else:
            heads = octets_of(octets[:, :8], 8)
        self._first, self._count = first, count
        self._span = Span(octets, octets_of(nonces, salt + 8), heads)


class Numbers:
    """Remembers by SPI; it knows salts and no keys."""

    __slots__ = ("_blocks",)

    def __init__(self) -> None:
        self._blocks: dict[int, _Block] = {}

    def of(self, spi: int, salt: bytes, esn: bool, first: int, count: int) -> Span:
        """Return ``count`` numbers from ``first`` on, at most :data:`~esp.vector.rows.MOST`."""
        block = self._blocks.get(spi)
        if block is None or block.salt != salt or block.esn != esn:
            if len(self._blocks) >= _SAS:
                self._blocks.clear()
            block = self._blocks[spi] = _Block(spi, salt, esn)
        return block.of(first, count)
