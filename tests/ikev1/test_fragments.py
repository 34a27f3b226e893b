"""Fragments: cut, gathered again, and sent in bad faith."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ikecore.wire import Malformed
from ikev1.fragments import (
    LEAST_ROOM,
    MOST_FRAGMENTS,
    PATIENCE,
    Reassembly,
    cut,
)
from ikev1.message import (
    LONGEST_MESSAGE,
    Exchange,
    Header,
    build_clear,
    parse_header,
)
from ikev1.payloads.chain import Payload
from ikev1.payloads.fragment import Fragment
from ikev1.payloads.unknown import Unknown
from ikev1.payloads.vendor import VendorId

QUICK = Header(b"initiato", b"responde", Exchange.QUICK, 0xCAFE, encrypted=False)
OUTER = Header(b"initiato", b"responde", Exchange.MAIN, 0, encrypted=False)
WHOLE = build_clear(QUICK, (VendorId(bytes(range(256)) * 4),))


def hear(
    queue: Reassembly, datagrams: "tuple[bytes, ...] | list[bytes]", now: float = 0.0
) -> bytes:
    """Return the one message that these datagrams made, or nothing."""
    made = [whole for d in datagrams if (whole := queue.add(parse_header(d), d, now)) is not None]
    assert len(made) <= 1
    return made[0] if made else b""


def part(
    number: int, data: bytes = b"part", *, last: bool = False, identifier: int = 1,
    header: Header = OUTER,
) -> bytes:  # fmt: skip
    return build_clear(header, (Fragment(identifier, number, last, data),))


def refused(queue: Reassembly, datagram: bytes, match: str) -> None:
    with pytest.raises(Malformed, match=match):
        queue.add(parse_header(datagram), datagram, 0.0)


# -- cutting --------------------------------------------------------------------------------------
def test_a_fragment_octet_by_octet() -> None:
    first, *_, last = cut(WHOLE, 400, 0x1234)
    assert first[:36] == bytes.fromhex(
        "696e69746961746f 726573706f6e6465 84100200 00000000 00000190 00000174 12340100"
    )
    assert first[36:] == WHOLE[:364]
    assert last[28:36] == bytes.fromhex("00000150 12340301")
    assert last[36:] == WHOLE[2 * 364 :]


def test_the_header_of_a_part_is_phase_1s_whatever_the_message_is() -> None:
    """strongSwan takes no other, and sends no other."""
    for exchange in (Exchange.MAIN, Exchange.AGGRESSIVE):
        headers = [parse_header(d) for d in cut(WHOLE, 400, 1, exchange)]
        assert {(h.exchange, h.message_id, h.encrypted, h.first) for h in headers} == {
            (exchange, 0, False, 132)
        }


def test_a_message_that_just_fits_is_not_cut() -> None:
    assert cut(WHOLE, len(WHOLE), 1) == (WHOLE,)
    assert len(cut(WHOLE, len(WHOLE) - 1, 1)) == 2
    assert cut(WHOLE[:100], 100, 1) == (WHOLE[:100],)


def test_no_room_and_too_many_fragments_are_refused() -> None:
    with pytest.raises(ValueError, match="room of 199 octets"):
        cut(WHOLE, LEAST_ROOM - 1, 1)
    size = LEAST_ROOM - 36
    assert len(cut(bytes(size * MOST_FRAGMENTS), LEAST_ROOM, 1)) == MOST_FRAGMENTS
    with pytest.raises(ValueError, match="65 fragments"):
        cut(bytes(size * MOST_FRAGMENTS + 1), LEAST_ROOM, 1)


@settings(max_examples=120, deadline=None)
@given(st.integers(500, 8000), st.integers(LEAST_ROOM, 1500), st.data())
def test_no_fragment_exceeds_the_room_and_any_order_gives_the_message(
    size: int, room: int, data: st.DataObject
) -> None:
    whole = build_clear(QUICK, (VendorId(bytes(n & 0xFF for n in range(size))),))
    datagrams = cut(whole, room, 7)
    assert max(map(len, datagrams)) <= room
    if len(datagrams) == 1:
        return
    order = data.draw(st.permutations(datagrams))
    again = data.draw(st.lists(st.sampled_from(order[:-1]), max_size=5))
    queue = Reassembly()
    assert hear(queue, [*order[:-1], *again]) == b""
    assert hear(queue, order[-1:]) == whole
    assert (len(queue), queue.octets) == (0, 0)


# -- gathering ------------------------------------------------------------------------------------
def test_a_fragment_missing_keeps_the_message_waiting() -> None:
    datagrams = cut(WHOLE, 400, 1)
    for missing in range(3):
        queue = Reassembly()
        rest = [d for n, d in enumerate(datagrams) if n != missing]
        assert hear(queue, rest) == b""
        assert len(queue) == 2
        assert hear(queue, [datagrams[missing]]) == WHOLE


def test_a_repeat_of_the_whole_message_is_heard_again() -> None:
    """Whether it is a repeat is the SA's to find out: its answer may have been lost."""
    queue = Reassembly()
    for _ in range(3):
        assert hear(queue, cut(WHOLE, 400, 1)) == WHOLE


def test_the_next_message_takes_the_place_of_an_unfinished_one() -> None:
    queue, other = Reassembly(), build_clear(QUICK, (VendorId(b"\7" * 1000),))
    hear(queue, cut(WHOLE, 400, 1)[:2])
    assert hear(queue, cut(other, 400, 2)) == other
    assert hear(queue, cut(WHOLE, 400, 1)[2:]) == b""


def test_messages_of_one_identifier_are_told_apart_by_their_headers() -> None:
    queue, data = Reassembly(), WHOLE[:400]
    hear(queue, [part(1, data, header=QUICK)])
    assert hear(queue, [part(2, WHOLE[400:], last=True)]) == b""
    assert len(queue) == 1


def test_a_peer_that_numbers_no_messages_is_understood_after_its_repeat() -> None:
    """strongSwan gives all of them identifier 1: a late part of one meets the next one's."""
    queue, other = Reassembly(), build_clear(QUICK, (VendorId(b"\7" * 500),))
    late, then = cut(WHOLE, 400, 1)[2], cut(other, 400, 1)
    hear(queue, [late])
    with pytest.raises(Malformed, match="beside the last one, 3"):
        hear(queue, then)
    assert hear(queue, then) == other


def test_an_encrypted_flag_on_a_fragment_means_nothing() -> None:
    datagrams = [d[:19] + b"\1" + d[20:] for d in cut(WHOLE, 400, 1)]
    assert hear(Reassembly(), datagrams) == WHOLE


# -- bad faith ------------------------------------------------------------------------------------
@pytest.mark.parametrize("number", [0, MOST_FRAGMENTS + 1, 128, 255])
def test_a_fragment_number_of_0_or_beyond_the_limit(number: int) -> None:
    """strongSwan CVE-2013-6076, libreswan CVE-2026-12413."""
    queue = Reassembly()
    hear(queue, cut(WHOLE, 400, 1)[:1])
    for last in (False, True):
        refused(queue, part(number, last=last), f"fragment {number}")
    assert hear(queue, cut(WHOLE, 400, 1)[1:]) == WHOLE  # nothing of it was lost


@pytest.mark.parametrize("length", [0, 1, 3, 4, 7, 9, 1000, 65535])
def test_a_payload_length_below_its_header_or_of_anything_else(length: int) -> None:
    """Cisco CVE-2016-1287: the length less the header, below zero, was what was copied."""
    good = part(1, b"12345678")
    bad = good[:30] + struct.pack("!H", length) + good[32:]
    refused(Reassembly(), bad, "octet")


@pytest.mark.parametrize("size", range(4))
def test_a_datagram_too_short_for_the_fields(size: int) -> None:
    datagram = build_clear(OUTER, (Unknown(132, bytes(size)),))
    refused(Reassembly(), datagram, "4 octets wanted")


def test_fragments_without_octets() -> None:
    queue = Reassembly()
    for number in (1, 2, 64):
        refused(queue, part(number, b""), "without octets")
    assert len(queue) == 0


def test_other_payloads_beside_the_fragment() -> None:
    one = Fragment(1, 1, True, b"data")
    rows: list[tuple[Payload, ...]] = [(one, one), (one, VendorId(b"")), (one, Unknown(200, b""))]
    for payloads in rows:
        refused(Reassembly(), build_clear(OUTER, payloads), "not the message's only one")
    refused(Reassembly(), build_clear(OUTER, (VendorId(b"x"), one)), "begins with payload 13")
    behind = build_clear(OUTER, (one,))
    behind = behind[:24] + struct.pack("!I", len(behind) + 1) + behind[28:] + b"\0"
    refused(Reassembly(), behind, "not the message's only one")


def test_a_total_that_changes() -> None:
    """The part that was the last is not, then: what is there is of nobody's one message."""
    queue = Reassembly()
    hear(queue, [part(4, last=True)])
    refused(queue, part(5), "fragment 5 beside the last one, 4")
    assert len(queue) == 0
    hear(queue, [part(3)])
    refused(queue, part(2, last=True), "fragment 2 is the last one, but 3 is there")
    assert len(queue) == 0


def test_the_last_fragment_twice() -> None:
    queue, datagrams = Reassembly(), cut(WHOLE, 400, 1)
    assert hear(queue, [datagrams[2], datagrams[2]]) == b""
    assert len(queue) == 1
    assert hear(queue, datagrams[:2]) == WHOLE
    for second in (3, 5):
        hear(queue, [part(4, last=True)])
        refused(queue, part(second, last=True), "beside the last one")
        assert len(queue) == 0


def test_the_same_fragment_again_and_again_takes_no_memory() -> None:
    queue, datagrams = Reassembly(), cut(WHOLE, 400, 1)
    hear(queue, datagrams[:2])
    before = queue.octets
    assert hear(queue, datagrams[:2] * 1000) == b""
    assert (len(queue), queue.octets) == (2, before)


def test_another_text_under_a_number_that_is_there_already() -> None:
    queue, datagrams = Reassembly(), cut(WHOLE, 400, 1)
    hear(queue, datagrams[:2])
    hear(queue, [part(1, b"another text"), part(2, b"and the end", last=True)])
    assert hear(queue, datagrams[2:]) == WHOLE


def test_a_message_that_grows_beyond_16_kib() -> None:
    queue, large = Reassembly(), bytes(2000)
    for number in range(1, 9):
        hear(queue, [part(number, large)])
        assert queue.octets <= LONGEST_MESSAGE
    refused(queue, part(9, large), "more than 16384 octets")
    assert (len(queue), queue.octets) == (0, 0)


def test_sets_never_completed_are_forgotten_after_10_seconds() -> None:
    queue, datagrams = Reassembly(), cut(WHOLE, 400, 1)
    hear(queue, datagrams[:1], 100.0)
    hear(queue, datagrams[1:2], 100.0 + PATIENCE - 0.1)  # does not prolong it
    queue.expire(100.0 + PATIENCE - 0.01)
    assert len(queue) == 2
    queue.expire(100.0 + PATIENCE)
    assert (len(queue), queue.octets) == (0, 0)
    hear(queue, datagrams[:2], 200.0)
    assert hear(queue, datagrams[2:], 200.0 + PATIENCE) == b""  # the others are too old


def test_a_thousand_messages_begun_leave_the_newest_one() -> None:
    queue = Reassembly()
    for identifier in range(1000):
        hear(queue, [part(1, bytes(500), identifier=identifier)])
        assert (len(queue), queue.octets) == (1, 500)


@pytest.mark.parametrize(
    ("whole", "match"),
    [
        (b"no message", "28 octets wanted"),
        (WHOLE[:-1], "length 1056"),
        (WHOLE + b"\0", "length 1056"),
        (WHOLE[:17] + b"\x20" + WHOLE[18:], "major version 2"),
        (b"stranger" + WHOLE[8:], "another SA's message"),
        (WHOLE[:8] + bytes(8) + WHOLE[16:], "another SA's message"),
        (part(1, b"x", last=True), "a fragment in fragments"),
    ],
)
def test_fragments_that_make_no_message(whole: bytes, match: str) -> None:
    queue = Reassembly()
    hear(queue, [part(1, whole[:5])])
    refused(queue, part(2, whole[5:], last=True), match)
    assert len(queue) == 0


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 70), st.booleans(), st.binary(max_size=40), st.integers(0, 1),
            st.floats(0.0, 5.0),
        ),
        max_size=30,
    )
)  # fmt: skip
def test_any_fragments_stay_within_bounds(
    parts: list[tuple[int, bool, bytes, int, float]],
) -> None:
    queue, now = Reassembly(), 0.0
    for number, last, data, identifier, step in parts:
        now += step
        datagram = part(number, data, last=last, identifier=identifier)
        with suppress(Malformed):
            queue.add(parse_header(datagram), datagram, now)
        assert len(queue) <= MOST_FRAGMENTS
        assert queue.octets <= LONGEST_MESSAGE


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=6))
def test_noise_behind_a_header_is_taken_or_malformed(noise: list[bytes]) -> None:
    queue = Reassembly()
    for octets in noise:
        datagram = build_clear(OUTER, (Unknown(132, octets),))
        try:
            queue.add(parse_header(datagram), datagram, 0.0)
        except Malformed:
            continue
