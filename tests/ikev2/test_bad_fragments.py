"""Fragments in bad faith: each test is named after what the attacker does."""

import random
import struct
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ikecore.wire import Malformed
from ikev2.fragments import (
    LONGEST_WHOLE,
    MOST_FRAGMENTS,
    MOST_SETS,
    PATIENCE,
    Reassembly,
    open_fragment,
    seal_fragment,
)
from ikev2.message import (
    HEADER,
    LONGEST_MESSAGE,
    Exchange,
    MalformedInside,
    build_init,
    parse_header,
)
from ikev2.payloads.chain import build_chain
from ikev2.payloads.delete import Delete
from ikev2.payloads.unknown import Unknown
from suites.sealers import IntegrityError

from .mutate import Mutator
from .pieces import AUTH, KEYS, SAID, hear, part, sealed
from .test_channel import MUCH, SUITES, ends, header, keys


def reframed(datagram: bytes, at: int, form: str, *values: int) -> bytes:
    """Return the datagram with other fields in front, as a stranger can write them."""
    new = struct.pack(form, *values)
    return datagram[:at] + new + datagram[at + len(new) :]


def refused(datagram: bytes, match: str) -> None:
    with pytest.raises(Malformed, match=match) as found:
        open_fragment(datagram, parse_header(datagram), KEYS)
    assert not isinstance(found.value, MalformedInside)


@pytest.mark.parametrize(
    ("number", "total"),
    [(0, 0), (0, 1), (0, 4), (5, 4), (2, 1), (1, 0), (65535, 4), (65535, 65534)],
)
def test_a_fragment_number_of_0_or_beyond_the_total(number: int, total: int) -> None:
    """strongSwan CVE-2013-6076, libreswan CVE-2026-12413."""
    refused(reframed(sealed()[0], 32, "!HH", number, total), f"fragment {number} of {total}")
    refused(part(number, total), f"fragment {number} of {total}")  # under a good ICV, too


@pytest.mark.parametrize("total", [MOST_FRAGMENTS + 1, 65535])
def test_a_total_beyond_the_limit(total: int) -> None:
    refused(reframed(sealed()[0], 32, "!HH", 1, total), f"{total} fragments")
    refused(part(1, total), f"{total} fragments")
    assert hear(Reassembly(), [part(MOST_FRAGMENTS, MOST_FRAGMENTS)]) == []


@pytest.mark.parametrize("length", [0, 1, 4, 7, 8, 1000, 65535])
def test_a_payload_length_below_its_header_or_of_anything_else(length: int) -> None:
    """Cisco CVE-2016-1287: the length less the header, below zero, was what was copied."""
    refused(reframed(sealed()[0], 30, "!H", length), f"SKF payload of {length} octets")


@pytest.mark.parametrize("size", range(4 + 8 + 16))
def test_a_datagram_too_short_for_numbers_iv_and_icv(size: int) -> None:
    """Its length field is true."""
    body = struct.pack("!HH", 1, 2).ljust(size, b"\0")[:size]
    datagram = build_init(AUTH, (Unknown(53, False, body),))
    with pytest.raises((Malformed, IntegrityError)):
        open_fragment(datagram, parse_header(datagram), KEYS)


def test_other_payloads_beside_the_fragment() -> None:
    inner = sealed()[0][HEADER.size + 4 :]
    for payloads in (
        (Unknown(53, False, inner), Delete(1)),
        (Unknown(53, False, inner), Unknown(53, False, inner)),
        (Unknown(53, False, inner), Unknown(200, True, b"")),
    ):
        refused(build_init(AUTH, payloads), "not the message's only one")
    for payload in (Delete(1), Unknown(46, False, bytes(60)), Unknown(200, False, b"x")):
        refused(build_init(AUTH, (payload, Unknown(53, False, inner))), "begins with payload")


def test_a_fragment_of_ike_sa_init() -> None:
    refused(part(1, 2, header=replace(AUTH, exchange=Exchange.IKE_SA_INIT)), "exchange 34")


def test_every_bit_of_a_fragment_is_authenticated_or_malformed() -> None:
    datagram = part(1, 2, b"content", first=41)
    for at in range(len(datagram)):
        for bit in range(8):
            forged = reframed(datagram, at, "!B", datagram[at] ^ 1 << bit)
            with pytest.raises((IntegrityError, Malformed)) as found:
                open_fragment(forged, parse_header(forged), KEYS)
            assert not isinstance(found.value, MalformedInside)


def test_numbers_exchanged_between_fragments_do_not_authenticate() -> None:
    one, two, *_ = sealed()
    for datagram, number in ((one, 2), (two, 1)):
        forged = reframed(datagram, 32, "!H", number)
        with pytest.raises(IntegrityError):
            open_fragment(forged, parse_header(forged), KEYS)


@pytest.mark.parametrize("plain", ["", "01", "ff", "000003", "00000004"])
def test_a_pad_length_beyond_the_content_under_a_good_icv(plain: str) -> None:
    octets = bytes.fromhex(plain)
    body = struct.pack("!HH", 1, 2) + bytes(8 + len(octets) + 16)
    head = build_init(AUTH, (Unknown(53, False, body),))[:36]
    datagram = head + KEYS.seal(head, octets, 9)
    with pytest.raises(MalformedInside, match="pad length"):
        open_fragment(datagram, parse_header(datagram), KEYS)


def test_the_same_fragment_again_and_again_takes_no_memory() -> None:
    queue, datagrams = Reassembly(), sealed()
    hear(queue, datagrams[:2])
    before = queue.octets
    assert hear(queue, datagrams[:2] * 1000) == []
    assert queue.octets == before


def test_another_text_under_a_number_that_is_there_already() -> None:
    queue, datagrams = Reassembly(), sealed()
    hear(queue, datagrams[:-1])
    hear(queue, [part(1, len(datagrams), b"another text", first=42)])
    (message,) = hear(queue, datagrams[-1:])
    assert message.payloads == SAID


def test_sets_never_completed_are_forgotten_after_30_seconds() -> None:
    queue, datagrams = Reassembly(), sealed()
    hear(queue, datagrams[:1], 100.0)
    hear(queue, datagrams[1:2], 100.0 + PATIENCE - 0.1)  # does not prolong it
    queue.expire(100.0 + PATIENCE - 0.01)
    assert len(queue) == 1
    queue.expire(100.0 + PATIENCE)
    assert (len(queue), queue.octets) == (0, 0)
    hear(queue, datagrams[:1], 200.0)
    assert hear(queue, datagrams[1:], 200.0 + PATIENCE) == []  # the first one is too old


def test_a_thousand_messages_begun_leave_the_newest_few() -> None:
    queue = Reassembly()
    for number in range(1000):
        hear(queue, sealed(header=replace(AUTH, message_id=number))[:-1])
        assert len(queue) <= MOST_SETS
    assert hear(queue, sealed(header=replace(AUTH, message_id=995))[-1:]) == []
    assert len(hear(queue, sealed(header=replace(AUTH, message_id=999))[-1:])) == 1


def test_large_fragments_of_several_messages_stay_within_one_bound() -> None:
    queue, large = Reassembly(), bytes(LONGEST_MESSAGE - 100)
    for number in range(MOST_SETS):
        header = replace(AUTH, message_id=number)
        hear(queue, [part(n, 3, large, header=header) for n in (1, 2)])
        assert queue.octets <= LONGEST_WHOLE
    assert len(queue) == 2
    last = part(3, 3, header=replace(AUTH, message_id=MOST_SETS - 1))
    with pytest.raises(MalformedInside):  # it was kept: it is whole now, and no message
        hear(queue, [last])


def test_a_message_that_grows_beyond_64_kib() -> None:
    queue, large = Reassembly(), bytes(LONGEST_MESSAGE - 100)
    hear(queue, [part(n, 200, large) for n in range(1, 5)])
    before = queue.octets
    with pytest.raises(Malformed, match="more than 65536 octets"):
        hear(queue, [part(5, 200, large)])
    assert (len(queue), queue.octets) == (1, before)


@pytest.mark.parametrize(
    ("first", "contents"),
    [
        (0, (b"octets", b"without a payload")),
        (46, (bytes(20), bytes(20))),
        (53, (bytes(20), bytes(20))),
        (42, (b"\0\0\0\x08\x01", b"\0\0")),  # one octet short
        (42, (b"\0\0\0\x00\x01", b"\0\0\0")),
        (41, (b"", b"")),
    ],
)
def test_fragments_that_make_no_message_are_the_peers_own_doing(
    first: int, contents: tuple[bytes, ...]
) -> None:
    queue = Reassembly()
    with pytest.raises(MalformedInside):
        hear(queue, [part(n + 1, 2, c, first=first) for n, c in enumerate(contents)])
    assert len(queue) == 0


def test_the_type_in_later_fragments_means_nothing() -> None:
    first, chain = build_chain((Delete(1),))
    (message,) = hear(
        Reassembly(), [part(2, 2, chain[3:], first=99), part(1, 2, chain[:3], first=first)]
    )
    assert message.payloads == (Delete(1),)


def test_a_whole_message_in_a_single_fragment_is_taken() -> None:
    first, chain = build_chain(SAID)
    (message,) = hear(Reassembly(), [part(1, 1, chain, first=first)])
    assert message.payloads == SAID


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 5), st.binary(max_size=40), st.integers(0, 60)),
        max_size=12,
    )
)
def test_any_fragments_of_an_authentic_peer_stay_within_bounds(
    parts: list[tuple[int, int, bytes, int]],
) -> None:
    queue = Reassembly()
    for number, total, content, first in parts:
        try:
            hear(queue, [part(number, total, content, first=first)])
        except Malformed:
            continue
    assert len(queue) <= 1


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([34, 35, 36, 37]))
def test_noise_behind_a_header_is_refused_by_the_documented_exceptions(
    noise: bytes, exchange: int
) -> None:
    datagram = build_init(replace(AUTH, exchange=exchange), (Unknown(53, False, noise),))
    with pytest.raises((IntegrityError, Malformed)):
        open_fragment(datagram, parse_header(datagram), KEYS)


# -- damage, through a channel --------------------------------------------------------------------
@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("seed", range(4))
def test_damaged_fragments_change_nothing(seed: int, suite: str) -> None:
    """The peer's own fragments, at first and at last, make the message all the same."""
    moon, sun = ends(suite)
    datagrams = moon.seal(header(), MUCH, 400)
    assert all(sun.open(d, parse_header(d), 1.0) is None for d in datagrams[:-1])
    mutator = Mutator(seed, datagrams)
    for number in range(500):
        data = mutator.noise() if number % 5 == 0 else mutator.datagram()
        if data in datagrams:
            continue
        try:
            parsed = parse_header(data)
        except Malformed:
            continue
        assert not sun.is_first_fragment(data, parsed)
        with pytest.raises((Malformed, IntegrityError)) as found:
            sun.open(data, parsed, 1.0)
        assert not isinstance(found.value, MalformedInside)
    message = sun.open(datagrams[-1], parse_header(datagrams[-1]), 1.0)
    assert message is not None
    assert message.payloads == MUCH


@pytest.mark.parametrize("seed", range(8))
def test_authentic_nonsense_in_fragments(seed: int) -> None:
    """Cut, renumbered, damaged under a good ICV: a message, nothing, or the documented words."""
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    peer = keys(initiator=True).outbound
    _, sun = ends()
    first, chain = build_chain(MUCH)
    mutator = Mutator(seed, [chain])
    for counter in range(500):
        content = mutator.damaged(chain[: dice.choice((0, 10, 900))])
        total = dice.choice((1, 2, 2, 3, 300))
        place = (dice.randint(1, total) if dice.random() < 0.9 else dice.randrange(5), total)
        named = header(message_id=dice.randrange(8))
        data = seal_fragment(named, place, dice.choice((first, 0, 46)), content, peer, counter)
        with suppress(Malformed):
            message = sun.open(data, parse_header(data), counter / 10)
            assert message is None or message.protected
