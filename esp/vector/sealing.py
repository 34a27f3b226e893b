"""Seal rows of packets: headers, IVs and nonces of all at once, then one call of the cipher each.

plaintext rows    | packet, padding, pad length, next header |
rows on the wire  | SPI | sequence number | IV | ciphertext | ICV |
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esp.sa import HEADER, OutboundSa
from esp.sendbuffer import SendBuffer
from esp.vector.numbers import Numbers
from esp.vector.rows import Octets, Rows
from suites.paired import CbcHmac
from suites.sealers import CounterAead

_LOW: Final = 0xFFFFFFFF
_HEAD: Final = HEADER.size


class Sealing:
    """Write into the rows of a buffer."""

    __slots__ = ("_numbers", "_out", "_ready")

    def __init__(self, ready: SendBuffer) -> None:
        self._ready = ready
        self._numbers = Numbers()
        self._out = Rows(ready.octets)

    def seal(
        self, sa: OutboundSa, first: int, rows: Octets, plains: list[memoryview], place: int
    ) -> None:
        """Seal ``rows`` as packets number ``first`` and on, into the rows from ``place`` on.

        ``plains`` are the same rows as memory.  The numbers and the rows are reserved by the
        caller; if anything fails the rows are given back, the numbers never.
        """
        try:
            self._seal(sa, first, rows, plains, place)
        except BaseException:
            self._ready.cancel(place)  # what the buffer held before must not go to this peer
            raise

    def _seal(
        self, sa: OutboundSa, first: int, rows: Octets, plains: list[memoryview], place: int
    ) -> None:
        count, width = rows.shape
        size, sealer = width + sa.overhead, sa.sealer
        if isinstance(sealer, CounterAead):
            span = self._numbers.of(sa.spi, sealer.salt, sa.esn, first, count)
            self._out.matrix(place + count, size)[place:, : _HEAD + 8] = span.octets
            outs = self._out.views(size, _HEAD + 8, 0, place + count)[place : place + count]
            if len(outs) != count:
                raise ValueError("more rows than the buffer has")
            sealer.seal_rows(span.nonces, plains, span.heads, outs)
        elif isinstance(sealer, CbcHmac) and first >> 32 == (first + count - 1) >> 32:
            span = self._numbers.of(sa.spi, b"", sa.esn, first, count)
            self._cbc(sa, sealer, span.octets, rows, size, place)
        else:
            self._one_by_one(sa, first, plains, size, place)

    def _cbc(
        self,
        sa: OutboundSa,
        sealer: CbcHmac,
        octets: Octets,
        rows: Octets,
        size: int,
        place: int,
    ) -> None:
        """Encrypt all rows with one call, each behind a block that becomes its IV."""
        count, width = rows.shape
        block, start = sealer.block, _HEAD
        end = start + block + width
        body: NDArray[Any] = np.empty((count, block + width), np.uint8)
        body[:, :block] = np.frombuffer(sealer.noise(count), np.uint8).reshape(count, block)
        body[:, block:] = rows
        out = self._out.matrix(place + count, size)[place:]
        out[:, :start] = octets[:, :start]
        sealed = sealer.encrypt_rows(body.data.cast("B"))
        out[:, start:end] = np.frombuffer(sealed, np.uint8).reshape(count, block + width)
        high = octets[0, start : start + 4].tobytes() if sa.esn else b""
        parts = self._out.views(size, 0, end, place + count)[place : place + count]
        tags = sealer.tags(parts, high)
        out[:, end:] = np.frombuffer(tags, np.uint8).reshape(count, size - end)

    def _one_by_one(
        self, sa: OutboundSa, first: int, plains: list[memoryview], size: int, place: int
    ) -> None:
        seal, outs = sa.sealer.seal, self._out.views(size, 0, 0, place + len(plains))
        spi = sa.spi.to_bytes(4, "big")
        for seq, plain in enumerate(plains, first):
            header = spi + (seq & _LOW).to_bytes(4, "big")
            high = (seq >> 32).to_bytes(4, "big") if sa.esn else b""
            outs[place][:] = header + seal(header, bytes(plain), seq, high)
            place += 1
