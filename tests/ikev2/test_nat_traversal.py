"""NAT in front of either end: float to 4500, keep the mapping, follow an authenticated peer."""

import pytest

from ikecore.actions import Established, Keepalive, MoveChild, Send
from ikecore.diagnosis import Code
from ikecore.events import Initiate, PathChanged, ProbeWanted
from policy.path import Path

from .forger import Forger
from .network import MOON, OTHER, SUN, Nat, Network, only, profile

ANYWHERE: frozenset[str] = frozenset()
OUTSIDE = "198.51.100.1"


def behind_nat(who: str, **moon: object) -> Network:
    """Return a network with a NAT in front of ``who``; a responder's forwards its ports."""
    net = Network(
        profile("moon", remote=ANYWHERE, **moon),  # type: ignore[arg-type]  # fields by name
        profile("sun", remote=ANYWHERE),
    )
    ports = {500: 40500, 4500: 44500} if who == "moon" else {500: 500, 4500: 4500}
    net.nats[who] = Nat(OUTSIDE, ports)
    return net


def flags(net: Network, name: str) -> tuple[bool, bool]:
    (up,) = net.seen(Established, name)
    return up.nat_here, up.nat_there


def test_a_nat_before_the_initiator_makes_both_float() -> None:
    net = behind_nat("moon")
    net.initiate("moon")
    # IKE_SA_INIT 500 → NAT:40500 → 500      IKE_AUTH 4500 → NAT:44500 → 4500
    net.assert_connected()
    assert flags(net, "moon") == (True, False)
    assert flags(net, "sun") == (False, True)
    assert net.seen(Established, "moon")[0].path == Path((MOON, 4500), (SUN, 4500), True)
    assert net.seen(Established, "sun")[0].path == Path((SUN, 4500), (OUTSIDE, 44500), True)
    assert [send.path.local[1] for send in net.wire] == [500, 500, 4500, 4500]
    for name in ("moon", "sun"):
        (child,) = net.hosts[name].children.values()
        assert child.path == net.seen(Established, name)[0].path


def test_a_nat_before_the_responder_makes_both_float() -> None:
    net = behind_nat("sun")
    net.initiate("moon")
    net.assert_connected()
    assert flags(net, "moon") == (False, True)
    assert flags(net, "sun") == (True, False)
    assert net.seen(Established, "sun")[0].path == Path((SUN, 4500), (MOON, 4500), True)
    net.sleep(25)
    assert len(net.seen(Keepalive, "sun")) == 1
    assert net.seen(Keepalive, "moon") == []


def test_a_nat_before_each() -> None:
    net = behind_nat("moon")
    net.nats["sun"] = Nat("203.0.113.1", {500: 500, 4500: 4500})
    net.initiate("moon")
    net.assert_connected()
    assert flags(net, "moon") == flags(net, "sun") == (True, True)


@pytest.mark.parametrize("who", ["moon", "sun"])
def test_no_nat_no_float(who: str) -> None:
    net = Network(profile("moon", mobike=False), profile("sun"))
    net.initiate(who)
    ports = {send.path.local[1] for send in net.wire}
    # with MOBIKE its initiator goes to 4500 in any case (RFC 4555 section 3.3)
    assert ports == ({500} if who == "moon" else {500, 4500})
    for name in ("moon", "sun"):
        (child,) = net.hosts[name].children.values()
        assert not child.path.esp_in_udp


@pytest.mark.parametrize("who", ["moon", "sun"])
def test_forced_encapsulation_floats_without_a_nat(who: str) -> None:
    fields: dict[str, dict[str, object]] = {"moon": {}, "sun": {}, who: {"force_encap": True}}
    net = Network(profile("moon", **fields["moon"]), profile("sun", **fields["sun"]))  # type: ignore[arg-type]
    net.initiate("moon")
    net.assert_connected()
    for name in ("moon", "sun"):
        assert net.seen(Established, name)[0].path.encapsulated
    assert flags(net, OTHER[who])[1]


def test_an_initiator_may_start_on_4500() -> None:
    net = Network()
    moon = net.hosts["moon"]
    path = Path((MOON, 4500), (SUN, 4500), encapsulated=True)
    net.tell("moon", Initiate(moon.profile, path))
    net.settle()
    net.assert_connected()
    assert {send.path for send in net.wire} == {path, path.reversed}


def test_with_nat_traversal_off_nothing_is_said_of_nat() -> None:
    off = {"nat_traversal": False}
    net = Network(profile("moon", **off), profile("sun", **off))  # type: ignore[arg-type]
    net.initiate("moon")
    net.assert_connected()
    assert not any("NAT_DETECTION" in line for line in net.story("moon"))
    assert "N(NO_NATS_ALLOWED)" in net.story("moon")[2]  # RFC 4555 section 3.9
    assert {send.path.local[1] for send in net.wire} == {500}


@pytest.mark.parametrize("who", ["moon", "sun"])
def test_one_end_with_nat_traversal_off_is_enough_to_stay_on_500(who: str) -> None:
    fields: dict[str, dict[str, object]] = {"moon": {}, "sun": {}, who: {"nat_traversal": False}}
    net = Network(profile("moon", **fields["moon"]), profile("sun", **fields["sun"]))  # type: ignore[arg-type]
    net.initiate("moon")
    net.assert_connected()
    assert {send.path.local[1] for send in net.wire} == {500}


def test_a_nat_is_refused_by_a_responder_that_forbids_it() -> None:
    net = Network(sun=profile("sun", remote=ANYWHERE, nat_traversal=False))
    net.nats["moon"] = Nat(OUTSIDE)
    net.initiate("moon")
    net.sleep(2)
    (finding,) = net.failures("sun")[0].findings
    assert finding.code == Code.NAT_FORBIDDEN
    assert (finding.ours, finding.theirs) == ("nat_traversal = false", "the peer is behind NAT")
    assert net.codes("moon") == [Code.PROPOSAL_REFUSED_BY_PEER]
    net.sleep(60)
    net.assert_gone()


def test_who_forbids_nat_and_hears_of_none_is_not_stopped_by_one() -> None:
    """Without detection nobody can know: plain ESP may fail, and that is the operator's wish."""
    net = behind_nat("moon", nat_traversal=False, mobike=False)
    net.initiate("moon")
    net.assert_connected()
    assert flags(net, "sun") == (False, False)


def test_with_mobike_a_nat_is_refused_for_who_forbids_it() -> None:
    # IKE_AUTH { …, N(NO_NATS_ALLOWED) } ──►   ◄── IKE_AUTH { N(UNEXPECTED_NAT_DETECTED) }
    net = behind_nat("moon", nat_traversal=False)
    net.initiate("moon")
    assert net.codes("moon") == net.codes("sun") == [Code.NAT_FORBIDDEN]
    assert net.story("moon")[-1] == "< IKE_AUTH 1 N(UNEXPECTED_NAT_DETECTED)"
    net.sleep(60)
    net.assert_gone()


# -- following ------------------------------------------------------------------------------------
def remapped(**changes: object) -> tuple[Network, Path]:
    """Return a network in which moon's NAT has chosen other ports meanwhile."""
    net = behind_nat("moon", **changes)
    net.initiate("moon")
    net.nats["moon"] = Nat("198.51.100.2", {500: 50500, 4500: 54500})
    return net, Path((SUN, 4500), ("198.51.100.2", 54500), encapsulated=True)


def test_an_authenticated_request_from_elsewhere_is_followed_without_mobike() -> None:
    net, new = remapped(mobike=False)
    net.tell("moon", ProbeWanted(net.up("moon")[0]))
    net.settle()
    (child,) = net.hosts["sun"].children
    assert net.seen(MoveChild, "sun") == [MoveChild(child, new)]
    net.assert_connected()
    net.tell("sun", ProbeWanted(net.up("sun")[0]))
    assert net.wire[-1].path == new
    net.settle()
    assert net.drops("moon") == []


def test_with_mobike_a_request_moves_nothing_by_itself() -> None:
    net, _ = remapped()
    net.tell("moon", ProbeWanted(net.up("moon")[0]))
    net.settle()
    assert net.seen(MoveChild, "sun") == []
    assert net.drops("moon") == []  # it was answered, to where it came from


@pytest.mark.parametrize("mobike", [True, False])
def test_esp_from_elsewhere_is_followed(mobike: bool) -> None:
    net, new = remapped(mobike=mobike)
    (child,) = net.hosts["sun"].children
    net.tell("sun", PathChanged(child, new.remote))
    assert net.seen(MoveChild, "sun") == [MoveChild(child, new)]
    net.tell("sun", PathChanged(child, new.remote))
    assert len(net.seen(MoveChild, "sun")) == 1
    net.tell("sun", ProbeWanted(net.up("sun")[0]))
    assert net.wire[-1].path == new


def test_esp_for_nobody_moves_nothing() -> None:
    net, new = remapped()
    net.tell("sun", PathChanged(0x1234, new.remote))
    assert net.seen(MoveChild, "sun") == []


def test_who_is_behind_a_nat_itself_does_not_follow() -> None:
    net = behind_nat("moon")
    net.initiate("moon")
    (child,) = net.hosts["moon"].children
    net.tell("moon", PathChanged(child, ("203.0.113.66", 4500)))
    elsewhere = Path((MOON, 4500), ("203.0.113.66", 4500), encapsulated=True)
    forged = Forger(net, "sun", initiator=False).say(0)
    (answer,) = only(Send, net.inject("moon", forged, elsewhere))
    assert answer.path == elsewhere  # section 2.11: back to where the request came from
    assert net.seen(MoveChild, "moon") == []
    net.tell("moon", ProbeWanted(net.up("moon")[0]))
    assert net.wire[-1].path == net.seen(Established, "moon")[0].path


def test_plain_esp_is_not_followed() -> None:
    net = Network()
    net.initiate("moon")
    (child,) = net.hosts["sun"].children
    net.tell("sun", PathChanged(child, ("203.0.113.66", 500)))
    assert net.seen(MoveChild, "sun") == []


@pytest.mark.parametrize("case", ["forged", "replayed", "repeated", "response", "future"])
def test_nothing_unauthentic_or_old_is_followed(case: str) -> None:
    net = behind_nat("moon")
    net.initiate("moon")
    for _ in range(2):
        net.tell("moon", ProbeWanted(net.up("moon")[0]))
        net.settle()
    before = net.hosts["sun"].children.copy()
    moon = Forger(net, "moon", initiator=True)
    match case:
        case "forged":
            good = moon.say(4)
            data = good[:-1] + bytes((good[-1] ^ 1,))
        case "replayed":
            data = net.wire[4].data
        case "repeated":
            data = net.wire[6].data  # answered, for the answer may have been lost
        case "response":
            data = moon.say(0, response=True)
        case _:
            data = moon.say(5)
    evil = Path((SUN, 4500), ("203.0.113.66", 4500), encapsulated=True)
    sent = only(Send, net.inject("sun", data, evil))
    assert len(sent) == (1 if case == "repeated" else 0)
    assert net.hosts["sun"].children == before
    net.tell("sun", ProbeWanted(net.up("sun")[0]))
    assert net.wire[-1].path == net.seen(Established, "sun")[0].path
