"""UDP sockets over loopback: what is sent arrives, from and to the right addresses."""

import os
import socket
from collections.abc import Callable, Iterator

import pytest

from tundev.udp import (
    MAX_SEGMENTS,
    CannotListen,
    PortInUse,
    enable_gro,
    has_udp_gso,
    open_udp,
    receive,
    receive_batch,
    send,
    send_segments,
)

Wait = Callable[[socket.socket | int], bool]
ANY = "0.0.0.0"  # noqa: S104 -- many local addresses on one socket are what is tested


def port(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with open_udp(ANY, 0, 0) as a, open_udp(ANY, 0, 0) as b:
        yield a, b


def collect(sock: socket.socket, count: int, readable: Wait) -> list[bytes]:
    found: list[bytes] = []
    while len(found) < count and readable(sock):
        found += [data for data, _, _ in receive_batch(sock, 64)]
    return found


def test_an_answer_leaves_from_the_address_the_request_came_to(
    pair: tuple[socket.socket, socket.socket], readable: Wait
) -> None:
    client, server = pair
    assert send(client, b"question", "127.0.0.3", ("127.0.0.2", port(server)))
    assert readable(server)
    got = receive(server)
    assert got == (b"question", ("127.0.0.3", port(client)), "127.0.0.2")
    assert got is not None
    assert send(server, b"answer", got[2], got[1])
    assert readable(client)
    assert receive(client) == (b"answer", ("127.0.0.2", port(server)), "127.0.0.3")


def test_ipv6_addresses_come_without_flow_and_scope(readable: Wait) -> None:
    try:
        a, b = open_udp("::", 0, 0), open_udp("::1", 0, 0)
    except CannotListen as error:
        pytest.skip(str(error))
    with a, b:
        assert send(a, b"x", "::1", ("::1", port(b)))
        assert readable(b)
        assert receive(b) == (b"x", ("::1", port(a)), "::1")


def test_an_empty_socket_has_nothing(pair: tuple[socket.socket, socket.socket]) -> None:
    assert receive(pair[0]) is None
    assert receive_batch(pair[0], 10) == []


def test_a_taken_port_names_its_process() -> None:
    with open_udp("127.0.0.1", 0, 0) as first:
        with pytest.raises(PortInUse) as caught:
            open_udp("127.0.0.1", port(first), 0)
        assert caught.value.port == port(first)
        assert str(os.getpid()) in caught.value.by


def test_an_address_of_another_host_cannot_be_listened_on() -> None:
    with pytest.raises(CannotListen, match=r"192\.0\.2\.1.*not on this host"):
        open_udp("192.0.2.1", 0, 0)


@pytest.mark.parametrize("remote", [("127.0.0.1", 0), ("fd00::1", 9), ("no address", 9)])
def test_what_cannot_be_sent_is_told(
    pair: tuple[socket.socket, socket.socket], remote: tuple[str, int]
) -> None:
    assert not send(pair[0], b"x", "", remote)


def test_a_source_that_is_not_ours_is_refused(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    assert not send(pair[0], b"x", "192.0.2.1", ("127.0.0.1", port(pair[1])))


@pytest.mark.parametrize("gro", [False, True])
@pytest.mark.parametrize(
    "sizes",
    [[1000] * 5 + [300], [1400] * 100, [10], [8, 9, 9, 3, 3, 12], [30000] * 3, [5, 0, 5]],
    ids=["equal", "many", "one", "mixed", "huge", "empty"],
)
def test_segments_arrive_as_they_were_given(sizes: list[int], gro: bool, readable: Wait) -> None:
    datagrams = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    with open_udp("127.0.0.1", 0, 0) as a, open_udp("127.0.0.1", 0, 0) as b:
        if gro and not enable_gro(b):
            pytest.skip("the kernel has no UDP_GRO")
        assert send_segments(a, datagrams, "", ("127.0.0.1", port(b))) == len(sizes)
        assert collect(b, len(sizes), readable) == datagrams


def test_runs_are_bounded(readable: Wait) -> None:
    with open_udp("127.0.0.1", 0, 0) as a, open_udp("127.0.0.1", 0, 0) as b:
        assert enable_gro(b)
        send_segments(a, [b"x" * 100] * (MAX_SEGMENTS + 1), "", ("127.0.0.1", port(b)))
        assert readable(b)
        assert len(receive_batch(b, 1)) == MAX_SEGMENTS


def test_this_kernel_segments() -> None:
    assert has_udp_gso()


def test_refused_segments_are_told(pair: tuple[socket.socket, socket.socket]) -> None:
    assert send_segments(pair[0], [b"x", b"x"], "192.0.2.1", ("127.0.0.1", port(pair[1]))) == 0
    assert send_segments(pair[0], [], "", ("127.0.0.1", port(pair[1]))) == 0
