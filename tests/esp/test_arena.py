"""Slots that packets are read to."""

import pytest

from esp.arena import LARGEST, SLOT, SLOTS, START, Arena


@pytest.mark.parametrize("header", [0, 10])
def test_a_packet_begins_at_the_same_place_with_and_without_a_virtio_header(header: int) -> None:
    arena = Arena(header)
    for slot in (0, 1, SLOTS - 1):
        arena.places[slot][: header + 3] = bytes(header) + b"abc"
        assert bytes(arena.packets[slot][:3]) == b"abc"
        assert arena.octets[slot * SLOT + START :][:3] == b"abc"


def test_every_slot_takes_the_largest_packet() -> None:
    arena = Arena(10)
    assert {len(place) for place in arena.places} == {65546}
    assert len(arena.places) == len(arena.packets) == SLOTS


def test_a_packet_for_one_slot_leaves_room_for_any_trailer() -> None:
    assert START + LARGEST + 16 + 2 <= SLOT
