"""Anti-replay window (RFC 4303 section 3.4.3, appendix A2 for extended numbers)."""

from typing import Final

_EPOCH: Final = 0xFFFFFFFF


class ReplayWindow:
    """Which sequence numbers were accepted, over the last ``size`` of them; 0 turns it off.

    Nearly all packets come in order, so the newest numbers are kept as a count: ``_run`` of them
    up to ``top`` were seen without a gap.  Bit *i* of the bitmap stands for ``top - _run - i``.

    :meth:`is_fresh` may be asked of a packet that is not authenticated yet and changes nothing;
    only :meth:`accept` moves the window, and only after the ICV was found good: an attacker who
    could move it would cut the peer off.
    """

    __slots__ = ("_bitmap", "_mask", "_run", "_span", "size", "top")

    def __init__(self, size: int = 1024) -> None:
        if size < 0:
            raise ValueError("a window has no negative size")
        self.size = size
        self.top = 0
        self._run = 0
        self._bitmap = 0
        self._mask = (1 << size) - 1
        # Without a window any late packet is welcome: half an epoch to each side of the newest.
        self._span = size or 1 << 31

    def is_fresh(self, seq: int) -> bool:
        """Return whether ``seq`` is ahead of the window, or inside it and not seen."""
        behind = self.top - seq
        if behind < 0 or not self.size:
            return True
        if behind < self._run or behind >= self.size or seq <= 0:
            return False
        return not self._bitmap >> behind - self._run & 1

    def accept(self, seq: int) -> bool:
        """Record ``seq``; return False if it was recorded before (or fell out of the window)."""
        ahead = seq - self.top
        if ahead == 1:
            self._run += 1
            self.top = seq
            return True
        if ahead > 1:
            self._leap(ahead)
            self.top = seq
            return True
        if not self.is_fresh(seq):
            return False
        if self.size:
            self._bitmap |= 1 << -ahead - self._run
        return True

    def accept_run(self, first: int, count: int) -> None:
        """Record ``count`` numbers from ``first`` on, all of them ahead of the window."""
        ahead = first - self.top
        if ahead > 1:
            self._leap(ahead)
            count -= 1
            self.top = first
        self._run += count
        self.top += count

    def _leap(self, ahead: int) -> None:
        """Write the run into the bitmap and begin a new one past a gap."""
        # Never shift by a distance the peer chose: 1 << 2**31 is a 256 MiB integer.
        if ahead > self.size:
            self._bitmap = 0
        else:
            run = min(self._run, self.size)
            seen = self._bitmap << run | (1 << run) - 1
            self._bitmap = seen << ahead - 1 & self._mask
        self._run = 1

    def widen(self, low: int) -> int:
        """Return the 64-bit sequence number that a received 32-bit one most likely stands for."""
        high, edge = self.top >> 32, (self.top - self._span + 1) & _EPOCH
        if (self.top & _EPOCH) >= self._span - 1:  # window within one 2**32 epoch (case A)
            return (high + (low < edge)) << 32 | low
        return (high - (low >= edge and high > 0)) << 32 | low
