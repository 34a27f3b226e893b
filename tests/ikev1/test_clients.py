"""IDci and IDcr: what they say of networks, and which of our children they mean."""

from dataclasses import replace

import pytest

from ikecore.child import Mode
from ikecore.profile import ChildProfile
from ikev1.clients import asked_of, best_fit, clients_of, is_echo, refusal
from ikev1.message import Exchange, Header, Message
from ikev1.nat import Nat
from ikev1.payloads.ident import Identification
from ikev1.vendors import NatVariant
from policy.selectors import TrafficSelector

from .alone import COOKIES
from .network import MOON, SUN, selectors
from .quick import NETS
from .told import add_child, up


def pair(local: str, remote: str) -> ChildProfile:
    return ChildProfile((TrafficSelector.parse(local),), (TrafficSelector.parse(remote),))


def saying(*ids: Identification) -> Message:
    return Message(Header(*COOKIES, Exchange.QUICK, 7, encrypted=True), ids, b"", b"")


def named(local: str, remote: str) -> Message:
    one = pair(local, remote)
    return saying(*clients_of(ChildProfile(one.remote_ts, one.local_ts)))


@pytest.mark.parametrize(
    "asked",
    [
        pair("10.1.0.0/24", "10.2.0.0/24"),
        pair("10.1.0.1", "10.2.0.3-10.2.0.9"),
        pair("10.1.0.0/24[tcp/443]", "0.0.0.0/0[tcp]"),
        pair("2001:db8:1::/64", "2001:db8:2::1"),
    ],
    ids=str,
)
def test_what_is_asked_comes_over(asked: ChildProfile) -> None:
    theirs = clients_of(ChildProfile(asked.remote_ts, asked.local_ts))
    assert asked_of(up(), saying(*theirs)) == asked


def test_without_ids_the_two_ends_are_meant() -> None:
    assert asked_of(up(), saying()) == pair(MOON, SUN)


@pytest.mark.parametrize(
    "wanted", [ChildProfile((), ()), pair("10.1.0.0/24[tcp/80-90]", "10.2.0.0/24[tcp]")], ids=str
)
def test_some_things_cannot_be_said(wanted: ChildProfile) -> None:
    with pytest.raises(ValueError, match=r"network|port"):
        clients_of(wanted)


def test_an_echo_may_be_of_another_kind_or_left_out() -> None:
    said, sa = clients_of(NETS), up()
    span = Identification(7, 0, 0, bytes((10, 1, 0, 0, 10, 1, 0, 255)))
    assert is_echo(sa, saying(*said), said)
    assert is_echo(sa, saying(span, said[1]), said)
    assert is_echo(sa, saying(), said)
    assert not is_echo(sa, saying(said[1], said[0]), said)
    assert not is_echo(sa, saying(said[0], replace(said[1], protocol=6)), said)


@pytest.mark.parametrize(("mode", "is_one"), [(Mode.TRANSPORT, True), (Mode.TUNNEL, False)])
def test_an_echo_may_name_us_as_the_peer_sees_us(mode: Mode, is_one: bool) -> None:
    sa = up(mode=mode)
    sa.nat = Nat(NatVariant.RFC_3947, here=True)
    said = clients_of(pair(MOON, SUN))
    seen = clients_of(pair("198.51.100.1", SUN))
    assert is_echo(sa, saying(*seen), said) is is_one
    assert not is_echo(sa, saying(seen[0], seen[0]), said)


def test_what_is_configured_so_comes_before_what_is_wider() -> None:
    wide, one, other = (
        pair("10.1.0.0/16", "10.2.0.0/16"),
        pair("10.1.0.0/24", "10.2.0.0/24"),
        pair("10.1.7.0/24", "10.2.0.0/24"),
    )
    sa = up(children=(wide, other, one))
    assert best_fit(sa, one) == one
    assert best_fit(sa, pair("10.1.0.0/25", "10.2.0.0/24")) == wide
    assert best_fit(sa, pair("10.0.0.0/8", "10.2.0.0/24")) is None
    assert best_fit(sa, pair("10.1.0.0/24[tcp/80]", "10.2.0.1[tcp]")) in (wide, one)


def test_of_two_that_fit_the_one_that_is_not_up_is_meant() -> None:
    one, other = pair("10.1.0.0/16", "10.2.0.0/16"), pair("10.0.0.0/8", "10.0.0.0/8")
    sa = up(children=(one, other))
    add_child(sa).wanted = one
    assert best_fit(sa, pair("10.1.3.0/24", "10.2.0.0/24")) == other


def test_what_is_up_with_these_selectors_is_meant_whatever_is_configured() -> None:
    sa = up(children=())
    child = add_child(sa)
    assert best_fit(sa, ChildProfile(child.spec.local_ts, child.spec.remote_ts)) == child.wanted


def test_a_refusal_shows_both_sides() -> None:
    sa = up(children=(NETS, pair("10.1.1.0/24", "10.2.0.0/24")))
    told = refusal(sa.profile, asked_of(sa, named("10.9.0.0/24", "10.2.0.0/24")))
    (found,) = told.findings
    assert (told.stage, told.code) == (2, "TS_MISMATCH")
    assert found.ours == "10.1.0.0/24 === 10.2.0.0/24; 10.1.1.0/24 === 10.2.0.0/24"
    assert found.theirs == "10.9.0.0/24 === 10.2.0.0/24"
    assert selectors("10.1.0.0/24") == NETS.local_ts
