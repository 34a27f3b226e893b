"""How often something may happen: a bucket that fills by itself."""


class Rate:
    """So many a second, and so many at once."""

    def __init__(self, a_second: float, burst: float) -> None:
        self._a_second = a_second
        self._burst = burst
        self._credit = burst
        self._at = 0.0

    def takes(self, now: float) -> bool:
        """Tell whether one more is within the rate."""
        credit = self._credit + (now - self._at) * self._a_second
        self._credit, self._at = min(credit, self._burst), now
        if self._credit < 1:
            return False
        self._credit -= 1
        return True
