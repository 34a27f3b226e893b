"""Seal rows of packets: headers, IVs and nonces of all at once, then one call of the cipher each.

plaintext rows    | packet, padding, pad length, next header |
rows on the wire  | SPI | sequence number | IV | ciphertext | ICV |
"""

import numpy as np

from esp.sa import OutboundSa
from esp.sendbuffer import SendBuffer
from esp.vector.rows import COUNT, Rows, octets_of
from suites.sealers import CounterAead

_LOW = 0xFFFFFFFF


class Sealing:
    """Write into the rows of a buffer."""

    __slots__ = ("_out", "_ready")

    def __init__(self, ready: SendBuffer) -> None:
        self._ready = ready
        self._out = Rows(ready.octets)

    def seal(
        self, sa: OutboundSa, first: int, plains: list[memoryview], width: int, place: int
    ) -> None:
        """Seal ``plains`` of ``width`` octets each as packets number ``first`` and on.

        Into the rows from ``place`` on.  The numbers and the rows are reserved by the caller; if
        anything fails the rows are given back, the numbers never.
        """
        try:
            self._seal(sa, first, plains, width, place)
        except BaseException:
            self._ready.cancel(place)  # what the buffer held before must not go to this peer
            raise

    def _seal(
        self, sa: OutboundSa, first: int, plains: list[memoryview], width: int, place: int
    ) -> None:
        count, sealer = len(plains), sa.sealer
        size = width + sa.overhead
        if not isinstance(sealer, CounterAead):
            self._one_by_one(sa, first, plains, size, place)
            return
        heads = np.empty((count, 2), ">u8")
        numbers = COUNT[:count].astype(np.uint64) + np.uint64(first)
        heads[:, 1] = numbers  # the IV
        heads[:, 0] = numbers & np.uint64(_LOW) | np.uint64(sa.spi << 32)
        octets = heads.view(np.uint8)
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
