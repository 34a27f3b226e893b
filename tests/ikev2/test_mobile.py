"""Whole endpoints that move, from IKE_SA_INIT on, with packets crossing the tunnel (RFC 4555)."""

from ikecore.actions import ChildClosed, Established, Moved, Send
from ikecore.events import AddressesChanged, ProbeWanted, RekeyIkeWanted
from ikecore.profile import Profile
from ikev2.message import Exchange
from policy.path import Path

from .network import MOON, SUN, Network, profile
from .wire import OTHER, request

LTE, WLAN = "198.51.100.7", "198.51.100.99"


def anywhere(name: str, **changes: object) -> Profile:
    return profile(name, remote=frozenset(), **changes)  # type: ignore[arg-type]  # by name


def up(**changes: object) -> Network:
    net = Network(anywhere("moon", **changes), anywhere("sun", **changes))
    net.initiate("moon")
    return net


def move(net: Network, name: str, address: str) -> None:
    """Give one end another address, and let it know."""
    net.hosts[name].address = address
    know(net, name, address)


def know(net: Network, name: str, *usable: str) -> None:
    there = net.hosts[OTHER[name]].address
    net.tell(name, AddressesChanged(frozenset(usable), {there: usable[0]}))


def tunnel(net: Network, name: str) -> tuple[str, str]:
    """Return between which addresses an end's worker sends."""
    paths = {(c.path.local[0], c.path.remote[0]) for c in net.hosts[name].children.values()}
    (only_one,) = paths
    return only_one


def test_both_ends_go_to_4500_without_a_nat_and_esp_stays_plain() -> None:
    # section 3.3: no change of ports is needed when a NAT appears later
    net = up()
    assert [send.path.local[1] for send in net.wire] == [500, 500, 4500, 4500]
    for name in ("moon", "sun"):
        (established,) = net.seen(Established, name)
        assert established.path.encapsulated
        (child,) = net.hosts[name].children.values()
        assert not child.path.esp_in_udp


def test_without_mobike_they_stay_on_500() -> None:
    net = up(mobike=False)
    assert {send.path.local[1] for send in net.wire} == {500}


def test_a_peer_without_mobike_is_asked_for_nothing() -> None:
    net = Network(anywhere("moon"), anywhere("sun", mobike=False))
    net.initiate("moon")
    assert not any("MOBIKE" in line for line in net.story("moon") if line.startswith("<"))
    move(net, "moon", LTE)
    net.settle()
    assert net.seen(Moved, "sun") == []


def test_the_initiator_moves_and_the_stream_goes_on() -> None:
    net = up()
    know(net, "moon", MOON)
    know(net, "sun", SUN)
    net.stream(every=0.05)
    net.sleep(2)
    move(net, "moon", LTE)
    net.sleep(5)
    assert (tunnel(net, "moon"), tunnel(net, "sun")) == ((LTE, SUN), (SUN, LTE))
    assert net.seen(Moved, "moon")[0].took < 0.1
    lost = net.traffic.sent.total() - net.traffic.arrived.total()
    assert lost <= 4  # sun's, until it has heard and seen a proof
    net.assert_connected()


def test_the_responder_moves_and_the_stream_goes_on() -> None:
    net = up()
    know(net, "moon", MOON)
    know(net, "sun", SUN)
    net.stream(every=0.05)
    net.sleep(2)
    move(net, "sun", WLAN)
    net.sleep(5)
    assert (tunnel(net, "moon"), tunnel(net, "sun")) == ((MOON, WLAN), (WLAN, MOON))
    lost = net.traffic.sent.total() - net.traffic.arrived.total()
    assert lost <= 4


def test_who_renews_the_keys_does_not_decide_about_addresses() -> None:
    # section 2.1: the initiator of the first IKE SA does
    net = up()
    net.tell("sun", RekeyIkeWanted(net.up("sun")[0], "a test wants it"))
    net.sleep(1)
    move(net, "moon", LTE)
    net.sleep(1)
    assert (tunnel(net, "moon"), tunnel(net, "sun")) == ((LTE, SUN), (SUN, LTE))


def test_a_move_while_the_keys_are_renewed() -> None:
    # the request for new keys is lost with the old address; it is answered at the new one
    net = up()
    net.lose_when(request("moon", Exchange.CREATE_CHILD_SA, 1, copy=0))
    net.tell("moon", RekeyIkeWanted(net.up("moon")[0], "a test wants it"))
    move(net, "moon", LTE)
    net.sleep(10)
    assert (tunnel(net, "moon"), tunnel(net, "sun")) == ((LTE, SUN), (SUN, LTE))
    assert len(net.up("moon")) == len(net.up("sun")) == 1
    assert net.seen(ChildClosed, "moon") == []


def test_a_proof_under_way_while_the_peer_renews_the_keys() -> None:
    # sun has not seen moon's proof when the SA that asked for it is renewed: it asks again
    net = up()
    net.lose_when(lambda letter: letter.sender == "sun" and not letter.response, 2)
    move(net, "moon", LTE)
    net.settle()
    net.tell("moon", RekeyIkeWanted(net.up("moon")[0], "a test wants it"))
    net.sleep(10)
    assert tunnel(net, "sun") == (SUN, LTE)
    net.assert_connected()


def in_a_collision() -> Network:
    """Return two ends that renewed at once; sun has moon's SA and still waits for its own."""
    net = up()
    net.lose_when(request("sun", Exchange.CREATE_CHILD_SA), 100)
    net.lose_when(request("moon", Exchange.INFORMATIONAL, 1), 100)  # the Delete of the old SA
    for name in ("sun", "moon"):
        net.tell(name, RekeyIkeWanted(net.up(name)[0], "a test wants it"))
    net.settle()
    assert [len(net.seen(Established, name)) for name in ("moon", "sun")] == [2, 1]
    return net


def test_an_update_on_an_sa_of_an_undecided_collision_claims_and_moves_it() -> None:
    net = in_a_collision()
    move(net, "moon", LTE)
    net.settle()
    assert len(net.seen(Established, "sun")) == 2
    assert (tunnel(net, "moon"), tunnel(net, "sun")) == ((LTE, SUN), (SUN, LTE))
    net.sleep(60)
    assert len(net.up("moon")) == len(net.up("sun")) == 1
    net.assert_connected()


def test_a_probe_with_nat_detection_claims_it_too() -> None:
    net = in_a_collision()
    net.tell("moon", ProbeWanted(net.up("moon")[-1]))
    net.settle()
    assert len(net.seen(Established, "sun")) == 2
    net.sleep(60)
    net.assert_connected()


def test_our_addresses_are_told_from_the_start() -> None:
    net = Network(anywhere("moon"), anywhere("sun"))
    know(net, "sun", SUN, WLAN)
    net.initiate("moon")
    assert "N(ADDITIONAL_IP4_ADDRESS)" in net.story("sun")[-1]
    assert net.hosts["moon"].endpoint.remotes == {SUN, WLAN}


def test_a_dead_address_of_the_responder_is_left_for_its_other_one() -> None:
    net = Network(anywhere("moon"), anywhere("sun"))
    know(net, "sun", SUN, WLAN)
    net.initiate("moon")
    net.hosts["sun"].address = WLAN  # and nobody was told
    net.sleep(30)
    assert tunnel(net, "moon") == (MOON, WLAN)
    assert tunnel(net, "sun") == (WLAN, MOON)


def test_addresses_that_nobody_uses_cost_no_message() -> None:
    net = up()
    sent = len(net.wire)
    know(net, "moon", MOON)
    know(net, "sun", SUN)
    assert net.wire[sent:] == list[Send]()
    assert net.seen(Established, "moon")[0].path == Path((MOON, 4500), (SUN, 4500), True)
