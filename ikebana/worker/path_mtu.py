"""What ICMP says of the paths' MTU, as far as it is to be believed (RFC 4301 section 8.2).

    ICMP "too big" ──► quotes an SPI that we use to that address? ──► learned, for ten minutes
    child's MTU  =  the smaller of the route's MTU and the learned one, less what the transform adds

Anybody can send ICMP.  Believed is only what quotes, from its SPI on, a packet that we may have
sent there; no less than every path takes (576 octets, IPv6 1280); and only so many a second.  What
was learned is forgotten after ten minutes (RFC 1191 section 6.3): larger packets then find out
whether the path has become wider.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from esp.child import ChildSa
from ikebana.rate import Rate
from policy.mtu import LEAST_PATH, Overhead
from policy.treatment import DontFragment

LIFETIME: Final = 600.0
"""Seconds after which a path may have become wider."""
_RATE: Final = 10.0  # believed a second
_BURST: Final = 40.0
_RECENT: Final = 1 << 16  # packets back that an error may speak of
_AH: Final = 51
_MARK: Final = 8  # octets of SPI and sequence number


@dataclass(slots=True)
class _Leg:
    """A child here: its transform, and the MTU of the route that it takes."""

    child: ChildSa
    overhead: Overhead
    route: int


@dataclass(frozen=True, slots=True)
class _Learned:
    mtu: int
    until: float


class PathMtu:
    """Sets the MTU of every child that it is told of, and sets it again when a path changes."""

    def __init__(self) -> None:
        self._legs: dict[int, _Leg] = {}  # by inbound SPI
        self._sending: dict[int, set[int]] = {}  # inbound SPIs by outbound one, which peers choose
        self._learned: dict[str, _Learned] = {}  # by the peer's address
        self._rate = Rate(_RATE, _BURST)

    def add(self, child: ChildSa, overhead: Overhead, route: int, now: float) -> None:
        """Take a child, in place of one with its inbound SPI; ``route`` is the MTU of its route."""
        spi = child.inbound.spi
        self.remove(spi)
        self._legs[spi] = leg = _Leg(child, overhead, route)
        self._sending.setdefault(child.outbound.spi, set()).add(spi)
        self._fit(leg, now)

    def remove(self, inbound_spi: int) -> None:
        """Forget a child."""
        leg = self._legs.pop(inbound_spi, None)
        if leg is not None:
            spi = leg.child.outbound.spi
            self._sending[spi].discard(inbound_spi)
            if not self._sending[spi]:
                del self._sending[spi]

    def move(self, inbound_spi: int, route: int, now: float) -> None:
        """Take it that a child has another path; ``route`` 0: its MTU is as before."""
        leg = self._legs.get(inbound_spi)
        if leg is not None:
            leg.route = route or leg.route
            self._fit(leg, now)

    def overhead(self, inbound_spi: int) -> Overhead | None:
        """Return what the transform of a child adds, None if it is not here."""
        leg = self._legs.get(inbound_spi)
        return None if leg is None else leg.overhead

    def known(self, remote: str, now: float) -> int:
        """Return the MTU learned of the path to an address, 0 if there is none."""
        found = self._learned.get(remote)
        return found.mtu if found is not None and now < found.until else 0

    def learn(self, now: float, remote: tuple[str, int], quote: bytes, mtu: int) -> bool:
        """Take "too big" for what was sent to ``remote``; tell whether it was believed.

        ``quote`` is how that began: ESP from its SPI on, or AH with or without an IPv4 header.
        ``remote`` has port 0 where there was no UDP.
        """
        return self._is_of_ours(remote, quote) and self.narrow(now, remote[0], mtu)

    def narrow(self, now: float, remote: str, mtu: int) -> bool:
        """Take it that a path is narrower, from whoever can be trusted; tell if that was news."""
        least = LEAST_PATH[_version(remote)]
        mtu = max(mtu, least)  # routers older than RFC 1191 say 0
        known = self.known(remote, now)
        if (known and mtu >= known) or not self._rate.takes(now):
            return False
        self._learned[remote] = _Learned(mtu, now + LIFETIME)
        self._fit_all(remote, now)
        return True

    def handle_timeout(self, now: float) -> None:
        """Forget what is old; to be called now and then."""
        for remote in [one for one, found in self._learned.items() if found.until <= now]:
            del self._learned[remote]
            self._fit_all(remote, now)

    def _is_of_ours(self, remote: tuple[str, int], quote: bytes) -> bool:
        """Tell whether a quote begins like a packet that was sent there not long ago."""
        for spi, seq in _marks(quote, is_bare=not remote[1]):
            for inbound_spi in self._sending.get(spi, ()):
                child = self._legs[inbound_spi].child
                path, sent = child.path, child.outbound.seq
                there = path.remote if path.esp_in_udp else (path.remote[0], 0)
                if there == remote and (sent - seq) & 0xFFFFFFFF < min(_RECENT, sent):
                    return True
        return False

    def _fit_all(self, remote: str, now: float) -> None:
        for leg in self._legs.values():
            if leg.child.path.remote[0] == remote:
                self._fit(leg, now)

    def _fit(self, leg: _Leg, now: float) -> None:
        path = leg.child.path
        version = _version(path.local[0])
        mtu = leg.route
        if version == 6 or leg.child.treatment.df is not DontFragment.CLEAR:
            mtu = min(mtu, self.known(path.remote[0], now) or mtu)
        if leg.overhead.is_ah and version == 6:
            mtu = min(mtu, LEAST_PATH[6])  # nobody is told of these: see tundev.pieces
        leg.child.mtu = leg.overhead.largest(mtu, version, path.esp_in_udp)


def _marks(quote: bytes, *, is_bare: bool) -> Iterable[tuple[int, int]]:
    """Yield the SPI and sequence number that a quote may show: of ESP, and of AH."""
    starts = [0]
    if is_bare:
        starts.append(4)  # AH: next header, length, reserved come first
        if quote[:1] and quote[0] >> 4 == 4 and quote[9:10] == bytes((_AH,)):
            starts.append((quote[0] & 15) * 4 + 4)
    for at in starts:
        mark = quote[at : at + _MARK]
        if len(mark) == _MARK:
            yield int.from_bytes(mark[:4], "big"), int.from_bytes(mark[4:], "big")


def _version(address: str) -> int:
    return 6 if ":" in address else 4
