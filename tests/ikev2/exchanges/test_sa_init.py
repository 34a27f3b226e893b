"""IKE_SA_INIT as its initiator: what the peer may ask, and what a stranger may not."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ikecore.actions import Action, Dropped, Failed, Send
from ikecore.diagnosis import NOT_TOLD, Code
from ikecore.events import Unreachable
from ikecore.profile import Limits
from ikecore.retry import RetryPlan
from ikev2.message import Exchange, Header, build_init, parse_header, parse_init
from ikev2.payloads.chain import Payload
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.types import NotifyType
from suites.kex import GROUP_BY_NAME
from tests.ikev2.forger import NOTHING, STRANGER, init_request
from tests.ikev2.network import SUN, Network, only, profile

TWO_GROUPS = ("aes128gcm16-prfsha256-x25519-ecp256",)
ECP = ("aes128gcm16-prfsha256-ecp256",)
CROWDED = {"sun": Limits(cookie_threshold=0)}


def said(net: Network) -> list[str]:
    """Return moon's story without what is always there."""
    plain = (
        " N(NAT_DETECTION_SOURCE_IP) N(NAT_DETECTION_DESTINATION_IP)",
        " N(IKEV2_FRAGMENTATION_SUPPORTED)",
        " N(CHILDLESS_IKEV2_SUPPORTED)",
        " N(INITIAL_CONTACT)",
    )
    story = "\n".join(net.story("moon"))
    for words in plain:
        story = story.replace(words, "")
    return story.split("\n")


def answer(net: Network, *payloads: Payload, spi: bytes = STRANGER) -> list[Action]:
    """Let moon receive an answer to the request it sent last."""
    header = parse_header(net.wire[-1].data)
    back = Header(header.initiator_spi, spi, Exchange.IKE_SA_INIT, 0, False, response=True)
    return net.inject("moon", build_init(back, payloads))


def started(**changes: object) -> Network:
    """Return a network in which moon's request was lost."""
    net = Network(profile("moon", **changes))  # type: ignore[arg-type]  # a test names the fields
    net.lose = lambda _: True
    net.initiate("moon")
    net.lose = lambda _: False
    return net


def test_a_cookie_is_brought_back_before_all_else() -> None:
    net = Network(limits=CROWDED)
    net.initiate("moon")
    # HDR(A,0), SA, KE, Ni             ──►
    #                                  ◄── HDR(A,0), N(COOKIE)
    # HDR(A,0), N(COOKIE), SA, KE, Ni  ──►
    #                                  ◄── HDR(A,B), SA, KE, Nr
    assert said(net)[:4] == [
        "> IKE_SA_INIT 0 SA KE No",
        "< IKE_SA_INIT 0 N(COOKIE)",
        "> IKE_SA_INIT 0 N(COOKIE) SA KE No",
        "< IKE_SA_INIT 0 SA KE No",
    ]
    first, second = (parse_init(m.raw, parse_header(m.raw)) for m in net.messages("moon")[0:3:2])
    assert second.payloads[1:4] == first.payloads[:3]
    net.assert_connected()


def test_with_a_cookie_all_else_stays_even_what_pretends_a_nat() -> None:
    net = Network(profile("moon", force_encap=True), limits=CROWDED)
    net.initiate("moon")
    first, second = (parse_init(m.raw, parse_header(m.raw)) for m in net.messages("moon")[0:3:2])
    assert second.payloads[1:] == first.payloads
    net.assert_connected()


def test_a_group_asked_for_is_taken_if_we_offer_it() -> None:
    net = Network(profile("moon", TWO_GROUPS), profile("sun", ECP))
    net.initiate("moon")
    assert said(net)[:4] == [
        "> IKE_SA_INIT 0 SA KE No",
        "< IKE_SA_INIT 0 N(INVALID_KE_PAYLOAD)",
        "> IKE_SA_INIT 0 SA KE No",
        "< IKE_SA_INIT 0 SA KE No",
    ]
    net.assert_connected()


def test_cookie_then_group() -> None:
    net = Network(profile("moon", TWO_GROUPS), profile("sun", ECP), limits=CROWDED)
    net.initiate("moon")
    assert said(net)[1:7] == [
        "< IKE_SA_INIT 0 N(COOKIE)",
        "> IKE_SA_INIT 0 N(COOKIE) SA KE No",
        "< IKE_SA_INIT 0 N(INVALID_KE_PAYLOAD)",
        "> IKE_SA_INIT 0 N(COOKIE) SA KE No",
        "< IKE_SA_INIT 0 SA KE No",
        "> IKE_AUTH 1 IDi IDr AUTH N(MOBIKE_SUPPORTED) N(NO_ADDITIONAL_ADDRESSES) SA TSi TSr",
    ]
    net.assert_connected()


def test_group_then_cookie() -> None:
    limits = {"sun": Limits(cookie_threshold=1)}
    net = Network(profile("moon", TWO_GROUPS), profile("sun", (*ECP, *TWO_GROUPS)), limits=limits)
    net.configure("sun", profile("sun", ECP), profile("sun", remote=frozenset()))
    net.initiate("moon", settle=False)
    net.sleep(0.015)  # sun has asked for the group; now a stranger fills it up
    net.inject("sun", init_request(), replace(net.wire[-1].path, remote=("203.0.113.9", 500)))
    net.settle()
    assert said(net)[1:6] == [
        "< IKE_SA_INIT 0 N(INVALID_KE_PAYLOAD)",
        "> IKE_SA_INIT 0 SA KE No",
        "< IKE_SA_INIT 0 N(COOKIE)",
        "> IKE_SA_INIT 0 N(COOKIE) SA KE No",
        "< IKE_SA_INIT 0 SA KE No",
    ]
    net.assert_connected()


def test_a_cookie_that_came_too_late_is_asked_for_again() -> None:
    limits = {"sun": Limits(cookie_threshold=0, cookie_lifetime=1.0)}
    patient = profile("moon", retry=RetryPlan(first=8.0))
    net = Network(patient, limits=limits)
    net.delay = lambda _: 3.0 if len(net.wire) == 3 else 0.01
    net.initiate("moon")
    assert [line for line in said(net) if "COOKIE" in line] == [
        "< IKE_SA_INIT 0 N(COOKIE)",
        "> IKE_SA_INIT 0 N(COOKIE) SA KE No",
        "< IKE_SA_INIT 0 N(COOKIE)",
        "> IKE_SA_INIT 0 N(COOKIE) SA KE No",
    ]
    net.assert_connected()


def test_a_demand_that_comes_twice_is_met_once() -> None:
    net = Network(profile("moon", TWO_GROUPS), profile("sun", ECP), limits=CROWDED)
    net.copies = lambda _: 2
    net.initiate("moon")
    asked = [m for m in net.messages("moon") if m.sent and m.exchange == "IKE_SA_INIT"]
    assert len(asked) == 3  # plain, with the cookie, with the other group
    net.assert_connected()


def test_cookies_without_end_end() -> None:
    net = started()
    net.lose = lambda _: True
    for turn in range(10):
        actions = answer(net, Notify(NotifyType.COOKIE, bytes((turn,) * 16)), spi=NOTHING)
        sent = [a for a in actions if isinstance(a, Send)]
        assert len(sent) == (1 if turn < 4 else 0)
    net.sleep(20)
    assert net.codes("moon") == [Code.PEER_NO_RESPONSE]


@pytest.mark.parametrize("octets", [0, 65, 1000])
def test_a_cookie_of_impossible_length_is_ignored(octets: int) -> None:
    net = started()
    answer(net, Notify(NotifyType.COOKIE, bytes(octets)))
    assert len(net.wire) == 1
    net.sleep(5)
    net.assert_connected()


@pytest.mark.parametrize(
    ("payloads", "code"),
    [
        ([Notify(NotifyType.NO_PROPOSAL_CHOSEN)], Code.PROPOSAL_REFUSED_BY_PEER),
        ([Notify(NotifyType.INVALID_MAJOR_VERSION)], Code.IKE_VERSION_MISMATCH),
        ([Notify(NotifyType.INVALID_SYNTAX)], Code.INVALID_SYNTAX),
        ([Notify(NotifyType.INVALID_KE_PAYLOAD, b"\0\x02")], Code.DH_GROUP_MISMATCH),
        ([Notify(NotifyType.INVALID_KE_PAYLOAD, b"\4\x01")], Code.DH_GROUP_MISMATCH),
        ([Notify(NotifyType.INVALID_KE_PAYLOAD, b"")], Code.DH_GROUP_MISMATCH),
        ([Notify(NotifyType.INVALID_KE_PAYLOAD, b"\0\x1f")], Code.DH_GROUP_MISMATCH),
        ([Notify(8192)], Code.PEER_ERROR),
    ],
)
class TestARefusalInClear:
    """It is only evidence: whoever sees the request can forge it."""

    def test_ends_the_try_soon_and_unproven(self, payloads: Sequence[Payload], code: Code) -> None:
        net = started()
        net.lose = lambda _: True
        answer(net, *payloads, spi=NOTHING)
        assert net.codes("moon") == []
        net.sleep(1.1)
        (diagnosis,) = net.failures("moon")
        assert (diagnosis.code, diagnosis.stage, diagnosis.proven) == (code, 1, False)
        assert not diagnosis.certain
        assert "not authenticated" in "\n".join(diagnosis.lines())

    def test_loses_against_a_real_answer(self, payloads: Sequence[Payload], code: Code) -> None:
        net = started()
        answer(net, *payloads, spi=NOTHING)
        net.sleep(5)  # the request is sent again, and answered by sun
        net.assert_connected()
        assert code not in net.codes("moon")


def test_a_refused_offer_names_every_cause_and_nothing_of_theirs() -> None:
    net = Network(profile("moon"), profile("sun", ECP))
    net.initiate("moon")
    net.sleep(2)
    (diagnosis,) = net.failures("moon")
    assert [f.code for f in diagnosis.findings] == [
        Code.ENCRYPTION_MISMATCH,
        Code.DH_GROUP_MISMATCH,
        Code.INTEGRITY_MISMATCH,
        Code.PRF_MISMATCH,
        Code.IKE_VERSION_MISMATCH,
    ]
    assert {f.theirs for f in diagnosis.findings} == {NOT_TOLD}
    assert diagnosis.findings[0].ours == "aes128gcm16-prfsha256-x25519"


def test_silence_is_told_as_silence() -> None:
    net = Network()
    net.lose = lambda _: True
    net.initiate("moon")
    net.sleep(9.9)
    assert net.codes("moon") == []
    net.sleep(0.2)
    (failed,) = net.seen(Failed, "moon")
    assert (failed.connection, failed.initiator) == ("net", True)
    assert failed.diagnosis.code == Code.PEER_NO_RESPONSE
    assert "192.0.2.2 port 500" in failed.diagnosis.evidence
    assert len({send.data for send in net.wire}) == 1
    assert len(net.wire) == 5  # after 0.5, 0.9, 1.6, 2.9 s, and then the deadline


def test_what_the_network_says_is_evidence_beside_the_silence() -> None:
    net = Network()
    net.lose = lambda _: True
    net.initiate("moon")
    net.tell("moon", Unreachable(SUN, "connection refused"))
    net.tell("moon", Unreachable("203.0.113.1", "no route"))
    net.sleep(11)
    (diagnosis,) = net.failures("moon")
    assert (diagnosis.code, diagnosis.proven) == (Code.PEER_UNREACHABLE, False)
    assert [f.code for f in diagnosis.findings] == [Code.PEER_UNREACHABLE, Code.PEER_NO_RESPONSE]
    assert "connection refused" in diagnosis.evidence


def accepting(net: Network, **changes: object) -> tuple[Payload, ...]:
    """Return what a responder would say, but for what a test changes."""
    key = GROUP_BY_NAME["x25519"].generate()
    parts: dict[str, object] = {
        "offer": net.hosts["moon"].profile.ike_proposals,
        "group": 31,
        "value": key.public,
    }
    parts.update(changes)
    return (
        SecurityAssociation(parts["offer"]),  # type: ignore[arg-type]
        KeyExchangeData(parts["group"], parts["value"]),  # type: ignore[arg-type]
        Nonce(bytes(16)),
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"value": bytes(32)}, "public_value"),
        ({"value": b"\x01" + bytes(31)}, "public_value"),
        ({"value": b""}, "public_value"),
        ({"value": bytes(33)}, "public_value"),
        ({"group": 19}, "proposal"),
        ({"group": 1025}, "proposal"),
        ({"offer": profile("moon", ECP).ike_proposals}, "proposal"),
        ({"offer": profile("moon", ("aes256-sha256-x25519",)).ike_proposals}, "proposal"),
        ({"offer": profile("moon").esp_proposals}, "malformed"),
    ],
)
def test_a_choice_that_is_not_ours_is_not_answered(changes: dict[str, object], why: str) -> None:
    net = started()
    if why == "malformed":
        changes = {"offer": tuple(replace(p, spi=bytes(4)) for p in profile("moon").esp_proposals)}
    actions = answer(net, *accepting(net, **changes))
    assert only(Dropped, actions)[-1].reason == why
    assert len(net.wire) == 1
    net.sleep(5)
    net.assert_connected()


def test_an_answer_under_an_spi_of_zero_is_ignored() -> None:
    net = started()
    answer(net, *accepting(net), spi=NOTHING)
    assert net.drops("moon") == ["malformed"]
    net.sleep(5)
    net.assert_connected()


def test_the_second_of_two_answers_is_dropped() -> None:
    net = started()
    answer(net, *accepting(net))
    assert len(net.wire) == 2  # IKE_AUTH
    header = parse_header(net.wire[0].data)
    back = Header(header.initiator_spi, STRANGER, Exchange.IKE_SA_INIT, 0, False, response=True)
    net.inject("moon", build_init(back, accepting(net)))
    assert net.drops("moon")[-1] == "unexpected_response"
    assert len(net.wire) == 2
