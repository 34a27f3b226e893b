"""Packets that wait until their tunnel has an SA for them: the first one is not lost."""

from dataclasses import dataclass, field
from typing import Final

from esp.batch import Acquire
from policy.spd import SelectorPair

_PER_TUNNEL: Final = 64
_TUNNELS: Final = 256
_TELL_AGAIN: Final = 5.0  # seconds: what a packet started may have failed, and nobody says so here


@dataclass(slots=True)
class _Waiting:
    packets: list[bytes] = field(default_factory=list)
    told: dict[SelectorPair, float] = field(default_factory=dict)


class Held:
    """Bounded: packets by tunnel, and when the daemon was told, by tunnel and policy selectors.

    Telling by selectors lets every child of a tunnel that has several of them come up, and one
    message is enough for all flows that a scan makes within them.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, _Waiting] = {}
        self._holding = 0  # tunnels that have packets here

    @property
    def tunnels(self) -> frozenset[str]:
        """Return what is waited for."""
        return frozenset(self._waiting)

    def wants_telling(self, acquire: Acquire, now: float) -> bool:
        """Tell whether the daemon has to hear of this now, and note that it does."""
        told = self._waiting.setdefault(acquire.tunnel, _Waiting()).told
        if now - told.get(acquire.pair, -_TELL_AGAIN) < _TELL_AGAIN:
            return False
        for pair in [pair for pair, at in told.items() if now - at >= _TELL_AGAIN]:
            del told[pair]  # also those of policies that are gone
        told[acquire.pair] = now
        return True

    def hold(self, acquire: Acquire) -> bool:
        """Keep a packet; False when there is no room."""
        packets = self._waiting.setdefault(acquire.tunnel, _Waiting()).packets
        if not packets:
            if self._holding >= _TUNNELS:
                return False
            self._holding += 1
        if len(packets) >= _PER_TUNNEL:
            return False
        packets.append(acquire.packet)
        return True

    def take(self, tunnel: str) -> list[bytes]:
        """Return the packets of a tunnel and keep them no longer."""
        waiting = self._waiting.get(tunnel)
        if waiting is None or not waiting.packets:
            return []
        packets, waiting.packets = waiting.packets, []
        self._holding -= 1
        return packets

    def settle(self, tunnel: str, still: frozenset[SelectorPair]) -> None:
        """Forget when the daemon was told, but for what ``still`` waits."""
        waiting = self._waiting.get(tunnel)
        if waiting is None:
            return
        waiting.told = {pair: at for pair, at in waiting.told.items() if pair in still}
        if not waiting.packets and not waiting.told:
            del self._waiting[tunnel]
