"""How often one address gets an answer that it can use against others, or against our keys."""

from typing import Final

from ikecore.halfopen import site

_MOST: Final = 10_000  # addresses that are remembered


class RateLimit:
    """A bucket for each address: ``burst`` answers at once, then ``rate`` a second.

    The table is bounded; who is forgotten first has been silent longest.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._left: dict[str, tuple[float, float]] = {}  # tokens, and when there were so many

    def admits(self, address: str, now: float) -> bool:
        """Take a token of an address, if it has one."""
        key = site(address)
        tokens, at = self._left.pop(key, (float(self._burst), now))
        tokens = min(self._burst, tokens + (now - at) * self._rate)
        is_good = tokens >= 1
        self._left[key] = (tokens - 1 if is_good else tokens, now)
        if len(self._left) > _MOST:
            del self._left[next(iter(self._left))]
        return is_good
