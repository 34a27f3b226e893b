"""Rows are opened as their packets would be, all of them or none."""

import pytest

from esp.sa import InboundSa, OutboundSa
from esp.vector.opening import Opening
from esp.vector.rows import MOST, Rows
from suites.sealers import IntegrityError
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
    plain = Rows(bytearray(1000))
    numbers = Opening(received).open(peer, 8, size, plain)
    assert numbers is not None
    assert [*numbers] == [*range(begin + 1, begin + 9)]
    rows = plain.matrix(8, size - peer.overhead)
    assert [bytes(row[:46]) for row in rows] == [bytes((number,)) * 46 for number in range(8)]


@pytest.mark.parametrize("at", [0, 5, 9, 30, -1])
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_one_wrong_octet_anywhere_refuses_all(transform: str, at: int) -> None:
    received, size = sealed(transform, 0)
    received.buffer[3 * size + at % size] ^= 1
    peer = InboundSa(7, make_sealer(transform, 7))
    try:
        assert Opening(received).open(peer, 8, size, Rows(bytearray(1000))) is None
    except IntegrityError:
        return
    assert at in (0, 5)  # another SPI or number: not even looked at


@pytest.mark.parametrize("transform", ["gcm", "cbc-sha256", "ctr"])
def test_another_upper_half_refuses_all(transform: str) -> None:
    received, size = sealed(transform, (1 << 32) + 5)
    peer = InboundSa(7, make_sealer(transform, 7), esn=True)
    with pytest.raises(IntegrityError):
        Opening(received).open(peer, 8, size, Rows(bytearray(1000)))


def test_more_rows_than_anybody_looks_at_are_refused_not_taken_as_opened() -> None:
    sa = OutboundSa(7, make_sealer("gcm", 7))
    packets = [sa.protect(bytes(20), 4) for _ in range(MOST + 1)]
    opening = Opening(Rows(bytearray(b"".join(packets))))
    peer, size = InboundSa(7, make_sealer("gcm", 7)), len(packets[0])
    plain = Rows(bytearray(1 << 17))
    assert opening.open(peer, MOST + 1, size, plain) is None
    assert opening.open(peer, MOST, size, plain) == range(1, MOST + 1)


def test_ivs_that_are_not_the_numbers_are_taken_as_they_came() -> None:
    sealer, size = make_sealer("gcm", 7), 8 + 8 + 48 + 16
    flat = bytearray()
    for number in range(1, 9):
        header = bytes(3) + b"\7" + number.to_bytes(4, "big")
        plain = bytes((number,)) * 46 + b"\0\4"
        flat += header + sealer.seal(header, plain, number << 40 | 99)
    plain_rows, peer = Rows(bytearray(1000)), InboundSa(7, make_sealer("gcm", 7))
    numbers = Opening(Rows(flat)).open(peer, 8, size, plain_rows)
    assert numbers == [*range(1, 9)]
    assert [row[0] for row in plain_rows.matrix(8, 48)] == [*range(1, 9)]
