"""Which payloads an exchange holds; every mandatory one missing, doubled and renumbered."""

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ikecore.identities import Identity
from ikecore.proposals import Proposal, Transform
from ikev2.message import Exchange, Header, Message
from ikev2.payloads.auth import Authentication
from ikev2.payloads.chain import Payload
from ikev2.payloads.delete import Delete
from ikev2.payloads.ident import IdInitiator, IdResponder
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from ikev2.payloads.types import NotifyType
from ikev2.payloads.unknown import Unknown
from ikev2.payloads.vendor import VendorId
from ikev2.rules import RuleBroken, check, is_refusal, unknown_critical
from policy.selectors import TrafficSelector
from tests.ikev2.payloads.codec import PAYLOADS

LAN = (TrafficSelector.from_cidr("10.1.0.0/24"),)
GW = Identity.parse("gw")
SA = SecurityAssociation((Proposal(1, (Transform(1, 12, 128),)),))
KE = KeyExchangeData(31, bytes(32))
NONCE = Nonce(bytes(32))
IDI, IDR = IdInitiator(GW), IdResponder(GW)
AUTH = Authentication(2, bytes(32))
TSI, TSR = SelectorsInitiator(LAN), SelectorsResponder(LAN)
NOTE, VENDOR = Notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED), VendorId(b"v")
CERT, CP = Unknown(37, False, b"c"), Unknown(47, False, b"c")
INIT, IKE_AUTH, CREATE, INFO = Exchange

WHOLE: Final[list[tuple[Exchange, bool, tuple[Payload, ...], tuple[Payload, ...]]]] = [
    # exchange, response, mandatory, optional
    (INIT, False, (SA, KE, NONCE), (NOTE, NOTE, VENDOR, VENDOR)),
    (INIT, True, (SA, KE, NONCE), (NOTE, Unknown(38, False, b""))),
    (IKE_AUTH, False, (IDI, AUTH, SA, TSI, TSR), (IDR, CERT, CERT, CP, NOTE)),
    (IKE_AUTH, True, (IDR, AUTH, SA, TSI, TSR), (CERT, CP, NOTE)),
    (CREATE, False, (SA, NONCE, TSI, TSR), (KE, NOTE)),
    (CREATE, True, (SA, NONCE, TSI, TSR), (KE, NOTE)),
    (CREATE, False, (SA, NONCE, KE), (NOTE,)),
    (CREATE, True, (SA, NONCE, KE), (NOTE,)),
    (INFO, False, (), (Delete(1), Delete(3, (256,)), NOTE, CP)),
    (INFO, True, (), (Delete(3, (256,)),)),
]
EACH: Final = [
    (exchange, response, mandatory, at)
    for exchange, response, mandatory, _ in WHOLE
    for at in range(len(mandatory))
]


def message(exchange: int, response: bool, *payloads: Payload) -> Message:
    header = Header(b"initiato", b"responde", exchange, 1, not response, response)
    return Message(header, payloads, protected=exchange != INIT, raw=b"")


@pytest.mark.parametrize(("exchange", "response", "mandatory", "optional"), WHOLE)
def test_whole_messages_are_taken(
    exchange: int, response: bool, mandatory: tuple[Payload, ...], optional: tuple[Payload, ...]
) -> None:
    check(message(exchange, response, *mandatory))
    check(message(exchange, response, *mandatory, *optional))
    check(message(exchange, response, *reversed((*mandatory, *optional))))


@pytest.mark.parametrize(("exchange", "response", "mandatory", "at"), EACH)
def test_a_mandatory_payload_missing_doubled_or_renumbered_is_refused(
    exchange: int, response: bool, mandatory: tuple[Payload, ...], at: int
) -> None:
    """libreswan CVE-2013-6467."""
    one = mandatory[at]
    rest = mandatory[:at] + mandatory[at + 1 :]
    with pytest.raises(RuleBroken):
        check(message(exchange, response, *rest))
    with pytest.raises(RuleBroken):
        check(message(exchange, response, *mandatory, one))
    for number in (1, 2, 37, 48, 50, 200):
        with pytest.raises(RuleBroken):
            check(message(exchange, response, *rest, Unknown(number, False, one.body())))


@pytest.mark.parametrize(
    ("exchange", "response", "extra"),
    [
        (INIT, False, AUTH),
        (INIT, False, TSI),
        (INIT, False, Delete(1)),
        (INIT, False, Unknown(48, False, b"")),
        (IKE_AUTH, False, KE),
        (IKE_AUTH, False, NONCE),
        (IKE_AUTH, True, IDI),
        (CREATE, False, AUTH),
        (CREATE, True, Delete(1)),
        (INFO, False, SA),
        (INFO, True, AUTH),
    ],
)
def test_a_payload_that_belongs_elsewhere_is_refused(
    exchange: Exchange, response: bool, extra: Payload
) -> None:
    mandatory = next(m for e, r, m, _ in WHOLE if (e, r) == (exchange, response))
    with pytest.raises(RuleBroken, match=f"payload in an {exchange.name}"):
        check(message(exchange, response, *mandatory, extra))


@pytest.mark.parametrize("extra", [IDR, CP])
def test_an_optional_payload_twice_is_refused(extra: Payload) -> None:
    with pytest.raises(RuleBroken, match="2 "):
        check(message(IKE_AUTH, False, IDI, AUTH, SA, TSI, TSR, extra, extra))


@pytest.mark.parametrize("kind", [1, 13, 50, 53, 99, 255])
def test_payloads_unknown_to_the_rfc_are_skipped_in_any_number(kind: int) -> None:
    strange = Unknown(kind, False, b"x")
    check(message(INIT, False, SA, strange, KE, strange, NONCE))


@pytest.mark.parametrize("exchange", [0, 33, 38, 43, 255])
def test_an_unknown_exchange_is_refused(exchange: int) -> None:
    with pytest.raises(RuleBroken, match=f"unknown exchange {exchange}"):
        check(message(exchange, False))


@pytest.mark.parametrize(
    ("exchange", "payloads"),
    [
        (INIT, (Notify(NotifyType.INVALID_KE_PAYLOAD, b"\0\x1f"),)),
        (INIT, (Notify(NotifyType.COOKIE, b"c" * 20), VENDOR)),
        (INIT, (Notify(NotifyType.NO_PROPOSAL_CHOSEN), NOTE)),
        (IKE_AUTH, (Notify(NotifyType.AUTHENTICATION_FAILED),)),
        (IKE_AUTH, (IDR, Notify(NotifyType.AUTHENTICATION_FAILED))),
        (IKE_AUTH, (Notify(12345),)),  # an error nobody has defined yet
        (CREATE, (Notify(NotifyType.TEMPORARY_FAILURE),)),
        (CREATE, (Notify(NotifyType.CHILD_SA_NOT_FOUND, b"", 3, b"four"),)),
    ],
)
def test_a_response_that_only_refuses_is_taken(
    exchange: int, payloads: tuple[Payload, ...]
) -> None:
    answer = message(exchange, True, *payloads)
    assert is_refusal(answer)
    check(answer)
    with pytest.raises(RuleBroken):
        check(message(exchange, False, *payloads))


@pytest.mark.parametrize(
    ("exchange", "payloads"),
    [
        (INIT, (NOTE,)),  # a status is no refusal
        (IKE_AUTH, (Notify(NotifyType.COOKIE),)),
        (INIT, ()),
        (IKE_AUTH, ()),
        (INIT, (Notify(NotifyType.COOKIE), KE)),
        (CREATE, (Notify(NotifyType.TEMPORARY_FAILURE), NONCE)),
        (IKE_AUTH, (Notify(NotifyType.AUTHENTICATION_FAILED), SA, TSI, TSR)),
    ],
)
def test_a_response_that_neither_refuses_nor_answers_is_refused(
    exchange: int, payloads: tuple[Payload, ...]
) -> None:
    with pytest.raises(RuleBroken):
        check(message(exchange, True, *payloads))


@pytest.mark.parametrize(
    "kind",
    [
        NotifyType.NO_PROPOSAL_CHOSEN,
        NotifyType.TS_UNACCEPTABLE,
        NotifyType.SINGLE_PAIR_REQUIRED,
        NotifyType.INTERNAL_ADDRESS_FAILURE,
        NotifyType.FAILED_CP_REQUIRED,
    ],
)
def test_an_ike_sa_may_come_up_without_its_child(kind: NotifyType) -> None:
    answer = message(IKE_AUTH, True, IDR, AUTH, Notify(kind))
    assert not is_refusal(answer)
    check(answer)


@pytest.mark.parametrize("child", [(SA,), (SA, TSI), (TSI, TSR)])
def test_a_child_is_whole_or_not_there(child: tuple[Payload, ...]) -> None:
    for words in ((), (Notify(38),)):
        with pytest.raises(RuleBroken, match=f"with {len(child)} of SA"):
            check(message(IKE_AUTH, True, IDR, AUTH, *child, *words))
    with pytest.raises(RuleBroken, match=f"with {len(child)} of SA"):
        check(message(IKE_AUTH, False, IDI, AUTH, *child))


def test_ike_auth_without_a_child_is_whole_too() -> None:
    """RFC 6023: a child may be asked for later."""
    check(message(IKE_AUTH, False, IDI, AUTH))
    check(message(IKE_AUTH, True, IDR, AUTH))


def test_the_first_critical_payload_that_is_not_understood_is_named() -> None:
    payloads = (Unknown(49, False, b""), Unknown(99, True, b""), Unknown(53, True, b""))
    assert unknown_critical(message(INFO, False, *payloads)) == 99


@pytest.mark.parametrize("kind", range(33, 49))
def test_the_critical_flag_means_nothing_on_payloads_of_the_rfc(kind: int) -> None:
    assert unknown_critical(message(INFO, False, Unknown(kind, True, b""))) is None


@settings(max_examples=150, deadline=None)
@given(st.integers(30, 40), st.booleans(), st.lists(PAYLOADS, max_size=6))
def test_any_message_is_taken_or_breaks_a_rule(
    exchange: int, response: bool, payloads: list[Payload]
) -> None:
    """Windows CVE-2023-21758: a message without what the handler took for granted."""
    given_message = message(exchange, response, *payloads)
    unknown_critical(given_message)
    try:
        check(given_message)
    except RuleBroken:
        return
    if exchange == INIT and not is_refusal(given_message):
        assert given_message.one(Nonce) is not None
