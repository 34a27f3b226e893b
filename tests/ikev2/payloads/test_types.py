"""The registry's numbers, where a slip would only show against other people's gateways."""

import pytest

from ikev2.payloads.types import NotifyType, PayloadType, is_error


def test_payload_types_are_contiguous_from_sa_to_skf() -> None:
    assert [int(kind) for kind in PayloadType] == [0, *range(33, 54)]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (14, NotifyType.NO_PROPOSAL_CHOSEN),
        (17, NotifyType.INVALID_KE_PAYLOAD),
        (24, NotifyType.AUTHENTICATION_FAILED),
        (38, NotifyType.TS_UNACCEPTABLE),
        (44, NotifyType.CHILD_SA_NOT_FOUND),
        (16384, NotifyType.INITIAL_CONTACT),
        (16390, NotifyType.COOKIE),
        (16393, NotifyType.REKEY_SA),
        (16396, NotifyType.MOBIKE_SUPPORTED),
        (16406, NotifyType.REDIRECT_SUPPORTED),
        (16418, NotifyType.CHILDLESS_IKEV2_SUPPORTED),
        (16430, NotifyType.IKEV2_FRAGMENTATION_SUPPORTED),
        (16431, NotifyType.SIGNATURE_HASH_ALGORITHMS),
        (16443, NotifyType.SUPPORTED_AUTH_METHODS),
        (16446, NotifyType.PPK_IDENTITY_KEY),
    ],
)
def test_notify_types_have_the_registrys_numbers(number: int, kind: NotifyType) -> None:
    assert kind == number


@pytest.mark.parametrize(("number", "error"), [(0, True), (16383, True), (16384, False)])
def test_errors_are_below_16384(number: int, error: bool) -> None:
    assert is_error(number) is error
