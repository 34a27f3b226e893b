"""Damage to datagrams, from flipped bits to lengths that lie; told by a seed."""

import random
import struct
from collections.abc import Callable, Sequence

from ikev2.message import HEADER

INTERESTING = (0, 1, 2, 3, 4, 7, 8, 0x7F, 0x80, 0xFF)
PAYLOADS = (0, 1, 2, *range(33, 54), 128, 255)
EXCHANGES = range(32, 40)
SKF = 53


class Mutator:
    """Make one bad datagram after another out of good ones, of IKEv2 if nothing else is said."""

    def __init__(
        self,
        seed: int,
        good: Sequence[bytes],
        version: int = 0x20,
        payloads: Sequence[int] = PAYLOADS,
        exchanges: Sequence[int] = EXCHANGES,
    ) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._good = list(good)
        self._version, self._payloads, self._exchanges = version, payloads, exchanges
        self._ways: list[Callable[[bytearray], bytearray]] = [
            self._flip,
            self._flip,
            self._poke,
            self._poke,
            self._lie,
            self._lie,
            self._cut,
            self._grow,
            self._splice,
            self._retype,
            self._remove,
            self._double,
            self._renumber,
        ]

    def datagram(self) -> bytes:
        """Return a damaged message; mostly its header still tells the true length."""
        data = self.damaged(self._dice.choice(self._good))
        if len(data) >= HEADER.size and self._dice.random() < 0.75:
            data = data[:24] + struct.pack("!I", len(data)) + data[28:]
        return data

    def noise(self) -> bytes:
        """Return random octets, half of them behind a plausible header."""
        dice = self._dice
        data = dice.randbytes(dice.choice((0, 1, 27, 28, 29, 60, 200, 1400)))
        if dice.random() < 0.5:
            return data
        return (
            HEADER.pack(
                dice.choice((bytes(8), b"stranger", self.good()[:8])),
                dice.choice((bytes(8), b"stranger", self.good()[8:16])),
                dice.choice(self._payloads),
                self._version,
                dice.choice(self._exchanges),
                dice.choice((0, 0x08, 0x20, 0x28)),
                dice.randrange(4),
                HEADER.size + len(data),
            )
            + data
        )

    def damaged(self, good: bytes) -> bytes:
        """Return octets with one to three kinds of damage."""
        data = bytearray(good)
        for _ in range(self._dice.choice((1, 1, 1, 2, 3))):
            data = self._dice.choice(self._ways)(data)
        return bytes(data)

    def good(self) -> bytes:
        return self._dice.choice(self._good)

    def _at(self, data: bytearray, width: int = 1) -> int:
        # lengths, types and counts stand at the front of their payloads: look there more often
        end = max(1, len(data) - width + 1)
        return self._dice.randrange(min(end, 80) if self._dice.random() < 0.5 else end)

    def _flip(self, data: bytearray) -> bytearray:
        if data:
            data[self._at(data)] ^= 1 << self._dice.randrange(8)
        return data

    def _poke(self, data: bytearray) -> bytearray:
        if data:
            data[self._at(data)] = self._dice.choice(INTERESTING)
        return data

    def _lie(self, data: bytearray) -> bytearray:
        at = self._at(data, 2)
        size = len(data) - at
        number = self._dice.choice((0, 1, 3, 4, 5, 8, size, size + 1, size - 1, 255, 65535))
        data[at : at + 2] = struct.pack("!H", number & 0xFFFF)
        return data

    def _cut(self, data: bytearray) -> bytearray:
        return data[: self._at(data)]

    def _grow(self, data: bytearray) -> bytearray:
        return data + self._dice.randbytes(self._dice.choice((1, 4, 8, 100)))

    def _splice(self, data: bytearray) -> bytearray:
        other = self.good()
        return data[: self._at(data)] + other[self._at(bytearray(other)) :]

    def _retype(self, data: bytearray) -> bytearray:
        if len(data) > HEADER.size:
            data[self._dice.choice((16, 18, HEADER.size))] = self._dice.choice(self._payloads)
        return data

    def _remove(self, data: bytearray) -> bytearray:
        at = self._at(data)
        return data[:at] + data[at + self._dice.choice((1, 2, 4, 8, 40)) :]

    def _double(self, data: bytearray) -> bytearray:
        at = self._at(data)
        part = data[at : at + self._dice.choice((4, 8, 40))]
        return data[:at] + part + data[at:]

    def _renumber(self, data: bytearray) -> bytearray:
        if len(data) >= HEADER.size + 8 and data[16] == SKF:  # a fragment's number, or the total
            number = self._dice.choice((0, 1, 2, 3, 4, 255, 256, 257, 0xFFFF))
            at = HEADER.size + self._dice.choice((4, 6))
            data[at : at + 2] = struct.pack("!H", number)
        return data
