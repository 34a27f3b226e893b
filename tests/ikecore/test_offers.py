"""The frame of proposals and transforms; what each version puts there is tested beside its SA."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ikecore.offers import PROPOSALS, TRANSFORMS, build_offer, parse_offer
from ikecore.wire import Malformed, Reader

Row = tuple[int, int, bytes, list[bytes]]
TWO = bytes.fromhex("02000017 01 03 04 02 deadbeef 03000006 abcd 00000005 ef 00000008 02 02 00 00")
ROWS: list[Row] = [(1, 3, b"\xde\xad\xbe\xef", [b"\xab\xcd", b"\xef"]), (2, 2, b"", [])]
OCTET = st.integers(0, 255)
SHORT = st.binary(max_size=20)


def read(octets: bytes) -> list[Row]:
    body = Reader(octets)
    found = [
        (framed.number, framed.protocol, framed.spi, list(transforms))
        for framed, transforms in parse_offer(body, Reader.rest)
    ]
    assert not body
    return found


def test_known_octets_are_read_and_written() -> None:
    assert read(TWO) == ROWS
    assert build_offer(ROWS) == TWO
    assert [framed.at for framed, _ in parse_offer(Reader(TWO), Reader.rest)] == [0, 23]


def test_what_stands_behind_the_last_proposal_is_left() -> None:
    body = Reader(TWO + b"more")
    assert len(list(parse_offer(body, Reader.rest))) == 2
    assert body.rest() == b"more"


@pytest.mark.parametrize("cut", range(len(TWO)))
def test_an_offer_cut_anywhere_is_malformed(cut: int) -> None:
    with pytest.raises(Malformed):
        read(TWO[:cut])


@pytest.mark.parametrize(
    ("at", "value", "match"),
    [
        (0, "01", "followed by 1"),
        (2, "0000", "-8 octets wanted"),
        (2, "0016", "octets wanted"),
        (2, "0018", "followed by|after the proposal's last"),
        (6, "ff", "255 octets wanted"),
        (7, "01", "transform followed by 3"),
        (7, "03", "transform followed by 0"),
        (12, "00", "transform followed by 0"),
        (14, "0003", "-1 octets wanted"),
        (14, "ffff", "65531 octets wanted"),
    ],
)
def test_lengths_counts_and_markers_that_lie_are_malformed(at: int, value: str, match: str) -> None:
    new = bytes.fromhex(value)
    with pytest.raises(Malformed, match=match):
        read(TWO[:at] + new + TWO[at + len(new) :])


def test_a_transform_that_is_not_read_to_its_end_is_malformed() -> None:
    with pytest.raises(Malformed, match="after the transform's last field"):
        list(parse_offer(Reader(TWO), lambda body: body.take(1)))


def test_offers_without_end_are_cut_off() -> None:
    one: Row = (1, 1, b"", [b""])
    assert len(read(build_offer([one] * PROPOSALS))) == PROPOSALS
    with pytest.raises(Malformed, match="more than 64 proposals"):
        read(build_offer([one] * (PROPOSALS + 1)))
    half: Row = (1, 1, b"", [b""] * (TRANSFORMS // 2))
    assert len(read(build_offer([half, half]))) == 2
    with pytest.raises(Malformed, match="more than 256 transforms"):
        read(build_offer([half, half, one]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(OCTET, OCTET, SHORT, st.lists(SHORT, max_size=4)), min_size=1, max_size=4)
)
def test_what_is_written_reads_back(rows: list[Row]) -> None:
    assert read(build_offer(rows)) == rows


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80))
def test_noise_is_read_or_malformed(noise: bytes) -> None:
    try:
        list(parse_offer(Reader(noise), Reader.rest))
    except Malformed:
        return
