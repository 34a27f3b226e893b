"""ICMP errors, read from the kernel's queue."""

import socket
from collections.abc import Callable

from tundev.icmp import IcmpKind, read_errors
from tundev.namespaces import Namespaces
from tundev.routes import path_mtu
from tundev.udp import open_udp, receive, send

Wait = Callable[[socket.socket | int], bool]


def test_a_closed_port_is_reported_once_and_costs_no_datagram(readable: Wait) -> None:
    with open_udp("127.0.0.1", 0, 0) as sock, open_udp("127.0.0.1", 0, 0) as open_one:
        with open_udp("127.0.0.1", 0, 0) as closed:
            nowhere = ("127.0.0.1", int(closed.getsockname()[1]))
        assert send(sock, b"x", "", nowhere)
        assert readable(sock)
        # the pending error would be the next call's result: it must not lose what that call sends
        assert send(sock, b"y", "", open_one.getsockname())
        (error,) = read_errors(sock)
        assert (error.remote, error.kind, error.mtu) == (nowhere, IcmpKind.PORT, 0)
        assert read_errors(sock) == []
        assert receive(sock) is None
        assert readable(open_one)


def test_a_narrow_hop_tells_its_mtu(spaces: Namespaces, readable: Wait) -> None:
    #  a 10.0.0.1 -- 10.0.0.2 r 10.0.1.1 --(1300)-- 10.0.1.2 b
    a, r, b = (spaces.add(name) for name in "arb")
    a.veth("w", r, "a")
    r.veth("b", b, "w")
    a.address("w", "10.0.0.1/24")
    r.address("a", "10.0.0.2/24")
    r.address("b", "10.0.1.1/24")
    r.up("b", 1300)
    r.sysctl("net.ipv4.ip_forward", 1)
    a.route("default", via="10.0.0.2")
    b.address("w", "10.0.1.2/24")
    with a.enter(), open_udp("10.0.0.1", 0, 0, fragment=False) as sock:
        assert path_mtu("10.0.1.2") == 1500
        assert send(sock, bytes(1400), "", ("10.0.1.2", 9))
        assert readable(sock)
        (error,) = read_errors(sock)
        assert (error.kind, error.mtu) == (IcmpKind.TOO_BIG, 1300)
        assert path_mtu("10.0.1.2") == 1300


def test_no_way_over_ipv6_is_known(spaces: Namespaces, readable: Wait) -> None:
    a, r = spaces.add("a"), spaces.add("r")
    a.veth("w", r, "w")
    a.address("w", "fd00::1/64")
    r.address("w", "fd00::2/64")
    r.sysctl("net.ipv6.conf.all.forwarding", 1)
    a.route("::/0", via="fd00::2")
    with a.enter(), open_udp("fd00::1", 0, 0) as sock:
        assert send(sock, b"x", "", ("fd01::1", 9))
        assert readable(sock)
        (error,) = read_errors(sock)
        assert (error.remote, error.kind) == (("fd01::1", 9), IcmpKind.NETWORK)
