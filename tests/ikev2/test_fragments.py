"""Fragments: cut, sealed, gathered again."""

import struct
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scapy.contrib.ikev2 import IKEv2, IKEv2_Encrypted_Fragment

from ikev2.fragments import (
    DATAGRAM,
    FALLBACK_DATAGRAM,
    LEAST_ROOM,
    MOST_FRAGMENTS,
    Reassembly,
    open_fragment,
    room_for,
    seal_fragment,
    seal_within,
)
from ikev2.message import (
    LONGEST_MESSAGE,
    Exchange,
    open_message,
    parse_header,
)
from ikev2.payloads.chain import Payload, build_chain
from ikev2.payloads.notify import Notify
from ikev2.payloads.vendor import VendorId
from tests.ikev2.payloads.codec import PAYLOADS

from .pieces import AUTH, KEYS, SAID, SUITES, hear, part, sealed, suite


# -- room -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("version", "encapsulated", "datagram", "room"),
    [
        (4, False, DATAGRAM, 1252),
        (4, True, DATAGRAM, 1248),
        (6, False, DATAGRAM, 1232),
        (6, True, DATAGRAM, 1228),
        (4, False, FALLBACK_DATAGRAM, 548),
        (4, True, FALLBACK_DATAGRAM, 544),
    ],
)
def test_the_headers_of_the_datagram_are_counted(
    version: int, encapsulated: bool, datagram: int, room: int
) -> None:
    assert room_for(version, encapsulated, datagram) == room


def test_no_datagram_is_too_small_to_carry_anything() -> None:
    assert room_for(4, True, 232) == LEAST_ROOM
    with pytest.raises(ValueError, match="room of 199 octets"):
        room_for(4, True, 231)
    with pytest.raises(ValueError, match="room of 199 octets"):
        seal_within(AUTH, SAID, KEYS, 1, LEAST_ROOM - 1)


# -- cutting --------------------------------------------------------------------------------------
def test_a_fragment_octet_by_octet() -> None:
    datagram = seal_fragment(AUTH, (2, 3), 0, b"content", KEYS, 5)
    assert datagram[:36] == bytes.fromhex(
        "696e69746961746f 726573706f6e6465 35202308 00000001 00000044 00000028 00020003"
    )
    assert datagram[36:44] == (5).to_bytes(8, "big")
    assert KEYS.open(datagram[:36], datagram[36:]) == b"content\0"
    fragment = open_fragment(datagram, parse_header(datagram), KEYS)
    assert (fragment.number, fragment.total, fragment.first) == (2, 3, 0)
    assert (fragment.content, fragment.raw) == (b"content", datagram)


def test_only_the_first_fragment_tells_the_type_of_the_first_payload() -> None:
    datagrams = sealed()
    assert [d[28] for d in datagrams] == [41, *[0] * (len(datagrams) - 1)]
    assert [struct.unpack_from("!HH", d, 32) for d in datagrams] == [
        (n + 1, len(datagrams)) for n in range(len(datagrams))
    ]


def test_every_fragment_is_sealed_under_a_counter_of_its_own() -> None:
    datagrams = seal_within(AUTH, SAID, KEYS, 40, 400)
    assert [int.from_bytes(d[36:44], "big") for d in datagrams] == [40, 41, 42, 43]


@pytest.mark.parametrize(("encr", "integ"), SUITES)
def test_a_message_that_just_fits_is_not_cut(encr: str, integ: str) -> None:
    keys = suite(encr, integ)
    (whole,) = seal_within(AUTH, SAID, keys, 1, LONGEST_MESSAGE)
    assert seal_within(AUTH, SAID, keys, 1, len(whole))[0][16] == 46
    cut = seal_within(AUTH, SAID, keys, 1, len(whole) - 1)
    assert len(cut) == 2
    assert {d[16] for d in cut} == {53}


def test_the_largest_fragments_fill_the_room() -> None:
    assert [len(d) for d in sealed(400)[:-1]] == [400] * 3
    assert [len(d) for d in sealed(403)[:-1]] == [400] * 3  # whole blocks


def test_a_message_of_more_fragments_than_anyone_takes_is_not_sent() -> None:
    room = 28 + 8 + 8 + 16 + 140  # 139 octets of content
    said = (VendorId(bytes(139 * MOST_FRAGMENTS - 4)),)
    assert len(seal_within(AUTH, said, KEYS, 1, room)) == MOST_FRAGMENTS
    with pytest.raises(ValueError, match="257 fragments"):
        seal_within(AUTH, (*said, VendorId(b"")), KEYS, 1, room)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.integers(0, 4000), min_size=1, max_size=5),
    st.integers(LEAST_ROOM, 1500),
    st.sampled_from(SUITES),
    st.data(),
)
def test_no_fragment_exceeds_the_room_and_any_order_gives_the_message(
    sizes: list[int], room: int, names: tuple[str, str], data: st.DataObject
) -> None:
    keys = suite(*names)
    said = tuple(Notify(40000 + n, bytes((n,)) * size) for n, size in enumerate(sizes))
    datagrams = seal_within(AUTH, said, keys, 7, room)
    assert max(map(len, datagrams)) <= room
    if len(datagrams) == 1:
        message = open_message(datagrams[0], parse_header(datagrams[0]), keys)
        assert (message.payloads, message.fragments) == (said, ())
        return
    order = data.draw(st.permutations(datagrams))
    again = data.draw(st.lists(st.sampled_from(order[:-1]), max_size=5))
    queue = Reassembly()
    *heard, last = (hear(queue, [d], keys=keys) for d in (*order[:-1], *again, order[-1]))
    assert not any(heard)
    (message,) = last
    assert message.payloads == said
    assert message.protected
    assert (message.raw, message.fragments) == (datagrams[0], datagrams)
    assert message.header == replace(AUTH, first=53)
    assert len(queue) == queue.octets == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(PAYLOADS, max_size=12).map(tuple))
def test_any_payloads_survive(said: tuple[Payload, ...]) -> None:
    datagrams = seal_within(AUTH, said, KEYS, 1, LEAST_ROOM)
    if len(datagrams) > 1:
        (message,) = hear(Reassembly(), datagrams[::-1])
        assert message.payloads == said


@settings(max_examples=200, deadline=None)
@given(st.integers(400, 20_000), st.sampled_from(SUITES), st.booleans())
@example(1188, SUITES[0], False)
@example(2376, SUITES[0], True)
def test_less_room_after_losses_makes_more_fragments(
    size: int, names: tuple[str, str], encapsulated: bool
) -> None:
    """RFC 7383 section 2.5.2: the totals tell the two sets apart."""
    keys, said = suite(*names), (VendorId(bytes(size)),)
    before, after = (
        len(seal_within(AUTH, said, keys, 1, room_for(4, encapsulated, datagram)))
        for datagram in (DATAGRAM, FALLBACK_DATAGRAM)
    )
    assert after > before or after == before == 1


# -- gathering ------------------------------------------------------------------------------------
def test_a_fragment_missing_keeps_the_message_waiting() -> None:
    for missing in range(4):
        queue = Reassembly()
        rest = [d for n, d in enumerate(sealed()) if n != missing]
        assert hear(queue, rest) == []
        assert len(queue) == 1
        assert queue.octets == sum(map(len, rest))
        (message,) = hear(queue, [sealed()[missing]])
        assert message.payloads == SAID


def test_request_and_response_of_one_id_and_other_ids_do_not_mix() -> None:
    headers = (AUTH, replace(AUTH, response=True), replace(AUTH, message_id=2))
    sets = [sealed(header=header) for header in headers]
    queue = Reassembly()
    mixed = [datagram for row in zip(*sets, strict=True) for datagram in row]
    messages = hear(queue, mixed)
    assert [replace(message.header, first=0) for message in messages] == list(headers)
    assert [message.fragments for message in messages] == sets


def test_fragments_of_two_exchanges_under_one_id_do_not_mix() -> None:
    other = sealed(header=replace(AUTH, exchange=Exchange.INFORMATIONAL))
    queue = Reassembly()
    assert hear(queue, [*sealed()[:2], *other[2:]]) == []
    assert len(queue) == 2


def test_a_new_cut_into_more_fragments_replaces_what_is_there() -> None:
    queue = Reassembly()
    hear(queue, sealed(400)[:3])
    finer = sealed(300)
    assert hear(queue, finer[:1]) == []
    assert queue.octets == len(finer[0])
    (message,) = hear(queue, finer[1:])
    assert message.fragments == finer


def test_late_fragments_of_the_coarser_cut_change_nothing() -> None:
    queue = Reassembly()
    finer, coarser = sealed(300), sealed(400)
    hear(queue, finer[:-1])
    before = queue.octets
    assert hear(queue, coarser) == []
    assert queue.octets == before
    (message,) = hear(queue, finer[-1:])
    assert message.payloads == SAID


def test_a_peer_that_changes_the_total_back_and_forth_never_mixes_two_cuts() -> None:
    first, chain = build_chain(SAID)
    half = len(chain) // 2
    queue = Reassembly()
    assert hear(queue, [part(1, 3, chain[:half], first=first), part(2, 2, chain[half:])]) == []
    assert hear(queue, [part(1, 2, chain[:half], first=first)]) == []
    (message,) = hear(queue, [part(2, 3, chain[half:]), part(3, 3)])
    assert message.payloads == SAID


# -- another's reading ----------------------------------------------------------------------------
def test_scapy_reads_ours_and_we_read_scapys() -> None:
    seen = IKEv2(part(2, 3, b"content"))
    assert (seen.init_SPI, seen.exch_type, seen.next_payload) == (b"initiato", 35, 53)
    fragment = seen[IKEv2_Encrypted_Fragment]
    assert (fragment.next_payload, fragment.frag_number, fragment.frag_total) == (0, 2, 3)
    assert fragment.length == len(part(2, 3, b"content")) - 28
    theirs = IKEv2_Encrypted_Fragment(
        next_payload=42, flags=0, length=8 + 8 + 8 + 16, frag_number=1, frag_total=2
    )
    head = IKEv2(init_SPI=b"initiato", resp_SPI=b"responde", exch_type=35, flags=8, next_payload=53)
    head.id, head.length = 1, 28 + theirs.length
    start = bytes(head) + bytes(theirs)
    datagram = start + KEYS.seal(start, b"content\0", 77)
    read = open_fragment(datagram, parse_header(datagram), KEYS)
    assert (read.number, read.total, read.first, read.content) == (1, 2, 42, b"content")
