"""What attackers send in the middle of phase 1, and in fragments; tests are named after it."""

import struct

import pytest

from ikecore.actions import Failed, Send
from ikecore.diagnosis import Code
from ikev1.message import Exchange, Header, build_clear
from ikev1.payloads.chain import build_chain
from ikev1.payloads.delete import Delete
from ikev1.payloads.hash import Hash
from ikev1.payloads.ident import Identification
from ikev1.payloads.ke import KeyExchangeData
from ikev1.payloads.nonce import Nonce
from ikev1.payloads.notify import Notify
from ikev1.payloads.types import PayloadType
from ikev1.payloads.unknown import Unknown
from suites.modp import oakley_prime

from .attack import AM, alone, clear, cookies, half_open, unharmed
from .forger import (
    Forger,
    aggressive_words,
    first_message,
    key_words,
)
from .network import Network, only
from .tunnel import MAIN, QUICK


@pytest.fixture
def net() -> Network:
    net = Network()
    net.initiate("moon")
    return net


# -- before authentication ------------------------------------------------------------------------
def odd_values() -> dict[str, bytes]:
    prime = oakley_prime(2048)
    size = 256
    return {
        "0": bytes(size),
        "1": (1).to_bytes(size, "big"),
        "p - 1": (prime - 1).to_bytes(size, "big"),
        "p": prime.to_bytes(size, "big"),
        "above p": b"\xff" * size,
        "nothing": b"",
        "one octet": b"\x02",
        "too short": b"\x55" * (size - 1),
        "too long": b"\x55" * (size + 1),
        "very long": b"\x55" * 4000,
    }


@pytest.mark.parametrize("name", odd_values())
def test_sends_a_public_value_that_none_can_have(name: str) -> None:
    net = half_open(messages=2)
    value = odd_values()[name]
    data = clear(net, MAIN, KeyExchangeData(value), Nonce(bytes(32)))
    assert only(Send, net.inject("sun", data)) == []
    assert net.drops("sun") in (["public_value"], ["malformed"])
    assert unharmed(net)


@pytest.mark.parametrize("name", odd_values())
def test_sends_such_a_value_first_of_all(name: str) -> None:
    net = alone(AM)
    offer, _, nonce, ident = aggressive_words()
    words = (offer, KeyExchangeData(odd_values()[name]), nonce, ident)
    assert only(Send, net.inject("sun", first_message(words, exchange=AM))) == []
    assert net.hosts["sun"].endpoint.half_open == 0
    assert unharmed(net)


@pytest.mark.parametrize("size", [0, 1, 7, 257, 2000])
def test_sends_a_nonce_that_is_too_short_or_too_long(size: int) -> None:
    net = half_open(messages=2)
    head = first_message(
        (key_words()[0], Unknown(PayloadType.NONCE, bytes(size))),
        cookies(net)[0],
        responder_cookie=cookies(net)[1],
    )
    assert only(Send, net.inject("sun", head)) == []
    assert net.drops("sun") == ["malformed"]
    assert unharmed(net)


def test_sends_back_what_we_say() -> None:
    net = half_open(messages=3)
    reflected = net.wire[3].data
    assert only(Send, net.inject("sun", reflected)) == []
    assert unharmed(net)


@pytest.mark.parametrize("exchange", [Exchange.INFORMATIONAL, QUICK, Exchange.TRANSACTION])
def test_speaks_under_cipher_before_there_are_keys(exchange: Exchange) -> None:
    for messages in (2, 4):
        net = half_open(messages=messages)
        head = Header(*cookies(net), exchange, 7, encrypted=True)
        data = bytearray(build_clear(head, (Hash(bytes(32)), Delete(1, (b"".join(cookies(net)),)))))
        data[19] = 1
        assert only(Send, net.inject("sun", bytes(data))) == []
        assert unharmed(net)


def test_ends_phase_1_in_clear_and_the_true_answer_still_counts() -> None:
    for messages in range(1, 6):
        net = alone()
        net.lose = lambda _, net=net, messages=messages: len(net.wire) > messages  # type: ignore[misc]
        net.initiate("moon", settle=False)
        net.settle()
        net.lose = lambda _: False
        for name in ("moon", "sun"):
            for kind in (14, 16, 24, 29):
                sa = (net.wire[0].data[:8], net.wire[-1].data[8:16])
                header = Header(*sa, Exchange.INFORMATIONAL, 0, encrypted=False)
                sent = net.inject(name, build_clear(header, (Notify(kind),)))
                assert only(Send, sent) == []
        net.sleep(30)
        net.assert_connected()


def test_sends_ids_that_look_like_der_or_are_too_long() -> None:
    for kind, data in (
        (9, b""),
        (9, b"\x30"),
        (9, b"\x30\x84\xff\xff\xff\xff"),
        (9, b"\x30\x80" * 200),
        (9, b"0" * 2000),
        (1, b"\x0a"),
        (5, b"\x0a" * 15),
        (4, b"\x0a" * 7),
        (7, b"\xff" * 4 + bytes(4)),
        (2, b"\x00\x1b[31m\xff"),
        (10, b"\x30\x03\x02\x01\x00"),
        (11, b"\n" * 2048),
        (255, bytes(2048)),
        (0, b""),
    ):
        net = alone(AM)
        words = (*aggressive_words()[:3], Unknown(5, struct.pack("!BBH", kind, 17, 500) + data))
        assert only(Send, net.inject("sun", first_message(words, exchange=AM))) == []
        for failure in net.failures("sun"):
            text = "\n".join(failure.lines())
            assert len(text) < 2000
            assert text.replace("\n", "").isprintable()
        assert unharmed(net)


def test_shows_an_identity_with_a_port_of_its_own() -> None:
    for protocol, port in ((0, 0), (17, 500), (17, 4500), (6, 80), (255, 65535)):
        net = alone(AM)
        ident = Identification(2, protocol, port, b"moon.lab")
        words = (*aggressive_words()[:3], ident)
        assert len(only(Send, net.inject("sun", first_message(words, exchange=AM)))) <= 1
        assert unharmed(net)


def test_guesses_the_psk_on_line() -> None:
    net = alone()
    net.hosts["moon"].psk = b"guessed"
    for _ in range(5):
        net.initiate("moon", settle=False)
        net.sleep(40)
    assert net.up("sun") == []
    assert net.hosts["sun"].endpoint.half_open == 0
    assert {failed.diagnosis.code for failed in net.seen(Failed, "sun")} <= {
        Code.PSK_MISMATCH,
        Code.PEER_NO_RESPONSE,
    }
    net.hosts["moon"].psk = net.hosts["sun"].psk
    assert unharmed(net)


def test_knows_the_psk_and_shows_a_wrong_hash() -> None:
    for which in (bytes(32), b"", bytes(31), bytes(64)):
        net = half_open(messages=4)
        message = net.ear.read(net.wire[4].data)
        assert message is not None
        words = [Hash(which) if isinstance(p, Hash) else p for p in message.payloads]
        forger = Forger(net, cookies(net))
        data = forger.seal(*build_chain(words), MAIN, 0, forger.keys.iv)
        assert only(Send, net.inject("sun", data)) == []
        assert net.up("sun") == []
        assert unharmed(net)


# -- fragments ------------------------------------------------------------------------------------
def piece(
    net: Network, number: int, data: bytes, *, last: bool = False, identifier: int = 1
) -> bytes:
    body = struct.pack("!HBB", identifier, number, last) + data
    return first_message(
        (Unknown(PayloadType.FRAGMENT, body),), cookies(net)[0], responder_cookie=cookies(net)[1]
    )


def test_sends_fragments_that_never_end(net: Network) -> None:
    for number in range(256):
        for identifier in range(8):
            data = piece(net, number, bytes(1000), identifier=identifier)
            assert only(Send, net.inject("sun", data)) == []
    net.sleep(60)
    net.assert_connected()
    assert unharmed(net)


def test_sends_fragments_of_nothing_to_nobody() -> None:
    net = alone()
    for number in (0, 1, 2, 255):
        body = struct.pack("!HBB", 1, number, 1) + bytes(20)
        data = first_message((Unknown(PayloadType.FRAGMENT, body),))
        assert only(Send, net.inject("sun", data)) == []
    assert net.hosts["sun"].endpoint.half_open == 0


def test_sends_a_fragment_in_fragments(net: Network) -> None:
    inner = piece(net, 1, b"x" * 50, last=True)
    for _ in range(30):
        inner = piece(net, 1, inner, last=True)
    assert only(Send, net.inject("sun", inner)) == []
    assert unharmed(net)
