"""Transport mode through a NAT: each end has the child for the addresses it sees (RFC 3947 5.2).

moon 192.0.2.1 ── NAT 198.51.100.1 ───────────── sun 192.0.2.2
moon says IDci = 192.0.2.1, IDcr = 192.0.2.2; sun's packets go to 198.51.100.1
"""

from dataclasses import replace

import pytest

from ikecore.child import ChildSpec, Mode
from ikecore.events import RekeyWanted
from ikecore.profile import ChildProfile, Profile
from ikev1.message import Exchange, Header, Message
from ikev1.nat import Nat as Found
from ikev1.payloads.natoa import DraftOriginalAddress, OriginalAddress
from ikev1.transport import as_told, behind_nat, original_addresses
from ikev1.vendors import NatVariant

from .alone import COOKIES
from .network import ADDRESS, MOON, OTHER, SUN, Nat, Network, quiet, selectors
from .told import up
from .tunnel import QUICK, heard

OUTSIDE = "198.51.100.1"
NOBODY = "0.0.0.0"  # noqa: S104 - an address, not a socket
HERE = Found(NatVariant.RFC_3947, here=True)
THERE = Found(NatVariant.RFC_3947, there=True)


def end(name: str, local: str, remote: str) -> Profile:
    hosts = ChildProfile(selectors(f"{local}/32"), selectors(f"{remote}/32"))
    return quiet(name, mode=Mode.TRANSPORT, remote=frozenset(), children=(hosts,))


def connected(behind: str) -> Network:
    """Return two ends with a child in transport mode, one of them behind a NAT that lets all in."""
    seen = {**ADDRESS, behind: OUTSIDE}
    moon, sun = (end(name, ADDRESS[name], seen[OTHER[name]]) for name in ("moon", "sun"))
    net = Network(moon, sun)
    net.nats[behind] = Nat(OUTSIDE, {500: 500, 4500: 4500})
    net.initiate("moon")
    assert net.codes("moon") == net.codes("sun") == []
    return net


def spec_of(net: Network, name: str) -> ChildSpec:
    (spec,) = net.hosts[name].children.values()
    return spec


@pytest.mark.parametrize("behind", ["moon", "sun"])
def test_each_end_has_it_for_what_it_sees(behind: str) -> None:
    net = connected(behind)
    other = OTHER[behind]
    inner, outer = spec_of(net, behind), spec_of(net, other)
    inside, far = selectors(f"{ADDRESS[behind]}/32"), selectors(f"{ADDRESS[other]}/32")
    assert (inner.local_ts, inner.remote_ts) == (inside, far)
    assert (outer.local_ts, outer.remote_ts) == (far, selectors(f"{OUTSIDE}/32"))
    assert inner.mode is outer.mode is Mode.TRANSPORT
    assert inner.original == (OUTSIDE, ADDRESS[other])
    assert outer.original == (ADDRESS[other], ADDRESS[behind])


@pytest.mark.parametrize("who", ["moon", "sun"])
def test_it_stays_so_when_either_end_renews_it(who: str) -> None:
    net = connected("moon")
    before = {name: spec_of(net, name) for name in ADDRESS}
    net.tell(who, RekeyWanted(before[who].inbound_spi, "a test"))
    net.sleep(70)
    for name, old in before.items():
        new = spec_of(net, name)
        assert new.inbound_spi != old.inbound_spi
        assert (new.local_ts, new.remote_ts, new.original) == (
            old.local_ts,
            old.remote_ts,
            old.original,
        )


def test_nothing_is_told_without_a_nat() -> None:
    net = Network(end("moon", MOON, SUN), end("sun", SUN, MOON))
    net.initiate("moon")
    assert spec_of(net, "moon").original == ("", "")
    said = [type(one) for one in heard(net, "moon", QUICK)[0]]
    assert OriginalAddress not in said


def message(*told: OriginalAddress) -> Message:
    return Message(Header(*COOKIES, Exchange.QUICK, 7, encrypted=True), told, b"", b"")


@pytest.mark.parametrize("initiator", [True, False])
def test_the_quick_mode_initiators_address_is_told_first(initiator: bool) -> None:
    sa = up(mode=Mode.TRANSPORT)
    sa.nat = THERE
    told = original_addresses(sa, initiator=initiator)
    assert told == (OriginalAddress(MOON), OriginalAddress(SUN))[:: 1 if initiator else -1]
    assert as_told(sa, message(*told), initiator=not initiator) == (SUN, MOON)


def test_a_draft_has_its_own_number() -> None:
    sa = up(mode=Mode.TRANSPORT)
    sa.nat = replace(THERE, speaks=NatVariant.DRAFT_02)
    assert {type(one) for one in original_addresses(sa, initiator=True)} == {DraftOriginalAddress}


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ((), (NOBODY, NOBODY)),
        (("10.0.0.9",), (NOBODY, "10.0.0.9")),
        (("10.0.0.9", "10.0.0.8"), ("10.0.0.8", "10.0.0.9")),
        (("10.0.0.9", "10.0.0.8", "10.0.0.7"), (NOBODY, NOBODY)),
        (("2001:db8::1", "10.0.0.8"), (NOBODY, NOBODY)),
    ],
    ids=str,
)
def test_what_a_peer_does_not_tell_is_not_known(
    told: tuple[str, ...], known: tuple[str, str]
) -> None:
    sa = up(mode=Mode.TRANSPORT)
    sa.nat = HERE
    assert as_told(sa, message(*map(OriginalAddress, told)), initiator=False) == known


@pytest.mark.parametrize(("mode", "nat"), [(Mode.TUNNEL, THERE), (Mode.TRANSPORT, Found())])
def test_elsewhere_nothing_is_read_otherwise(mode: Mode, nat: Found) -> None:
    sa = up(mode=mode)
    sa.nat = nat
    asked = ChildProfile(selectors("10.0.0.1/32"), selectors("10.0.0.2/32"))
    assert behind_nat(sa, asked) == asked
    assert original_addresses(sa, initiator=True) == ()
    assert as_told(sa, message(OriginalAddress("10.0.0.9")), initiator=True) == ("", "")


def test_only_hosts_are_read_otherwise() -> None:
    sa = up(mode=Mode.TRANSPORT)
    sa.nat = Found(NatVariant.RFC_3947, here=True, there=True)
    nets = ChildProfile(selectors("10.0.0.0/24"), selectors("10.0.0.2/32"))
    assert behind_nat(sa, nets) == nets
    hosts = ChildProfile(selectors("10.0.0.1/32"), selectors("10.0.0.2/32"))
    assert behind_nat(sa, hosts) == ChildProfile(selectors(f"{MOON}/32"), selectors(f"{SUN}/32"))
