"""Why a port is not to be had."""

import errno
import os
import socket

from tundev.ports import CannotListen, PortInUse, cannot_listen, holder


def test_the_holder_of_a_port_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        assert holder(sock.getsockname()[1]).endswith(f"(pid {os.getpid()})")


def test_nobody_holds_a_port_without_a_socket() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    assert holder(port) == ""


def test_each_reason_says_what_to_do() -> None:
    taken = cannot_listen(OSError(errno.EADDRINUSE, "x"), "0.0.0.0", 1)  # noqa: S104 -- text only
    assert isinstance(taken, PortInUse)
    assert "another process" in str(taken)
    absent = cannot_listen(OSError(errno.EADDRNOTAVAIL, "x"), "192.0.2.1", 500)
    assert isinstance(absent, CannotListen)
    assert "192.0.2.1 port 500: the address is not on this host" in str(absent)
    assert "CAP_NET_BIND_SERVICE" in str(cannot_listen(PermissionError(13, "x"), "127.0.0.1", 500))
    assert "odd" in str(cannot_listen(OSError(errno.EIO, "odd"), "127.0.0.1", 500))
