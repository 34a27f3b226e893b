"""What the kernel knows about this host's addresses and the way to a peer."""

import fcntl
import socket
import struct
from typing import Final

from tundev.netlink import Netlink, attribute, attributes
from tundev.sockets import IP_MTU, IPV6_MTU, SO_MARK, family_of

_RTM_GETADDR: Final = 22
_IFADDRMSG: Final = struct.Struct("=4Bi")  # family, prefix length, flags, scope, interface
_IFA_ADDRESS: Final = 1
_IFA_LOCAL: Final = 2
_RTM_GETROUTE: Final = 26
_RTMSG: Final = struct.Struct("=8BI")  # family, bits of the address, six of no interest, flags
_FIB_MATCH: Final = 0x2000  # what was configured, not what was learned
_RTA_DST, _RTA_OIF, _RTA_METRICS, _RTA_MARK = 1, 4, 8, 16
_RTAX_MTU: Final = 2
_SIOCGIFMTU: Final = 0x8921
_IFREQ: Final = struct.Struct("=16si20x")
_UNKNOWN_MTU: Final = 1500
_ANY_PORT: Final = 9  # not one of IKE, which policies treat in a way of its own


def local_addresses() -> set[str]:
    """Return every address of this host, loopback included (this thread's network namespace)."""
    found = set()
    with Netlink() as netlink:
        for _, body in netlink.dump(_RTM_GETADDR, _IFADDRMSG.pack(0, 0, 0, 0, 0)):
            told = attributes(body[_IFADDRMSG.size :])
            octets = told.get(_IFA_LOCAL) or told.get(_IFA_ADDRESS)
            if octets:
                found.add(socket.inet_ntop(body[0], octets))
    return found


def path_mtu(remote: str, mark: int = 0) -> int:
    """Return the MTU towards ``remote`` that the kernel knows, in octets.

    1500 without a route, and when no socket can be had to ask it.  Of IPv4 it is that of the
    device and the route as they are configured: what the kernel has learned from ICMP may be
    forged, and of anything down to 552 octets.

    ``mark`` is that of our own packets: the answer is then for them, not for what is tunnelled.
    """
    try:
        probe = _socket(remote)
    except OSError:  # out of descriptors: whoever asks goes on
        return _UNKNOWN_MTU
    with probe:
        if not _connected(probe, remote, mark):
            return _UNKNOWN_MTU
        if probe.family == socket.AF_INET6:
            return probe.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU)
        found = probe.getsockopt(socket.IPPROTO_IP, IP_MTU)
        if found >= _UNKNOWN_MTU:
            return found
        try:
            return _configured(probe, remote, mark) or found
        except OSError:
            return found


def _configured(probe: socket.socket, remote: str, mark: int) -> int:
    """Return the MTU of the device that leads there, or of the route if that is less; 0: neither.

    Raises OSError.
    """
    body = _RTMSG.pack(socket.AF_INET, 32, 0, 0, 0, 0, 0, 0, _FIB_MATCH)
    body += attribute(_RTA_DST, socket.inet_aton(remote))
    if mark:
        body += attribute(_RTA_MARK, mark)
    with Netlink() as netlink:
        told = attributes(netlink.ask(_RTM_GETROUTE, body)[_RTMSG.size :])
    device = int.from_bytes(told.get(_RTA_OIF, b""), "little")
    if not device:
        return 0
    asked = _IFREQ.pack(socket.if_indextoname(device).encode(), 0)
    mtu = int(_IFREQ.unpack(fcntl.ioctl(probe, _SIOCGIFMTU, asked))[1])
    limit = attributes(told.get(_RTA_METRICS, b"")).get(_RTAX_MTU, b"")
    return min(mtu, int.from_bytes(limit, "little") or mtu)


def default_address(remote: str, mark: int = 0) -> str | None:
    """Return the address the kernel would send from towards ``remote``, None without a route."""
    try:
        probe = _socket(remote)
    except OSError:
        return None
    with probe:
        return str(probe.getsockname()[0]) if _connected(probe, remote, mark) else None


def _socket(remote: str) -> socket.socket:
    return socket.socket(family_of(remote), socket.SOCK_DGRAM)


def _connected(probe: socket.socket, remote: str, mark: int) -> bool:
    """Look up the route by connecting, which sends nothing."""
    try:
        if mark:
            probe.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
        probe.connect((remote, _ANY_PORT))
    except OSError:
        return False
    return True
