"""The two halves of an ESP security association: what happens to each packet (RFC 4303)."""

import struct
from abc import ABC, abstractmethod
from typing import Final

from esp.replay import ReplayWindow
from policy.path import Path
from suites.sealers import IntegrityError, Sealer

HEADER: Final = struct.Struct("!II")  # SPI, low half of the sequence number
_pack: Final = HEADER.pack
_unpack: Final = HEADER.unpack_from
PADDING: Final = tuple(bytes(range(1, n + 1)) for n in range(256))  # RFC 4303 section 2.4
_PADDED: Final = tuple(padding + bytes((n,)) for n, padding in enumerate(PADDING))
_NEXT: Final = tuple(bytes((n,)) for n in range(256))


class Drop(Exception):
    """A packet was discarded; ``reason`` names the counter to raise."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OutboundHalf(ABC):
    """What protects the packets of one direction, with ESP or AH.

    ``limit`` is the sequence number after which only a rekeyed SA may send.  ``seq`` is the last
    number used, so also the number of packets; ``octets`` counts plaintext.  ``protocol`` is the
    IP protocol that it makes.
    """

    __slots__ = ("esn", "limit", "octets", "seq", "spi")
    protocol = 50

    def __init__(self, spi: int, esn: bool, limit: int | None) -> None:
        self.spi = spi
        self.esn = esn
        self.seq = 0
        self.octets = 0
        self.limit = limit if limit is not None else (1 << 64 if esn else 1 << 32) - 1

    @property
    def packets(self) -> int:
        """Return how many packets were protected."""
        return self.seq

    @abstractmethod
    def follow(self, path: Path) -> None:
        """Take note of where the packets go."""

    @abstractmethod
    def protect(self, packet: bytes, next_header: int) -> bytes:
        """Return what goes to the peer; raise :exc:`Drop`."""


class OutboundSa(OutboundHalf):
    """Sealing half of ESP.  ``overhead`` is what is around the padded packet, in octets."""

    __slots__ = ("_align", "_seal", "overhead", "sealer")

    def __init__(
        self, spi: int, sealer: Sealer, *, esn: bool = False, limit: int | None = None
    ) -> None:
        super().__init__(spi, esn, limit)
        self.sealer = sealer
        self.overhead = HEADER.size + sealer.overhead
        self._seal = sealer.seal
        self._align = max(4, sealer.block)

    def follow(self, path: Path) -> None:
        """Do nothing: ESP does not protect where packets go."""

    def trailer(self, length: int, next_header: int) -> bytes:
        """Return what follows a packet of ``length`` octets: padding, its length, next header."""
        return _PADDED[-(length + 2) % self._align] + _NEXT[next_header]

    def reserve(self, count: int, octets: int) -> int:
        """Take numbers for ``count`` packets of ``octets`` in all; return the first of them.

        Raises :exc:`Drop` when there are not so many left.
        """
        first = self.seq + 1
        if self.seq + count > self.limit:
            raise Drop("sequence_exhausted")
        self.seq += count
        self.octets += octets
        return first

    def protect(self, packet: bytes, next_header: int) -> bytes:
        """Return the ESP packet for ``packet``; raise :exc:`Drop` when the numbers are used up."""
        seq = self.seq + 1
        if seq > self.limit:
            raise Drop("sequence_exhausted")
        self.seq = seq  # first of all: whatever fails below, no number (no nonce) is used twice
        length = len(packet)
        self.octets += length
        header = _pack(self.spi, seq & 0xFFFFFFFF)
        plain = b"".join((packet, _PADDED[-(length + 2) % self._align], _NEXT[next_header]))
        if self.esn:
            return header + self._seal(header, plain, seq, (seq >> 32).to_bytes(4, "big"))
        return header + self._seal(header, plain, seq)


class InboundHalf(ABC):
    """What checks the packets of one direction, of ESP or AH.

    ``packets`` and ``octets`` count what was accepted, dummies included.
    """

    __slots__ = ("esn", "octets", "packets", "replay", "spi")

    def __init__(self, spi: int, esn: bool, window: int) -> None:
        self.spi = spi
        self.esn = esn
        self.replay = ReplayWindow(window)
        self.packets = 0
        self.octets = 0

    @abstractmethod
    def unprotect(self, datagram: bytes) -> tuple[int, bytes]:
        """Return (next header, what was protected), or raise :exc:`Drop`."""


class InboundSa(InboundHalf):
    """Opening half of ESP.

    Length, cheap replay check, ICV, replay record, then padding - in that order.
    """

    __slots__ = ("_least", "_open", "overhead", "sealer")

    def __init__(self, spi: int, sealer: Sealer, *, esn: bool = False, window: int = 1024) -> None:
        super().__init__(spi, esn, window)
        self.sealer = sealer
        self.overhead = HEADER.size + sealer.overhead
        self._open = sealer.open
        self._least = self.overhead + 2

    def unprotect(self, datagram: bytes) -> tuple[int, bytes]:
        """Return (next header, inner packet) of an ESP packet, or raise :exc:`Drop`."""
        if len(datagram) < self._least:
            raise Drop("malformed")
        _, seq = _unpack(datagram)
        replay = self.replay
        if self.esn:
            seq = replay.widen(seq)
        if seq <= replay.top and not replay.is_fresh(seq):  # ahead of the window is fresh
            raise Drop("replay")
        try:
            if self.esn:
                plain = self._open(datagram[:8], datagram[8:], (seq >> 32).to_bytes(4, "big"))
            else:
                plain = self._open(datagram[:8], datagram[8:])
        except IntegrityError:
            raise Drop("integrity") from None
        replay.accept(seq)
        end = len(plain) - 2
        if end < 0:
            raise Drop("padding")
        pad = plain[-2]
        if pad > end or plain[end - pad : end] != PADDING[pad]:
            raise Drop("padding")
        inner = plain[: end - pad]
        self.packets += 1
        self.octets += len(inner)
        return plain[-1], inner
