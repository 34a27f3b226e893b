"""Damaged messages, in the clear, under the key, in parts: read, Malformed, or against the rules.

The good ones are strongSwan's (vectors/README.md).  A failure names the seed of its batch.
"""

from contextlib import suppress
from pathlib import Path

import pytest

from ikecore.wire import Malformed
from ikev1.fragments import MOST_FRAGMENTS, Reassembly, cut
from ikev1.labels import labels
from ikev1.message import (
    HEADER,
    LONGEST_MESSAGE,
    Exchange,
    Message,
    Undecryptable,
    build_clear,
    open_message,
    parse_clear,
    parse_header,
)
from ikev1.payloads.attributes import value_of
from ikev1.payloads.attrs import ConfigAttributes
from ikev1.payloads.delete import Delete
from ikev1.payloads.hash import Hash
from ikev1.payloads.ident import Identification
from ikev1.payloads.sa import SecurityAssociation
from ikev1.payloads.split import split_networks
from ikev1.rules import Place, RuleBroken, check
from tests.ikev2.mutate import Mutator

from .recorded import FILES, Recording
from .test_vectors import Reading

TYPES = (*range(15), 20, 21, 33, 46, 128, 130, 131, 132, 255)
SETTLED = [path for path in FILES if path.stem in ("main-pfs-dpd", "xauth-pull", "aggressive-nat")]


def mutator(seed: int, good: list[bytes]) -> Mutator:
    return Mutator(seed, good, 0x10, TYPES, tuple(Exchange))


def look_at(message: Message) -> None:
    """Ask a message for all that handlers ask for."""
    assert not message.protected
    assert len(labels(message.payloads)) == len(message.payloads)
    assert message.content.endswith(message.after_first)
    assert message.body_of(SecurityAssociation) in message.content
    assert len(message.bodies_of(Identification)) == len(message.all(Identification))
    build_clear(message.header, message.payloads)
    for ident in message.all(Identification):
        assert str(ident.identity()).isprintable()
        with suppress(Malformed):
            ident.selector()
    for sa in message.all(SecurityAssociation):
        for proposal in sa.proposals:
            values = [value_of(a) for t in proposal.transforms for a in t.attributes]
            assert all(0 <= value < 1 << 64 for value in values)
    for config in message.all(ConfigAttributes):
        for attribute in config.attributes:
            if isinstance(attribute.value, bytes):
                with suppress(Malformed):
                    split_networks(attribute.value)
    for delete in message.all(Delete):
        assert len(delete.children) <= len(delete.spis)
    for place in Place:
        with suppress(RuleBroken):
            check(message, place)


@pytest.fixture(scope="module")
def good_clear() -> list[bytes]:
    said = [one for path in FILES for one in Recording(path).messages if not one.is_encrypted]
    return [one.raw for one in said]


@pytest.mark.parametrize("seed", range(8))
def test_damaged_messages_in_the_clear(seed: int, good_clear: list[bytes]) -> None:
    damage, taken = mutator(seed, good_clear), 0
    for number in range(400):
        data = damage.noise() if number % 10 == 0 else damage.datagram()
        with suppress(Malformed):
            header = parse_header(data)
            look_at(parse_clear(data, header))
            taken += 1
    assert taken > 20  # what is hit is not always what is looked at


@pytest.mark.parametrize("path", SETTLED, ids=lambda path: path.stem)
def test_damaged_sealed_messages(path: Path) -> None:
    """No integrity check stands before the parser: a stranger's octets come through, too."""
    reading = Reading(Recording(path))
    for seed, one in enumerate(each for each in reading.opened if each.iv):
        damage = mutator(seed, [one.said.raw])
        for _ in range(40):
            data = damage.datagram()
            with suppress(Malformed):
                header = parse_header(data)
                message, following = open_message(data, header, reading.keys.cipher, one.iv)
                assert len(following) == len(one.iv)
                look_at(message)


@pytest.mark.parametrize("path", SETTLED, ids=lambda path: path.stem)
def test_authentic_nonsense_under_the_key(path: Path) -> None:
    """What a peer with the key can write: every field of what it encrypts."""
    reading = Reading(Recording(path))
    cipher, taken = reading.keys.cipher, 0
    for seed, one in enumerate(each for each in reading.opened if each.iv):
        damage = mutator(seed, [one.message.content])
        for _ in range(60):
            plain = damage.damaged(one.message.content) or b"\0"
            sealed = cipher.encrypt(one.iv, plain + bytes(-len(plain) % cipher.block))
            head = one.said.raw[:24] + (HEADER.size + len(sealed)).to_bytes(4, "big")
            header = parse_header(head + sealed)
            with suppress(Undecryptable):
                look_at(open_message(head + sealed, header, cipher, one.iv)[0])
                taken += 1
    assert taken > 40


@pytest.mark.parametrize("seed", range(8))
def test_damaged_fragments(seed: int, good_clear: list[bytes]) -> None:
    """A message comes out of it whole or not at all, and what waits stays within bounds."""
    whole = max(good_clear, key=len)
    parts = list(cut(whole, 200, 1))
    damage, queue, made = mutator(seed, parts), Reassembly(), []
    for number in range(400):
        data = parts[number % len(parts)] if number % 3 else damage.datagram()
        with suppress(Malformed):
            found = queue.add(parse_header(data), data, number / 50)
            if found is not None:
                made.append(found)
        assert len(queue) <= MOST_FRAGMENTS
        assert queue.octets <= LONGEST_MESSAGE
    assert whole in made
    for found in made:
        with suppress(Malformed):
            look_at(parse_clear(found, parse_header(found)))


def test_a_hash_of_any_size_is_read(good_clear: list[bytes]) -> None:
    """Comparing it is the caller's, and so is its length."""
    header = parse_header(good_clear[0])
    for size in (0, 1, 15, 16, 20, 64, 4096):
        data = build_clear(header, (Hash(bytes(size)),))
        message = parse_clear(data, parse_header(data))
        assert message.payloads == (Hash(bytes(size)),)
