"""What main and aggressive mode have in common."""

import pytest

from ikecore.profile import LegacyTerms, Role
from ikev1.exchanges.phase1 import Phase1, auth_method
from ikev1.message import Exchange, Header, Message
from ikev1.payloads.ke import KeyExchangeData
from ikev1.payloads.vendor import VendorId
from ikev1.registry import Method
from ikev1.rules import Place
from ikev1.vendors import DPD, NatVariant, Vendors
from tests.ikev1.alone import COOKIES, lone
from tests.ikev1.hosts import profile
from tests.ikev1.network import AGGRESSIVE, Network, quiet, said


@pytest.mark.parametrize(
    ("role", "initiator", "expected"),
    [
        (Role.NONE, True, Method.PSK),
        (Role.CLIENT, True, Method.XAUTH_INIT_PSK),
        (Role.SERVER, False, Method.XAUTH_INIT_PSK),
        (Role.SERVER, True, Method.XAUTH_RESP_PSK),
        (Role.CLIENT, False, Method.XAUTH_RESP_PSK),
    ],
)
def test_the_method_says_who_logs_in(role: Role, initiator: bool, expected: Method) -> None:
    mine = profile("moon", legacy=LegacyTerms(xauth=role))
    assert auth_method(mine, initiator=initiator) is expected


BAD = {
    "zero": bytes(256),
    "one": (1).to_bytes(256, "big"),
    "all ones": b"\xff" * 256,
    "too short": b"\x02" * 255,
    "too long": b"\x02" * 257,
    "nothing": b"",
}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD)
@pytest.mark.parametrize("who", ["moon", "sun"])
def test_a_public_value_that_none_can_have_is_refused_before_anything_is_computed(
    who: str, value: bytes
) -> None:
    def change(message: Message) -> Message:
        payloads = tuple(
            KeyExchangeData(value) if isinstance(one, KeyExchangeData) else one
            for one in message.payloads
        )
        return Message(message.header, payloads, message.content, message.raw)

    net = Network(quiet("moon"), quiet("sun"))
    net.change_when(said(who, Exchange.MAIN, 2), change)
    net.initiate("moon")
    victim = "sun" if who == "moon" else "moon"
    assert {"public_value", "malformed"} & set(net.drops(victim))
    assert not net.up("sun")


def test_our_own_values_sent_back_are_refused() -> None:
    net = Network(quiet("moon", legacy=AGGRESSIVE), quiet("sun", legacy=AGGRESSIVE))
    net.initiate("moon")
    first, second = (m for m in net.messages("moon")[:2])
    assert first.raw != second.raw
    assert len(net.up("sun")) == 1


def test_ways_of_nat_traversal_are_not_added_later() -> None:
    def heard(*said: bytes) -> Message:
        words = tuple(map(VendorId, said))
        return Message(Header(*COOKIES, Exchange.MAIN, 0, encrypted=False), words, b"", b"")

    sa, phase1 = lone(), Phase1(Exchange.MAIN, Place.MM2)
    phase1.hear(sa, heard(NatVariant.DRAFT_02.value))
    phase1.hear_more(sa, heard(NatVariant.RFC_3947.value, DPD))
    assert sa.vendors == Vendors((NatVariant.DRAFT_02,), dpd=True)
    phase1.hear(sa, heard())  # the answer before was forged
    assert sa.vendors == Vendors()
