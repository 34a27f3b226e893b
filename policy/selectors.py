"""Traffic selectors: which packets an SA or a policy speaks of (RFC 7296 section 3.13.1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
    summarize_address_range,
)
from typing import Final

OPAQUE: Final = -1  # the port of a packet that shows none: a later fragment, GRE, ESP, ...
LIMIT: Final = 64  # selectors of one side of one SA; a TS payload could hold 255
_ICMP: Final = frozenset((1, 58))
_NAMES: Final = {0: "any", 1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp", 132: "sctp"}
_NUMBERS: Final = {name: number for number, name in _NAMES.items()}
_BITS: Final = {4: 32, 6: 128}

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class TrafficSelector:
    """One side of a selector: an address range, a protocol, a port range; ends included.

    ``protocol`` 0 is any.  Ports 0 to 65535 are any; 65535 to 0 is OPAQUE, which only packets
    without visible ports match (RFC 7296 section 3.13.1).  Raises ValueError on an empty or
    impossible range.
    """

    version: int
    start: int
    end: int
    protocol: int = 0
    start_port: int = 0
    end_port: int = 65535

    def __post_init__(self) -> None:
        if self.version not in _BITS:
            raise ValueError(f"IP version {self.version}")
        if not 0 <= self.start <= self.end < 1 << _BITS[self.version]:
            raise ValueError("addresses out of order or out of range")
        if not 0 <= self.protocol <= 255:
            raise ValueError(f"protocol {self.protocol}")
        ordered = 0 <= self.start_port <= self.end_port <= 65535
        if not ordered and not self.is_opaque:
            raise ValueError("ports out of order or out of range")

    @classmethod
    def from_cidr(cls, text: "str | Network | Address") -> "TrafficSelector":
        """Return the selector of a network, an address, or a range written ``first-last``.

        Raises ValueError for anything else, also for a network with host bits set.
        """
        if isinstance(text, str) and "-" in text:
            first, last = (ip_address(part.strip()) for part in text.split("-", 1))
            if first.version != last.version:
                raise ValueError(f"{text}: both ends of a range are of one IP version")
            return cls(first.version, int(first), int(last))
        network = ip_network(text)
        return cls(network.version, int(network[0]), int(network[-1]))

    @classmethod
    def parse(cls, text: str) -> "TrafficSelector":
        """Return what people write: ``10.1.0.0/24[tcp/443]``, and all that ``str()`` makes.

        In the brackets, which may be left out, is a protocol by name or number, ``any`` for all;
        after a slash a port, a range of them, or ``opaque``.  ICMP has types, ``[icmp/8]``, or
        types with a code, ``[icmp/8:0]``.  Raises ValueError for anything else.
        """
        addresses, bracket, rest = text.strip().partition("[")
        if not bracket:
            return cls.from_cidr(addresses)
        if not rest.endswith("]"):
            raise ValueError(f"{text}: the bracket does not close")
        name, slash, ports = rest[:-1].strip().lower().partition("/")
        base = cls.from_cidr(addresses.strip())
        protocol = _protocol(name.strip(), text)
        span = _ports(ports.strip(), protocol, text) if slash else (0, 65535)
        return cls(base.version, base.start, base.end, protocol, *span)

    @property
    def is_any_port(self) -> bool:
        """Tell whether packets without visible ports match too (RFC 4301 section 4.4.1.1)."""
        return self.start_port == 0 and self.end_port == 65535

    @property
    def is_opaque(self) -> bool:
        """Tell whether only packets without visible ports match."""
        return self.start_port == 65535 and self.end_port == 0

    def matches(self, address: int, protocol: int, port: int) -> bool:
        """Tell whether one side of a packet of this IP version is inside."""
        if not self.start <= address <= self.end or self.protocol not in (0, protocol):
            return False
        if port == OPAQUE:
            return self.is_any_port or self.is_opaque
        return self.start_port <= port <= self.end_port

    def matches_fragment(self, address: int, protocol: int) -> bool:
        """Tell the same of a fragment without visible ports, where it goes with the first one.

        That is where both ends want it so: NON_FIRST_FRAGMENTS_ALSO (RFC 4301 section 7).
        """
        return self.start <= address <= self.end and self.protocol in (0, protocol)

    def contains(self, other: "TrafficSelector") -> bool:
        """Tell whether every packet that ``other`` matches is matched here too."""
        return self.start <= other.start and other.end <= self.end and self._spans(other)

    def intersect(self, other: "TrafficSelector") -> "TrafficSelector | None":
        """Return what both match, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        if self.version != other.version or start > end:
            return None
        if self.protocol and other.protocol and self.protocol != other.protocol:
            return None
        if self.is_opaque or other.is_opaque:
            if not all(side.is_opaque or side.is_any_port for side in (self, other)):
                return None
            ports = (65535, 0)
        else:
            ports = max(self.start_port, other.start_port), min(self.end_port, other.end_port)
            if ports[0] > ports[1]:
                return None
        return TrafficSelector(self.version, start, end, self.protocol or other.protocol, *ports)

    def _spans(self, other: "TrafficSelector") -> bool:
        """Compare all but the addresses."""
        if self.version != other.version or self.protocol not in (0, other.protocol):
            return False
        if self.is_any_port or self.is_opaque or other.is_opaque:
            return self.is_any_port or (self.is_opaque and other.is_opaque)
        return self.start_port <= other.start_port and other.end_port <= self.end_port

    def __str__(self) -> str:
        make = IPv4Address if self.version == 4 else IPv6Address
        text = f"{make(self.start)}-{make(self.end)}"
        size = self.end - self.start + 1
        if size & (size - 1) == 0 and self.start % size == 0:
            text = f"{make(self.start)}/{_BITS[self.version] - size.bit_length() + 1}"
        name = _NAMES.get(self.protocol, str(self.protocol))
        if self.is_any_port:
            return f"{text}[{name}]" if self.protocol else text
        if self.is_opaque:
            return f"{text}[{name}/opaque]"
        first, last = str(self.start_port), str(self.end_port)
        if self.protocol in _ICMP:
            (kind, code), (other, end) = divmod(self.start_port, 256), divmod(self.end_port, 256)
            is_whole = (code, end) == (0, 255)
            first = str(kind) if is_whole else f"{kind}:{code}"
            last = str(other) if is_whole else f"{other}:{end}"
        return f"{text}[{name}/{first}]" if first == last else f"{text}[{name}/{first}-{last}]"

    @property
    def networks(self) -> tuple[Network, ...]:
        """Return the addresses as the fewest networks (what routes are made of)."""
        make = IPv4Address if self.version == 4 else IPv6Address
        return tuple(summarize_address_range(make(self.start), make(self.end)))


def _protocol(name: str, text: str) -> int:
    known = _NUMBERS.get(name)
    if known is not None:
        return known
    number = _number(name, 255)
    if number is None:
        names = ", ".join(_NAMES.values())
        raise ValueError(f"{text}: {name or 'nothing'} is no protocol: 0 to 255, or {names}")
    return number


def _ports(written: str, protocol: int, text: str) -> tuple[int, int]:
    """Read the part after the slash; text is for the complaint."""
    if written == "opaque":
        return 65535, 0
    first, dash, last = (part.strip() for part in written.partition("-"))
    read = _type if protocol in _ICMP else _port
    start, end = read(first, 0), read(last if dash else first, 255)
    if start is None or end is None:
        what = "ICMP type, type:code" if protocol in _ICMP else "port"
        raise ValueError(f"{text}: {written or 'nothing'} is no {what}, range of them, or opaque")
    if start > end:
        raise ValueError(f"{text}: {written} ends before it starts")
    return start, end


def _port(written: str, _code: int) -> int | None:
    return _number(written, 65535)


def _type(written: str, code: int) -> int | None:
    """Read an ICMP type; ``code`` is which one is meant where none is written."""
    kind, colon, own = written.partition(":")
    upper, lower = _number(kind, 255), _number(own, 255) if colon else code
    return None if upper is None or lower is None else upper << 8 | lower


def _number(written: str, most: int) -> int | None:
    if not (written.isascii() and written.isdecimal() and len(written) <= 5):
        return None
    number = int(written)
    return number if number <= most else None


def address_of(version: int, number: int) -> str:
    """Return an address as people write it."""
    return str(IPv4Address(number) if version == 4 else IPv6Address(number))


def any_of(version: int) -> TrafficSelector:
    """Return the selector that matches every packet of an IP version."""
    return TrafficSelector(version, 0, (1 << _BITS[version]) - 1)


def narrow(
    offered: Sequence[TrafficSelector], allowed: Sequence[TrafficSelector]
) -> tuple[TrafficSelector, ...]:
    """Return what both sets match (RFC 7296 section 2.9), in the order of ``offered``.

    No member is inside another one.  At most :data:`LIMIT` are returned: narrowing further is
    always lawful, and the peer chooses how much it offers.
    """
    seen: set[TrafficSelector] = set()
    kept: list[TrafficSelector] = []
    for theirs in dict.fromkeys(offered):
        for ours in allowed:
            common = theirs.intersect(ours)
            if common is None or common in seen:
                continue
            seen.add(common)
            if any(other.contains(common) for other in kept):
                continue
            kept = [other for other in kept if not common.contains(other)]
            kept.append(common)
            if len(kept) == LIMIT:
                return tuple(kept)
    return tuple(kept)


def is_subset(inner: Iterable[TrafficSelector], outer: Sequence[TrafficSelector]) -> bool:
    """Tell whether ``outer`` matches all that ``inner`` does.

    Several outer address ranges may cover an inner one together, each of them all of its ports
    and protocols.
    """
    return all(_is_covered(one, outer) for one in inner)


def _is_covered(one: TrafficSelector, outer: Sequence[TrafficSelector]) -> bool:
    following = one.start  # all below it is covered
    spanning = (other for other in outer if other._spans(one))
    for other in sorted(spanning, key=lambda selector: selector.start):
        if other.start > following:
            return False
        following = max(following, other.end + 1)
        if following > one.end:
            return True
    return False
