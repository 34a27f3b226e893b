"""What the kernel knows about this host's addresses and the way to a peer."""

import socket
import struct
from typing import Final

from tundev.netlink import Netlink, attributes
from tundev.sockets import IP_MTU, IPV6_MTU, SO_MARK, family_of

_RTM_GETADDR: Final = 22
_IFADDRMSG: Final = struct.Struct("=4Bi")  # family, prefix length, flags, scope, interface
_IFA_ADDRESS: Final = 1
_IFA_LOCAL: Final = 2
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

    1500 without a route, and when no socket can be had to ask it.

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
        return probe.getsockopt(socket.IPPROTO_IP, IP_MTU)


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
