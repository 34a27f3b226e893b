"""Which of the host's packets go into the tunnel device.

A table of our own holds one route per remote subnet, and one rule per IP version sends every
packet there except our own, which carry the mark:

    rule 220:  not fwmark MARK  ->  table TABLE
    table:     10.2.0.0/24  dev ikebana0            tunnel up
               10.2.0.0/24  unreachable             tunnel down: nothing leaves in clear
               10.1.0.0/24  throw                   a local subnet: back to the other tables

Everything we make carries a routing protocol number of our own, and only that is ever removed.
"""

import errno
import ipaddress
import socket
import struct
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

from tundev.netlink import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    Attributes,
    Netlink,
    NetlinkError,
    attribute,
    attributes,
)
from tundev.paths import default_address, local_addresses, path_mtu

__all__ = [
    "OUR_PROTOCOL",
    "RouteError",
    "Routes",
    "default_address",
    "local_addresses",
    "path_mtu",
]

OUR_PROTOCOL: Final = 105
"""``rtm_protocol`` of our routes and rules (free in <linux/rtnetlink.h> and iproute2's list)."""

_PROTOCOL: Final = bytes((OUR_PROTOCOL,))

_RTM_NEWROUTE: Final = 24
_RTM_DELROUTE: Final = 25
_RTM_GETROUTE: Final = 26
_RTM_NEWRULE: Final = 32
_RTM_DELRULE: Final = 33
_RTM_GETRULE: Final = 34

# struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags
_RTMSG: Final = struct.Struct("=8BI")
# struct fib_rule_hdr: family, dst_len, src_len, tos, table, two reserved, action, flags
_RULE: Final = struct.Struct("=8BI")
_RTA_DST, _RTA_OIF, _RTA_PRIORITY, _RTA_PREFSRC, _RTA_METRICS, _RTA_TABLE = 1, 4, 6, 7, 8, 15
_RTAX_MTU: Final = 2
_FRA_PRIORITY, _FRA_FWMARK, _FRA_TABLE, _FRA_FWMASK, _FRA_PROTOCOL = 6, 10, 15, 16, 21
_FR_ACT_TO_TABLE: Final = 1
_FIB_RULE_INVERT: Final = 2

_UNICAST, _UNREACHABLE, _THROW = 1, 7, 9
_SCOPE_UNIVERSE, _SCOPE_LINK, _SCOPE_NOWHERE = 0, 253, 255
_METRIC: Final = 1024
_KERNELS_TABLES: Final = frozenset((0, 253, 254, 255))
_GONE: Final = frozenset((errno.ESRCH, errno.ENOENT, errno.ENODEV))
_FAMILIES: Final = (socket.AF_INET, socket.AF_INET6)


class RouteError(OSError):
    """The kernel refused a route or rule; the text says which."""


class Routes:
    """The rules and the table of one gateway; open the TUN device first.

    ``mark``, ``table`` and ``priority`` are the fwmark of our own packets, the table's number and
    the rules' place (main is 32766).  What a crashed predecessor left in the same table is removed
    at once, or with ``adopt`` kept, so that nothing leaves in clear meanwhile, until ``sweep``.
    One thread uses it, in the network namespace it was made in.
    """

    def __init__(
        self, device: str, table: int, mark: int, priority: int = 220, *, adopt: bool = False
    ) -> None:
        if table in _KERNELS_TABLES or not 0 < table < 1 << 32 or not 0 < mark < 1 << 32:
            raise RouteError(errno.EINVAL, f"table {table}, mark {mark}: not for a tunnel")
        self._table = table
        self._mark = mark
        self._priority = priority
        try:
            self._device = socket.if_nametoindex(device)
        except OSError as error:
            raise RouteError(errno.ENODEV, f"no device {device}: open the TUN first") from error
        self._made: set[str] = set()
        self._netlink = Netlink()
        self._families = tuple(f for f in _FAMILIES if f == socket.AF_INET or _has_ipv6())
        try:
            self._leftovers = self._routes()
            self._set_rules()
            if not adopt:
                self.sweep()
        except OSError:
            self._netlink.close()
            raise

    @property
    def leftovers(self) -> frozenset[str]:
        """Prefixes of a predecessor that nobody has claimed yet."""
        return frozenset(self._leftovers)

    def tunnel(self, prefix: str, mtu: int | None = None, source: str | None = None) -> None:
        """Send ``prefix`` into the tunnel; ``source`` is the address of this host's own packets."""
        self._replace(prefix, _UNICAST, self._device, mtu or 0, source or "")

    def unreachable(self, prefix: str) -> None:
        """Refuse packets for ``prefix`` (ICMP unreachable) while there is no tunnel."""
        self._replace(prefix, _UNREACHABLE, 0, 0, "")

    def throw(self, prefix: str) -> None:
        """Leave ``prefix`` to the other tables, though a wider prefix is tunnelled."""
        self._replace(prefix, _THROW, 0, 0, "")

    def remove(self, prefix: str) -> None:
        """Forget ``prefix``; it need not be there."""
        prefix = _normal(prefix)
        self._delete(prefix)
        self._made.discard(prefix)
        self._leftovers.discard(prefix)

    def sweep(self) -> None:
        """Remove a predecessor's routes that nobody has claimed."""
        while self._leftovers:
            self._delete(self._leftovers.pop())

    def close(self) -> None:
        """Remove everything of ours: the rules first, then the routes."""
        try:
            for family in self._families:
                for rule in self._rules(family):
                    self._change(_RTM_DELRULE, 0, rule, "rule")
            for prefix in self._made | self._leftovers | self._routes():
                self._delete(prefix)
        finally:
            self._made.clear()
            self._leftovers.clear()
            self._netlink.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _replace(self, prefix: str, kind: int, device: int, mtu: int, source: str) -> None:
        prefix = _normal(prefix)
        body = _route(prefix, self._table, kind, device, mtu, source)
        self._change(_RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, body, prefix)
        self._made.add(prefix)
        self._leftovers.discard(prefix)

    def _delete(self, prefix: str) -> None:
        self._change(_RTM_DELROUTE, 0, _deletion(prefix, self._table), prefix)

    def _change(self, kind: int, flags: int, body: bytes, what: str) -> None:
        try:
            self._netlink.change(kind, flags, body)
        except NetlinkError as error:
            if kind in (_RTM_DELROUTE, _RTM_DELRULE) and error.errno in _GONE:
                return
            raise RouteError(error.errno, f"{what}: {error.strerror}") from error

    def _set_rules(self) -> None:
        """Put our rule in place before a predecessor's different one goes."""
        for family in self._families:
            wanted = _rule(family, self._table, self._mark, self._priority)
            old = self._rules(family)
            if wanted not in old:
                self._change(_RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, wanted, "rule")
            for rule in old:
                if rule != wanted:
                    self._change(_RTM_DELRULE, 0, rule, "rule")

    def _rules(self, family: int) -> list[bytes]:
        """Return our rules for the table as requests that would make them."""
        found = []
        for _, body in self._netlink.dump(_RTM_GETRULE, _RULE.pack(family, *[0] * 8)):
            told = attributes(body[_RULE.size :])
            if _number(told, _FRA_TABLE) == self._table and told.get(_FRA_PROTOCOL) == _PROTOCOL:
                mark, priority = _number(told, _FRA_FWMARK), _number(told, _FRA_PRIORITY)
                found.append(_rule(family, self._table, mark, priority))
        return found

    def _routes(self) -> set[str]:
        """Return the prefixes of our routes in the table."""
        found = set()
        for family in self._families:
            question = _RTMSG.pack(family, *[0] * 8) + attribute(_RTA_TABLE, self._table)
            try:
                answer = self._netlink.dump(_RTM_GETROUTE, question)
            except NetlinkError as error:
                if error.errno in _GONE:  # no such table yet
                    continue
                raise
            for _, body in answer:
                length, protocol = body[1], body[5]
                told = attributes(body[_RTMSG.size :])
                if protocol == OUR_PROTOCOL and _number(told, _RTA_TABLE) == self._table:
                    packed = told.get(_RTA_DST, bytes(16 if family == socket.AF_INET6 else 4))
                    found.add(f"{socket.inet_ntop(family, packed)}/{length}")
        return found


@lru_cache(maxsize=4096)
def _normal(prefix: str) -> str:
    return str(ipaddress.ip_network(prefix, strict=False))


@lru_cache(maxsize=4096)
def _route(prefix: str, table: int, kind: int, device: int, mtu: int, source: str) -> bytes:
    """Return a route's request; one tunnel asks for the same two again and again."""
    network = ipaddress.ip_network(prefix)
    family = socket.AF_INET if network.version == 4 else socket.AF_INET6
    scope = _SCOPE_LINK if device and network.version == 4 else _SCOPE_UNIVERSE
    parts = [
        _RTMSG.pack(family, network.prefixlen, 0, 0, 0, OUR_PROTOCOL, scope, kind, 0),
        attribute(_RTA_DST, network.network_address.packed),
        attribute(_RTA_TABLE, table),
        attribute(_RTA_PRIORITY, _METRIC),
    ]
    if device:
        parts.append(attribute(_RTA_OIF, device))
    if mtu:
        parts.append(attribute(_RTA_METRICS, attribute(_RTAX_MTU, mtu)))
    if source:
        parts.append(attribute(_RTA_PREFSRC, ipaddress.ip_address(source).packed))
    return b"".join(parts)


@lru_cache(maxsize=4096)
def _deletion(prefix: str, table: int) -> bytes:
    """Return the request that removes our route for ``prefix``, of whatever kind."""
    network = ipaddress.ip_network(prefix)
    family = socket.AF_INET if network.version == 4 else socket.AF_INET6
    return b"".join(
        (
            _RTMSG.pack(family, network.prefixlen, 0, 0, 0, OUR_PROTOCOL, _SCOPE_NOWHERE, 0, 0),
            attribute(_RTA_DST, network.network_address.packed),
            attribute(_RTA_TABLE, table),
            attribute(_RTA_PRIORITY, _METRIC),
        )
    )


def _rule(family: int, table: int, mark: int, priority: int) -> bytes:
    head = _RULE.pack(family, 0, 0, 0, 0, 0, 0, _FR_ACT_TO_TABLE, _FIB_RULE_INVERT)
    return b"".join(
        (
            head,
            attribute(_FRA_PRIORITY, priority),
            attribute(_FRA_FWMARK, mark),
            attribute(_FRA_FWMASK, 0xFFFFFFFF),
            attribute(_FRA_TABLE, table),
            attribute(_FRA_PROTOCOL, _PROTOCOL),
        )
    )


def _number(told: Attributes, kind: int) -> int:
    return int.from_bytes(told.get(kind, b""), "little")


def _has_ipv6() -> bool:
    return Path("/proc/net/if_inet6").exists()
