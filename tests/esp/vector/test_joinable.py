"""Where runs begin and end."""

import numpy as np
import pytest

from esp.vector.joinable import runs, shape_of
from esp.vector.rows import Octets
from tests.esp.flows import ACK, CWR, FIN, KINDS, PSH, Stream, stream


def rows_of(packets: list[bytes]) -> Octets:
    """Put packets side by side with room for a trailer, as they are when opened."""
    size = -(-(len(packets[0]) + 2) // 4) * 4
    flat = b"".join(packet.ljust(size, b"\0") for packet in packets)
    return np.frombuffer(bytearray(flat), np.uint8).reshape(len(packets), size)


def found(one: Stream, packets: list[bytes]) -> list[tuple[int, int]]:
    shape = shape_of(packets[0][:120], one.next_header, len(packets[0]))
    if shape is None:
        raise ValueError("no shape")
    return runs(rows_of(packets), shape)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [100, 101])
def test_a_stream_is_one_run(kind: str, size: int) -> None:
    one = stream(kind)
    assert found(one, [one.packet(bytes(size)) for _ in range(9)]) == [(0, 9)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_checksum_is_by_itself(kind: str) -> None:
    one = stream(kind)
    packets = [one.packet(bytes(100)) for _ in range(9)]
    packets[4] = packets[4][:-1] + b"\1"
    assert found(one, packets) == [(0, 4), (4, 5), (5, 9)]


def test_two_errors_in_two_rows_do_not_cancel() -> None:
    one = stream()
    packets = [one.packet(bytes(100)) for _ in range(6)]
    packets[2] = packets[2][:-1] + b"\1"
    packets[3] = packets[3][:-2] + b"\xff\xfe"
    assert (2, 3) in found(one, packets)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [(PSH, [(0, 5), (5, 9)]), (FIN, [(0, 4), (4, 5), (5, 9)]), (CWR, [(0, 4), (4, 5), (5, 9)])],
)
def test_push_ends_a_run_and_other_flags_stand_alone(
    flags: int, expected: list[tuple[int, int]]
) -> None:
    one = stream()
    packets = [one.packet(bytes(100), ACK | (flags if n == 4 else 0)) for n in range(9)]
    assert found(one, packets) == expected


def test_a_hole_and_another_window_begin_a_run() -> None:
    one = stream()
    packets = [one.packet(bytes(100)) for _ in range(3)]
    one.sequence += 1
    packets += [one.packet(bytes(100)) for _ in range(3)]
    one.window += 1
    packets += [one.packet(bytes(100)) for _ in range(3)]
    assert found(one, packets) == [(0, 3), (3, 6), (6, 9)]


def test_no_shape_is_found_in_what_must_not_be_joined() -> None:
    bare, options, piece = stream(), stream(), stream()
    options.ip_options = b"\x94\x04\0\0"
    piece.fragment = 0
    for packet in (bare.packet(b""), options.packet(bytes(99)), piece.packet(bytes(99)), bytes(99)):
        assert shape_of(packet[:120], 4, len(packet)) is None
    without = stream("udp4").packet(bytes(99), checksum=False)
    assert shape_of(without, 4, len(without)) is None
    lie = stream().packet(bytes(99))
    assert shape_of(lie, 4, len(lie) - 1) is None
    assert shape_of(lie, 41, len(lie)) is None


def test_each_run_is_judged_by_its_own_addresses() -> None:
    one, other = stream(), Stream(source=b"\x0a\x01\x00\x63")
    packets = [one.packet(bytes(100)) for _ in range(4)]
    packets += [other.packet(bytes(100)) for _ in range(4)]
    assert found(one, packets) == [(0, 4), (4, 8)]
    packets[6] = packets[6][:-1] + b"\1"
    assert found(one, packets) == [(0, 4), (4, 6), (6, 7), (7, 8)]


def test_shapes_are_equal_for_other_addresses_and_not_for_other_layouts() -> None:
    one, other = stream().packet(bytes(100)), Stream(source=b"\x0a\x01\x00\x63").packet(bytes(100))
    assert shape_of(one, 4, 140) == shape_of(other, 4, 140)
    assert shape_of(one, 4, 140) != shape_of(stream("udp4").packet(bytes(112)), 4, 140)
    for fragment in (0, 0x2000, 0x4001):
        assert shape_of(Stream(fragment=fragment).packet(bytes(100)), 4, 140) is None
