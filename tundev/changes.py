"""Tell when this host's addresses or routes change (rtnetlink(7), the RTMGRP_ groups).

What changed is not told: whoever asks looks at :mod:`tundev.paths`, which is right even when the
kernel had to throw messages away.
"""

import contextlib
import errno
import socket
from typing import Final, Self

from tundev.netlink import NETLINK_ROUTE, messages
from tundev.routes import OUR_PROTOCOL
from tundev.sockets import WOULD_BLOCK

_RTMGRP_LINK: Final = 0x1
_RTMGRP_IPV4_IFADDR: Final = 0x10
_RTMGRP_IPV4_ROUTE: Final = 0x40
_RTMGRP_IPV6_IFADDR: Final = 0x100
_RTMGRP_IPV6_ROUTE: Final = 0x400
_GROUPS: Final = (
    _RTMGRP_LINK
    | _RTMGRP_IPV4_IFADDR
    | _RTMGRP_IPV4_ROUTE
    | _RTMGRP_IPV6_IFADDR
    | _RTMGRP_IPV6_ROUTE
)

_RTM_NEWLINK, _RTM_DELLINK = 16, 17
_RTM_NEWADDR, _RTM_DELADDR = 20, 21
_RTM_NEWROUTE, _RTM_DELROUTE = 24, 25
_ROUTES: Final = (_RTM_NEWROUTE, _RTM_DELROUTE)
_OTHERS: Final = (_RTM_NEWLINK, _RTM_DELLINK, _RTM_NEWADDR, _RTM_DELADDR)
_RTM_PROTOCOL: Final = 5  # its place in struct rtmsg
_ROOM: Final = 1 << 16
_READS: Final = 64
"""A routing daemon may write faster than we read: the rest waits for the next turn."""


class Changes:
    """A socket that becomes readable when something changes; raises OSError when there is none.

    It watches the network namespace that this thread is in.  A link that goes down takes IPv4
    routes with it without a word about them, so links are watched, too.  Routes that
    :class:`~tundev.routes.Routes` makes are not told of.
    """

    def __init__(self) -> None:
        self._sock = socket.socket(
            socket.AF_NETLINK,
            socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK,
            NETLINK_ROUTE,
        )
        try:
            self._sock.bind((0, _GROUPS))
        except OSError:
            self._sock.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._sock.fileno()

    def read(self) -> bool:
        """Take what waits; tell whether addresses, routes or links changed."""
        changed = False
        for _ in range(_READS):
            try:
                octets, (sender, _groups) = self._sock.recvfrom(_ROOM)
            except OSError as error:
                if error.errno in WOULD_BLOCK:
                    break
                if error.errno != errno.ENOBUFS:
                    raise
                changed = True  # more came than the kernel keeps: something did
                continue
            if sender == 0:  # the kernel's port: other processes may write to the group, too
                told = messages(octets)
                changed = changed or any(_matters(kind, body) for kind, *_, body in told)
        return changed

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError):
            self._sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _matters(kind: int, body: bytes) -> bool:
    """Tell whether a message speaks of the way out; our own routes lead into the tunnel."""
    if kind in _ROUTES:
        return body[_RTM_PROTOCOL : _RTM_PROTOCOL + 1] != bytes((OUR_PROTOCOL,))
    return kind in _OTHERS
