"""Ask the kernel which way a packet would take, rules and routes and all (rtnetlink(7))."""

import errno
import socket
import struct
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Final

from tundev.netlink import Netlink, NetlinkError, attribute, attributes

_RTM_GETROUTE: Final = 26
# struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags
_RTMSG: Final = struct.Struct("=8BI")
_RTA_DST, _RTA_SRC, _RTA_IIF, _RTA_OIF = 1, 2, 3, 4
_RTA_IP_PROTO, _RTA_SPORT, _RTA_DPORT = 27, 28, 29
_LOCAL: Final = 2  # RTN_LOCAL
_PORTS: Final = struct.Struct("!H")
_ASKED: Final = frozenset((socket.IPPROTO_TCP, socket.IPPROTO_UDP))
_ICMP: Final = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}


class Fate(StrEnum):
    """What the kernel does with a packet."""

    DEVICE = "device"
    LOCAL = "local"  # it is for this host
    PROHIBITED = "prohibited"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"  # it would not have come from there (rp_filter), or is no packet


_FATES: Final = {
    errno.EACCES: Fate.PROHIBITED,
    errno.ENETUNREACH: Fate.UNREACHABLE,
    errno.EHOSTUNREACH: Fate.UNREACHABLE,
}


@dataclass(frozen=True, slots=True)
class Way:
    """Where a packet goes; ``is_own``: this host sends it, by ``device`` if it leaves."""

    fate: Fate
    device: str = ""
    is_own: bool = False


def way_of(
    source: str, target: str, protocol: int = 0, source_port: int = 0, target_port: int = 0
) -> Way:
    """Return the way of a packet without our mark; ports 0 where they are not known.

    What this host does not send itself is taken to come in where it would be answered.  The kernel
    looks at TCP, UDP and ICMP; rules for other protocols are not seen.  Raises OSError when it
    cannot be asked.
    """
    version = ip_address(target).version
    with Netlink() as netlink:
        came, device, _ = _ask(netlink, "", source, b"")
        is_own = came is Fate.LOCAL
        more = b""
        if protocol in _ASKED:
            more += attribute(_RTA_IP_PROTO, bytes((protocol,)))
            more += attribute(_RTA_SPORT, _PORTS.pack(source_port))
            more += attribute(_RTA_DPORT, _PORTS.pack(target_port))
        elif protocol == _ICMP[version]:
            more += attribute(_RTA_IP_PROTO, bytes((protocol,)))
        if not is_own:
            if came is not Fate.DEVICE:
                return Way(came)
            more += attribute(_RTA_IIF, device)
        fate, _, name = _ask(netlink, source, target, more)
    return Way(fate, name, is_own)


def _ask(netlink: Netlink, source: str, target: str, more: bytes) -> tuple[Fate, int, str]:
    there = ip_address(target)
    family = socket.AF_INET if there.version == 4 else socket.AF_INET6
    bits = there.max_prefixlen
    body = _RTMSG.pack(family, bits, bits if source else 0, 0, 0, 0, 0, 0, 0)
    body += attribute(_RTA_DST, there.packed) + more
    if source:
        body += attribute(_RTA_SRC, ip_address(source).packed)
    try:
        answer = netlink.ask(_RTM_GETROUTE, body)
    except NetlinkError as error:
        return _FATES.get(error.errno or 0, Fate.REFUSED), 0, ""
    told = attributes(answer[_RTMSG.size :])
    kind, device = answer[7], int.from_bytes(told.get(_RTA_OIF, b""), "little")
    if kind == _LOCAL:
        return Fate.LOCAL, device, ""
    return Fate.DEVICE, device, socket.if_indextoname(device) if device else ""
