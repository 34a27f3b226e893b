"""Rows are opened as their packets would be, all of them or none."""

import pytest

from esp.sa import InboundSa, OutboundSa
from esp.vector.opening import Opening
from esp.vector.rows import MOST, Rows
from tests.esp.rounds import TRANSFORMS, make_sealer


def sealed(transform: str, begin: int) -> tuple[Rows, int]:
    """Seal eight packets of 46 octets side by side; return them and their size."""
    sa = OutboundSa(7, make_sealer(transform, 7), esn=begin > 0)
    sa.seq = begin
    packets = [sa.protect(bytes((number,)) * 46, 4) for number in range(8)]
    return Rows(bytearray(b"".join(packets))), len(packets[0])


@pytest.mark.parametrize("begin", [0, (1 << 32) + 5])
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_all_rows_are_opened(transform: str, begin: int) -> None:
    received, size = sealed(transform, begin)
    peer = InboundSa(7, make_sealer(transform, 7), esn=begin > 0)
    peer.replay.accept(begin)
    plain, opening = Rows(bytearray(1000)), Opening(received)
    assert opening.bounds(8, size) == [0, 8]
    assert opening.open(peer, 2, 8, size, plain) == (begin + 3, 6, False)
    rows = plain.matrix(6, size - peer.overhead)
    assert [bytes(row[:46]) for row in rows] == [bytes((number,)) * 46 for number in range(2, 8)]


@pytest.mark.parametrize("at", [9, 30, -1])
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_wrong_octet_leaves_what_was_before_it(transform: str, at: int) -> None:
    received, size = sealed(transform, 0)
    received.buffer[3 * size + at % size] ^= 1
    peer, plain = InboundSa(7, make_sealer(transform, 7)), Rows(bytearray(1000))
    assert Opening(received).open(peer, 0, 8, size, plain) == (1, 3, True)
    rows = plain.matrix(3, size - peer.overhead)
    assert [bytes(row[:46]) for row in rows] == [bytes((number,)) * 46 for number in range(3)]


def test_another_spi_a_gap_and_the_numbers_end_are_bounds() -> None:
    received, size = sealed("gcm", 0)
    received.buffer[3 * size] ^= 1
    received.buffer[6 * size + 7] ^= 0x40
    assert Opening(received).bounds(8, size) == [0, 3, 4, 6, 7, 8]


@pytest.mark.parametrize("transform", ["gcm", "cbc-sha256", "ctr"])
def test_another_upper_half_opens_none(transform: str) -> None:
    received, size = sealed(transform, (1 << 32) + 5)
    peer = InboundSa(7, make_sealer(transform, 7), esn=True)
    assert Opening(received).open(peer, 0, 8, size, Rows(bytearray(1000))) == (6, 0, True)


def test_more_rows_than_anybody_looks_at_are_refused_not_taken_as_opened() -> None:
    sa = OutboundSa(7, make_sealer("gcm", 7))
    packets = [sa.protect(bytes(20), 4) for _ in range(MOST + 1)]
    opening = Opening(Rows(bytearray(b"".join(packets))))
    peer, size = InboundSa(7, make_sealer("gcm", 7)), len(packets[0])
    plain = Rows(bytearray(1 << 17))
    assert opening.open(peer, 0, MOST + 1, size, plain) == (1, 0, False)
    assert opening.open(peer, 0, MOST, size, plain) == (1, MOST, False)


def test_ivs_that_are_not_the_numbers_are_taken_as_they_came() -> None:
    sealer, size = make_sealer("gcm", 7), 8 + 8 + 48 + 16
    flat = bytearray()
    for number in range(1, 9):
        header = bytes(3) + b"\7" + number.to_bytes(4, "big")
        plain = bytes((number,)) * 46 + b"\0\4"
        flat += header + sealer.seal(header, plain, number << 40 | 99)
    rows, peer = Rows(bytearray(1000)), InboundSa(7, make_sealer("gcm", 7))
    for _ in range(2):  # then it is known
        assert Opening(Rows(flat)).open(peer, 0, 8, size, rows) == (1, 8, False)
        assert [row[0] for row in rows.matrix(8, 48)] == [*range(1, 9)]
