"""What attackers send to an IKEv1 port before there is an SA; tests are named after it."""

import struct

import pytest

from ikecore.actions import Send
from ikecore.diagnosis import Code
from ikecore.profile import Limits
from ikev1.message import HEADER, Exchange
from ikev1.payloads.attributes import Attribute
from ikev1.payloads.chain import Payload
from ikev1.payloads.hash import Hash
from ikev1.payloads.notify import Notify
from ikev1.payloads.sa import ProposalPayload, SecurityAssociation, TransformPayload
from ikev1.payloads.types import NotifyType
from ikev1.payloads.unknown import Unknown
from ikev1.payloads.vendor import VendorId
from policy.path import Path

from .attack import AM, ANYWHERE, MODES, alone, gateway, unharmed
from .forger import (
    NOTHING,
    STRANGER,
    aggressive_words,
    first_message,
    key_words,
    main_words,
)
from .network import SUN, Network, only, quiet, said
from .tunnel import MAIN


@pytest.fixture
def net() -> Network:
    net = Network()
    net.initiate("moon")
    return net


# -- outside of any SA ----------------------------------------------------------------------------
@pytest.mark.parametrize("size", [0, 1, 7, 8, 16, 17, 27, 28, 29, 36, 64, 1400, 65507])
@pytest.mark.parametrize("octet", [0x00, 0x10, 0x20, 0xFF])
def test_sends_garbage_and_short_headers(net: Network, size: int, octet: int) -> None:
    assert only(Send, net.inject("sun", bytes((octet,)) * size)) == []
    assert len(net.drops("sun")) == 1
    net.assert_connected()


@pytest.mark.parametrize("version", [0x00, 0x20, 0x21, 0x30, 0xF0])
@pytest.mark.parametrize("exchange", [2, 4, 5, 32, 34, 37])
def test_sends_other_versions(version: int, exchange: int) -> None:
    net = alone()
    head = HEADER.pack(STRANGER, NOTHING, 1, version, exchange, 0, 0, 60)
    assert only(Send, net.inject("sun", head + bytes(32))) == []
    assert net.drops("sun") == ["version"]


@pytest.mark.parametrize("exchange", [0, 1, 3, 5, 6, 7, 31, 32, 33, 34, 35, 240, 255])
@pytest.mark.parametrize("flags", [0, 1, 2, 4, 7])
def test_begins_with_any_other_exchange(exchange: int, flags: int) -> None:
    net = alone()
    data = bytearray(first_message(exchange=exchange))
    data[19] = flags
    assert only(Send, net.inject("sun", bytes(data))) == []
    assert net.hosts["sun"].endpoint.half_open == 0


@pytest.mark.parametrize("length", [0, 27, 28, 2**31, 2**32 - 1])
def test_lies_about_the_length(length: int) -> None:
    net = alone()
    request = bytearray(first_message())
    request[24:28] = struct.pack("!I", length)
    assert only(Send, net.inject("sun", bytes(request))) == []
    assert net.drops("sun") == ["malformed"]


@MODES
@pytest.mark.parametrize("length", [0, 1, 3, 4, 0xFFFF])
@pytest.mark.parametrize("which", range(4))
def test_lies_about_a_payload_length(mode: Exchange, which: int, length: int) -> None:
    """A length of zero was an endless loop elsewhere."""
    net = alone(mode)
    words = (*main_words(), VendorId(b"a"), VendorId(b"b"), VendorId(b"c"))
    request = bytearray(first_message(aggressive_words() if mode == AM else words, exchange=mode))
    at = HEADER.size
    for _ in range(which):
        at += int.from_bytes(request[at + 2 : at + 4], "big")
    request[at + 2 : at + 4] = struct.pack("!H", length)
    assert only(Send, net.inject("sun", bytes(request))) == []
    assert net.drops("sun") == ["malformed"]
    assert net.hosts["sun"].endpoint.half_open == 0


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("times", [0, 2])
def test_leaves_out_or_doubles_a_mandatory_payload_of_aggressive_mode(at: int, times: int) -> None:
    net = alone(AM)
    words: tuple[Payload, ...] = aggressive_words()
    payloads = [same for n, p in enumerate(words) for same in [p] * (times if n == at else 1)]
    assert only(Send, net.inject("sun", first_message(payloads, exchange=AM))) == []
    assert net.drops("sun") == ["malformed"]
    assert net.hosts["sun"].endpoint.half_open == 0


@pytest.mark.parametrize("payloads", [(), main_words() * 2, key_words(), (VendorId(b"x"),)])
def test_leaves_out_or_doubles_the_sa_payload_of_main_mode(payloads: tuple[Payload, ...]) -> None:
    net = alone()
    assert only(Send, net.inject("sun", first_message(payloads))) == []
    assert net.hosts["sun"].endpoint.half_open == 0


@pytest.mark.parametrize("kind", [*range(33, 54), 130, 131, 132, 200, 255])
def test_puts_payloads_of_ikev2_or_of_nobody_beside_good_ones(kind: int) -> None:
    net = alone()
    request = first_message((*main_words(), Unknown(kind, b"\0" * 20)))
    sent = only(Send, net.inject("sun", request))
    assert len(sent) <= 1
    assert all(len(send.data) <= 2 * len(request) + 100 for send in sent)
    assert unharmed(net)


@pytest.mark.parametrize("kind", [33, 34, 40, 46])
def test_sends_an_ikev2_payload_in_place_of_ours(kind: int) -> None:
    net = alone()
    (offer,) = main_words()
    assert only(Send, net.inject("sun", first_message((Unknown(kind, offer.body()),)))) == []
    assert net.drops("sun") == ["malformed"]


@pytest.mark.parametrize(("doi", "situation"), [(0, 1), (2, 1), (2**32 - 1, 1), (1, 2), (1, 7)])
def test_comes_from_another_domain_of_interpretation_or_situation(doi: int, situation: int) -> None:
    net = alone()
    (offer,) = main_words()
    odd = SecurityAssociation(offer.proposals, doi, situation)
    assert only(Send, net.inject("sun", first_message((odd,)))) == []
    assert len(net.drops("sun")) == 1
    assert net.hosts["sun"].endpoint.half_open == 0


def odd_offers() -> dict[str, SecurityAssociation]:
    """Return SA payloads that want what nobody has, or too much of it."""
    (offer,) = main_words()
    (proposal,) = offer.proposals
    (transform, *_) = proposal.transforms

    def with_attributes(*attributes: Attribute) -> SecurityAssociation:
        kept = {one.type: one for one in transform.attributes}
        kept.update({one.type: one for one in attributes})
        made = TransformPayload(1, transform.id, tuple(kept.values()))
        return SecurityAssociation((ProposalPayload(1, proposal.protocol, b"", (made,)),))

    return {
        "no attributes": SecurityAssociation(
            (ProposalPayload(1, 1, b"", (TransformPayload(1, 1, ()),)),)
        ),
        "no transforms": SecurityAssociation((ProposalPayload(1, 1, b"", ()),)),
        "group 1025": with_attributes(Attribute(4, 1025)),
        "a private group": with_attributes(Attribute(4, 32768)),
        "group 0": with_attributes(Attribute(4, 0)),
        "key of 7 bits": with_attributes(Attribute(14, 7)),
        "key of 65535 bits": with_attributes(Attribute(14, 65535)),
        "a long lifetime": with_attributes(Attribute(11, 1), Attribute(12, b"\xff" * 200)),
        "a lifetime of no octets": with_attributes(Attribute(11, 1), Attribute(12, b"")),
        "public-key encryption": with_attributes(Attribute(3, 4)),
        "revised public-key encryption": with_attributes(Attribute(3, 5)),
        "signatures": with_attributes(Attribute(3, 3)),
        "hash 65535": with_attributes(Attribute(2, 65535)),
        "a PRF": with_attributes(Attribute(13, 1)),
        "a field": with_attributes(Attribute(6, b"\xff" * 400)),
        "an SPI of 255 octets": SecurityAssociation(
            (ProposalPayload(1, 1, b"\xff" * 255, proposal.transforms),)
        ),
        "ESP": SecurityAssociation((ProposalPayload(1, 3, b"abcd", proposal.transforms),)),
    }


@MODES
@pytest.mark.parametrize("name", odd_offers())
def test_offers_what_nobody_has(mode: Exchange, name: str) -> None:
    net = alone(mode)
    rest = aggressive_words()[1:] if mode == AM else ()
    request = first_message((odd_offers()[name], *rest), exchange=mode)
    sent = only(Send, net.inject("sun", request))
    assert len(sent) <= 1
    for send in sent:
        assert len(send.data) <= 2 * len(request) + 100
    assert unharmed(net)


def test_offers_10_000_transforms() -> None:
    net = alone()
    (offer,) = main_words()
    (proposal,) = offer.proposals
    many = tuple(
        ProposalPayload(1 + number % 250, 1, b"", proposal.transforms * 100) for number in range(10)
    )
    request = first_message((SecurityAssociation(many),))
    assert len(only(Send, net.inject("sun", request))) <= 1
    assert unharmed(net)


def test_sends_a_thousand_payloads() -> None:
    net = alone()
    net.inject("sun", first_message((*main_words(), *[VendorId(b"")] * 1000)))
    assert net.drops("sun") == ["malformed"]
    assert unharmed(net)


# -- floods and amplification ---------------------------------------------------------------------
@MODES
def test_asks_for_an_answer_longer_than_its_question(mode: Exchange) -> None:
    net = alone(mode)
    smallest = main_words() if mode == MAIN else aggressive_words()
    request = first_message(smallest, exchange=mode)
    net.inject("sun", request)
    (sent,) = net.wire
    assert len(sent.data) <= 2 * len(request) + 100


def test_asks_again_and_again_for_the_same_answer() -> None:
    net = alone()
    request = first_message()
    for _ in range(200):
        assert len(only(Send, net.inject("sun", request))) <= 1
    assert len(net.seen(Send, "sun")) <= 21
    net.sleep(100)
    assert len(net.seen(Send, "sun")) <= 21
    assert unharmed(net)


def test_leaves_half_open_sas_behind_and_they_go() -> None:
    net = alone()
    for number in range(1, 6):
        net.inject("sun", first_message(cookie=number.to_bytes(8, "big")))
    assert net.hosts["sun"].endpoint.half_open == 5
    sent = len(net.wire)
    net.sleep(200)
    assert len(net.wire) == sent  # not one word unasked
    assert net.hosts["sun"].endpoint.half_open == 0
    assert net.hosts["sun"].endpoint.next_timeout() is None


@MODES
def test_fills_the_half_open_quota_and_cannot_keep_a_peer_out(mode: Exchange) -> None:
    moon, sun = gateway(mode)
    sun = quiet("sun", legacy=sun.legacy, remote=ANYWHERE)
    net = Network(moon, sun, {"sun": Limits(half_open=50)})
    for number in range(1, 1000):  # forged addresses: the answers go to somebody else
        path = Path((SUN, 500), (f"203.0.{number // 250}.{number % 250 + 1}", 500))
        words = aggressive_words(nonce=bytes(16)) if mode == AM and number < 60 else None
        if mode == AM and words is None:
            break
        net.inject("sun", first_message(words, number.to_bytes(8, "big"), exchange=mode), path)
    assert net.hosts["sun"].endpoint.half_open <= 50
    assert unharmed(net)


@MODES
def test_forges_the_address_of_our_peer_and_cannot_keep_it_out(mode: Exchange) -> None:
    net = alone(mode)
    words = aggressive_words() if mode == AM else main_words()
    for number in range(1, 200):
        net.inject("sun", first_message(words, number.to_bytes(8, "big"), exchange=mode))
    assert net.hosts["sun"].endpoint.half_open <= Limits().half_open_per_address
    assert unharmed(net)


def test_floods_while_a_peer_is_in_the_middle_of_phase_1() -> None:
    net = alone(limits=Limits(half_open=20))
    net.delay_when(said("moon", MAIN, 2), 0.2)
    net.delay_when(said("moon", MAIN, 3), 0.2)
    net.initiate("moon", settle=False)
    for number in range(1, 60):
        net.sleep(0.02)
        net.inject("sun", first_message(cookie=number.to_bytes(8, "big")))
    net.sleep(20)
    net.assert_connected()


def test_asks_for_many_hashes_to_guess_the_psk_by() -> None:
    net = alone(AM, limits=Limits(half_open_per_address=10**6))
    words = aggressive_words()
    for number in range(1, 100):
        net.inject("sun", first_message(words, number.to_bytes(8, "big"), exchange=AM))
    assert len(net.seen(Send, "sun")) == 10
    net.sleep(5)
    for number in range(100, 200):
        net.inject("sun", first_message(words, number.to_bytes(8, "big"), exchange=AM))
    assert len(net.seen(Send, "sun")) <= 15


def test_asks_for_a_hash_where_that_is_not_allowed() -> None:
    net = alone()
    request = first_message(exchange=AM)
    (sent,) = only(Send, net.inject("sun", request))
    message = net.ear.read(sent.data)
    assert message is not None
    assert message.payloads == (Notify(NotifyType.UNSUPPORTED_EXCHANGE_TYPE),)
    assert len(sent.data) < len(request)
    assert net.hosts["sun"].endpoint.half_open == 0
    assert net.codes("sun") == [Code.MODE_MISMATCH]


def test_is_refused_aggressive_mode_and_goes_on_under_our_cookie() -> None:
    net = alone()
    (refusal,) = only(Send, net.inject("sun", first_message(exchange=AM)))
    cookie = refusal.data[8:16]
    for exchange in Exchange:
        for responder in (cookie, b"guessed!"):
            data = first_message(
                (Hash(bytes(32)),), exchange=exchange, responder_cookie=responder, message_id=1
            )
            assert only(Send, net.inject("sun", data)) == []
    assert net.hosts["sun"].endpoint.half_open == 0
    assert unharmed(net)
