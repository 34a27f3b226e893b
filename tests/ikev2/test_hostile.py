"""What attackers send to an IKEv2 port: each test is named after what one does."""

import json
import struct
from dataclasses import replace

import pytest

from ikecore.actions import Broken, Failed, Send
from ikecore.diagnosis import Code
from ikecore.events import Unreachable
from ikecore.identities import Identity
from ikecore.profile import Limits
from ikecore.proposals import Protocol
from ikev2.message import HEADER, Exchange, parse_header, parse_init
from ikev2.payloads.chain import Payload
from ikev2.payloads.delete import Delete
from ikev2.payloads.ident import IdInitiator
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.types import NotifyType, PayloadType
from ikev2.payloads.unknown import Unknown
from policy.path import Path

from .forger import NOTHING, STRANGER, Forger, init_payloads, init_request
from .network import SUN, Network, only, profile
from .test_keys import FILES

ANYWHERE: frozenset[str] = frozenset()


@pytest.fixture
def net() -> Network:
    net = Network()
    net.initiate("moon")
    return net


def half_open() -> tuple[Network, Forger, tuple[Payload, ...]]:
    """Return a network whose IKE_AUTH was lost, moon's keys, and what it had said."""
    net = Network()
    net.lose = lambda _: len(net.wire) > 2
    net.initiate("moon")
    net.lose = lambda _: False
    said = Forger(net, "sun", initiator=False).hear(net.wire[2].data).payloads
    return net, Forger(net, "moon", initiator=True), said


def unharmed(net: Network) -> bool:
    """Tell whether sun still serves a peer."""
    net.settle()
    assert net.seen(Broken, "sun") == []
    net.initiate("moon")
    net.sleep(15)
    net.assert_connected()
    return True


# -- outside of any SA ----------------------------------------------------------------------------
@pytest.mark.parametrize("size", [0, 1, 7, 8, 16, 17, 27, 28, 29, 36, 64, 1400, 65507])
@pytest.mark.parametrize("octet", [0x00, 0x20, 0x22, 0xFF])
def test_sends_garbage_and_short_headers(net: Network, size: int, octet: int) -> None:
    before = len(net.wire)
    net.inject("sun", bytes((octet,)) * size)
    assert len(net.wire) - before <= (octet == 0xFF and size >= 36)  # INVALID_MAJOR_VERSION
    assert len(net.drops("sun")) == 1
    net.assert_connected()


@pytest.mark.parametrize("version", [0x00, 0x10, 0x11, 0x30, 0x3F, 0xF0])
@pytest.mark.parametrize("size", [28, 36, 200])
@pytest.mark.parametrize("response", [False, True])
def test_sends_other_versions(version: int, size: int, response: bool) -> None:
    net = Network()
    flags = 0x28 if response else 0x08
    head = HEADER.pack(STRANGER, NOTHING, 33, version, 34, flags, 7, size)
    sent = only(Send, net.inject("sun", head + bytes(size - 28)))
    assert net.drops("sun") == ["version"]
    if version < 0x20:
        assert sent == []  # an IKEv1 peer would not understand; the operator does
        (failed,) = net.seen(Failed, "sun")
        assert failed.connection == "net"
        (finding,) = failed.diagnosis.findings
        assert finding.code == Code.IKE_VERSION_MISMATCH
        assert (finding.ours, finding.theirs) == ("ikev2", f"ikev{version >> 4}")
        assert not failed.diagnosis.proven
        return
    assert net.seen(Failed, "sun") == []
    assert len(sent) == (0 if response or size < 36 else 1)
    for send in sent:
        assert len(send.data) <= size
        message = parse_init(send.data, replace(parse_header(send.data), exchange=34))
        assert message.payloads == (Notify(NotifyType.INVALID_MAJOR_VERSION),)
        assert (message.header.response, message.header.message_id) == (True, 7)


def test_names_a_higher_minor_version_and_is_served() -> None:
    net = Network()
    request = bytearray(init_request())
    request[17] = 0x2F
    assert len(only(Send, net.inject("sun", bytes(request)))) == 1
    assert net.hosts["sun"].endpoint.half_open == 1


@pytest.mark.parametrize("length", [0, 27, 28, 2**31, 2**32 - 1])
def test_lies_about_the_length(length: int) -> None:
    net = Network()
    request = bytearray(init_request())
    request[24:28] = struct.pack("!I", length)
    assert only(Send, net.inject("sun", bytes(request))) == []
    assert net.drops("sun") == ["malformed"]


@pytest.mark.parametrize("length", [0, 1, 3, 4, 0xFFFF])
@pytest.mark.parametrize("which", range(3))
def test_lies_about_a_payload_length(which: int, length: int) -> None:
    """A length of zero was an endless loop elsewhere."""
    net = Network()
    request = bytearray(init_request())
    at = HEADER.size
    for _ in range(which):
        at += int.from_bytes(request[at + 2 : at + 4], "big")
    request[at + 2 : at + 4] = struct.pack("!H", length)
    assert only(Send, net.inject("sun", bytes(request))) == []
    assert net.drops("sun") == ["malformed"]
    assert net.hosts["sun"].endpoint.half_open == 0


@pytest.mark.parametrize("missing", [SecurityAssociation, KeyExchangeData, Nonce])
@pytest.mark.parametrize("times", [0, 2])
def test_leaves_out_or_doubles_a_mandatory_payload(missing: type[Payload], times: int) -> None:
    net = Network()
    payloads = [
        same for p in init_payloads() for same in [p] * (times if isinstance(p, missing) else 1)
    ]
    assert only(Send, net.inject("sun", init_request(payloads))) == []
    assert net.drops("sun") == ["malformed"]
    assert net.hosts["sun"].endpoint.half_open == 0


@pytest.mark.parametrize("kind", [1, 4, 5, 10, 11, 12, 13, 20, 32, 130, 255])
@pytest.mark.parametrize("critical", [False, True])
def test_puts_payloads_of_ikev1_or_of_nobody_beside_good_ones(kind: int, critical: bool) -> None:
    net = Network()
    request = init_request((*init_payloads(), Unknown(kind, critical, b"\0" * 20)))
    (sent,) = only(Send, net.inject("sun", request))
    assert len(sent.data) <= 2 * len(request) + 100
    refused = parse_init(sent.data, parse_header(sent.data)).notifies()
    if critical:
        refusal = Notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, bytes((kind,)))
        assert refused == (refusal,)
        assert len(sent.data) <= len(request)
    assert net.hosts["sun"].endpoint.half_open == (0 if critical else 1)


def test_sends_an_ikev1_payload_in_place_of_each_of_ours() -> None:
    for at, old in enumerate((1, 4, 10)):
        net = Network()
        payloads: list[Payload] = list(init_payloads())
        payloads[at] = Unknown(old, False, payloads[at].body())
        assert only(Send, net.inject("sun", init_request(payloads))) == []
        assert net.drops("sun") == ["malformed"]


def test_hides_an_sk_payload_in_ike_sa_init() -> None:
    net = Network()
    request = init_request((*init_payloads(), Unknown(PayloadType.SK, False, bytes(64))))
    assert only(Send, net.inject("sun", request)) == []
    assert net.drops("sun") == ["malformed"]


def test_fills_the_half_open_quota_and_cannot_keep_a_peer_out() -> None:
    limits = Limits(half_open=200, cookie_threshold=20, cookie_threshold_per_address=3)
    net = Network(sun=profile("sun", remote=ANYWHERE), limits={"sun": limits})
    shared = init_payloads()
    for number in range(2000):  # forged addresses: the cookies go to somebody else
        address = f"203.0.{number // 250}.{number % 250 + 1}"
        path = Path((SUN, 500), (address, 500))
        spi = number.to_bytes(8, "big", signed=False)[:-1] + b"\1"
        net.inject("sun", init_request(shared, spi=spi), path)
    assert net.hosts["sun"].endpoint.half_open == 20
    assert unharmed(net)


def test_forges_the_address_of_our_peer_and_cannot_keep_it_out() -> None:
    net = Network()
    shared = init_payloads()
    for number in range(1, 200):
        net.inject("sun", init_request(shared, spi=number.to_bytes(8, "big")))
    assert net.hosts["sun"].endpoint.half_open == 5
    assert unharmed(net)


def test_fills_one_addresss_quota_with_good_cookies_and_keeps_only_itself_out() -> None:
    net = Network(sun=profile("sun", remote=ANYWHERE))
    shared = init_payloads()
    path = Path((SUN, 500), ("203.0.113.5", 500))
    for number in range(1, 60):
        spi = number.to_bytes(8, "big")
        sent = only(Send, net.inject("sun", init_request(shared, spi=spi), path))
        if not sent:
            continue
        answer = parse_init(sent[0].data, parse_header(sent[0].data))
        cookie = answer.notify(NotifyType.COOKIE)
        if cookie is not None:
            net.inject("sun", init_request((cookie, *shared), spi=spi), path)
    assert net.hosts["sun"].endpoint.half_open == 20
    assert "half_open_limit" in net.drops("sun")
    assert unharmed(net)


def test_leaves_half_open_sas_behind_and_they_go() -> None:
    net = Network()
    for number in range(1, 6):
        net.inject("sun", init_request(spi=number.to_bytes(8, "big")))
    net.sleep(200)
    sun = net.hosts["sun"].endpoint
    assert sun.half_open == 0
    assert sun.next_timeout() is None


# -- before authentication ------------------------------------------------------------------------
def test_sends_ids_that_look_like_der_or_are_too_long() -> None:
    for kind, data in (
        (9, b""),
        (9, b"\x30"),
        (9, b"\x30\x84\xff\xff\xff\xff"),
        (9, b"\x30\x80" * 200),
        (9, b"0" * 2000),
        (1, b"\x0a"),
        (5, b"\x0a" * 15),
        (2, b"\x00\x1b[31m\xff"),
        (10, b"\x30\x03\x02\x01\x00"),
        (11, b"\n" * 2048),
        (255, bytes(2048)),
    ):
        net, moon, said = half_open()
        changed = [
            IdInitiator(Identity(kind, data)) if isinstance(p, IdInitiator) else p for p in said
        ]
        net.inject("sun", moon.say(1, *changed, exchange=Exchange.IKE_AUTH))
        assert net.codes("sun") == [Code.PEER_IDENTITY_MISMATCH]
        text = "\n".join(net.failures("sun")[0].lines())
        assert len(text) < 2000
        assert text.replace("\n", "").isprintable()
        assert unharmed(net)


def test_sends_an_identity_longer_than_any() -> None:
    net, moon, said = half_open()
    changed = [
        IdInitiator(Identity(11, bytes(2049))) if isinstance(p, IdInitiator) else p for p in said
    ]
    net.inject("sun", moon.say(1, *changed, exchange=Exchange.IKE_AUTH))
    assert net.codes("sun") == [Code.INVALID_SYNTAX]
    assert unharmed(net)


@pytest.mark.parametrize(
    "selectors",
    [
        "00000000",
        "02000000070000100000ffff0a0100000a0100ff",
        "01000000070000080000ffff",
        "01000000070000000000ffff0a0100000a0100ff",
        "01000000070000100000ffff0a0100ff0a010000",
        "0100000007000010ffff00010a0100000a0100ff",
        "01000000080000100000ffff0a0100000a0100ff",
        "01000000070000100000ffff0a0100000a0100ff00",
        "ff000000",
        "",
    ],
)
def test_sends_traffic_selectors_that_lie(selectors: str) -> None:
    net, moon, said = half_open()
    lie = Unknown(PayloadType.TSI, False, bytes.fromhex(selectors))
    changed = [lie if p.TYPE == PayloadType.TSI else p for p in said]
    net.inject("sun", moon.say(1, *changed, exchange=Exchange.IKE_AUTH))
    assert moon.hear(net.wire[-1].data).payloads == (Notify(NotifyType.INVALID_SYNTAX),)
    assert net.codes("sun") == [Code.INVALID_SYNTAX]
    assert net.hosts["sun"].children == {}
    assert unharmed(net)


def test_sends_a_thousand_payloads() -> None:
    net, moon, said = half_open()
    many = [Notify(50_000)] * 1000
    net.inject("sun", moon.say(1, *said, *many, exchange=Exchange.IKE_AUTH))
    assert net.up("sun") == []
    assert unharmed(net)


# -- beside an established SA ---------------------------------------------------------------------
def test_replays_everything_it_saw(net: Network) -> None:
    old = list(net.wire)
    for _ in range(3):
        for send in old:
            for name in ("moon", "sun"):
                before = len(net.wire)
                net.inject(name, send.data)
                assert len(net.wire) - before <= 1
    assert net.hosts["sun"].endpoint.half_open == 0
    net.settle()
    net.assert_connected()


def test_sends_a_delete_in_clear(net: Network) -> None:
    forger = Forger(net, "moon", initiator=True)
    for payload in (Delete(Protocol.IKE), Notify(NotifyType.AUTHENTICATION_FAILED)):
        body = payload.body()
        total = HEADER.size + 4 + len(body)
        head = HEADER.pack(*forger.spis, payload.TYPE, 0x20, 37, 0x08, 2, total)
        before = len(net.wire)
        net.inject("sun", head + struct.pack("!BBH", 0, 0, 4 + len(body)) + body)
        assert len(net.wire) == before
        net.assert_connected()
    assert net.drops("sun") == ["malformed", "malformed"]


def test_changes_any_octet_of_a_sealed_message(net: Network) -> None:
    datagram = Forger(net, "moon", initiator=True).say(2, Delete(Protocol.IKE))
    before = len(net.wire)
    for at in range(len(datagram)):
        forged = bytearray(datagram)
        forged[at] ^= 0x01
        net.inject("sun", bytes(forged))
    allowed = 1  # the major version: answered statelessly
    assert len(net.wire) - before <= allowed
    net.assert_connected()


def test_sends_an_spi_of_a_running_sa_with_the_wrong_role(net: Network) -> None:
    forger = Forger(net, "sun", initiator=False)
    net.inject("sun", forger.say(0, Delete(Protocol.IKE)))
    assert net.drops("sun") == ["no_sa"]
    net.assert_connected()


def test_claims_that_the_peer_is_unreachable(net: Network) -> None:
    net.tell("moon", Unreachable(SUN, "port unreachable"))
    net.sleep(100)
    net.assert_connected()


def test_reflects_our_own_messages(net: Network) -> None:
    for send in list(net.wire):
        name = "sun" if send.path.local[0] == SUN else "moon"
        net.inject(name, send.data)
    net.settle()
    net.assert_connected()


def test_talks_to_us_with_a_strangers_recording() -> None:
    net = Network()
    for path in FILES:
        for text in json.loads(path.read_text())["datagrams"]:
            net.inject("sun", bytes.fromhex(text))
    assert unharmed(net)
