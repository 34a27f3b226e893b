"""Data attributes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ikecore.wire import Malformed, Reader
from ikev1.payloads.attributes import (
    LARGEST,
    MOST,
    Attribute,
    build_attributes,
    parse_attributes,
    value_of,
)
from tests.ikecore.codec import MODERATE
from tests.ikev1.payloads.codec import ATTRIBUTES

TWO = bytes.fromhex("800b0001 000c0004 00015180")


def test_known_octets_are_read_and_written() -> None:
    found = (Attribute(11, 1), Attribute(12, b"\0\1\x51\x80"))
    assert parse_attributes(Reader(TWO)) == found
    assert build_attributes(found) == TWO
    assert [value_of(one) for one in found] == [1, 86400]


def test_numbers_that_do_not_fit_the_header_stand_behind_it() -> None:
    assert build_attributes((Attribute(12, 65535),)).hex() == "800cffff"
    assert build_attributes((Attribute(12, 86400),)) == TWO[4:]
    assert build_attributes((Attribute(2, 1 << 32),)).hex() == "000200080000000100000000"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7),
        (b"", 0),
        (b"\0", 0),
        (b"\7", 7),
        (b"\1\0\0", 65536),
        (b"\xff" * 8, LARGEST),
        (b"\0" * 100 + b"\5", 5),
        (b"\1" + bytes(8), LARGEST),
        (b"\xff" * 60000, LARGEST),
    ],
)
def test_a_number_of_any_size_is_read_and_bounded(value: int | bytes, number: int) -> None:
    assert value_of(Attribute(1, value)) == number


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 6, 7, 8, 9, 10, 11])
def test_an_attribute_cut_short_is_malformed(cut: int) -> None:
    with pytest.raises(Malformed):
        parse_attributes(Reader(TWO[:cut]))


def test_a_list_of_endless_small_attributes_is_cut_off() -> None:
    whole = (Attribute(1, b""),) * MOST
    assert parse_attributes(Reader(build_attributes(whole))) == whole
    with pytest.raises(Malformed, match="more than 256 attributes"):
        parse_attributes(Reader(build_attributes((*whole, whole[0]))))


@MODERATE
@given(ATTRIBUTES)
def test_what_is_written_reads_back(attributes: tuple[Attribute, ...]) -> None:
    assert parse_attributes(Reader(build_attributes(attributes))) == attributes


@MODERATE
@given(st.binary(max_size=60))
def test_noise_is_read_or_malformed_and_written_the_same(noise: bytes) -> None:
    try:
        found = parse_attributes(Reader(noise))
    except Malformed:
        return
    assert build_attributes(found) == noise
    assert all(0 <= value_of(one) <= LARGEST for one in found)
