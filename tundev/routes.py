"""Which of the host's packets go into the tunnel device.

A table of our own holds one route per remote subnet, and one rule per IP version sends every
packet there except our own, which carry the mark:

    rule 220:  not fwmark MARK  ->  table TABLE      (and those of tundev.rules around it)
    table:     10.2.0.0/24  dev ikebana0            tunnel up
               10.2.0.0/24  unreachable             tunnel down: nothing leaves in clear
               10.1.0.0/24  throw                   a local subnet: back to the other tables

Everything we make carries a routing protocol number of our own, and only that is ever removed.
"""

import errno
import ipaddress
import socket
import struct
from collections.abc import Sequence
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
from tundev.rules import (
    FIRST,
    HEADER,
    PASS_FIRST,
    SECOND,
    PacketRule,
    Rule,
    RuleAction,
    parse_rule,
    policy_rules,
    standing_rules,
)

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

_RTM_NEWROUTE: Final = 24
_RTM_DELROUTE: Final = 25
_RTM_GETROUTE: Final = 26
_RTM_NEWRULE: Final = 32
_RTM_DELRULE: Final = 33
_RTM_GETRULE: Final = 34

# struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags
_RTMSG: Final = struct.Struct("=8BI")
_RTA_DST, _RTA_OIF, _RTA_PRIORITY, _RTA_PREFSRC, _RTA_METRICS, _RTA_TABLE = 1, 4, 6, 7, 8, 15
_RTAX_LOCK: Final = 1
_RTAX_MTU: Final = 2
_WHOLE: Final = 65535

_UNICAST, _UNREACHABLE, _THROW = 1, 7, 9
_SCOPE_UNIVERSE, _SCOPE_LINK, _SCOPE_NOWHERE = 0, 253, 255
_METRIC: Final = 1024
_KERNELS_TABLES: Final = frozenset((0, 253, 254, 255))
_GONE: Final = frozenset((errno.ESRCH, errno.ENOENT, errno.ENODEV))
_FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}


class RouteError(OSError):
    """The kernel refused a route or rule; the text says which."""


class Routes:
    """The rules and the table of one gateway; open the TUN device first.

    ``mark``, ``table`` and ``priority`` are the fwmark of our own packets, the table's number and
    the rules' place (main is 32766).  What a crashed predecessor left in the same table is removed
    at once, or with ``adopt`` kept, so that nothing leaves in clear meanwhile, until ``sweep``.
    This host's packets to UDP ``ike_ports`` never enter a tunnel, whoever sends them.
    One thread uses it, in the network namespace it was made in.
    """

    def __init__(
        self,
        device: str,
        table: int,
        mark: int,
        priority: int = 220,
        *,
        adopt: bool = False,
        ike_ports: tuple[int, ...] = (),
    ) -> None:
        if table in _KERNELS_TABLES or not 0 < table < 1 << 32 or not 0 < mark < 1 << 32:
            raise RouteError(errno.EINVAL, f"table {table}, mark {mark}: not for a tunnel")
        self._table = table
        self._mark = mark
        self._priority = priority
        self._ike_ports = ike_ports
        try:
            self._device = socket.if_nametoindex(device)
        except OSError as error:
            raise RouteError(errno.ENODEV, f"no device {device}: open the TUN first") from error
        self._made: set[str] = set()
        self._netlink = Netlink()
        self._families = tuple(f for f in _FAMILIES.values() if f == socket.AF_INET or _has_ipv6())
        try:
            self._leftovers = self._routes()
            self._set_rules()
            if not adopt:
                self.set_policies(())
                self.sweep()
        except OSError:
            self._netlink.close()
            raise

    @property
    def leftovers(self) -> frozenset[str]:
        """Prefixes of a predecessor that nobody has claimed yet."""
        return frozenset(self._leftovers)

    def tunnel(self, prefix: str, mtu: int | None = None, source: str | None = None) -> None:
        """Send ``prefix`` into the tunnel; ``source`` is the address of this host's own packets.

        An ``mtu`` of 65535 octets is locked: this host then cuts nothing, and learns no other.
        """
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

    def set_policies(self, packets: Sequence[PacketRule]) -> None:
        """Let these packets pass the tunnels by, or go nowhere; the first that matches counts.

        A new list takes the place of the old one at once.  Our own packets care for neither.
        """
        for version, family in _FAMILIES.items():
            if family in self._families:
                wanted = tuple(one for one in packets if one.version == version)
                self._switch(version, family, wanted)

    def _switch(self, version: int, family: int, packets: tuple[PacketRule, ...]) -> None:
        """Make the set of policies that does not count, then let it count, then remove the other.

        What a crash in between left behind never counted, or counts no more.
        """
        there = self._rules(family)
        switch = Rule(
            self._priority + PASS_FIRST,
            RuleAction.GOTO,
            self._table,
            PacketRule(passes=True, version=version),
            self._priority + SECOND,
        )
        place, other = (FIRST, SECOND) if switch in there else (SECOND, FIRST)
        wanted = policy_rules(packets, self._table, self._priority, place)
        if policy_rules(packets, self._table, self._priority, other) == tuple(
            rule for rule in there if rule.priority == self._priority + other
        ):
            self._clear(family, place)
            return
        self._clear(family, place)
        for rule in wanted:
            self._change(_RTM_NEWRULE, NLM_F_CREATE, rule.request(OUR_PROTOCOL), "rule")
        self._check(family, wanted)
        if place == SECOND:
            self._change(_RTM_NEWRULE, NLM_F_CREATE, switch.request(OUR_PROTOCOL), "rule")
        else:
            self._change(_RTM_DELRULE, 0, switch.request(OUR_PROTOCOL), "rule")
        self._clear(family, other)

    def _check(self, family: int, wanted: Sequence[Rule]) -> None:
        """Make sure that the kernel understood: an old one passes over ports, and lets all by."""
        there = self._rules(family)
        if any(rule not in there for rule in wanted):
            for rule in reversed(there):
                if rule.action is RuleAction.GOTO:
                    self._change(_RTM_DELRULE, 0, rule.request(OUR_PROTOCOL), "rule")
            text = "its rules know no protocol or no ports: Linux 4.17 or newer is needed"
            raise RouteError(errno.EOPNOTSUPP, text)

    def _clear(self, family: int, place: int) -> None:
        """Remove a set of policies, whatever is in it.

        By place alone: the kernel takes a request that names no network for any network.
        """
        version = 4 if family == socket.AF_INET else 6
        any_ = Rule(self._priority + place, RuleAction.ANY, self._table, PacketRule(False, version))
        for rule in self._rules(family):
            if rule.priority == any_.priority:
                self._change(_RTM_DELRULE, 0, any_.request(OUR_PROTOCOL), "rule")

    def sweep(self) -> None:
        """Remove a predecessor's routes that nobody has claimed."""
        while self._leftovers:
            self._delete(self._leftovers.pop())

    def close(self) -> None:
        """Remove everything of ours: the rules first, then the routes."""
        try:
            for family in self._families:
                for place in (SECOND, FIRST):
                    self._clear(family, place)
                for rule in reversed(self._rules(family)):
                    self._change(_RTM_DELRULE, 0, rule.request(OUR_PROTOCOL), "rule")
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
        """Put our rules in place before a predecessor's different ones go."""
        first, last = self._priority + PASS_FIRST, self._priority + SECOND
        for version, family in _FAMILIES.items():
            if family not in self._families:
                continue
            wanted = standing_rules(
                version, self._table, self._mark, self._priority, self._ike_ports
            )
            old = self._rules(family)
            for rule in wanted:
                if rule not in old:
                    flags = NLM_F_CREATE | NLM_F_EXCL
                    self._change(_RTM_NEWRULE, flags, rule.request(OUR_PROTOCOL), "rule")
            self._check(family, wanted)
            for rule in old:
                if rule not in wanted and not first <= rule.priority <= last:
                    self._change(_RTM_DELRULE, 0, rule.request(OUR_PROTOCOL), "rule")

    def _rules(self, family: int) -> list[Rule]:
        """Return our rules for the table, in the kernel's order."""
        answer = self._netlink.dump(_RTM_GETRULE, HEADER.pack(family, *[0] * 8))
        parsed = (parse_rule(body) for _, body in answer)
        return [
            found[0]
            for found in parsed
            if found is not None and found[1] == OUR_PROTOCOL and found[0].table == self._table
        ]

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
        locked = attribute(_RTAX_LOCK, 1 << _RTAX_MTU) if mtu == _WHOLE else b""
        parts.append(attribute(_RTA_METRICS, locked + attribute(_RTAX_MTU, mtu)))
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


def _number(told: Attributes, kind: int) -> int:
    return int.from_bytes(told.get(kind, b""), "little")


def _has_ipv6() -> bool:
    return Path("/proc/net/if_inet6").exists()
