"""The registries' numbers, where a slip would only show against other people's gateways."""

import pytest

from ikev1.payloads.types import DOI, SIT_IDENTITY_ONLY, NotifyType, PayloadType, is_error
from ikev1.payloads.types import ProtocolId as P


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (1, PayloadType.SA),
        (4, PayloadType.KE),
        (5, PayloadType.ID),
        (8, PayloadType.HASH),
        (10, PayloadType.NONCE),
        (11, PayloadType.NOTIFY),
        (12, PayloadType.DELETE),
        (13, PayloadType.VENDOR),
        (14, PayloadType.ATTRIBUTES),
        (20, PayloadType.NAT_D),
        (21, PayloadType.NAT_OA),
        (130, PayloadType.NAT_D_DRAFT),
        (131, PayloadType.NAT_OA_DRAFT),
        (132, PayloadType.FRAGMENT),
    ],
)
def test_payload_types_have_the_registrys_numbers(number: int, kind: PayloadType) -> None:
    assert kind == number


def test_none_of_ikev2s_payload_types_is_known() -> None:
    assert not set(PayloadType) & set(range(33, 54))


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (4, NotifyType.INVALID_COOKIE),
        (11, NotifyType.INVALID_SPI),
        (14, NotifyType.NO_PROPOSAL_CHOSEN),
        (16, NotifyType.PAYLOAD_MALFORMED),
        (18, NotifyType.INVALID_ID_INFORMATION),
        (23, NotifyType.INVALID_HASH_INFORMATION),
        (24, NotifyType.AUTHENTICATION_FAILED),
        (30, NotifyType.UNEQUAL_PAYLOAD_LENGTHS),
        (16384, NotifyType.CONNECTED),
        (24576, NotifyType.RESPONDER_LIFETIME),
        (24577, NotifyType.REPLAY_STATUS),
        (24578, NotifyType.INITIAL_CONTACT),
        (36136, NotifyType.R_U_THERE),
        (36137, NotifyType.R_U_THERE_ACK),
        (40501, NotifyType.UNITY_LOAD_BALANCE),
    ],
)
def test_notify_types_have_the_registrys_numbers(number: int, kind: NotifyType) -> None:
    assert kind == number


@pytest.mark.parametrize(("number", "error"), [(0, True), (16383, True), (16384, False)])
def test_errors_are_below_16384(number: int, error: bool) -> None:
    assert is_error(number) is error


def test_protocols_doi_and_situation() -> None:
    assert (P.ISAKMP, P.AH, P.ESP, P.IPCOMP, DOI, SIT_IDENTITY_ONLY) == (1, 2, 3, 4, 1, 1)
