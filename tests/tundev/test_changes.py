"""What the kernel tells of addresses and routes, in a namespace of the test's own."""

import os
import socket
from collections.abc import Callable

import pytest

from tundev.changes import Changes
from tundev.namespaces import Namespace, Namespaces
from tundev.routes import Routes
from tundev.tun import Tun

Readable = Callable[[socket.socket | int], bool]


def test_an_address_that_comes_is_a_change(inside: Namespace, readable: Readable) -> None:
    with Changes() as changes:
        assert not changes.read()  # nothing yet, and no waiting for it
        inside.address("lo", "10.1.0.1/32")
        assert readable(changes.fileno())
        assert changes.read()
        assert not changes.read()


@pytest.mark.parametrize("address", ["10.0.0.1/24", "fd00::1/64"])
def test_routes_and_links_are_changes_too(
    spaces: Namespaces, readable: Readable, address: str
) -> None:
    a, b = spaces.add("a"), spaces.add("b")
    a.veth("w", b, "w")
    with a.enter():
        changes = Changes()
    with changes:
        a.address("w", address)
        _is_told(changes, readable)
        a.route("203.0.113.0/24" if "." in address else "2001:db8::/32", dev="w")
        _is_told(changes, readable)
        a.up("w", 1400)
        _is_told(changes, readable)


def _is_told(changes: Changes, readable: Readable) -> None:
    assert readable(changes.fileno())
    assert changes.read()


@pytest.mark.usefixtures("inside")
def test_routes_into_the_tunnel_are_no_change() -> None:
    with Tun("t0", mtu=1400) as tun:
        tun.up()
        with Changes() as changes, Routes("t0", 4242, 7) as routes:
            changes.read()
            routes.tunnel("10.9.0.0/16")
            routes.unreachable("10.9.0.0/16")
            routes.remove("10.9.0.0/16")
            assert not changes.read()


def test_another_namespace_is_no_concern_of_ours(
    spaces: Namespaces, inside: Namespace, readable: Readable
) -> None:
    other = spaces.add("other")
    with Changes() as changes:
        other.address("lo", "10.1.0.1/32")
        assert not changes.read()
        inside.address("lo", "10.1.0.1/32")
        assert readable(changes.fileno())


def test_more_than_the_kernel_keeps_is_a_change(inside: Namespace) -> None:
    with Changes() as changes:
        # a little room, so that few messages are too many
        small = socket.socket(fileno=os.dup(changes.fileno()))
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        small.close()
        for last in range(1, 60):
            inside.address("lo", f"10.1.0.{last}/32")
        assert changes.read()
        assert not changes.read()


@pytest.mark.usefixtures("inside")
def test_what_a_neighbour_process_writes_is_not_believed() -> None:
    with Changes() as changes:
        message = (16).to_bytes(4, "little") + (20).to_bytes(2, "little") + bytes(10)
        port = socket.socket(fileno=os.dup(changes.fileno()))
        target = port.getsockname()[0]
        port.close()
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as liar:
            liar.sendto(message, (target, 0))
        assert not changes.read()
