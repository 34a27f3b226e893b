"""What goes together, and what does not."""

from esp.sendbuffer import ROOM, ROWS, SendBuffer
from tests.esp.tunnel import child_pair


class Wire:
    """Remembers each send: the packets in it, and what was said of them."""

    def __init__(self) -> None:
        self.one, self.other = child_pair()
        self.sibling = child_pair(0x3000)[0]
        self.sends: list[tuple[object, bytes, int, int]] = []
        self.buffer = SendBuffer(
            lambda child, rows, size, outer: self.sends.append((child, bytes(rows), size, outer))
        )


def test_equal_packets_leave_with_one_send_and_a_shorter_one_ends_it() -> None:
    wire = Wire()
    for packet in (b"aaaa", b"bbbb", b"cc", b"dddd"):
        wire.buffer.put(wire.one, packet, 0)
    wire.buffer.flush()
    assert wire.sends == [(wire.one, b"aaaabbbbcc", 4, 0), (wire.one, b"dddd", 4, 0)]


def test_a_larger_packet_another_path_and_another_header_wait_for_nobody() -> None:
    wire = Wire()
    wire.buffer.put(wire.one, b"aaaa", 0)
    wire.buffer.put(wire.one, b"bbbbb", 0)
    wire.buffer.put(wire.other, b"ccccc", 0)
    wire.buffer.put(wire.other, b"ddddd", 2)
    wire.buffer.flush()
    assert [send[1:] for send in wire.sends] == [
        (b"aaaa", 4, 0), (b"bbbbb", 5, 0), (b"ccccc", 5, 0), (b"ddddd", 5, 2)
    ]  # fmt: skip


def test_rows_go_on_where_packets_of_their_size_ended() -> None:
    wire = Wire()
    wire.buffer.put(wire.one, b"aaaa", 0)
    assert wire.buffer.reserve(wire.one, 2, 4, 0) == 1
    wire.buffer.octets[4:12] = b"bbbbcccc"
    wire.buffer.put(wire.one, b"dd", 0)
    assert wire.buffer.reserve(wire.one, 1, 4, 0) == 0  # after a shorter one: a send of its own
    wire.buffer.octets[:4] = b"eeee"
    wire.buffer.flush()
    assert [send[1] for send in wire.sends] == [b"aaaabbbbccccdd", b"eeee"]


def test_what_does_not_fit_any_more_sends_what_is_there() -> None:
    wire = Wire()
    size = 1000
    for _ in range(ROOM // size + 1):
        wire.buffer.put(wire.one, bytes(size), 0)
    assert wire.sends
    assert all(len(rows) <= ROOM for _, rows, *_ in wire.sends)


def test_nothing_is_sent_twice() -> None:
    wire = Wire()
    wire.buffer.flush()
    wire.buffer.put(wire.one, b"aaaa", 0)
    wire.buffer.flush()
    wire.buffer.flush()
    assert len(wire.sends) == 1


def test_rows_are_no_more_than_can_be_counted() -> None:
    wire = Wire()
    for _ in range(30):
        place = wire.buffer.reserve(wire.one, 100, 60, 0)
        assert place + 100 <= ROWS
    wire.buffer.flush()
    assert sum(len(rows) for _, rows, *_ in wire.sends) == 30 * 100 * 60


def test_packets_of_many_children_leave_together_if_their_way_is_the_same() -> None:
    wire = Wire()
    wire.buffer.put(wire.one, b"aaaa", 0)
    wire.buffer.put(wire.sibling, b"bbbb", 0)
    wire.buffer.put(wire.one, b"cccc", 0)
    wire.buffer.flush()
    assert [send[1:] for send in wire.sends] == [(b"aaaabbbbcccc", 4, 0)]
