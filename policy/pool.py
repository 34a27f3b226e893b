"""Inner addresses to give out: the same holder gets the same one, for as long as there is room."""

from collections import OrderedDict
from ipaddress import IPv4Address, IPv4Network
from typing import Final

_MOST_REMEMBERED: Final = 4096  # holders that are gone and may come back


class Pool:
    """One network's addresses, each held by at most one holder.

    The network's own address and its broadcast address stay free, unless it has no others.  A
    holder may hold its address several times over: while one connection takes the place of another
    it has both.
    """

    def __init__(self, network: IPv4Network) -> None:
        self.network = network
        is_small = network.num_addresses <= 2
        self._first = int(network[0]) + (0 if is_small else 1)
        self._last = int(network[-1]) - (0 if is_small else 1)
        self._fresh = self._first  # from here on nobody ever had one
        self._held: dict[str, tuple[int, int]] = {}  # address, how many times
        self._gone: OrderedDict[str, int] = OrderedDict()  # longest gone first
        self._free: list[int] = []  # once held by somebody who is forgotten

    @property
    def size(self) -> int:
        """Return how many addresses there are in all."""
        return self._last - self._first + 1

    @property
    def held(self) -> int:
        """Return how many addresses are held."""
        return len(self._held)

    def take(self, holder: str) -> str | None:
        """Return the holder's address, its former one if possible; None when all are held."""
        number, times = self._held.get(holder, (0, 0))
        if not times:
            found = self._find(holder)
            if found is None:
                return None
            number = found
        self._held[holder] = number, times + 1
        return str(IPv4Address(number))

    def give_back(self, holder: str) -> None:
        """Take it that a holder has its address once less; one that has none is no matter."""
        number, times = self._held.pop(holder, (0, 0))
        if times > 1:
            self._held[holder] = number, times - 1
        elif times:
            self._gone[holder] = number
            if len(self._gone) > _MOST_REMEMBERED:
                self._free.append(self._gone.popitem(last=False)[1])

    def _find(self, holder: str) -> int | None:
        if holder in self._gone:
            return self._gone.pop(holder)
        if self._fresh <= self._last:
            self._fresh += 1
            return self._fresh - 1
        if self._free:
            return self._free.pop()
        return self._gone.popitem(last=False)[1] if self._gone else None
