"""ICMP errors, read from the kernel's queue."""

import socket
from collections.abc import Callable
from typing import Final, Literal

import pytest

from tundev.icmp import IcmpKind, read_errors
from tundev.namespaces import Namespace, Namespaces
from tundev.paths import path_mtu
from tundev.raw import AH, open_ah, open_esp, send_ah, send_esp
from tundev.sockets import IP_MTU, set_df
from tundev.udp import open_udp, receive, send, send_rows

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


@pytest.fixture
def narrow(spaces: Namespaces) -> Namespace:
    """Return the near end of a path whose second hop takes 1300 octets.

    a .1 -- .2 r .1 --(1300)-- .2 b, on 10.0.0, 10.0.1 and fd00, fd01
    """
    a, r, b = (spaces.add(name) for name in "arb")
    a.veth("w", r, "a")
    r.veth("b", b, "w")
    for net, bits in (("10.0.{}.", 24), ("fd0{}::", 64)):
        a.address("w", f"{net.format(0)}1/{bits}")
        r.address("a", f"{net.format(0)}2/{bits}")
        r.address("b", f"{net.format(1)}1/{bits}")
        b.address("w", f"{net.format(1)}2/{bits}")
        all_of_it = "::/0" if ":" in net else "default"
        a.route(all_of_it, via=f"{net.format(0)}2")
        b.route(all_of_it, via=f"{net.format(1)}1")
    r.up("b", 1300)
    r.sysctl("net.ipv4.ip_forward", 1)
    r.sysctl("net.ipv6.conf.all.forwarding", 1)
    return a


def test_a_narrow_hop_tells_its_mtu(narrow: Namespace, readable: Wait) -> None:
    with narrow.enter(), open_udp("10.0.0.1", 0, 0, fragment=False) as sock:
        assert path_mtu("10.0.1.2") == 1500
        assert send(sock, bytes(1400), "", ("10.0.1.2", 9))
        assert readable(sock)
        (error,) = read_errors(sock)
        assert (error.kind, error.mtu) == (IcmpKind.TOO_BIG, 1300)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("10.0.1.2", 9))
            assert probe.getsockopt(socket.IPPROTO_IP, IP_MTU) == 1300
        assert path_mtu("10.0.1.2") == 1500  # whom to believe is not the kernel's to say


LOST: Final = bytes(range(256)) * 5 + bytes(120)


@pytest.mark.parametrize(("local", "far"), [("10.0.0.1", "10.0.1.2"), ("fd00::1", "fd01::2")])
def test_an_error_quotes_the_datagram_that_it_is_about(
    narrow: Namespace, local: str, far: str, readable: Wait
) -> None:
    with narrow.enter(), open_udp(local, 0, 0) as sock:
        set_df(sock, True)
        assert send_rows(sock, memoryview(LOST), len(LOST), local, (far, 9)) == 1
        assert readable(sock)
        (error,) = read_errors(sock)
        assert (error.remote, error.kind, error.mtu) == ((far, 9), IcmpKind.TOO_BIG, 1300)
        assert error.quote == LOST[:128]
        # what ICMP said of the first is the result of the next call, and costs no datagram
        assert send_rows(sock, memoryview(LOST), len(LOST), local, (far, 9)) == 1
        assert send_rows(sock, memoryview(LOST[:1200]), 1200, local, (far, 9)) == 1


@pytest.mark.parametrize(
    ("version", "local", "far"), [(4, "10.0.0.1", "10.0.1.2"), (6, "fd00::1", "fd01::2")]
)
def test_so_does_one_about_esp_without_udp(
    narrow: Namespace, version: Literal[4, 6], local: str, far: str, readable: Wait
) -> None:
    with narrow.enter(), open_esp(version, 0, errors=True) as sock:
        set_df(sock, True)
        assert send_esp(sock, LOST, local, far)
        assert readable(sock)
        (error,) = read_errors(sock)
        assert (error.remote[0], error.kind, error.mtu) == (far, IcmpKind.TOO_BIG, 1300)
        assert error.quote == LOST[:128]


def test_of_ah_over_ipv4_the_ip_header_is_quoted_too(narrow: Namespace, readable: Wait) -> None:
    ends = socket.inet_aton("10.0.0.1") + socket.inet_aton("10.0.1.2")
    size = (20 + len(LOST)).to_bytes(2, "big")
    head = b"".join((b"\x45\0", size, b"\0\7\x40\0", bytes((64, AH)), b"\0\0", ends))
    with narrow.enter(), open_ah(4, 0, errors=True) as sock:
        assert send_ah(sock, head + LOST, "10.0.0.1", "10.0.1.2")
        assert readable(sock)
        (error,) = read_errors(sock)
        assert (error.remote[0], error.kind, error.mtu) == ("10.0.1.2", IcmpKind.TOO_BIG, 1300)
        assert error.quote[20:] == LOST[:108]


def test_without_df_the_path_takes_all_and_forged_news_change_nothing(
    narrow: Namespace, readable: Wait
) -> None:
    with narrow.enter(), open_udp("10.0.0.1", 0, 0) as sock:
        set_df(sock, True)
        set_df(sock, False)
        assert send_rows(sock, memoryview(LOST), len(LOST), "", ("10.0.1.2", 9)) == 1
        assert readable(sock)  # b has nothing on that port: the datagram came to it, in pieces
        (error,) = read_errors(sock)
        assert error.kind is IcmpKind.PORT
        assert path_mtu("10.0.1.2") == 1500


def test_our_own_device_tells_its_mtu_without_a_quote(narrow: Namespace) -> None:
    with narrow.enter(), open_udp("10.0.0.1", 0, 0) as sock:
        set_df(sock, True)
        assert send_rows(sock, memoryview(bytes(1600)), 1600, "", ("10.0.1.2", 9)) == 0
        error = read_errors(sock)[0]
        assert (error.kind, error.mtu, error.quote) == (IcmpKind.LOCAL, 1500, b"")


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
