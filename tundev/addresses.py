"""Addresses of this host that a device carries while a tunnel gives them to us."""

import errno
import ipaddress
import socket
import struct
from collections.abc import Iterable
from typing import Final

from tundev.netlink import NLM_F_CREATE, NLM_F_REPLACE, Netlink, NetlinkError, attribute

_RTM_NEWADDR: Final = 20
_RTM_DELADDR: Final = 21
_IFADDRMSG: Final = struct.Struct("=4Bi")  # family, prefix length, flags, scope, interface
_IFA_ADDRESS: Final = 1
_IFA_LOCAL: Final = 2
_IFA_FLAGS: Final = 8
_NODAD: Final = 0x02
_HOST: Final = 254  # RT_SCOPE_HOST: no source for the packets of another tunnel
_ANCHOR: Final = "192.0.0.8"
"""RFC 7600's dummy address, which stays: the kernel drops every route of a device with its last."""
_GONE: Final = frozenset((errno.EADDRNOTAVAIL, errno.ENODEV))


class Addresses:
    """The addresses that we put on one device; each as a host's own, without a network.

    They go with the device.  One thread uses it, in the device's network namespace.
    """

    def __init__(self, device: str) -> None:
        self._index = socket.if_nametoindex(device)
        self._made: set[str] = set()
        self._is_anchored = False

    def set(self, wanted: Iterable[str]) -> None:
        """Let the device have these of ours and no others; raises OSError, of the first refused."""
        new = {str(ipaddress.ip_address(one)) for one in wanted}
        if new == self._made:
            return
        with Netlink() as netlink:
            if not self._is_anchored:
                self._add(netlink, _ANCHOR)
                self._is_anchored = True
            for address in sorted(self._made - new):
                self._remove(netlink, address)
            for address in sorted(new - self._made):
                self._add(netlink, address)
                self._made.add(address)

    def _add(self, netlink: Netlink, address: str) -> None:
        flags = NLM_F_CREATE | NLM_F_REPLACE
        netlink.change(_RTM_NEWADDR, flags, _request(address, self._index))

    def _remove(self, netlink: Netlink, address: str) -> None:
        self._made.discard(address)
        try:
            netlink.change(_RTM_DELADDR, 0, _request(address, self._index))
        except NetlinkError as error:  # somebody else was quicker
            if error.errno not in _GONE:
                raise


def _request(address: str, index: int) -> bytes:
    octets = ipaddress.ip_address(address).packed
    family = socket.AF_INET if len(octets) == 4 else socket.AF_INET6
    return b"".join(
        (
            _IFADDRMSG.pack(family, len(octets) * 8, 0, _HOST, index),
            attribute(_IFA_LOCAL, octets),
            attribute(_IFA_ADDRESS, octets),
            attribute(_IFA_FLAGS, _NODAD),
        )
    )
