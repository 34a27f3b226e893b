import pytest

from ikecore.identities import Identity
from ikecore.proposals import Protocol
from ikev2.labels import label, labels, notify_name
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

ME = Identity.parse("moon.lab")


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (SecurityAssociation(()), "SA"),
        (KeyExchangeData(31, b""), "KE"),
        (Nonce(bytes(16)), "No"),
        (IdInitiator(ME), "IDi"),
        (IdResponder(ME), "IDr"),
        (Authentication(2, b""), "AUTH"),
        (SelectorsInitiator(()), "TSi"),
        (SelectorsResponder(()), "TSr"),
        (VendorId(b"x"), "V"),
        (Notify(NotifyType.COOKIE), "N(COOKIE)"),
        (Notify(40_000), "N(40000)"),
        (Delete(Protocol.IKE), "D(IKE)"),
        (Delete(Protocol.ESP, (1, 2)), "D(2)"),
        (Unknown(47, False, b""), "CP"),
        (Unknown(200, True, b""), "payload 200"),
    ],
)
def test_each_payload_has_its_short_name(payload: Payload, text: str) -> None:
    assert label(payload) == text


def test_a_message_is_its_payloads_in_order() -> None:
    assert labels((Nonce(bytes(16)), Notify(16388))) == ("No", "N(NAT_DETECTION_SOURCE_IP)")


def test_a_private_notify_shows_its_number() -> None:
    assert notify_name(8192) == "8192"
    assert notify_name(24) == "AUTHENTICATION_FAILED"
