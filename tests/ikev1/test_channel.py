"""Messages in clear, under keys, and under one of several keys."""

import pytest

from ikecore.wire import Malformed
from ikev1.channel import CLEAR, SealedChannel, UndecidedChannel
from ikev1.keys import Keys1
from ikev1.message import Exchange, Header, build_clear, parse_header
from ikev1.payloads.hash import Hash
from ikev1.payloads.ident import Identification
from ikev1.payloads.notify import Notify

from .alone import COOKIES, some_keys

HEADER = Header(*COOKIES, Exchange.MAIN, 0, encrypted=False)
IV = bytes(16)
WORDS = (Identification(2, 0, 0, b"moon.lab"), Hash(bytes(32)))
NOTIFY = (Notify(24578),)


def opened(channel: SealedChannel | UndecidedChannel, datagram: bytes) -> tuple[object, ...]:
    return channel.open(parse_header(datagram), datagram, IV)[0].payloads


def test_there_is_nothing_but_clear_before_there_are_keys() -> None:
    sealed = CLEAR.seal(HEADER, NOTIFY, b"", None)
    assert not CLEAR.is_sealed
    assert sealed.iv == b""
    message, iv = CLEAR.open(parse_header(sealed.datagram), sealed.datagram, b"the iv")
    assert (message.payloads, iv, message.protected) == (NOTIFY, b"the iv", False)


def test_what_is_enciphered_cannot_be_opened_in_clear_and_no_hash_made() -> None:
    datagram = SealedChannel(some_keys()).seal(HEADER, WORDS, IV, None).datagram
    with pytest.raises(Malformed):
        CLEAR.open(parse_header(datagram), datagram, b"")
    with pytest.raises(RuntimeError):
        CLEAR.seal(HEADER, NOTIFY, b"", lambda _: b"")


def test_under_keys_each_message_brings_the_iv_of_the_next() -> None:
    here, there = SealedChannel(some_keys()), SealedChannel(some_keys())
    iv = their_iv = IV
    for _ in range(3):
        sealed = here.seal(HEADER, WORDS, iv, None)
        assert b"moon.lab" not in sealed.datagram
        message, their_iv = there.open(parse_header(sealed.datagram), sealed.datagram, their_iv)
        assert message.payloads == WORDS
        assert sealed.iv == their_iv == sealed.datagram[-16:]
        iv = sealed.iv


def test_a_hash_is_made_over_all_that_follows_it() -> None:
    covered: list[bytes] = []

    def make(rest: bytes) -> bytes:
        covered.append(rest)
        return bytes(32)

    channel = SealedChannel(some_keys())
    sealed = channel.seal(HEADER, NOTIFY, IV, make)
    message, _ = channel.open(parse_header(sealed.datagram), sealed.datagram, IV)
    assert message.payloads == (Hash(bytes(32)), *NOTIFY)
    assert covered == [message.after_first]
    assert not message.protected  # that is for who checks the HASH to say


def test_clear_is_refused_once_there_are_keys() -> None:
    datagram = build_clear(HEADER, NOTIFY)
    with pytest.raises(Malformed):
        opened(SealedChannel(some_keys()), datagram)
    assert opened(SealedChannel(some_keys(), takes_clear=True), datagram) == NOTIFY


def test_of_several_keys_that_which_fits_is_chosen() -> None:
    choices = tuple(some_keys(psk=psk) for psk in (b"one", b"two", b"three"))
    for right in choices:
        chosen: list[Keys1] = []
        channel = UndecidedChannel(choices, chosen.append)
        assert channel.is_sealed
        datagram = SealedChannel(right).seal(HEADER, WORDS, IV, None).datagram
        assert opened(channel, datagram) == WORDS
        assert chosen == [right]


def test_none_of_several_keys_fits_and_nothing_is_chosen() -> None:
    chosen: list[Keys1] = []
    channel = UndecidedChannel((some_keys(psk=b"one"), some_keys(psk=b"two")), chosen.append)
    datagram = SealedChannel(some_keys(psk=b"another")).seal(HEADER, WORDS, IV, None).datagram
    with pytest.raises(Malformed):
        opened(channel, datagram)
    with pytest.raises(Malformed):
        opened(channel, build_clear(HEADER, NOTIFY))
    with pytest.raises(Malformed):
        opened(UndecidedChannel((), chosen.append), datagram)
    assert chosen == []


def test_payloads_without_a_hash_choose_no_key() -> None:
    """All that is said in cipher has one: so it was noise, and another key may fit."""
    chosen: list[Keys1] = []
    one, two = some_keys(psk=b"one"), some_keys(psk=b"two")
    datagram = SealedChannel(one).seal(HEADER, NOTIFY, IV, None).datagram
    with pytest.raises(Malformed):
        opened(UndecidedChannel((one, two), chosen.append), datagram)
    assert chosen == []


def test_of_several_keys_the_first_one_seals() -> None:
    first = some_keys(psk=b"one")
    channel = UndecidedChannel((first, some_keys(psk=b"two")), lambda _: None)
    assert opened(SealedChannel(first), channel.seal(HEADER, WORDS, IV, None).datagram) == WORDS
