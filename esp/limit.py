"""How much one direction of a child may carry before its keys wear out (RFC 4301 4.4.2.1)."""

from dataclasses import dataclass
from typing import Final, Protocol

NEVER: Final = 1 << 64  # what no SA reaches


class Half(Protocol):
    """One direction of a child: what went through it so far."""

    @property
    def packets(self) -> int:
        """Return how many packets it protected or took."""
        ...

    octets: int


@dataclass(frozen=True, slots=True)
class Limit:
    """Reached when either number is; each direction is measured by itself."""

    octets: int = NEVER
    packets: int = NEVER

    def is_reached(self, half: Half) -> bool:
        """Tell whether one direction has carried as much."""
        return half.packets >= self.packets or half.octets >= self.octets


NO_LIMIT: Final = Limit()
