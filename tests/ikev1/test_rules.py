"""Which payloads a message holds; every mandatory one missing, doubled and renumbered."""

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ikev1.message import Exchange, Header, Message
from ikev1.payloads.attrs import ConfigAttributes
from ikev1.payloads.chain import Payload
from ikev1.payloads.delete import Delete
from ikev1.payloads.fragment import Fragment
from ikev1.payloads.hash import Hash
from ikev1.payloads.ident import Identification
from ikev1.payloads.ke import KeyExchangeData
from ikev1.payloads.natd import DraftNatDetection, NatDetection
from ikev1.payloads.natoa import OriginalAddress
from ikev1.payloads.nonce import Nonce
from ikev1.payloads.notify import Notify
from ikev1.payloads.sa import SecurityAssociation
from ikev1.payloads.unknown import Unknown
from ikev1.payloads.vendor import VendorId
from ikev1.rules import Place, RuleBroken, check
from tests.ikev1.payloads.codec import PAYLOADS

SA, KE, NONCE = SecurityAssociation(()), KeyExchangeData(b"public"), Nonce(bytes(8))
ID, HASH, DELETE = Identification(1, 0, 0, b"\n\0\0\1"), Hash(b"h"), Delete(3, (b"four",))
NAT, DRAFT, OA = NatDetection(b"n"), DraftNatDetection(b"n"), OriginalAddress("10.0.0.1")
ATTR, NOTE, VENDOR, CERTREQ = ConfigAttributes(1, 1), Notify(24578), VendorId(b"v"), Unknown(7, b"")

WHOLE: Final[list[tuple[Place, tuple[Payload, ...], tuple[Payload, ...]]]] = [
    # place, mandatory, optional
    (Place.MM1, (SA,), (VENDOR, VENDOR, NOTE)),
    (Place.MM2, (SA,), (VENDOR,)),
    (Place.MM3, (KE, NONCE), (NAT, NAT, NAT, CERTREQ, VENDOR)),
    (Place.MM4, (KE, NONCE), (DRAFT, DRAFT)),
    (Place.MM5, (ID, HASH), (NOTE,)),
    (Place.MM6, (ID, HASH), (NOTE,)),
    (Place.AM1, (SA, KE, NONCE, ID), (VENDOR, CERTREQ)),
    (Place.AM2, (SA, KE, NONCE, ID, HASH), (NAT, NAT, VENDOR)),
    (Place.AM3, (HASH,), (NAT, NAT, NOTE)),
    (Place.QM1, (HASH, SA, NONCE), (KE, ID, ID, OA, OA, NOTE)),
    (Place.QM2, (HASH, SA, NONCE), (KE, ID, ID, NOTE)),
    (Place.QM3, (HASH,), (NOTE,)),
    (Place.INFORMATIONAL, (HASH,), (DELETE, DELETE, NOTE)),
    (Place.TRANSACTION, (HASH, ATTR), (NOTE,)),
]
EACH: Final = [(place, must, at) for place, must, _ in WHOLE for at in range(len(must))]
EXCHANGES: Final = {
    "M": Exchange.MAIN, "A": Exchange.AGGRESSIVE, "Q": Exchange.QUICK,
    "I": Exchange.INFORMATIONAL, "T": Exchange.TRANSACTION,
}  # fmt: skip


def message(place: Place, *payloads: Payload, encrypted: bool = True) -> Message:
    exchange = EXCHANGES[place.name[0]]
    return Message(Header(b"initiato", b"responde", exchange, 1, encrypted), payloads, b"", b"")


@pytest.mark.parametrize(("place", "mandatory", "optional"), WHOLE)
def test_whole_messages_are_taken(
    place: Place, mandatory: tuple[Payload, ...], optional: tuple[Payload, ...]
) -> None:
    check(message(place, *mandatory), place)
    check(message(place, *mandatory, *optional), place)
    check(message(place, mandatory[0], *reversed((*mandatory[1:], *optional))), place)


def test_each_place_is_told_of() -> None:
    assert {place for place, _, _ in WHOLE} == set(Place)


@pytest.mark.parametrize(("place", "mandatory", "at"), EACH)
def test_a_mandatory_payload_missing_doubled_or_renumbered_is_refused(
    place: Place, mandatory: tuple[Payload, ...], at: int
) -> None:
    """libreswan CVE-2013-6467."""
    one = mandatory[at]
    rest = mandatory[:at] + mandatory[at + 1 :]
    with pytest.raises(RuleBroken):
        check(message(place, *rest), place)
    with pytest.raises(RuleBroken):
        check(message(place, *mandatory, one), place)
    for number in (2, 3, 6, 9, 33, 40, 132, 200):
        with pytest.raises(RuleBroken):
            check(message(place, *rest, Unknown(number, one.body())), place)


@pytest.mark.parametrize(
    ("place", "extra"),
    [
        (Place.MM1, KE),
        (Place.MM1, DELETE),
        (Place.MM1, NAT),
        (Place.MM3, ID),
        (Place.MM3, HASH),
        (Place.MM5, SA),
        (Place.MM5, DELETE),
        (Place.MM5, Unknown(9, b"")),
        (Place.AM1, HASH),
        (Place.AM3, ID),
        (Place.QM1, DELETE),
        (Place.QM1, NAT),
        (Place.QM3, SA),
        (Place.INFORMATIONAL, SA),
        (Place.INFORMATIONAL, ATTR),
        (Place.TRANSACTION, DELETE),
        (Place.TRANSACTION, ID),
    ],
)
def test_a_payload_that_belongs_elsewhere_is_refused(place: Place, extra: Payload) -> None:
    mandatory = next(must for where, must, _ in WHOLE if where is place)
    with pytest.raises(RuleBroken, match=f"payload in {place.value}"):
        check(message(place, *mandatory, extra), place)


@pytest.mark.parametrize("place", Place)
def test_a_fragment_or_a_bare_proposal_inside_a_message_is_refused(place: Place) -> None:
    mandatory = next(must for where, must, _ in WHOLE if where is place)
    for extra in (Fragment(1, 1, True, b""), Unknown(2, b""), Unknown(3, b"")):
        with pytest.raises(RuleBroken):
            check(message(place, *mandatory, extra), place)


@pytest.mark.parametrize("kind", [15, 16, 19, 33, 40, 46, 53, 99, 128, 255])
def test_payloads_of_numbers_that_are_not_ikev1s_are_skipped(kind: int) -> None:
    strange = Unknown(kind, b"x")
    check(message(Place.MM1, strange, SA, strange), Place.MM1)


@pytest.mark.parametrize("place", Place)
def test_a_message_of_another_exchange_is_refused(place: Place) -> None:
    mandatory = next(must for where, must, _ in WHOLE if where is place)
    for other in Place:
        if other.name[0] != place.name[0]:
            with pytest.raises(RuleBroken, match="instead of"):
                check(message(other, *mandatory), place)


@pytest.mark.parametrize(
    ("place", "payloads"),
    [
        (Place.QM1, (SA, HASH, NONCE)),
        (Place.QM2, (VENDOR, HASH, SA, NONCE)),
        (Place.QM3, (NOTE, HASH)),
        (Place.INFORMATIONAL, (DELETE, HASH)),
        (Place.TRANSACTION, (ATTR, HASH)),
        (Place.INFORMATIONAL, (Unknown(200, b""), HASH, DELETE)),
    ],
)
def test_payloads_before_the_hash_are_not_covered_by_it(
    place: Place, payloads: tuple[Payload, ...]
) -> None:
    with pytest.raises(RuleBroken, match="begins before its HASH"):
        check(message(place, *payloads), place)


@pytest.mark.parametrize("count", [1, 3, 4])
def test_quick_mode_names_both_clients_or_none(count: int) -> None:
    for place in (Place.QM1, Place.QM2):
        with pytest.raises(RuleBroken, match=f"{count} ID payloads"):
            check(message(place, HASH, SA, NONCE, *(ID,) * count), place)


def test_in_the_clear_there_are_notifies_and_no_delete() -> None:
    place = Place.INFORMATIONAL
    check(message(place, NOTE, encrypted=False), place)
    for extra in (DELETE, HASH, SA):
        with pytest.raises(RuleBroken):
            check(message(place, NOTE, extra, encrypted=False), place)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(Place), st.lists(PAYLOADS, max_size=6), st.booleans())
def test_any_message_is_taken_or_breaks_a_rule(
    place: Place, payloads: list[Payload], encrypted: bool
) -> None:
    """Windows CVE-2023-21758: a message without what the handler took for granted."""
    found = message(place, *payloads, encrypted=encrypted)
    try:
        check(found, place)
    except RuleBroken:
        return
    must = next(must for where, must, _ in WHOLE if where is place)
    if encrypted:
        assert {type(payload) for payload in must} <= {type(payload) for payload in payloads}
