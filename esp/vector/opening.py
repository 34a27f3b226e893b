"""Open rows of ESP packets: the twin of :mod:`esp.vector.sealing`.

rows on the wire  | SPI | sequence number | IV | ciphertext | ICV |
plaintext rows    | packet, padding, pad length, next header |
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from esp.sa import HEADER, InboundSa
from esp.vector.numbers import Numbers
from esp.vector.rows import MOST, Octets, Rows, octets_of
from suites.paired import CbcHmac
from suites.sealers import CounterAead, IntegrityError

_HEAD: Final = HEADER.size
_LOW: Final = 0xFFFFFFFF


class Opening:
    """Open what lies in ``received``."""

    __slots__ = ("_numbers", "_received")

    def __init__(self, received: Rows) -> None:
        self._received = received
        self._numbers = Numbers()

    def open(self, sa: InboundSa, count: int, size: int, plain: Rows) -> Sequence[int] | None:
        """Write the plaintext of the first rows, of ``size`` octets, into ``plain``.

        Returns their sequence numbers; None unless all rows are of this SA, rising, ahead of the
        window, and of one upper half.  Nothing is recorded.  Raises
        :exc:`~suites.sealers.IntegrityError` when one of them is not what the peer sent; what was
        written is worth nothing then.
        """
        wire, sealer = self._received.matrix(count, size), sa.sealer
        low = int.from_bytes(wire[0, 4:_HEAD].tobytes(), "big")
        first = sa.replay.widen(low) if sa.esn else low
        if first <= sa.replay.top or count > MOST:  # beyond those nobody would look at an ICV
            return None
        if isinstance(sealer, CounterAead) and low + count <= _LOW:
            # what nearly every peer sends: no number missing, and the number is the IV
            span = self._numbers.of(sa.spi, sealer.salt, sa.esn, first, count)
            if not np.count_nonzero(wire[:, : _HEAD + 8] != span.octets):
                sealed, outs = self._counted(sa, size, count, plain)
                sealer.open_rows(span.nonces, sealed, span.heads, outs)
                return range(first, first + count)
        numbers = _numbers(wire, first - low)
        if numbers is None:
            return None
        high = (first >> 32).to_bytes(4, "big") if sa.esn else b""
        if isinstance(sealer, CounterAead):
            nonces, heads = _told(sealer, wire, high)
            sealed, outs = self._counted(sa, size, count, plain)
            sealer.open_rows(nonces, sealed, heads, outs)
        elif isinstance(sealer, CbcHmac):
            end = size - (sa.overhead - _HEAD - sealer.block)
            rows = plain.matrix(count, size - sa.overhead)
            _cbc(sealer, wire, self._received.views(size, 0, end, count)[:count], rows, high)
        else:
            packets = self._received.views(size, 0, 0, count)
            outs = plain.views(size - sa.overhead, 0, 0, count)[:count]
            for packet, out in zip(packets, outs, strict=False):
                out[:] = sealer.open(bytes(packet[:_HEAD]), bytes(packet[_HEAD:]), high)
        return numbers

    def _counted(
        self, sa: InboundSa, size: int, count: int, plain: Rows
    ) -> tuple[list[memoryview], list[memoryview]]:
        """Return what is behind the IVs, and where its plaintext goes."""
        sealed = self._received.views(size, _HEAD + 8, 0, count)[:count]
        return sealed, plain.views(size - sa.overhead, 0, 0, count)[:count]


def _numbers(wire: Octets, ahead: int) -> list[int] | None:
    """Return the sequence numbers, ``ahead`` of what is sent of them; None unless they rise."""
    heads = np.ascontiguousarray(wire[:, :_HEAD]).view(">u4")
    lows = heads[:, 1].astype(np.int64)
    if np.count_nonzero(heads[:, 0] != heads[0, 0]) or np.count_nonzero(lows[1:] <= lows[:-1]):
        return None
    numbers: list[int] = lows.tolist()
    return [number + ahead for number in numbers] if ahead else numbers


def _told(sealer: CounterAead, wire: Octets, high: bytes) -> tuple[list[bytes], list[bytes]]:
    """Return nonces and what is authenticated, of IVs as they came."""
    count, salt = len(wire), len(sealer.salt)
    nonces = np.empty((count, salt + 8), np.uint8)
    nonces[:, :salt] = np.frombuffer(sealer.salt, np.uint8)
    nonces[:, salt:] = wire[:, _HEAD : _HEAD + 8]
    if not high:
        return octets_of(nonces, salt + 8), octets_of(wire[:, :_HEAD], _HEAD)
    told = np.empty((count, 12), np.uint8)  # RFC 4106 section 5: SPI, upper half, lower half
    told[:, :4] = wire[:, :4]
    told[:, 4:8] = np.frombuffer(high, np.uint8)
    told[:, 8:] = wire[:, 4:_HEAD]
    return octets_of(nonces, salt + 8), octets_of(told, 12)


def _cbc(
    sealer: CbcHmac, wire: Octets, authentic: list[memoryview], rows: Octets, high: bytes
) -> None:
    """Check all ICVs, and only then decrypt all rows with one call."""
    end = len(authentic[0])
    if not sealer.are_right(authentic, wire[:, end:].tobytes(), high):
        raise IntegrityError("ICV mismatch")
    body = np.ascontiguousarray(wire[:, _HEAD:end])
    found = np.frombuffer(sealer.decrypt_rows(body.data.cast("B")), np.uint8)
    rows[:] = found.reshape(body.shape)[:, sealer.block :]
