"""Open rows of ESP packets: the twin of :mod:`esp.vector.sealing`.

rows on the wire  | SPI | sequence number | IV | ciphertext | ICV |
plaintext rows    | packet, padding, pad length, next header |
"""

from collections.abc import Sequence

import numpy as np

from esp.sa import HEADER, InboundSa
from esp.vector.rows import MOST, Octets, Rows, octets_of
from suites.paired import CbcHmac
from suites.sealers import CounterAead, IntegrityError


def open_rows(
    sa: InboundSa, numbers: Sequence[int], received: Rows, size: int, plain: Rows
) -> None:
    """Write the plaintext of the first rows of ``received``, of ``size`` octets, into ``plain``.

    ``numbers`` are their sequence numbers, rising, all of one upper half.  Raises
    :exc:`~suites.sealers.IntegrityError` when one of them is not what the peer sent; what was
    written is worth nothing then.
    """
    count = len(numbers)
    if count > MOST:
        raise IntegrityError("more rows than anybody looks at")
    wire = received.matrix(count, size)
    high = (numbers[0] >> 32).to_bytes(4, "big") if sa.esn else b""
    if isinstance(sa.sealer, CounterAead):
        outs = plain.views(size - sa.overhead)[:count]
        _counted(sa.sealer, wire, received.views(size, 16)[:count], outs, high)
    elif isinstance(sa.sealer, CbcHmac):
        end = size - (sa.overhead - HEADER.size - sa.sealer.block)
        rows = plain.matrix(count, size - sa.overhead)
        _cbc(sa.sealer, wire, received.views(size, 0, end)[:count], rows, high)
    else:
        open_one = sa.sealer.open
        outs = plain.views(size - sa.overhead)[:count]
        for packet, out in zip(received.views(size), outs, strict=False):
            out[:] = open_one(bytes(packet[: HEADER.size]), bytes(packet[HEADER.size :]), high)


def _counted(
    sealer: CounterAead,
    wire: Octets,
    sealed: list[memoryview],
    outs: list[memoryview],
    high: bytes,
) -> None:
    count, salt = len(wire), len(sealer.salt)
    nonces = np.empty((count, salt + 8), np.uint8)
    nonces[:, :salt] = np.frombuffer(sealer.salt, np.uint8)
    nonces[:, salt:] = wire[:, 8:16]
    if high:  # RFC 4106 section 5: SPI, upper half, lower half
        told = np.empty((count, 12), np.uint8)
        told[:, :4] = wire[:, :4]
        told[:, 4:8] = np.frombuffer(high, np.uint8)
        told[:, 8:] = wire[:, 4:8]
        bound = octets_of(told, 12)
    else:
        bound = octets_of(wire[:, :8], 8)
    sealer.open_rows(octets_of(nonces, salt + 8), sealed, bound, outs)


def _cbc(
    sealer: CbcHmac, wire: Octets, authentic: list[memoryview], rows: Octets, high: bytes
) -> None:
    """Check all ICVs, and only then decrypt all rows with one call."""
    end = len(authentic[0])
    if not sealer.are_right(authentic, wire[:, end:].tobytes(), high):
        raise IntegrityError("ICV mismatch")
    body = np.ascontiguousarray(wire[:, HEADER.size : end])
    found = np.frombuffer(sealer.decrypt_rows(body.data.cast("B")), np.uint8)
    rows[:] = found.reshape(body.shape)[:, sealer.block :]
