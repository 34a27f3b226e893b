"""NAT in front of either end, by RFC 3947 and by each draft: float, keep the mapping, follow."""

from dataclasses import replace

import pytest

from ikecore.actions import Established, Keepalive, MoveChild
from ikecore.child import Mode
from ikecore.events import PathChanged, ProbeWanted
from ikecore.profile import ChildProfile
from ikev1.message import Exchange, Message
from ikev1.payloads.natd import DraftNatDetection, NatDetection
from ikev1.payloads.natoa import DraftOriginalAddress, OriginalAddress
from ikev1.payloads.sa import SecurityAssociation
from ikev1.payloads.vendor import VendorId
from ikev1.vendors import NatVariant
from policy.path import Path

from .eavesdropper import Change
from .forger import Forger
from .network import MOON, OTHER, SUN, Nat, Network, quiet, said, selectors
from .tunnel import MAIN, MODES, QUICK, heard

ANYWHERE: frozenset[str] = frozenset()
OUTSIDE, OTHER_OUTSIDE = "198.51.100.1", "198.51.100.2"
ENDS = ("moon", "sun")
ROUTER = {500: 40500, 4500: 44500}
FORWARDS = {500: 500, 4500: 4500}
MODE = pytest.mark.parametrize("mode", MODES)
VARIANT = pytest.mark.parametrize("variant", list(NatVariant), ids=lambda v: v.name)
BEHIND = pytest.mark.parametrize("behind", [("moon",), ("sun",), ENDS], ids="+".join)


def behind_nat(
    behind: tuple[str, ...],
    phase1: str = "main",
    variant: NatVariant | None = None,
    **changes: object,
) -> Network:
    """Return a network with NATs; a responder's forwards its ports.

    With a ``variant`` moon knows no other way of NAT traversal.
    """
    fields: dict[str, object] = {"legacy": MODES[phase1], "remote": ANYWHERE, **changes}
    moon, sun = (quiet(name, **fields) for name in ENDS)
    net = Network(moon, sun)
    for name in behind:
        net.nats[name] = Nat(OUTSIDE, ROUTER) if name == "moon" else Nat(OTHER_OUTSIDE, FORWARDS)
    if variant is not None:
        first = MAIN if phase1 == "main" else Exchange.AGGRESSIVE
        net.change_when(said("moon", first, 1), knowing_only(variant))
    return net


def knowing_only(variant: NatVariant) -> Change:
    """Return the change that leaves one way of NAT traversal in a message."""
    others = {one.value for one in NatVariant} - {variant.value}

    def change(message: Message) -> Message:
        kept = tuple(
            p for p in message.payloads if not (isinstance(p, VendorId) and p.data in others)
        )
        return replace(message, payloads=kept)

    return change


def flags(net: Network, name: str) -> tuple[bool, bool]:
    (up,) = net.seen(Established, name)
    return up.nat_here, up.nat_there


def encapsulations(net: Network) -> set[int]:
    """Return the Encapsulation Mode attributes that quick mode has offered."""
    found = set()
    for payload in heard(net, "moon", QUICK)[0]:
        if isinstance(payload, SecurityAssociation):
            attributes = [a for p in payload.proposals for t in p.transforms for a in t.attributes]
            found |= {a.value for a in attributes if a.type == 4}
    return {value for value in found if isinstance(value, int)}


def works(net: Network) -> None:
    """Packets cross both ways, and IKE does."""
    net.assert_connected()
    net.stream(0.1)
    net.sleep(2)
    net.traffic.streams.clear()
    net.sleep(1)
    assert net.traffic.arrived == net.traffic.sent
    for name in ENDS:
        count = len(net.letters)
        net.tell(name, ProbeWanted(net.up(name)[0]))
        net.settle()
        assert len(net.letters) == count + 2
    net.assert_connected()


@BEHIND
@MODE
@VARIANT
def test_both_ends_float_wherever_the_nat_is(
    behind: tuple[str, ...], mode: str, variant: NatVariant
) -> None:
    net = behind_nat(behind, mode, variant)
    net.initiate("moon")
    for name in ENDS:
        assert flags(net, name) == (name in behind, OTHER[name] in behind)
        assert net.seen(Established, name)[0].path.encapsulated
        (child,) = net.hosts[name].children.values()
        assert child.path == net.seen(Established, name)[0].path
        assert child.path.local[1] == 4500
    assert encapsulations(net) == {61_443 if variant.is_draft else 3}
    works(net)


@VARIANT
def test_each_variant_has_payloads_of_its_own(variant: NatVariant) -> None:
    net = behind_nat(("moon",), variant=variant)
    net.initiate("moon")
    kind = DraftNatDetection if variant.is_draft else NatDetection
    for name in ENDS:
        found = [type(p) for p in heard(net, name, MAIN)[1] if isinstance(p, NatDetection)]
        assert found == [kind, kind]


@MODE
def test_without_a_nat_nobody_floats(mode: str) -> None:
    net = behind_nat((), mode)
    net.initiate("moon")
    for name in ENDS:
        assert flags(net, name) == (False, False)
        assert not net.seen(Established, name)[0].path.encapsulated
    assert encapsulations(net) == {1}
    assert {send.path.local[1] for send in net.wire} == {500}
    works(net)


@MODE
@pytest.mark.parametrize("who", ENDS)
def test_an_end_without_nat_traversal_keeps_to_its_port(mode: str, who: str) -> None:
    moon, sun = (quiet(name, legacy=MODES[mode], nat_traversal=name != who) for name in ENDS)
    net = Network(moon, sun)
    net.initiate("moon")
    assert {send.path.local[1] for send in net.wire} == {500}
    works(net)


@MODE
@pytest.mark.parametrize("who", ENDS)
def test_forced_encapsulation_lets_both_ends_believe_in_a_nat(mode: str, who: str) -> None:
    moon, sun = (quiet(name, legacy=MODES[mode], force_encap=name == who) for name in ENDS)
    net = Network(moon, sun)
    net.initiate("moon")
    for name in ENDS:
        assert net.seen(Established, name)[0].path.encapsulated
    assert encapsulations(net) == {3}
    works(net)


@BEHIND
def test_who_is_behind_the_nat_keeps_its_mapping(behind: tuple[str, ...]) -> None:
    net = behind_nat(behind)
    net.initiate("moon")
    net.sleep(65)
    for name in ENDS:
        assert len(net.seen(Keepalive, name)) == (3 if name in behind else 0)


@MODE
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("speaker", ENDS)
def test_any_message_is_lost_on_the_way_through(mode: str, number: int, speaker: str) -> None:
    net = behind_nat(("moon",), mode)
    for exchange in (MAIN, Exchange.AGGRESSIVE, QUICK):
        net.lose_when(said(speaker, exchange, number))
    net.initiate("moon", settle=False)
    net.sleep(20)
    works(net)


def test_a_message_that_still_comes_to_the_old_port_is_answered_there() -> None:
    """RFC 3947 section 4: a repeat may take the old way while the other end has floated."""
    net = behind_nat(("moon",))
    net.double_when(said("moon", MAIN, 2), 0.5)
    net.initiate("moon", settle=False)
    net.sleep(5)
    works(net)


# -- the mapping changes --------------------------------------------------------------------------
def move(net: Network) -> None:
    """Give the router's mappings other ports, as after a restart."""
    net.nats["moon"] = Nat(OUTSIDE, {500: 50500, 4500: 54500})


def test_a_peer_whose_mapping_changed_is_followed_when_it_speaks() -> None:
    net = behind_nat(("moon",))
    net.initiate("moon")
    move(net)
    net.tell("moon", ProbeWanted(net.up("moon")[0]))
    net.settle()
    (moved,) = net.seen(MoveChild, "sun")
    assert moved.path.remote == (OUTSIDE, 54500)
    works(net)


def test_a_peer_is_followed_by_its_packets() -> None:
    net = behind_nat(("moon",))
    net.initiate("moon")
    move(net)
    (spi,) = net.hosts["sun"].children
    net.tell("sun", PathChanged(spi, (OUTSIDE, 54500)))
    assert len(net.seen(MoveChild, "sun")) == 1
    works(net)


def test_an_end_behind_a_nat_follows_nobody() -> None:
    net = behind_nat(("moon",))
    net.initiate("moon")
    (spi,) = net.hosts["moon"].children
    net.tell("moon", PathChanged(spi, ("203.0.113.9", 4500)))
    assert net.seen(MoveChild, "moon") == []
    works(net)


def test_who_replays_from_elsewhere_leads_nobody_astray() -> None:
    net = behind_nat(("moon",))
    net.initiate("moon")
    astray = Path((SUN, 4500), ("203.0.113.66", 4500), encapsulated=True)
    for send in list(net.wire):
        net.inject("sun", send.data, astray)
    forged = Forger(net).say(make_hash=lambda _: bytes(32))
    net.inject("sun", forged, astray)
    assert net.seen(MoveChild, "sun") == []
    net.settle()
    works(net)


# -- transport mode -------------------------------------------------------------------------------
@VARIANT
@BEHIND
def test_transport_mode_tells_the_original_addresses(
    variant: NatVariant, behind: tuple[str, ...]
) -> None:
    seen = {
        "moon": OUTSIDE if "moon" in behind else MOON,
        "sun": OTHER_OUTSIDE if "sun" in behind else SUN,
    }
    net = behind_nat(behind, variant=variant, mode=Mode.TRANSPORT)
    for name in ENDS:
        mine = {"moon": MOON, "sun": SUN}[name]
        host = ChildProfile(selectors(f"{mine}/32"), selectors(f"{seen[OTHER[name]]}/32"))
        net.configure(name, replace(net.hosts[name].profile, children=(host,)))
    net.initiate("moon")
    kind = DraftOriginalAddress if variant.is_draft else OriginalAddress
    assert encapsulations(net) == {61_444 if variant.is_draft else 4}
    told = [type(p) for p in heard(net, "moon", QUICK)[0] if isinstance(p, OriginalAddress)]
    assert kind in told
    for name in ENDS:
        (child,) = net.hosts[name].children.values()
        assert child.mode is Mode.TRANSPORT
        assert any(child.original)
