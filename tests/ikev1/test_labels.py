"""Short names."""

import pytest

from ikev1.labels import config_name, label, labels, notify_name
from ikev1.payloads.attrs import ConfigAttributes
from ikev1.payloads.chain import Payload
from ikev1.payloads.delete import Delete
from ikev1.payloads.fragment import Fragment
from ikev1.payloads.hash import Hash
from ikev1.payloads.ident import Identification
from ikev1.payloads.ke import KeyExchangeData
from ikev1.payloads.natd import DraftNatDetection, NatDetection
from ikev1.payloads.natoa import DraftOriginalAddress, OriginalAddress
from ikev1.payloads.nonce import Nonce
from ikev1.payloads.notify import Notify
from ikev1.payloads.sa import SecurityAssociation
from ikev1.payloads.types import NotifyType
from ikev1.payloads.unknown import Unknown
from ikev1.payloads.vendor import VendorId

ID = Identification(1, 0, 0, b"\n\0\0\1")


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (SecurityAssociation(()), "SA"),
        (KeyExchangeData(b""), "KE"),
        (Nonce(bytes(8)), "No"),
        (Hash(b""), "HASH"),
        (ID, "ID"),
        (VendorId(b"x"), "V"),
        (NatDetection(b""), "NAT-D"),
        (DraftNatDetection(b""), "NAT-D"),
        (OriginalAddress("10.0.0.1"), "NAT-OA"),
        (DraftOriginalAddress("::1"), "NAT-OA"),
        (Notify(NotifyType.R_U_THERE), "N(R_U_THERE)"),
        (Notify(40_000), "N(40000)"),
        (Delete(1, (bytes(16),)), "D(ISAKMP)"),
        (Delete(3, (b"four", b"more")), "D(2)"),
        (ConfigAttributes(3, 0), "ATTR(SET)"),
        (ConfigAttributes(77, 0), "ATTR(77)"),
        (Fragment(1, 2, False, b""), "FRAG(2)"),
        (Fragment(1, 3, True, b""), "FRAG(3, last)"),
        (Unknown(9, b""), "SIG"),
        (Unknown(33, b""), "payload 33"),
    ],
)
def test_each_payload_has_its_short_name(payload: Payload, text: str) -> None:
    assert label(payload) == text


def test_a_message_is_its_payloads_in_order() -> None:
    said = (Hash(b""), SecurityAssociation(()), Nonce(bytes(8)), ID, ID)
    assert labels(said) == ("HASH", "SA", "No", "IDci", "IDcr")
    assert labels((ID, Hash(b""))) == ("ID", "HASH")
    assert labels((ID, ID, ID)) == ("ID", "ID", "ID")


def test_private_numbers_are_shown_as_numbers() -> None:
    assert (notify_name(8192), notify_name(24)) == ("8192", "AUTHENTICATION_FAILED")
    assert (config_name(9), config_name(1)) == ("9", "REQUEST")
