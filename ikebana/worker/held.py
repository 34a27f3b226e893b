"""Packets that wait until their tunnel has an SA for them: the first one is not lost."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from esp.batch import Acquire
from policy.flow import Flow
from policy.spd import SelectorPair

_PACKETS: Final = 64  # of one tunnel
_OCTETS: Final = 128 * 1024  # of one tunnel
_TUNNELS: Final = 256
_OWN: Final = 8 * 1024  # octets that every tunnel has room for
_COMMON: Final = 2 * 1024 * 1024  # octets beyond that, of all tunnels: 4 MiB together
_SHARES: Final = 16
_OLDEST: Final = 10.0  # seconds: whoever sent it has given it up by then, or sent it again
_TELL_AGAIN: Final = 5.0  # seconds: what a packet started may have failed, and nobody says so here


@dataclass(slots=True)
class _Waiting:
    packets: deque[tuple[float, Acquire]] = field(default_factory=deque)
    octets: int = 0
    told: dict[SelectorPair, float] = field(default_factory=dict)


class Held:
    """Bounded by count, octets and time; and when the daemon was told, by tunnel and selectors.

    Fair between tunnels: each has room for 8 KiB whatever the others do, and beyond that takes at
    most a sixteenth of what is free of a common 2 MiB, so that the greedy leave room for the next.
    Within a tunnel the first packets stay: of a flow that is just what its other end waits for.

    Telling by selectors lets every child of a tunnel that has several of them come up, and one
    message is enough for all flows that a scan makes within them.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, _Waiting] = {}
        self._holding = 0  # tunnels that have packets here
        self._borrowed = 0  # octets beyond what each tunnel has of its own

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

    def hold(self, acquire: Acquire, now: float = 0.0) -> bool:
        """Keep a packet; False when there is no room."""
        waiting = self._waiting.setdefault(acquire.tunnel, _Waiting())
        size = len(acquire.packet)
        room = min(_OCTETS, _OWN + (_COMMON - self._borrowed) // _SHARES)
        if len(waiting.packets) >= _PACKETS or waiting.octets + size > room:
            return False
        if not waiting.packets:
            if self._holding >= _TUNNELS:
                return False
            self._holding += 1
        waiting.packets.append((now, acquire))
        self._change(waiting, size)
        return True

    def expire(self, now: float) -> int:
        """Let go of what has waited too long; return how many packets that were."""
        if not self._holding:
            return 0
        gone = 0
        for waiting in self._waiting.values():
            packets = waiting.packets
            if not packets:
                continue
            while packets and now - packets[0][0] >= _OLDEST:
                self._change(waiting, -len(packets.popleft()[1].packet))
                gone += 1
            self._holding -= not packets
        return gone

    def take(self, tunnel: str, carries: Callable[[Flow], bool] = lambda _: True) -> list[bytes]:
        """Return the packets of a tunnel whose flows ``carries`` wants; keep them no longer.

        Those of other children wait on: a hundred that come up must not look at them a hundred
        times.
        """
        waiting = self._waiting.get(tunnel)
        if waiting is None or not waiting.packets:
            return []
        packets: list[bytes] = []
        others: deque[tuple[float, Acquire]] = deque()
        for one in waiting.packets:
            if carries(one[1].flow):
                packets.append(one[1].packet)
                self._change(waiting, -len(one[1].packet))
            else:
                others.append(one)
        waiting.packets = others
        self._holding -= not others
        return packets

    def settle(self, tunnel: str, still: frozenset[SelectorPair]) -> None:
        """Forget when the daemon was told, but for what ``still`` waits, or is held here."""
        waiting = self._waiting.get(tunnel)
        if waiting is None:
            return
        still |= {acquire.pair for _, acquire in waiting.packets}
        waiting.told = {pair: at for pair, at in waiting.told.items() if pair in still}
        if not waiting.packets and not waiting.told:
            del self._waiting[tunnel]

    def _change(self, waiting: _Waiting, octets: int) -> None:
        before = max(0, waiting.octets - _OWN)
        waiting.octets += octets
        self._borrowed += max(0, waiting.octets - _OWN) - before
