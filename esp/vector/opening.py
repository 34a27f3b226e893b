"""Open rows of ESP packets: the twin of :mod:`esp.vector.sealing`.

rows on the wire  | SPI | sequence number | IV | ciphertext | ICV |
plaintext rows    | packet, padding, pad length, next header |
"""

from typing import Final

import numpy as np

from esp.sa import HEADER, InboundSa
from esp.vector.numbers import Numbers
from esp.vector.rows import MOST, Octets, Rows, octets_of
from suites.paired import CbcHmac
from suites.sealers import BadRow, CounterAead, IntegrityError

_HEAD: Final = HEADER.size
_LOW: Final = 0xFFFFFFFF


class Opening:
    """Open what lies in ``received``."""

    __slots__ = ("_numbers", "_odd", "_received")

    def __init__(self, received: Rows) -> None:
        self._received = received
        self._numbers = Numbers()
        self._odd: set[int] = set()  # SPIs of peers whose IVs are not the numbers

    def bounds(self, count: int, size: int) -> list[int]:
        """Return where packets begin that follow each other: one SPI, no number missing.

        The first of ``count`` rows of ``size`` octets is one of them, and their end stands last.
        """
        heads = np.ascontiguousarray(self._received.matrix(count, size)[:, :_HEAD])
        marks = heads.view(">u8").ravel().astype(np.uint64)
        breaks = marks[1:] - marks[:-1] != 1
        if not np.count_nonzero(breaks):
            return [0, count]
        return [0, *(np.flatnonzero(breaks) + 1).tolist(), count]

    def open(
        self, sa: InboundSa, begin: int, end: int, size: int, plain: Rows
    ) -> tuple[int, int, bool]:
        """Write the plaintext of rows that follow each other to the start of ``plain``.

        Returns the first sequence number, how many rows are open, and whether the next one is not
        what the peer sent.  No row is open when they are not ahead of the window or cannot be
        told apart at once.  Nothing is recorded.
        """
        wire, sealer = self._received.matrix(end, size)[begin:], sa.sealer
        low = int.from_bytes(wire[0, 4:_HEAD].tobytes(), "big")
        first = sa.replay.widen(low) if sa.esn else low
        count = end - begin
        # beyond MOST nobody would look at an ICV; beyond the last number the SPI counts up
        if first <= sa.replay.top or count > MOST or low + count - 1 > _LOW:
            return first, 0, False
        high = (first >> 32).to_bytes(4, "big") if sa.esn else b""
        try:
            if isinstance(sealer, CounterAead):
                nonces, heads, is_number = self._told(sa, sealer, wire, first, high)
                sealed = self._received.views(size, _HEAD + 8, 0, end)[begin:end]
                outs = plain.views(size - sa.overhead, 0, 0, count)[:count]
                sealer.open_rows(nonces, sealed, heads, outs)
                if not is_number:  # the peer's own word now, not a forger's
                    self._note(sa.spi)
            elif isinstance(sealer, CbcHmac):
                icv_at = size - (sa.overhead - _HEAD - sealer.block)
                authentic = self._received.views(size, 0, icv_at, end)[begin:end]
                rows = plain.matrix(count, size - sa.overhead)
                _cbc(sealer, wire, authentic, rows, high)
            else:
                packets = self._received.views(size, 0, 0, end)[begin:end]
                outs = plain.views(size - sa.overhead, 0, 0, count)[:count]
                _one_by_one(sa, packets, outs, high)
        except BadRow as bad:
            return first, bad.row, True
        return first, count, False

    def _told(
        self, sa: InboundSa, sealer: CounterAead, wire: Octets, first: int, high: bytes
    ) -> tuple[list[bytes], list[bytes], bool]:
        """Return nonces, what is authenticated, and whether the numbers are the IVs."""
        if sa.spi not in self._odd:  # nearly all peers: the number is the IV
            span = self._numbers.of(sa.spi, sealer.salt, sa.esn, first, len(wire))
            if not np.count_nonzero(wire[:, : _HEAD + 8] != span.octets):
                return span.nonces, span.heads, True
        return *_as_they_came(sealer, wire, high), False

    def _note(self, spi: int) -> None:
        if len(self._odd) >= MOST:
            self._odd.clear()
        self._odd.add(spi)


def _as_they_came(
    sealer: CounterAead, wire: Octets, high: bytes
) -> tuple[list[bytes], list[bytes]]:
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
    """Check all ICVs, and only then decrypt with one call what is before a bad one."""
    end = len(authentic[0])
    bad: BadRow | None = None
    count = len(wire)
    try:
        sealer.check(authentic, wire[:, end:].tobytes(), high)
    except BadRow as found:
        bad, count = found, found.row
    if count:
        body = np.ascontiguousarray(wire[:count, _HEAD:end])
        plain = np.frombuffer(sealer.decrypt_rows(body.data.cast("B")), np.uint8)
        rows[:count] = plain.reshape(body.shape)[:, sealer.block :]
    if bad is not None:
        raise bad


def _one_by_one(
    sa: InboundSa, packets: list[memoryview], outs: list[memoryview], high: bytes
) -> None:
    for row, (packet, out) in enumerate(zip(packets, outs, strict=True)):
        try:
            out[:] = sa.sealer.open(bytes(packet[:_HEAD]), bytes(packet[_HEAD:]), high)
        except IntegrityError:
            raise BadRow(row) from None
