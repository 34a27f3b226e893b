"""What attackers send beside an established SA, and peers gone bad; named after it."""

import struct

import pytest

from ikecore.actions import Broken, Noted, Send
from ikecore.diagnosis import Code
from ikecore.events import Unreachable
from ikev1.message import Exchange, Header, build_clear
from ikev1.payloads.chain import Payload
from ikev1.payloads.delete import Delete
from ikev1.payloads.hash import Hash
from ikev1.payloads.ke import KeyExchangeData
from ikev1.payloads.nonce import Nonce
from ikev1.payloads.notify import Notify
from ikev1.payloads.sa import ProposalPayload, SecurityAssociation, TransformPayload
from ikev1.payloads.types import NotifyType, PayloadType, ProtocolId
from ikev1.payloads.unknown import Unknown
from suites.kex import GROUP_BY_NAME

from .attack import AM, alone, unharmed
from .forger import (
    Forger,
)
from .network import SUN, Network, only
from .recorded import FILES, Recording
from .tunnel import MAIN, QUICK


@pytest.fixture
def net() -> Network:
    net = Network()
    net.initiate("moon")
    return net


# -- beside an established SA ---------------------------------------------------------------------
def test_replays_everything_it_saw(net: Network) -> None:
    old = list(net.wire)
    for _ in range(3):
        for send in old:
            for name in ("moon", "sun"):
                before = len(net.wire)
                net.inject(name, send.data)
                assert len(net.wire) - before <= 1
    net.settle()
    net.sleep(100)
    assert net.hosts["sun"].endpoint.half_open == 0
    assert set(net.codes("moon")) <= {Code.PEER_NO_RESPONSE}  # of first messages sent back
    net.assert_connected()


def test_replays_everything_much_later(net: Network) -> None:
    old = list(net.wire)
    net.sleep(3000)
    for send in old:
        for name in ("moon", "sun"):
            net.inject(name, send.data)
    net.settle()
    net.sleep(100)
    net.assert_connected()
    assert set(net.codes("moon")) <= {Code.PEER_NO_RESPONSE}
    assert net.seen(Noted, "moon") == []


def test_sends_a_delete_in_clear(net: Network) -> None:
    (pair,) = net.pairs("sun")
    before = len(net.wire)
    for payload in (
        Delete(ProtocolId.ISAKMP, (b"".join(pair),)),
        Delete.of_children(ProtocolId.ESP, tuple(net.hosts["moon"].children)),
        Notify(NotifyType.AUTHENTICATION_FAILED),
        Notify(NotifyType.INVALID_SPI),
        Notify(NotifyType.INITIAL_CONTACT, spi=b"".join(pair)),
    ):
        for exchange in (Exchange.INFORMATIONAL, QUICK, Exchange.TRANSACTION, MAIN):
            for message_id in (0, 7):
                header = Header(*pair, exchange, message_id, encrypted=False)
                for name in ("moon", "sun"):
                    net.inject(name, build_clear(header, (payload,)))
                    net.inject(name, build_clear(header, (Hash(bytes(32)), payload)))
    assert len(net.wire) == before
    net.assert_connected()


def test_changes_any_octet_of_a_sealed_message(net: Network) -> None:
    datagram = Forger(net).say(Delete(ProtocolId.ISAKMP, (b"".join(next(iter(net.pairs("sun")))),)))
    before = len(net.wire)
    whole = net.ear.read(datagram)
    assert whole is not None
    for at in range(len(datagram)):
        forged = bytearray(datagram)
        forged[at] ^= 0x01
        if at in (17, 19) or at >= 28 + len(whole.content) - 16:
            continue  # the minor version, ignored flags, and padding, which no HASH covers
        net.inject("sun", bytes(forged))
    assert len(net.wire) == before
    net.assert_connected()


def test_sends_a_delete_under_a_wrong_hash(net: Network) -> None:
    forger = Forger(net)
    (pair,) = net.pairs("sun")
    bye = Delete(ProtocolId.ISAKMP, (b"".join(pair),))
    for wrong in (bytes(32), b"", bytes(20)):
        net.inject("sun", forger.say(bye, make_hash=lambda _, wrong=wrong: wrong))  # type: ignore[misc]
    assert net.drops("sun") == ["integrity"] * 3
    net.assert_connected()


def test_knows_the_keys_and_says_nothing_but_a_hash(net: Network) -> None:
    forger = Forger(net)
    for exchange in (Exchange.INFORMATIONAL, QUICK, Exchange.TRANSACTION):
        net.inject("sun", forger.say(exchange=exchange))
        net.inject("sun", forger.seal(PayloadType.NONE, b"\0" * 16, exchange, 0x99))
    net.assert_connected()


def test_deletes_and_goes_on_to_speak_of_what_is_gone(net: Network) -> None:
    (pair,) = net.pairs("sun")
    spi = b"".join(pair)
    probe = Notify(NotifyType.R_U_THERE, b"\0\0\0\1", spi=spi)
    other = Notify(NotifyType.INVALID_SPI, protocol=3, spi=b"abcd")
    forger = Forger(net)
    sent = net.inject("sun", forger.say(Delete(ProtocolId.ISAKMP, (spi,)), probe, other, probe))
    assert only(Send, sent) == []
    assert net.up("sun") == []
    assert only(Send, net.inject("sun", forger.say(probe))) == []
    assert net.seen(Broken, "sun") == []


@pytest.mark.parametrize("spi", [b"", b"abcd", bytes(16), b"a" * 16, b"a" * 200])
def test_asks_whether_another_sa_is_there(net: Network, spi: bytes) -> None:
    probe = Notify(NotifyType.R_U_THERE, b"\0\0\0\1", spi=spi)
    assert only(Send, net.inject("sun", Forger(net).say(probe))) == []


def test_deletes_what_was_never_there(net: Network) -> None:
    forger = Forger(net)
    many = tuple(number.to_bytes(4, "big") for number in range(2000))
    for payload in (
        Delete(ProtocolId.ESP, many),
        Delete(ProtocolId.AH, many),
        Delete(ProtocolId.ESP, ()),
        Delete(ProtocolId.ISAKMP, ()),
        Delete(ProtocolId.ISAKMP, (b"a" * 16,)),
        Delete(7, (b"abc",)),
        Delete.of_children(ProtocolId.ESP, tuple(net.hosts["sun"].children)),  # ours, not its own
    ):
        assert only(Send, net.inject("sun", forger.say(payload))) == []
    net.assert_connected()


def test_reflects_our_own_messages(net: Network) -> None:
    for send in list(net.wire):
        name = "sun" if send.path.local[0] == SUN else "moon"
        net.inject(name, send.data)
    net.settle()
    net.assert_connected()


def test_claims_that_the_peer_is_unreachable(net: Network) -> None:
    net.tell("moon", Unreachable(SUN, "port unreachable"))
    net.sleep(100)
    net.assert_connected()


def test_talks_to_us_with_a_strangers_recording() -> None:
    for mode in (MAIN, AM):
        net = alone(mode)
        for path in FILES:
            for message in Recording(path).messages:
                for datagram in message.datagrams:
                    assert len(only(Send, net.inject("sun", datagram))) <= 1
        net.sleep(60)
        assert unharmed(net)


# -- quick mode -----------------------------------------------------------------------------------
def children(net: Network) -> int:
    net.sleep(30)
    assert net.seen(Broken, "sun") == []
    return len(net.hosts["sun"].children)


def test_begins_more_quick_modes_than_it_may(net: Network) -> None:
    asked = _quick_words(net)
    forger = Forger(net)
    net.lose = lambda _: True
    for number in range(50):
        spi = (0x1000 + number).to_bytes(4, "big")
        net.inject("sun", forger.say(*_with_spi(asked, spi), exchange=QUICK))
    assert len(net.hosts["sun"].children) <= 6
    assert "quick_limit" in net.drops("sun")
    net.sleep(100)
    assert len(net.hosts["sun"].children) <= 1


@pytest.mark.parametrize("spi", [b"\0\0\0\0", b"\0\0\0\xff", b"", b"ab", b"a" * 16])
def test_offers_an_spi_that_none_may_have(net: Network, spi: bytes) -> None:
    before = set(net.hosts["sun"].children)
    net.inject("sun", Forger(net).say(*_with_spi(_quick_words(net), spi), exchange=QUICK))
    assert set(net.hosts["sun"].children) == before
    net.sleep(30)
    assert net.seen(Broken, "sun") == []


@pytest.mark.parametrize("number", [0, 11, 23, 255])
def test_offers_a_cipher_without_keys(net: Network, number: int) -> None:
    """NULL and GMAC where nobody configured them: a proposal without keying material."""
    before = set(net.hosts["sun"].children)
    words = []
    for word in _quick_words(net):
        if isinstance(word, SecurityAssociation):
            (proposal,) = word.proposals
            (transform, *_) = proposal.transforms
            made = (TransformPayload(1, number, transform.attributes),)
            word = SecurityAssociation((ProposalPayload(1, proposal.protocol, proposal.spi, made),))
        words.append(word)
    net.inject("sun", Forger(net).say(*words, exchange=QUICK))
    assert set(net.hosts["sun"].children) == before
    assert net.codes("sun") == [Code.ESP_PROPOSAL_MISMATCH]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (1, b"\x0a\x02\0"),
        (4, b"\x0a\x02\0\0\xff\xff\0\xff"),
        (4, b"\x0a\x02\0\0" * 3),
        (7, b"\x0a\x02\0\xff\x0a\x02\0\0"),
        (8, b"\xff" * 16 + bytes(16)),
        (5, b"\xff" * 15),
        (2, b"sun.lab"),
        (9, b"\x30\x80"),
        (255, b""),
    ],
)
def test_names_clients_that_lie(net: Network, kind: int, data: bytes) -> None:
    before = set(net.hosts["sun"].children)
    *words, source, _ = _quick_words(net)
    lie = Unknown(PayloadType.ID, struct.pack("!BBH", kind, 0, 0) + data)
    net.inject("sun", Forger(net).say(*words, source, lie, exchange=QUICK))
    assert set(net.hosts["sun"].children) == before
    net.sleep(30)
    assert net.seen(Broken, "sun") == []
    assert len(net.up("sun")) == 1


def test_sends_a_public_value_of_a_group_that_was_not_agreed(net: Network) -> None:
    before = set(net.hosts["sun"].children)
    words = _quick_words(net)
    for value in (bytes(256), b"\1", GROUP_BY_NAME["ecp256"].generate().public):
        net.inject("sun", Forger(net).say(*words, KeyExchangeData(value), exchange=QUICK))
    net.sleep(90)
    assert net.seen(Broken, "sun") == []
    assert set(net.hosts["sun"].children) == before


def _quick_words(net: Network) -> list[Payload]:
    """Return what moon said in its first quick mode, without the HASH."""
    first = next(x for x, _ in net.letters if (x.sender, x.exchange) == ("moon", QUICK))
    message = net.ear.read(first.data)
    assert message is not None
    return list(message.payloads[1:])


def _with_spi(words: list[Payload], spi: bytes) -> list[Payload]:
    changed: list[Payload] = []
    for word in words:
        if isinstance(word, SecurityAssociation):
            (one,) = word.proposals
            made = ProposalPayload(one.number, one.protocol, spi, one.transforms)
            word = SecurityAssociation((made,))
        changed.append(Nonce(spi.ljust(16, b"n")) if isinstance(word, Nonce) else word)
    return changed
