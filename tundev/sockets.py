"""Options and control messages that all sockets of the tunnel share (ip(7), ipv6(7))."""

import contextlib
import errno
import ipaddress
import socket
import struct
import sys
from functools import lru_cache
from typing import Final

Ancillary = list[tuple[int, int, bytes]]

SO_MARK: Final = 36
SO_SNDBUFFORCE: Final = 32
SO_RCVBUFFORCE: Final = 33
IP_TOS: Final = 1
IP_TTL: Final = 2
IP_PKTINFO: Final = 8
IP_MTU_DISCOVER: Final = 10
IP_RECVERR: Final = 11
IP_RECVTOS: Final = 13
IP_MTU: Final = 14
IPV6_MTU_DISCOVER: Final = 23
IPV6_MTU: Final = 24
IPV6_RECVERR: Final = 25
IPV6_RECVPKTINFO: Final = 49
IPV6_PKTINFO: Final = 50
IPV6_HOPLIMIT: Final = 52
IPV6_RECVTCLASS: Final = 66
IPV6_TCLASS: Final = 67
UDP_GRO: Final = 104
PMTUDISC_WANT: Final = 1
PMTUDISC_DO: Final = 2
PMTUDISC_PROBE: Final = 3
"""DF set, and no datagram larger than the device is sent; what ICMP says is not believed either."""
PMTUDISC_OMIT: Final = 5
"""DF clear, and what ICMP says of the path's MTU is not believed: anybody can forge that.

On a raw socket the kernel checks nothing but the addresses; one forged error makes it cut all that
goes to the peer into pieces of 552 octets, for ten minutes.
"""

BUFFER: Final = 4 << 20
"""Octets asked for in each direction: one scheduling pause of 3 ms at 10 Gbit/s."""

ANCILLARY_ROOM: Final = 128
"""Octets for the control messages of one read: packet info, GRO size and TOS take 88."""

_INFO4: Final = struct.Struct("=i4s4s")  # ifindex, our address, destination in the header
_INFO6: Final = struct.Struct("=16si")

_PACKET_INFO: Final = frozenset(
    ((socket.IPPROTO_IP, IP_PKTINFO), (socket.IPPROTO_IPV6, IPV6_PKTINFO))
)
_TRAFFIC_CLASS: Final = frozenset(((socket.IPPROTO_IP, IP_TOS), (socket.IPPROTO_IPV6, IPV6_TCLASS)))

WOULD_BLOCK: Final = frozenset((errno.EAGAIN, errno.EWOULDBLOCK))


def family_of(address: str) -> socket.AddressFamily:
    """Return the family of a numeric address."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def configure(
    sock: socket.socket,
    mark: int,
    *,
    fragment: bool = True,
    errors: bool = False,
    buffer: int = BUFFER,
) -> None:
    """Make ``sock`` non-blocking, marked, with packet info and large buffers.

    ``mark`` (0: none) is skipped without CAP_NET_ADMIN.  ``fragment`` lets outer packets be
    fragmented: DF clear on IPv4; on IPv6, where only the sender can, to the path MTU it learnt.
    ``errors`` queues ICMP errors for :func:`tundev.icmp.read_errors`.
    """
    sock.setblocking(False)
    six = sock.family == socket.AF_INET6
    level = socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP
    if mark:
        with contextlib.suppress(PermissionError):
            sock.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
    for forced, plain in ((SO_RCVBUFFORCE, socket.SO_RCVBUF), (SO_SNDBUFFORCE, socket.SO_SNDBUF)):
        try:
            sock.setsockopt(socket.SOL_SOCKET, forced, buffer)
        except PermissionError:
            sock.setsockopt(socket.SOL_SOCKET, plain, buffer)
    sock.setsockopt(level, IPV6_RECVPKTINFO if six else IP_PKTINFO, 1)
    allowed = PMTUDISC_WANT if six else PMTUDISC_OMIT
    sock.setsockopt(
        level,
        IPV6_MTU_DISCOVER if six else IP_MTU_DISCOVER,
        allowed if fragment else PMTUDISC_DO,
    )
    if errors:
        sock.setsockopt(level, IPV6_RECVERR if six else IP_RECVERR, 1)


@lru_cache(maxsize=1024)
def source_cmsg(local: str) -> Ancillary:
    """Return the control message that makes a datagram leave from ``local`` ("": kernel's choice).

    The list is shared between calls: hand it to ``sendmsg`` and leave it as it is.
    """
    if not local:
        return []
    if ":" in local:
        address = ipaddress.IPv6Address(local)
        scope = socket.if_nametoindex(address.scope_id) if address.scope_id else 0
        if address == ipaddress.IPv6Address("::"):
            return []
        info = _INFO6.pack(address.packed, scope)
        return [(socket.IPPROTO_IPV6, IPV6_PKTINFO, info)]
    packed = socket.inet_aton(local)
    if packed == bytes(4):
        return []
    return [(socket.IPPROTO_IP, IP_PKTINFO, _INFO4.pack(0, packed, bytes(4)))]


@lru_cache(maxsize=1024)
def tos_cmsg(tos: int, *, six: bool) -> tuple[int, int, bytes]:
    """Return the control message for the octet of DSCP and ECN in a packet's outer header."""
    value = tos.to_bytes(4, sys.byteorder)
    if six:
        return (socket.IPPROTO_IPV6, IPV6_TCLASS, value)
    return (socket.IPPROTO_IP, IP_TOS, value)


def set_df(sock: socket.socket, df: bool) -> None:
    """Let what an IPv4 socket sends from now on forbid fragments, or allow them.

    Nobody fragments IPv6 but its sender, so that there is nothing to forbid.  The socket is the
    daemon's too, whose IKE messages may need fragments: who sets it clears it when all is sent.
    Cleared, the socket also keeps forged ICMP out of the kernel's own memory of the path.
    """
    if sock.family == socket.AF_INET:
        value = PMTUDISC_PROBE if df else PMTUDISC_OMIT
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, value)


@lru_cache(maxsize=1024)
def ttl_cmsg(ttl: int, *, six: bool) -> tuple[int, int, bytes]:
    """Return the control message for the TTL or hop limit in a packet's outer header."""
    value = ttl.to_bytes(4, sys.byteorder)
    if six:
        return (socket.IPPROTO_IPV6, IPV6_HOPLIMIT, value)
    return (socket.IPPROTO_IP, IP_TTL, value)


def enable_tos(sock: socket.socket) -> None:
    """Let the socket tell TOS or traffic class of what it receives (RFC 2474, RFC 3168)."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVTCLASS, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVTOS, 1)


@lru_cache(maxsize=1024)
def told(ancillary: tuple[tuple[int, int, bytes], ...]) -> tuple[str, int, int]:
    """Return our address ("": not told), the size of coalesced datagrams (0: one) and the TOS.

    The control messages of one flow are the same octets each time: they are taken apart once.
    """
    local, size, tos = "", 0, 0
    for level, kind, data in ancillary:
        if (level, kind) in _PACKET_INFO:
            local = address_in(data)
        elif (level, kind) == (socket.IPPROTO_UDP, UDP_GRO):
            size = int.from_bytes(data[:4], sys.byteorder)
        elif (level, kind) in _TRAFFIC_CLASS:
            tos = int.from_bytes(data[:4], sys.byteorder) & 0xFF
    return local, size, tos


@lru_cache(maxsize=1024)
def address_in(info: bytes) -> str:
    """Return our address in a packet info structure of either family ("" if it is neither)."""
    if len(info) == _INFO4.size:
        return socket.inet_ntop(socket.AF_INET, info[4:8])
    if len(info) != _INFO6.size:
        return ""
    text = socket.inet_ntop(socket.AF_INET6, info[:16])
    if info[0] == 0xFE and info[1] & 0xC0 == 0x80:  # link-local: an address per link
        return with_scope(text, int.from_bytes(info[16:20], "little"))
    return text


def with_scope(address: str, index: int) -> str:
    """Return ``address%interface`` (the bare address when the index is 0 or gone)."""
    if not index or "%" in address:
        return address
    try:
        return f"{address}%{socket.if_indextoname(index)}"
    except OSError:
        return address
