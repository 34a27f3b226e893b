"""Walking and linking chains; what each version makes of them is tested beside its payloads."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ikecore.chain import LONGEST_CHAIN, link, walk
from ikecore.wire import Malformed, Reader

OCTET = st.integers(0, 255)
PARTS = st.lists(st.tuples(st.integers(1, 255), OCTET, st.binary(max_size=40)), max_size=6)


def walked(first: int, octets: bytes) -> list[tuple[int, int, bytes]]:
    return [(kind, flags, inside.rest()) for kind, flags, inside in walk(first, Reader(octets))]


def test_known_octets_are_read_and_written() -> None:
    parts = [(8, 0, b"hash"), (200, 0x80, b"")]
    wire = bytes.fromhex("c8000008 68617368 00800004")
    assert link(parts) == (8, wire)
    assert walked(8, wire) == parts


def test_no_payload_is_an_empty_chain() -> None:
    assert link(()) == (0, b"")
    assert walked(0, b"") == []


@settings(max_examples=60, deadline=None)
@given(PARTS)
def test_what_is_linked_is_walked(parts: list[tuple[int, int, bytes]]) -> None:
    assert walked(*link(parts)) == parts


def test_what_stands_behind_the_last_payload_is_left() -> None:
    body = Reader(bytes.fromhex("00000005 ff 0102"))
    assert [inside.rest() for _, _, inside in walk(43, body)] == [b"\xff"]
    assert body.rest() == b"\1\2"


def test_a_body_that_is_not_read_to_its_end_is_malformed() -> None:
    steps = walk(1, Reader(bytes.fromhex("00000006 0102")))
    _, _, inside = next(steps)
    inside.take(1)
    with pytest.raises(Malformed, match="after the payload's last field at octet 5"):
        next(steps)


@pytest.mark.parametrize("length", range(4))
def test_a_length_below_the_header_ends_the_walk(length: int) -> None:
    """Of 0, other parsers never came back."""
    with pytest.raises(Malformed, match=f"payload length {length}"):
        walked(99, bytes((99, 0, 0, length)))


def test_a_chain_of_endless_small_payloads_is_cut_off() -> None:
    parts = [(13, 0, b"")] * LONGEST_CHAIN
    assert walked(*link(parts)) == parts
    with pytest.raises(Malformed, match="more than 128 payloads"):
        walked(*link([*parts, (13, 0, b"")]))


@settings(max_examples=60, deadline=None)
@given(OCTET, st.binary(max_size=200))
def test_noise_is_walked_or_malformed(first: int, noise: bytes) -> None:
    try:
        walked(first, noise)
    except Malformed:
        return
