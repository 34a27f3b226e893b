"""The bounded cursor: its end holds, and Malformed is all it raises."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ikecore.wire import Malformed, Reader

PAIR = struct.Struct("!BH")


def test_fields_come_in_order_and_the_rest_last() -> None:
    reader = Reader(bytes.fromhex("01 0002 0304 05"))
    assert reader.unpack(PAIR) == (1, 2)
    assert (reader.at, len(reader), bool(reader)) == (3, 3, True)
    assert reader.take(2) == b"\3\4"
    assert reader.rest() == b"\5"
    assert (len(reader), bool(reader), reader.rest()) == (0, False, b"")


def test_a_part_ends_where_it_was_told_and_counts_from_the_whole() -> None:
    reader = Reader(bytes(10))
    reader.take(4)
    part = reader.sub(2)
    assert (part.at, len(part), reader.at) == (4, 2, 6)
    with pytest.raises(Malformed, match="3 octets wanted, 2 left at octet 4") as found:
        part.take(3)
    assert (found.value.at, found.value.what) == (4, "3 octets wanted, 2 left")


@pytest.mark.parametrize("count", [-1, -1000, 4, 10**9])
def test_counts_below_zero_or_beyond_the_end_are_malformed(count: int) -> None:
    for read in (Reader(bytes(3)).take, Reader(bytes(3)).sub):
        with pytest.raises(Malformed):
            read(count)


def test_a_failed_read_does_not_move_the_cursor() -> None:
    reader = Reader(b"\1\2")
    with pytest.raises(Malformed):
        reader.unpack(PAIR)
    assert reader.rest() == b"\1\2"


def test_an_end_beyond_the_octets_is_their_end() -> None:
    reader = Reader(b"\1\2", 0, 100)
    assert len(reader) == 2
    with pytest.raises(Malformed):
        reader.unpack(PAIR)


def test_a_start_beyond_the_end_is_empty_and_malformed_to_read() -> None:
    reader = Reader(b"\1", 5)
    assert (len(reader), bool(reader)) == (0, False)
    with pytest.raises(Malformed):
        reader.rest()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=20), st.lists(st.tuples(st.booleans(), st.integers(-3, 12)), max_size=8))
def test_no_sequence_of_reads_leaves_the_octets(data: bytes, steps: list[tuple[bool, int]]) -> None:
    reader = Reader(data)
    for narrow, count in steps:
        try:
            if narrow:
                reader = reader.sub(count)
            else:
                assert len(reader.take(count)) == count
        except Malformed:
            continue
        assert 0 <= reader.at <= len(data)
