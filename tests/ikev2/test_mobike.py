"""What MOBIKE says in IKE_AUTH and of addresses (RFC 4555 sections 3.2 to 3.4, 3.8, 3.9, 4.2)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ikecore.child import Mode
from ikev2.message import Exchange, Header, Message
from ikev2.mobike import (
    Mobility,
    addresses_in,
    follows_esp,
    is_translated,
    list_payloads,
    no_nats,
    supported_payloads,
    take_support,
)
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from policy.path import Path

from .movers import LTE, MOON, SPIS, SUN, WLAN, Pair

_V6 = "2001:db8::7"


def message(*notifies: Notify) -> Message:
    header = Header(*SPIS, Exchange.INFORMATIONAL, 0, from_initiator=True, response=False)
    return Message(header, notifies, protected=True, raw=b"")


def names(notifies: tuple[Notify, ...]) -> list[str]:
    return [NotifyType(notify.type).name for notify in notifies]


def test_the_initiator_offers_it_and_names_its_other_addresses() -> None:
    pair = Pair()
    pair.tell_addresses("moon", MOON, LTE, _V6)
    said = supported_payloads(pair.moon)
    assert names(said) == ["MOBIKE_SUPPORTED", "ADDITIONAL_IP4_ADDRESS", "ADDITIONAL_IP6_ADDRESS"]
    assert said[0].data == b""
    take_support(pair.sun, message(*said))
    assert pair.sun.mobility.peers == (LTE, _V6)


def test_who_has_one_address_says_so() -> None:
    assert names(supported_payloads(Pair().moon)) == [
        "MOBIKE_SUPPORTED",
        "NO_ADDITIONAL_ADDRESSES",
    ]


def test_the_responder_says_it_only_to_who_did() -> None:
    sun = Pair(mobike=True).sun
    take_support(sun, message())
    assert supported_payloads(sun) == ()
    assert not sun.mobility.in_use
    take_support(sun, message(Notify(NotifyType.MOBIKE_SUPPORTED, b"ignored")))
    assert names(supported_payloads(sun))[0] == "MOBIKE_SUPPORTED"
    assert sun.mobility.in_use


@pytest.mark.parametrize("off", [{"mobike": False}, {"mode": Mode.TRANSPORT}])
def test_without_it_nothing_is_said(off: dict[str, object]) -> None:
    pair = Pair(**off)  # type: ignore[arg-type]  # fields of a profile
    assert supported_payloads(pair.moon) == ()


def test_forbidden_nats_are_forbidden_from_the_start() -> None:
    moon = Pair(port=500, nat_traversal=False).moon
    *_, last = supported_payloads(moon)
    assert last.type == NotifyType.NO_NATS_ALLOWED
    assert last.data.hex() == "c0000201c000020201f401f4"


def test_no_nats_allowed_is_held_against_where_the_datagram_came_from() -> None:
    moon = Pair(port=500, nat_traversal=False).moon
    said = message(*no_nats(moon))
    assert not is_translated(said, moon.path.reversed)
    assert is_translated(said, Path((SUN, 500), (LTE, 500)))
    assert is_translated(said, Path((SUN, 500), (MOON, 40500)))
    assert is_translated(message(Notify(NotifyType.NO_NATS_ALLOWED, b"")), moon.path.reversed)
    assert not is_translated(message(), Path((SUN, 500), (LTE, 500)))


def test_no_nats_allowed_of_ipv6_has_36_octets() -> None:
    moon = Pair(port=500, nat_traversal=False).moon
    moon.path = Path((_V6, 500), ("2001:db8::8", 500))
    (said,) = no_nats(moon)
    assert len(said.data) == 36
    assert not is_translated(message(said), moon.path.reversed)


def test_nobody_is_kept_from_a_nat_where_traversal_is_on() -> None:
    assert no_nats(Pair().moon) == ()


def test_addresses_read_back() -> None:
    assert addresses_in(message(*list_payloads((LTE, _V6)))) == (LTE, _V6)
    assert addresses_in(message(*list_payloads(()))) == ()


@given(st.lists(st.tuples(st.sampled_from([16397, 16398, 16399, 7]), st.binary(max_size=20))))
def test_odd_addresses_are_left_out_and_their_number_is_bounded(
    said: list[tuple[int, bytes]],
) -> None:
    found = addresses_in(message(*(Notify(kind, data) for kind, data in said)))
    assert len(found) <= 16
    assert all(address.count(".") == 3 or ":" in address for address in found)


@pytest.mark.parametrize("odd", ["224.0.0.1", "0.0.0.0", "127.0.0.1", "::1"])  # noqa: S104
def test_addresses_that_are_nobodys_are_left_out(odd: str) -> None:
    assert addresses_in(message(*list_payloads((odd, WLAN)))) == (WLAN,)


def test_of_changes_in_a_row_the_first_origin_and_the_last_reason_count() -> None:
    mobility = Mobility(decides=True)
    one = Path((MOON, 500), (SUN, 500))
    two = Path((LTE, 500), (SUN, 500))
    mobility.begin(one, "first", 1.0)
    mobility.begin(two, "second", 2.0)
    (move,) = mobility.agree()
    assert (move.old, move.began_at, move.why) == (one, 1.0, "second")
    assert mobility.agree() == ()
    assert mobility.generation == 2


def test_what_moves_a_peer_by_itself() -> None:
    # RFC 4555 section 3.8: with MOBIKE no IKE packet does, and ESP only through a NAT
    moon = Pair().moon
    assert not moon.mobility.follows_ike
    assert not follows_esp(moon)  # plain ESP
    moon.path = replace(moon.path, plain_esp=False)
    assert not follows_esp(moon)  # no NAT
    moon.nat_there = True
    assert follows_esp(moon)
    moon.nat_here = True
    assert not follows_esp(moon)


def test_without_mobike_authenticated_packets_move_a_peer() -> None:
    moon = Pair(mobike=False).moon
    moon.path = replace(moon.path, plain_esp=False)
    assert moon.mobility.follows_ike
    assert follows_esp(moon)
