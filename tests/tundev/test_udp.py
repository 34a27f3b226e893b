"""UDP sockets over loopback: what is sent arrives, from and to the right addresses."""

import os
import socket
from collections.abc import Callable, Iterator

import pytest

from tundev.namespaces import Namespace, Namespaces
from tundev.udp import (
    MAX_SEGMENTS,
    CannotListen,
    PortInUse,
    enable_gro,
    enable_tos,
    has_udp_gso,
    open_udp,
    receive,
    receive_batch,
    receive_into,
    send,
    send_rows,
)

Wait = Callable[[socket.socket | int], bool]
IP_RECVTTL = 12
ANY = "0.0.0.0"  # noqa: S104 -- many local addresses on one socket are what is tested


def port(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with open_udp(ANY, 0, 0) as a, open_udp(ANY, 0, 0) as b:
        yield a, b


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


def test_a_run_is_split_as_it_was_sent_and_bounded(readable: Wait) -> None:
    rows = b"".join(bytes([number]) * 100 for number in range(MAX_SEGMENTS)) + b"x" * 60
    with open_udp("127.0.0.1", 0, 0) as a, open_udp("127.0.0.1", 0, 0) as b:
        assert enable_gro(b)
        sent = send_rows(a, memoryview(rows), 100, "", ("127.0.0.1", port(b)))
        assert sent == MAX_SEGMENTS + 1
        assert readable(b)
        first = receive_batch(b, 1)
        assert len(first) == MAX_SEGMENTS
        assert b"".join(data for data, _, _ in (*first, *receive_batch(b, 1))) == rows


def test_this_kernel_segments() -> None:
    assert has_udp_gso()


def taken_in(sock: socket.socket, octets: int, readable: Wait) -> list[tuple[bytes, int, int]]:
    """Return (octets, datagram size, TOS) of each read until so many octets came."""
    room = memoryview(bytearray(1 << 17))
    reads: list[tuple[bytes, int, int]] = []
    while sum(len(data) for data, _, _ in reads) < octets and readable(sock):
        got = receive_into(sock, room)
        assert got is not None
        reads.append((bytes(room[: got[0]]), got[1], got[4]))
    return reads


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("most", [1, 3, 32, 1000])
@pytest.mark.parametrize(("count", "last"), [(1, 7), (5, 1000), (5, 300), (100, 1000)])
def test_rows_arrive_as_they_were_given(
    host: str, most: int, count: int, last: int, readable: Wait
) -> None:
    rows = b"".join(bytes([number]) * 1000 for number in range(count))
    rows = rows[: len(rows) - 1000 + last]
    with open_udp(host, 0, 0) as a, open_udp(host, 0, 0) as b:
        assert enable_gro(b)
        enable_tos(b)
        kernel = send_rows(a, memoryview(rows), 1000, host, (host, port(b)), 0xBB, most=most)
        assert kernel == count
        reads = taken_in(b, len(rows), readable)
    assert b"".join(data for data, _, _ in reads) == rows
    assert {tos for _, _, tos in reads} == {0xBB}
    assert all(size == min(1000, len(data)) for data, size, _ in reads)
    if most == 1:
        assert len(reads) == count


def test_a_read_tells_who_sent_and_where_to(
    pair: tuple[socket.socket, socket.socket], readable: Wait
) -> None:
    client, server = pair
    room = memoryview(bytearray(100))
    assert receive_into(server, room) is None
    sent = send_rows(client, memoryview(b"xyz"), 9, "127.0.0.3", ("127.0.0.2", port(server)))
    assert sent == 1
    assert readable(server)
    got = receive_into(server, room)
    assert got == (3, 3, ("127.0.0.3", port(client)), "127.0.0.2", 0)
    assert bytes(room[:3]) == b"xyz"


def test_an_empty_datagram_and_one_that_is_too_long(
    pair: tuple[socket.socket, socket.socket], readable: Wait
) -> None:
    room = memoryview(bytearray(10))
    for data in (b"", b"0123456789ABC"):
        assert send(pair[0], data, "", ("127.0.0.1", port(pair[1])))
        assert readable(pair[1])
        got = receive_into(pair[1], room)
        assert got is not None
        assert got[:2] == (min(10, len(data)),) * 2
    assert send_rows(pair[0], memoryview(b""), 10, "", ("127.0.0.1", port(pair[1]))) == 0


def test_an_error_of_an_earlier_datagram_costs_no_later_one(readable: Wait) -> None:
    room = memoryview(bytearray(100))
    with open_udp("127.0.0.1", 0, 0) as sock, open_udp("127.0.0.1", 0, 0) as open_one:
        with open_udp("127.0.0.1", 0, 0) as closed:
            nowhere = ("127.0.0.1", port(closed))
        assert send_rows(sock, memoryview(b"x"), 1, "", nowhere) == 1
        assert readable(sock)
        rows = memoryview(b"aabbc")
        assert send_rows(sock, rows, 2, "", ("127.0.0.1", port(open_one))) == 3
        assert [d for d, _, _ in taken_in(open_one, 5, readable)] == [b"aa", b"bb", b"c"]
        assert send_rows(sock, memoryview(b"x"), 1, "", nowhere) == 1
        assert send(open_one, b"answer", "", ("127.0.0.1", port(sock)))
        assert readable(sock)
        got = receive_into(sock, room)
        assert got is not None
        assert bytes(room[: got[0]]) == b"answer"


def test_a_link_local_sender_comes_with_its_link(spaces: Namespaces, readable: Wait) -> None:
    a, b = spaces.add("a"), spaces.add("b")
    a.veth("w", b, "w")
    a.address("w", "fe80::1/64")
    b.address("w", "fe80::2/64")
    with b.enter(), open_udp("::", 0, 0) as there:
        with a.enter(), open_udp("::", 0, 0) as here:
            to = ("fe80::2%w", port(there))
            assert send_rows(here, memoryview(b"12345"), 2, "fe80::1%w", to, 0x28) == 3
            enable_tos(there)
        # names of links are those of the reader's namespace
        assert readable(there)
        got = receive_into(there, memoryview(bytearray(100)))
    assert got is not None
    assert (got[2][0], got[3]) == ("fe80::1%w", "fe80::2%w")


@pytest.mark.parametrize("net", ["10.0.0.", "fd00::"])
@pytest.mark.parametrize("fragment", [True, False])
def test_rows_longer_than_the_device_takes_go_singly(
    spaces: Namespaces, net: str, fragment: bool, readable: Wait
) -> None:
    a, b = spaces.add("a"), spaces.add("b")
    a.veth("w", b, "w")
    for space, last in ((a, 1), (b, 2)):
        space.address("w", f"{net}{last}/{64 if ':' in net else 24}")
    a.up("w", 1300)
    with b.enter(), open_udp(f"{net}2", 0, 0) as there, a.enter():
        with open_udp(f"{net}1", 0, 0, fragment=fragment) as here:
            rows = bytes(1400) + b"x" * 1400 + b"last"
            taken = send_rows(here, memoryview(rows), 1400, "", (f"{net}2", port(there)))
        assert taken == (3 if fragment else 1)
        if fragment:
            came = [data for data, _, _ in taken_in(there, len(rows), readable)]
            assert b"".join(came) == rows


def test_rows_that_cannot_be_sent_are_not_counted(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    rows = memoryview(bytes(300))
    assert send_rows(pair[0], rows, 100, "192.0.2.1", ("127.0.0.1", port(pair[1]))) == 0
    assert send_rows(pair[0], rows, 100, "", ("no address", 9)) == 0
    with pytest.raises(ValueError, match="at least one octet"):
        send_rows(pair[0], rows, 0, "", ("127.0.0.1", port(pair[1])))


@pytest.mark.usefixtures("inside")
def test_a_host_without_loopback_is_believed(inside: Namespace) -> None:
    assert inside.run(["ip", "link", "set", "lo", "down"]).wait() == 0
    assert has_udp_gso()


def test_control_messages_that_do_not_fit_are_no_harm(
    pair: tuple[socket.socket, socket.socket], readable: Wait
) -> None:
    server = pair[1]
    for option in (6, 7, 12, 35):  # options, TTL, TTL, time: more than there is room for
        server.setsockopt(socket.IPPROTO_IP if option < 35 else socket.SOL_SOCKET, option, 1)
    assert enable_gro(server)
    enable_tos(server)
    sent = send_rows(pair[0], memoryview(bytes(30)), 10, "", ("127.0.0.1", port(server)))
    assert sent == 3
    assert sum(len(data) for data, _, _ in taken_in(server, 30, readable)) == 30


@pytest.mark.parametrize("most", [1, 32], ids=["single", "rows"])
def test_rows_go_as_far_as_they_are_told_to(readable: Wait, most: int) -> None:
    with open_udp("127.0.0.1", 0, 0) as a, open_udp("127.0.0.1", 0, 0) as b:
        b.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        rows = memoryview(bytes(300))
        assert send_rows(a, rows, 100, "", b.getsockname(), ttl=17, most=most) == 3
        for _ in range(3):
            assert readable(b)
            _, ancillary, *_ = b.recvmsg(2000, 200)
            told = {kind: data for _, kind, data in ancillary}
            assert int.from_bytes(told[socket.IP_TTL], "little") == 17
