"""Seal rows of packets: headers, IVs and nonces of all at once, then one call of the cipher each.

plaintext rows    | packet, padding, pad length, next header |
rows on the wire  | SPI | sequence number | IV | ciphertext | ICV |
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esp.sa import HEADER, OutboundSa
from esp.sendbuffer import SendBuffer
from esp.vector.rows import COUNT, Octets, Rows, octets_of
from suites.paired import CbcHmac
from suites.sealers import CounterAead

_LOW: Final = 0xFFFFFFFF


class Sealing:
    """Write into the rows of a buffer."""

    __slots__ = ("_out", "_ready")

    def __init__(self, ready: SendBuffer) -> None:
        self._ready = ready
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
        size = width + sa.overhead
        heads = np.empty((count, 2), ">u8")
        numbers = COUNT[:count].astype(np.uint64) + np.uint64(first)
        heads[:, 1] = numbers  # the IV of a mode that counts
        heads[:, 0] = numbers & np.uint64(_LOW) | np.uint64(sa.spi << 32)
        octets = heads.view(np.uint8)
        if isinstance(sa.sealer, CounterAead):
            self._counted(sa, sa.sealer, octets, plains, size, place)
        elif isinstance(sa.sealer, CbcHmac) and first >> 32 == (first + count - 1) >> 32:
            self._cbc(sa, sa.sealer, octets, rows, size, place)
        else:
            self._one_by_one(sa, first, plains, size, place)

    def _counted(
        self,
        sa: OutboundSa,
        sealer: CounterAead,
        octets: Octets,
        plains: list[memoryview],
        size: int,
        place: int,
    ) -> None:
        count = len(octets)
        self._out.matrix(place + count, size)[place:, :16] = octets
        salt = len(sealer.salt)
        nonces = np.empty((count, salt + 8), np.uint8)
        nonces[:, :salt] = np.frombuffer(sealer.salt, np.uint8)
        nonces[:, salt:] = octets[:, 8:]
        if sa.esn:  # RFC 4106 section 5: SPI, upper half, lower half
            told = np.empty((count, 12), np.uint8)
            told[:, :4] = octets[:, :4]
            told[:, 4:] = octets[:, 8:]
            bound = octets_of(told, 12)
        else:
            bound = octets_of(octets[:, :8], 8)
        outs = self._out.views(size, 16)[place : place + count]
        if len(outs) != count:
            raise ValueError("more rows than the buffer has")
        sealer.seal_rows(octets_of(nonces, salt + 8), plains, bound, outs)

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
        block, start = sealer.block, HEADER.size
        end = start + block + width
        body: NDArray[Any] = np.empty((count, block + width), np.uint8)
        body[:, :block] = np.frombuffer(sealer.noise(count), np.uint8).reshape(count, block)
        body[:, block:] = rows
        out = self._out.matrix(place + count, size)[place:]
        out[:, :start] = octets[:, :start]
        sealed = sealer.encrypt_rows(body.data.cast("B"))
        out[:, start:end] = np.frombuffer(sealed, np.uint8).reshape(count, block + width)
        high = octets[0, start : start + 4].tobytes() if sa.esn else b""
        tags = sealer.tags(self._out.views(size, 0, end)[place : place + count], high)
        out[:, end:] = np.frombuffer(tags, np.uint8).reshape(count, size - end)

    def _one_by_one(
        self, sa: OutboundSa, first: int, plains: list[memoryview], size: int, place: int
    ) -> None:
        seal, outs = sa.sealer.seal, self._out.views(size)
        spi = sa.spi.to_bytes(4, "big")
        for seq, plain in enumerate(plains, first):
            header = spi + (seq & _LOW).to_bytes(4, "big")
            high = (seq >> 32).to_bytes(4, "big") if sa.esn else b""
            outs[place][:] = header + seal(header, bytes(plain), seq, high)
            place += 1
