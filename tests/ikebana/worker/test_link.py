"""The pair between daemon and worker, over the kernel's own sockets."""

import os
import socket
from array import array
from collections.abc import Iterator
from pathlib import Path as File

import pytest

from ikebana.worker.link import Link, make_pair
from ikebana.worker.messages import (
    LONGEST,
    BadMessage,
    Done,
    Message,
    Remove,
    Report,
    Sockets,
    pack,
)
from tests.esp.tunnel import udp4
from tests.ikebana.worker.rig import acquired, wait


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    pair = make_pair()
    with pair[0], pair[1]:
        yield pair


def open_files() -> int:
    return len(list(File("/proc/self/fd").iterdir()))


def hand_over(end: socket.socket, octets: bytes, descriptors: list[int]) -> None:
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))
    end.sendmsg([octets], [rights])


def test_borders_and_order_are_kept(ends: tuple[socket.socket, socket.socket]) -> None:
    daemon, worker = map(Link, ends)
    messages: list[Message] = [
        Report(),
        Remove(1, 2),
        acquired(udp4(), "a" * 50_000),
        Report(),
        Done(3),
    ]
    assert all(daemon.send(message) for message in messages)
    assert [worker.receive() for _ in messages] == [(message, []) for message in messages]
    assert worker.receive() is None
    assert not worker.closed


def test_both_ways_are_independent(ends: tuple[socket.socket, socket.socket]) -> None:
    daemon, worker = map(Link, ends)
    daemon.send(Remove(1, 2))
    worker.send(Done(1))
    assert daemon.receive() == (Done(1), [])
    assert worker.receive() == (Remove(1, 2), [])


def test_descriptors_arrive_and_are_usable(ends: tuple[socket.socket, socket.socket]) -> None:
    daemon, worker = Link(ends[0]), Link(ends[1], takes_descriptors=True)
    names = [os.memfd_create(f"sent{number}") for number in range(3)]
    for number, name in enumerate(names):
        os.write(name, bytes((number,)))
    assert daemon.send(Sockets(("192.0.2.1",), (4,)), names)
    for name in names:
        os.close(name)  # they live on at the far end
    got = worker.receive()
    assert got is not None
    message, descriptors = got
    assert message == Sockets(("192.0.2.1",), (4,))
    assert [os.pread(name, 9, 0) for name in descriptors] == [b"\x00", b"\x01", b"\x02"]
    for name in descriptors:
        os.close(name)


def test_many_addresses_fit_into_one_message(ends: tuple[socket.socket, socket.socket]) -> None:
    daemon, worker = Link(ends[0]), Link(ends[1], takes_descriptors=True)
    addresses = tuple(f"192.0.2.{number}" for number in range(200))
    assert daemon.send(Sockets(addresses, ()), [0] * 201)
    got = worker.receive()
    assert got is not None
    assert len(got[1]) == 201
    for name in got[1]:
        os.close(name)


def test_a_full_queue_says_so_and_counts(ends: tuple[socket.socket, socket.socket]) -> None:
    daemon, worker = map(Link, ends)
    message = acquired(udp4(), "x" * 60_000)
    taken = 0
    while daemon.send(message):
        taken += 1
        assert taken < 10_000, "a queue without an end"
    assert not daemon.send(message)
    assert (daemon.refused, daemon.closed) == (2, False)
    for _ in range(taken):
        assert worker.receive() == (message, [])
    assert worker.receive() is None
    assert daemon.send(message)


def test_a_message_too_long_is_refused_and_ends_nothing(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    daemon, worker = map(Link, ends)
    for size in (LONGEST, 64 * 1024 * 1024):  # longer than the far end reads, than any queue
        assert not daemon.send(acquired(udp4(), "x" * size))
    assert (daemon.refused, daemon.closed) == (2, False)
    assert daemon.send(Report())
    assert worker.receive() == (Report(), [])


def test_a_descriptor_that_is_none_is_refused_and_ends_nothing(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    daemon, worker = map(Link, ends)
    assert not daemon.send(Sockets((), ()), [-1])
    assert (daemon.refused, daemon.closed) == (1, False)
    assert worker.receive() is None


class TestTheEnd:
    def test_what_was_said_before_it_is_still_heard(
        self, ends: tuple[socket.socket, socket.socket]
    ) -> None:
        daemon, worker = map(Link, ends)
        worker.send(Done(1))
        worker.close()
        assert wait(daemon.fileno())
        assert daemon.receive() == (Done(1), [])
        assert not daemon.closed
        assert daemon.receive() is None
        assert daemon.closed

    def test_of_the_far_end_shows_when_sending(
        self, ends: tuple[socket.socket, socket.socket]
    ) -> None:
        daemon = Link(ends[0])
        ends[1].close()
        assert not daemon.send(Report())
        assert daemon.closed

    def test_with_words_unread_shows_too(self, ends: tuple[socket.socket, socket.socket]) -> None:
        daemon = Link(ends[0])
        daemon.send(Report())
        ends[1].close()  # the kernel answers with "connection reset"
        assert daemon.receive() is None
        assert daemon.closed

    def test_of_ones_own_is_closed_for_good(
        self, ends: tuple[socket.socket, socket.socket]
    ) -> None:
        daemon = Link(ends[0])
        daemon.close()
        daemon.close()
        assert daemon.closed
        assert not daemon.send(Report())
        assert daemon.receive() is None

    def test_in_an_empty_datagram_leaves_no_descriptor_behind(
        self, ends: tuple[socket.socket, socket.socket]
    ) -> None:
        worker = Link(ends[1], takes_descriptors=True)
        hand_over(ends[0], b"", [0])
        before = open_files()
        assert worker.receive() is None
        assert worker.closed
        assert open_files() == before


class TestAHostileFarEnd:
    @pytest.mark.parametrize("octets", [b"\x00", b"\xff" * 100, bytes(LONGEST), b"\x06{"])
    def test_says_garbage(self, ends: tuple[socket.socket, socket.socket], octets: bytes) -> None:
        daemon = Link(ends[0])
        ends[1].send(octets)
        ends[1].send(pack(Done(1)))
        with pytest.raises(BadMessage):
            daemon.receive()
        assert daemon.receive() == (Done(1), [])

    def test_sends_more_than_any_message_holds(
        self, ends: tuple[socket.socket, socket.socket]
    ) -> None:
        daemon = Link(ends[0])
        ends[1].send(pack(acquired(udp4(), "x" * LONGEST)))
        ends[1].send(pack(Done(1)))
        with pytest.raises(BadMessage, match="longer"):
            daemon.receive()
        assert daemon.receive() == (Done(1), [])

    def test_fills_the_daemons_table_of_descriptors(
        self, ends: tuple[socket.socket, socket.socket]
    ) -> None:
        daemon = Link(ends[0])
        before = open_files()
        for octets in (pack(Done(1)), pack(Sockets(("::",), (4,))), b"\xff", b"\x06{"):
            hand_over(ends[1], octets, [0] * 3)
        assert daemon.receive() == (Done(1), [])
        for _ in range(3):
            with pytest.raises(BadMessage):
                daemon.receive()
        assert open_files() == before

    @pytest.mark.parametrize("count", [1, 2, 4, 253])
    def test_hands_over_other_descriptors_than_it_speaks_of(
        self, ends: tuple[socket.socket, socket.socket], count: int
    ) -> None:
        worker = Link(ends[1], takes_descriptors=True)
        hand_over(ends[0], pack(Sockets(("::",), (4,))), [0] * count)
        before = open_files()
        with pytest.raises(BadMessage, match="descriptors"):
            worker.receive()
        assert open_files() == before

    def test_speaks_of_descriptors_and_hands_over_none(
        self, ends: tuple[socket.socket, socket.socket]
    ) -> None:
        worker = Link(ends[1], takes_descriptors=True)
        ends[0].send(pack(Sockets((), ())))
        with pytest.raises(BadMessage, match="descriptors"):
            worker.receive()
