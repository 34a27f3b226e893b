"""The kernel's routing rules in their own octets (<linux/fib_rules.h>, ip-rule(8)).

One gateway's rules, by their distance from its priority (220):

    -5  our mark         goto  0     our own packets care for no policy
    -4  own, UDP to IKE  goto +1     this host's IKE, whoever sends it, goes in clear
    -3                   goto -1     while it is there, the first set of policies is passed over
    -2  policies         goto +1, or prohibit; the last rule of this set: goto 0
    -1  policies         the other set
     0  not our mark     the tunnels' table
    +1                   nothing: where packets go on that are past the tunnels

A rule of one set is without effect while the other one counts, and that is changed by one rule
coming or going: the kernel never has half of a new list.
"""

import socket
import struct
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import ip_address, ip_network
from typing import Final

from tundev.netlink import Attributes, attribute, attributes

OUR_MARK: Final = -5
OWN_IKE: Final = -4
PASS_FIRST: Final = -3
FIRST: Final = -2
SECOND: Final = -1
TUNNELS: Final = 0
PAST: Final = 1

# struct fib_rule_hdr: family, dst_len, src_len, tos, table, two reserved, action, flags
HEADER: Final = struct.Struct("=8BI")
_PORTS: Final = struct.Struct("=HH")
_DST, _SRC, _IIFNAME, _GOTO, _PRIORITY, _FWMARK = 1, 2, 3, 4, 6, 10
_TABLE, _FWMASK, _PROTOCOL, _IP_PROTO, _SPORT_RANGE, _DPORT_RANGE = 15, 16, 21, 22, 23, 24
_INVERT: Final = 2
_LOOPBACK: Final = b"lo\0"  # where the kernel has this host's own packets come from


class RuleAction(IntEnum):
    """What a rule does (FR_ACT_…)."""

    ANY = 0
    TO_TABLE = 1
    GOTO = 2
    NOP = 3
    PROHIBIT = 8


@dataclass(frozen=True, slots=True)
class PacketRule:
    """Packets to leave in clear (``passes``) or to prohibit; empty prefixes and None are all.

    Port ranges have both ends within 1 to 65534 and need a ``protocol`` with ports.
    """

    passes: bool
    version: int
    source: str = ""
    target: str = ""
    protocol: int = 0
    source_ports: tuple[int, int] | None = None
    target_ports: tuple[int, int] | None = None

    @property
    def family(self) -> int:
        """Return the kernel's name for the IP version."""
        return socket.AF_INET if self.version == 4 else socket.AF_INET6


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as the kernel keeps it; ``packets`` says which packets beside mark and origin."""

    priority: int
    action: RuleAction
    table: int
    packets: PacketRule
    goto: int = 0
    mark: int = 0
    is_inverted: bool = False
    is_own: bool = False  # only packets that this host sends by itself

    def request(self, protocol: int) -> bytes:
        """Return what makes or removes the rule; ``protocol`` is who it belongs to."""
        which = self.packets
        target, source = _packed(which.target), _packed(which.source)
        flags = _INVERT if self.is_inverted else 0
        head = (which.family, target[1], source[1], 0, 0, 0, 0, int(self.action), flags)
        parts = [
            HEADER.pack(*head),
            attribute(_PRIORITY, self.priority),
            attribute(_TABLE, self.table),
            attribute(_PROTOCOL, bytes((protocol,))),
        ]
        parts += [attribute(_DST, target[0])] if target[1] else []
        parts += [attribute(_SRC, source[0])] if source[1] else []
        parts += [attribute(_IIFNAME, _LOOPBACK)] if self.is_own else []
        parts += [attribute(_GOTO, self.goto)] if self.goto else []
        if self.mark:
            parts += [attribute(_FWMARK, self.mark), attribute(_FWMASK, 0xFFFFFFFF)]
        if which.protocol:
            parts.append(attribute(_IP_PROTO, bytes((which.protocol,))))
        for kind, ports in ((_SPORT_RANGE, which.source_ports), (_DPORT_RANGE, which.target_ports)):
            if ports is not None:
                parts.append(attribute(kind, _PORTS.pack(*ports)))
        return b"".join(parts)


def parse_rule(body: bytes) -> tuple[Rule, int] | None:
    """Return a rule of the kernel's list and who it belongs to; None for one not like ours."""
    family, target_bits, source_bits, _, _, _, _, action, flags = HEADER.unpack_from(body)
    told = attributes(body[HEADER.size :])
    if action not in set(RuleAction) or family not in (socket.AF_INET, socket.AF_INET6):
        return None
    iif = told.get(_IIFNAME)
    if iif not in (None, _LOOPBACK):
        return None
    packets = PacketRule(
        action == RuleAction.GOTO,
        4 if family == socket.AF_INET else 6,
        _prefix(told.get(_SRC), source_bits),
        _prefix(told.get(_DST), target_bits),
        told.get(_IP_PROTO, b"\0")[0],
        _range(told, _SPORT_RANGE),
        _range(told, _DPORT_RANGE),
    )
    rule = Rule(
        _number(told, _PRIORITY),
        RuleAction(action),
        _number(told, _TABLE),
        packets,
        _number(told, _GOTO),
        _number(told, _FWMARK),
        bool(flags & _INVERT),
        iif is not None,
    )
    return rule, told.get(_PROTOCOL, b"\0")[0]


def standing_rules(
    version: int, table: int, mark: int, priority: int, ike_ports: tuple[int, ...]
) -> tuple[Rule, ...]:
    """Return the rules that are always there, in the order they are made."""
    every = PacketRule(passes=False, version=version)
    passed = PacketRule(passes=True, version=version)
    past = priority + PAST
    ike = (
        Rule(
            priority + OWN_IKE,
            RuleAction.GOTO,
            table,
            PacketRule(True, version, protocol=socket.IPPROTO_UDP, target_ports=(port, port)),
            past,
            is_own=True,
        )
        for port in sorted(set(ike_ports))
    )
    return (
        Rule(past, RuleAction.NOP, table, every),
        Rule(priority, RuleAction.TO_TABLE, table, every, mark=mark, is_inverted=True),
        Rule(priority + OUR_MARK, RuleAction.GOTO, table, passed, priority, mark),
        *ike,
    )


def policy_rules(
    packets: tuple[PacketRule, ...], table: int, priority: int, place: int
) -> tuple[Rule, ...]:
    """Return one set of policies, of one IP version, at ``place`` (FIRST or SECOND)."""
    found: list[Rule] = []
    for one in dict.fromkeys(packets):
        action = RuleAction.GOTO if one.passes else RuleAction.PROHIBIT
        found.append(
            Rule(priority + place, action, table, one, priority + PAST if one.passes else 0)
        )
    if found and place == FIRST:
        end = PacketRule(passes=True, version=packets[0].version)
        found.append(Rule(priority + place, RuleAction.GOTO, table, end, priority))
    return tuple(found)


def _packed(prefix: str) -> tuple[bytes, int]:
    if not prefix:
        return b"", 0
    network = ip_network(prefix)
    return network.network_address.packed, network.prefixlen


def _prefix(address: bytes | None, bits: int) -> str:
    return f"{ip_address(address)}/{bits}" if address and bits else ""


def _range(told: Attributes, kind: int) -> tuple[int, int] | None:
    octets = told.get(kind, b"")
    if len(octets) != _PORTS.size:
        return None
    first, last = _PORTS.unpack(octets)
    return first, last


def _number(told: Attributes, kind: int) -> int:
    return int.from_bytes(told.get(kind, b""), "little")
