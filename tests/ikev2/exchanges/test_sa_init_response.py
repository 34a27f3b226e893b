"""IKE_SA_INIT as its responder: no state until all is well, and no answer larger than due."""

from dataclasses import replace

import pytest

from ikecore.actions import Failed, Send
from ikecore.diagnosis import Code
from ikecore.events import Configured
from ikecore.profile import Limits
from ikecore.proposals import Proposal, Protocol, Transform
from ikev2.exchanges.sa_init_response import TOLD
from ikev2.message import parse_header, parse_init
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.types import NotifyType
from policy.path import Path
from suites.kex import GROUP_BY_NAME
from tests.ikev2.forger import STRANGER, init_payloads, init_request
from tests.ikev2.network import SUN, Network, only, profile


def asked(net: Network, request: bytes) -> tuple[int, ...]:
    """Return the notify types of sun's answer; empty for one that accepts."""
    sent = only(Send, net.inject("sun", request))
    assert len(sent) == 1
    assert len(sent[0].data) <= 2 * len(request) + 100
    message = parse_init(sent[0].data, parse_header(sent[0].data))
    assert message.header.initiator_spi == STRANGER
    if message.one(SecurityAssociation) is not None:
        return ()
    assert len(sent[0].data) <= len(request)
    return tuple(notify.type for notify in message.notifies())


@pytest.mark.parametrize(
    ("moon", "code"),
    [
        ("aes256gcm16-prfsha256-x25519", Code.ENCRYPTION_MISMATCH),
        ("aes128gcm16-prfsha384-x25519", Code.PRF_MISMATCH),
        ("aes128gcm16-prfsha256-modp2048", Code.DH_GROUP_MISMATCH),
    ],
)
def test_a_combined_mode_offer_that_misfits_is_told_what_misfits(moon: str, code: Code) -> None:
    net = Network()
    offer = profile("moon", (moon,))
    assert asked(net, init_request(offer=offer)) == (NotifyType.NO_PROPOSAL_CHOSEN,)
    (failed,) = net.seen(Failed, "sun")
    assert (failed.connection, failed.initiator) == ("net", False)
    (finding,) = failed.diagnosis.findings
    assert (finding.code, finding.theirs) == (code, moon)
    assert finding.ours == "aes128gcm16-prfsha256-x25519"
    assert net.hosts["sun"].endpoint.half_open == 0


@pytest.mark.parametrize(
    ("moon", "codes"),
    [
        ("aes128-sha1-prfsha256-x25519", [Code.INTEGRITY_MISMATCH]),
        ("aes256-sha256-x25519", [Code.ENCRYPTION_MISMATCH]),
        ("aes128-sha1-x25519", [Code.PRF_MISMATCH, Code.INTEGRITY_MISMATCH]),
        ("aes128-sha256-ecp256", [Code.DH_GROUP_MISMATCH]),
    ],
)
def test_a_plain_offer_that_misfits_is_told_what_misfits(moon: str, codes: list[Code]) -> None:
    net = Network(sun=profile("sun", ("aes128-sha256-x25519",)))
    assert asked(net, init_request(offer=profile("moon", (moon,)))) == (14,)
    (diagnosis,) = net.failures("sun")
    assert [finding.code for finding in diagnosis.findings] == codes
    assert not diagnosis.proven


def test_the_wrong_group_is_answered_with_the_right_one() -> None:
    net = Network(sun=profile("sun", ("aes128gcm16-prfsha256-ecp256",)))
    offer = profile("moon", ("aes128gcm16-prfsha256-x25519-ecp256",))
    request = init_request(offer=offer)
    (sent,) = only(Send, net.inject("sun", request))
    message = parse_init(sent.data, parse_header(sent.data))
    assert message.payloads == (Notify(NotifyType.INVALID_KE_PAYLOAD, b"\x00\x13"),)
    assert net.hosts["sun"].endpoint.half_open == 0


def test_a_stranger_from_an_address_of_no_connection_is_told_nothing_more() -> None:
    net = Network()
    path = Path((SUN, 500), ("203.0.113.9", 500))
    sent = only(Send, net.inject("sun", init_request(), path))
    assert len(sent) == 1
    assert net.drops("sun") == ["no_connection"]
    assert net.seen(Failed, "sun") == []


def odd_proposals() -> list[Proposal]:
    """Offers that ended other implementations."""
    (good,) = profile("moon").ike_proposals
    encr, prf, group = good.transforms
    return [
        replace(good, transforms=(encr, prf)),  # no KE
        replace(good, transforms=(encr, group)),  # no PRF
        replace(good, transforms=(prf, group)),  # no ENCR
        replace(good, transforms=()),
        replace(good, transforms=(encr, prf, group, Transform(99, 1))),
        replace(good, transforms=(encr, prf, Transform(4, 0))),  # KE none
        replace(good, transforms=(Transform(1, 12, 128), prf, group)),  # AES-CBC without INTEG
        replace(good, transforms=(Transform(1, 12, 128), prf, Transform(3, 5), group)),  # XCBC
        replace(good, transforms=(encr, Transform(2, 4), group)),  # PRF AES-XCBC
        replace(good, transforms=(replace(encr, key_bits=0), prf, group)),
        replace(good, transforms=(replace(encr, key_bits=129), prf, group)),
        replace(good, transforms=(encr, prf, Transform(4, 1025))),  # a private group
        replace(good, protocol=Protocol.ESP, spi=b"spi!"),
        replace(good, protocol=Protocol.AH, spi=b"spi!"),
        replace(good, protocol=77),
    ]


@pytest.mark.parametrize("proposal", odd_proposals(), ids=str)
def test_an_odd_proposal_is_refused_and_nothing_more(proposal: Proposal) -> None:
    net = Network()
    _, key, nonce = init_payloads()
    request = init_request((SecurityAssociation((proposal,)), key, nonce))
    assert asked(net, request) == (NotifyType.NO_PROPOSAL_CHOSEN,)
    assert net.hosts["sun"].endpoint.half_open == 0


def test_an_odd_proposal_beside_a_good_one_does_no_harm() -> None:
    for number, proposal in enumerate(odd_proposals()):
        net = Network(seed=number)
        offer, key, nonce = init_payloads()
        both = (replace(proposal, number=1), replace(offer.proposals[0], number=2))
        assert asked(net, init_request((SecurityAssociation(both), key, nonce))) == ()
        assert net.hosts["sun"].endpoint.half_open == 1


def test_md5_is_accepted_where_it_is_configured_and_refused_elsewhere() -> None:
    weak = profile("moon", ("3des-md5-x25519",))
    assert asked(Network(), init_request(offer=weak)) == (14,)
    net = Network(sun=profile("sun", ("3des-md5-x25519",)))
    assert asked(net, init_request(offer=weak)) == ()


@pytest.mark.parametrize(
    "value",
    [b"", bytes(32), b"\x01" + bytes(31), bytes(31), bytes(33), b"\xff" * 200],
    ids=lambda value: f"{len(value)} octets {value[:2].hex()}",
)
def test_a_bad_public_value_leaves_no_state_and_gets_no_answer(value: bytes) -> None:
    net = Network()
    offer, _, nonce = init_payloads()
    net.inject("sun", init_request((offer, KeyExchangeData(31, value), nonce)))
    assert only(Send, net.hosts["sun"].log) == []
    assert net.drops("sun") == ["public_value"]
    assert net.hosts["sun"].endpoint.half_open == 0


@pytest.mark.parametrize("name", ["modp2048", "modp2048s256", "ecp256", "ecp521", "x448"])
def test_a_bad_public_value_of_other_groups_too(name: str) -> None:
    ours = profile("sun", (f"aes128gcm16-prfsha256-{name}",))
    group = GROUP_BY_NAME[name]
    size = len(group.generate().public)
    values = [bytes(size), b"\x02", bytes(size + 1)]  # 0 or off the curve, too short, too long
    if name != "x448":  # 1 and p - 1; every other string is a point of x448
        values += [bytes(size - 1) + b"\x01", b"\xff" * size]
    for value in values:
        net = Network(sun=ours)
        offer = SecurityAssociation(ours.ike_proposals)
        key, nonce = KeyExchangeData(group.iana, value), Nonce(bytes(16))
        net.inject("sun", init_request((offer, key, nonce)))
        assert net.drops("sun") == ["public_value"], value[:4]
        assert only(Send, net.hosts["sun"].log) == []


def test_the_same_request_again_gets_the_same_answer() -> None:
    net = Network()
    request = init_request()
    (first,) = only(Send, net.inject("sun", request))
    (second,) = only(Send, net.inject("sun", request))
    assert first == second
    assert net.hosts["sun"].endpoint.half_open == 1


def test_a_cookie_asked_for_in_a_crowd_that_has_gone_meanwhile_does_no_harm() -> None:
    # SA KE Ni            ──►  a crowd: N(COOKIE), but late
    # SA KE Ni (again)    ──►  the crowd is gone: SA KE Nr, but later still
    # N(COOKIE) SA KE Ni  ──►  what moon's AUTH will speak of is this one
    net = Network(limits={"sun": Limits(cookie_threshold=1)})
    net.inject("sun", init_request())
    net.sleep(29.7)
    slow = {2: 0.8, 4: 1.2}  # the cookie, and the answer
    net.delay = lambda _: slow.get(len(net.wire) - 1, 0.01)
    net.initiate("moon", settle=False)
    net.sleep(30)
    assert [code for code in net.codes("sun") if code != Code.PEER_NO_RESPONSE] == []
    assert "> IKE_SA_INIT 0 N(COOKIE)" in "\n".join(net.story("moon"))
    net.assert_connected()


@pytest.mark.parametrize("changed", ["nonce", "key", "offer"])
def test_another_request_under_the_same_spi_is_dropped_even_with_a_good_cookie(
    changed: str,
) -> None:
    net = Network(limits={"sun": Limits(cookie_threshold=1)})
    offer, key, nonce = init_payloads()
    first = (offer, key, nonce)
    (proposal,) = offer.proposals
    second = {
        "nonce": (offer, key, Nonce(b"another nonce altogether")),
        "key": (offer, init_payloads()[1], nonce),
        "offer": (SecurityAssociation((replace(proposal, number=2),)), key, nonce),
    }[changed]
    net.inject("sun", init_request(spi=b"a crowd!"))
    cookies = []
    for payloads in (first, second):
        (asked_for,) = only(Send, net.inject("sun", init_request(payloads)))
        told = parse_init(asked_for.data, parse_header(asked_for.data))
        cookies.append(told.payloads[0])
    (sent,) = only(Send, net.inject("sun", init_request((cookies[0], *first))))
    assert only(Send, net.inject("sun", init_request((cookies[1], *second)))) == []
    assert net.drops("sun")[-1] == "message_id"
    assert only(Send, net.inject("sun", init_request((cookies[0], *first)))) == [sent]


def test_another_request_under_the_same_spi_is_dropped() -> None:
    net = Network()
    net.inject("sun", init_request())
    actions = net.inject("sun", init_request(nonce=b"another nonce altogether"))
    assert only(Send, actions) == []
    assert net.drops("sun") == ["message_id"]
    assert net.hosts["sun"].endpoint.half_open == 1


def test_the_same_spi_from_another_address_is_another_peer() -> None:
    net = Network(sun=profile("sun", remote=frozenset()))
    net.inject("sun", init_request())
    net.inject("sun", init_request(), Path((SUN, 500), ("203.0.113.9", 500)))
    assert net.hosts["sun"].endpoint.half_open == 2


def test_nat_detection_is_answered_only_to_who_speaks_of_it() -> None:
    net = Network()
    (sent,) = only(Send, net.inject("sun", init_request()))
    said = parse_init(sent.data, parse_header(sent.data)).notifies()
    assert not {notify.type for notify in said} & {
        NotifyType.NAT_DETECTION_SOURCE_IP,
        NotifyType.NAT_DETECTION_DESTINATION_IP,
    }


def test_a_strangers_misfit_is_told_to_a_few_of_the_many_connections_he_may_mean() -> None:
    net = Network()
    many = tuple(profile("sun", name=f"net{n}", remote=frozenset()) for n in range(100))
    net.tell("sun", Configured(many))
    offer = profile("moon", ("aes256gcm16-prfsha256-x25519",))
    assert asked(net, init_request(offer=offer)) == (NotifyType.NO_PROPOSAL_CHOSEN,)
    told = net.seen(Failed, "sun")
    assert [failed.connection for failed in told] == [f"net{n}" for n in range(TOLD)]
    assert len(told[0].diagnosis.findings) == 1
