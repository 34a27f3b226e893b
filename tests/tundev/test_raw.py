"""ESP without UDP, through a veth."""

import socket
from collections.abc import Callable
from typing import Literal

import pytest

from tundev.namespaces import Namespace, Namespaces
from tundev.raw import (
    AH,
    RawError,
    fragments,
    open_ah,
    open_esp,
    receive_packets,
    send_ah,
    send_esp,
    send_packets,
    send_rows,
)
from tundev.sockets import IPV6_HOPLIMIT, IPV6_TCLASS, enable_tos, set_df

Wait = Callable[[socket.socket | int], bool]


EITHER = pytest.mark.parametrize(
    ("version", "local", "remote"), [(4, "10.0.0.11", "10.0.0.2"), (6, "fd00::1", "fd00::2")]
)


def take(sock: socket.socket, *, header: bool = False) -> list[tuple[bytes, str, str]]:
    batch = receive_packets(sock, memoryview(bytearray(1 << 17)), 5, header=header)
    return [(bytes(packet), remote, local) for packet, remote, local, _ in batch]


@pytest.fixture
def ends(spaces: Namespaces) -> tuple[Namespace, Namespace]:
    a, b = spaces.add("a"), spaces.add("b")
    a.veth("w", b, "w")
    for space, last in ((a, 1), (b, 2)):
        space.address("w", f"10.0.0.{last}/24")
        space.address("w", f"10.0.0.{last + 10}/24")
        space.address("w", f"fd00::{last}/64")
    return a, b


@EITHER
@pytest.mark.parametrize("size", [8, 1400, 9000], ids=["small", "full", "fragmented"])
def test_a_packet_arrives_without_its_ip_header(
    ends: tuple[Namespace, Namespace],
    version: Literal[4, 6],
    local: str,
    remote: str,
    size: int,
    readable: Wait,
) -> None:
    packet = bytes(range(256)) * 40
    with ends[0].enter(), open_esp(version, 7) as a, ends[1].enter(), open_esp(version, 7) as b:
        assert send_esp(a, packet[:size], local, remote)
        assert readable(b)
        assert take(b) == [(packet[:size], local, remote)]
        assert take(b) == []


@EITHER
def test_the_outer_header_says_what_it_was_told_to(
    ends: tuple[Namespace, Namespace],
    version: Literal[4, 6],
    local: str,
    remote: str,
    readable: Wait,
) -> None:
    with ends[0].enter(), open_esp(version, 0) as a, ends[1].enter(), open_esp(version, 0) as b:
        if version == 4:
            set_df(a, True)
            assert send_esp(a, b"12345678", local, remote, 0xBA, ttl=17)
            assert readable(b)
            head = b.recv(100)[:20]
            assert (head[1], head[6], head[8]) == (0xBA, 0x40, 17)
            return
        enable_tos(b)
        b.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        assert send_esp(a, b"12345678", local, remote, 0xBA, ttl=17)
        assert readable(b)
        _, ancillary, *_ = b.recvmsg(100, 200)
        told = {kind: int.from_bytes(data[:4], "little") for _, kind, data in ancillary}
        assert (told[IPV6_TCLASS], told[IPV6_HOPLIMIT]) == (0xBA, 17)


def test_a_bound_socket_hears_only_its_address(
    ends: tuple[Namespace, Namespace], readable: Wait
) -> None:
    with ends[0].enter(), open_esp(4, 0) as a, ends[1].enter(), open_esp(4, 0, "10.0.0.12") as b:
        for target in ("10.0.0.2", "10.0.0.12", "10.0.0.12"):
            assert send_esp(a, b"12345678", "", target)
        assert readable(b)
        assert [local for _, _, local in take(b)] == ["10.0.0.12"] * 2


@EITHER
def test_a_batch_comes_as_views_of_one_room(
    ends: tuple[Namespace, Namespace],
    version: Literal[4, 6],
    local: str,
    remote: str,
    readable: Wait,
) -> None:
    rows = b"".join(bytes([number]) * 1000 for number in range(1, 9)) + b"the last"
    room = memoryview(bytearray(1 << 17))
    with ends[0].enter(), open_esp(version, 7) as a, ends[1].enter(), open_esp(version, 7) as b:
        assert receive_packets(b, room, 64) == []
        assert send_rows(a, memoryview(rows), 1000, local, remote, 0xBB, ttl=9) == 9
        assert readable(b)
        first = receive_packets(b, room, 3)
        assert b"".join(packet for packet, *_ in first) == rows[:3000]
        rest = receive_packets(b, room[4000:], 64)
        assert b"".join(packet for packet, *_ in (*first, *rest)) == rows
        assert {tuple(told) for _, *told in (*first, *rest)} == {(local, remote, 0xBB)}


def test_a_room_that_is_too_small_takes_what_it_can(
    ends: tuple[Namespace, Namespace], readable: Wait
) -> None:
    with ends[0].enter(), open_esp(4, 7) as a, ends[1].enter(), open_esp(4, 7) as b:
        assert send_packets(a, [bytes(100)] * 3, "", "10.0.0.2") == 3
        assert readable(b)
        batch = receive_packets(b, memoryview(bytearray(150)), 64)
        assert [len(packet) for packet, *_ in batch] == [100]
        batch = receive_packets(b, memoryview(bytearray(150)), 64, header=True)
        assert [packet[0] for packet, *_ in batch] == [0x45]
        assert [len(packet) for packet, *_ in batch] == [120]
        batch = receive_packets(b, memoryview(bytearray(50)), 64, header=True)
        assert [len(packet) for packet, *_ in batch] == [50]


@pytest.mark.usefixtures("inside")
def test_what_the_kernel_refuses_is_not_counted() -> None:
    with open_esp(4, 0) as sock:
        assert send_packets(sock, [b"12345678"] * 2, "", "10.9.9.9") == 0
        assert send_rows(sock, memoryview(b""), 8, "", "127.0.0.1") == 0
        with pytest.raises(ValueError, match="zero"):
            send_rows(sock, memoryview(b"x"), 0, "", "127.0.0.1")


def ipv4(source: str, target: str, payload: bytes, number: int = 7) -> bytes:
    size = (20 + len(payload)).to_bytes(2, "big")
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    head = (b"\x45\0", size, number.to_bytes(2, "big"), b"\0\0", bytes((64, AH)), b"\0\0", ends)
    return b"".join((*head, payload))


@pytest.mark.parametrize("size", [12, 1400, 9000], ids=["small", "full", "fragmented"])
def test_ah_over_ipv4_arrives_with_the_header_it_was_given(
    ends: tuple[Namespace, Namespace], size: int, readable: Wait
) -> None:
    packet = ipv4("10.0.0.11", "10.0.0.2", (bytes(range(256)) * 40)[:size])
    with ends[0].enter(), open_ah(4, 7) as a, ends[1].enter(), open_ah(4, 7) as b:
        assert send_ah(a, packet, "10.0.0.11", "10.0.0.2")
        assert readable(b)
        ((came, remote, local),) = take(b, header=True)
    assert (remote, local) == ("10.0.0.11", "10.0.0.2")
    # all but flags, time to live and checksum
    assert came[:6] + came[9:10] + came[12:] == packet[:6] + packet[9:10] + packet[12:]
    assert came[6] & 0x3F == came[7] == 0


@pytest.mark.parametrize("size", [12, 1400, 9000], ids=["small", "full", "fragmented"])
def test_ah_over_ipv6_arrives_without_header(
    ends: tuple[Namespace, Namespace], size: int, readable: Wait
) -> None:
    packet = (bytes(range(256)) * 40)[:size]
    with ends[0].enter(), open_ah(6, 7) as a, ends[1].enter(), open_ah(6, 7) as b:
        assert send_ah(a, packet, "fd00::1", "fd00::2")
        assert readable(b)
        assert take(b, header=True) == [(packet, "fd00::1", "fd00::2")]


@pytest.mark.parametrize("size", [0, 560, 561, 1000, 1112, 1113, 20000])
def test_fragments_make_the_packet_again(size: int) -> None:
    packet = ipv4("10.0.0.1", "10.0.0.2", (bytes(range(251)) * 80)[:size])
    pieces = fragments(packet, 576)
    body = bytearray(size)
    for number, piece in enumerate(pieces, 1):
        assert len(piece) <= 576
        assert int.from_bytes(piece[2:4], "big") == len(piece)
        place = int.from_bytes(piece[6:8], "big")
        assert bool(place & 0x2000) == (number < len(pieces))
        at = (place & 0x1FFF) * 8
        body[at : at + len(piece) - 20] = piece[20:]
        assert piece[4:6] + piece[12:20] == packet[4:6] + packet[12:20]
    assert body == packet[20:]


def test_ah_over_ipv6_leaves_in_pieces_that_pass_everywhere(
    ends: tuple[Namespace, Namespace], readable: Wait
) -> None:
    packet = bytes(range(256)) * 5 + bytes(120)
    with ends[0].enter(), open_ah(6, 7) as a, ends[1].enter(), open_ah(6, 7) as b:
        ends[1].up("w", 1280)
        assert send_ah(a, packet, "fd00::1", "fd00::2")
        assert readable(b)
        assert take(b, header=True) == [(packet, "fd00::1", "fd00::2")]
        assert send_ah(a, packet[:1240], "fd00::1", "fd00::2")  # and whole again
        assert readable(b)
        assert take(b, header=True) == [(packet[:1240], "fd00::1", "fd00::2")]


@pytest.mark.usefixtures("inside")
def test_ah_that_cannot_be_sent_is_told() -> None:
    with open_ah(4, 0) as sock:
        assert not send_ah(sock, ipv4("10.0.0.1", "10.9.9.9", b"12345678"), "", "10.9.9.9")


@pytest.mark.usefixtures("inside")
def test_what_cannot_be_sent_is_told() -> None:
    with open_esp(4, 0) as sock:
        assert not send_esp(sock, b"12345678", "", "10.9.9.9")
        assert not send_esp(sock, b"12345678", "no address", "10.9.9.9")


@pytest.mark.usefixtures("inside")
def test_a_foreign_address_cannot_be_listened_on() -> None:
    with pytest.raises(RawError, match=r"192\.0\.2\.1"):
        open_esp(4, 0, "192.0.2.1")
