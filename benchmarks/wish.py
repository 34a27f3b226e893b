"""What whoever asks wants measured: how often, how long, and which parts of it."""

from dataclasses import dataclass, replace
from typing import Final

SECONDS: Final = 3.0
_QUICK: Final = 1.0
_UDP_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Wish:
    """How to measure; ``only`` and ``pairs`` are words of the tests' and pairs' names, () all.

    ``quick`` is for a look while the code changes: short runs, one at a time.
    """

    rounds: int = 5
    seconds: float = SECONDS  # of each run of TCP
    only: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    quick: bool = False

    @classmethod
    def parse(cls, rounds: int, seconds: float, only: str, pairs: str, *, quick: bool) -> "Wish":
        """Return what a command line says; 0 stands for what is usual, "" for everything."""
        return cls(
            rounds or (1 if quick else 5),
            seconds or (_QUICK if quick else SECONDS),
            _words(only),
            _words(pairs),
            quick,
        )

    @property
    def udp_seconds(self) -> float:
        """Return how long one rate of UDP is tried."""
        return min(self.seconds, _UDP_SECONDS)

    @property
    def is_partial(self) -> bool:
        """Tell whether the result is no measurement to keep."""
        return self.quick or bool(self.only or self.pairs)

    def everything(self) -> "Wish":
        """Return the same without a choice of tests and pairs."""
        return replace(self, only=(), pairs=())

    def test(self, name: str) -> bool:
        """Tell whether a test is wanted: one of the words is in its name."""
        return not self.only or any(word in _plain(name) for word in self.only)

    def pair(self, name: str) -> bool:
        """Tell whether a pair is wanted: one of the words is in its name."""
        return not self.pairs or any(word in _plain(name) for word in self.pairs)


def _words(text: str) -> tuple[str, ...]:
    return tuple(_plain(word) for word in text.split(",") if word.strip())


def _plain(text: str) -> str:
    return "".join(text.lower().replace(",", "").split())
