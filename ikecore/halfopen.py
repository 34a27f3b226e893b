"""How many unauthenticated peers there are, in all and by address (RFC 7296 section 2.6)."""

from collections import Counter
from enum import Enum
from ipaddress import ip_address

from ikecore.profile import Limits


class Verdict(Enum):
    """What to do with a new IKE_SA_INIT request."""

    ACCEPT = "accept"
    COOKIE = "cookie"
    DROP = "half_open_limit"


class HalfOpen:
    """Count responder SAs that are not authenticated yet."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_address: Counter[str] = Counter()
        self.total = 0

    def judge(self, address: str, *, has_cookie: bool) -> Verdict:
        """Return what a request from ``address`` gets.

        A good cookie proves the address, so that one address can only fill its own quota and a
        flood from forged ones none at all.
        """
        limits, mine = self._limits, self._by_address[site(address)]
        if self.is_full() or self.is_full_for(address):
            return Verdict.DROP
        crowded = (
            self.total >= limits.cookie_threshold or mine >= limits.cookie_threshold_per_address
        )
        return Verdict.COOKIE if crowded and not has_cookie else Verdict.ACCEPT

    def is_full(self) -> bool:
        """Return whether there is no room for anybody."""
        return self.total >= self._limits.half_open

    def is_full_for(self, address: str) -> bool:
        """Return whether an address has its share."""
        return self._by_address[site(address)] >= self._limits.half_open_per_address

    def add(self, address: str) -> None:
        """Count a new half-open SA."""
        self._by_address[site(address)] += 1
        self.total += 1

    def remove(self, address: str) -> None:
        """Take one away: it was authenticated, or given up."""
        self.total -= 1
        mine = site(address)
        self._by_address[mine] -= 1
        if self._by_address[mine] <= 0:
            del self._by_address[mine]


def site(address: str) -> str:
    """Return who an address counts for: one IPv6 host has a whole /64 to call from."""
    if ":" not in address:
        return address
    return ip_address(address.partition("%")[0]).packed[:8].hex()
