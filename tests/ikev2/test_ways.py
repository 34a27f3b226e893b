"""Which address pairs are tried, and in which order."""

from ikev2.mobike import Move
from ikev2.ways import additional, carried, may_leave_from, way, ways, where_heard
from policy.path import Path

from .hosts import selectors
from .movers import LTE, MOON, SUN, WLAN, Pair, addresses

_V6, _SUN6 = "2001:db8::7", "2001:db8::99"


def test_before_anything_is_known_there_is_the_one_way() -> None:
    assert ways(Pair().moon) == (Pair().moon.path,)


def test_the_kernels_choice_comes_first_then_our_other_addresses() -> None:
    pair = Pair()
    pair.moon.mobility.peers = (WLAN, _SUN6)
    pair.tell_addresses("moon", MOON, LTE, _V6, way=MOON)
    assert addresses(ways(pair.moon)) == [
        (MOON, SUN),
        (MOON, WLAN),
        (LTE, SUN),
        (LTE, WLAN),
        (_V6, _SUN6),
    ]


def test_what_was_refused_and_what_is_gone_is_left_out() -> None:
    pair = Pair()
    pair.moon.mobility.peers = (WLAN,)
    pair.tell_addresses("moon", MOON, LTE, way=MOON)
    pair.moon.mobility.refused = {(MOON, SUN)}
    assert addresses(ways(pair.moon)) == [(MOON, WLAN), (LTE, SUN), (LTE, WLAN)]
    pair.moon.mobility.usable = frozenset((LTE,))
    assert addresses(ways(pair.moon)) == [(LTE, SUN), (LTE, WLAN)]


def test_a_peer_with_many_addresses_is_not_tried_without_end() -> None:
    moon = Pair().moon
    moon.mobility.peers = tuple(f"203.0.113.{n}" for n in range(1, 40))
    assert len(ways(moon)) == 16


def test_only_addresses_of_the_connection_are_left_from() -> None:
    pair = Pair(local=frozenset((MOON, LTE)))
    pair.tell_addresses("moon", MOON, LTE, WLAN)
    assert [may_leave_from(pair.moon, one) for one in (MOON, LTE, WLAN)] == [True, True, False]
    assert additional(pair.moon) == (LTE,)


def test_addresses_behind_the_tunnel_are_no_way_to_us() -> None:
    pair = Pair()
    pair.tell_addresses("moon", MOON, LTE, "10.1.0.1")
    assert additional(pair.moon) == (LTE,)
    assert not may_leave_from(pair.moon, "10.1.0.1")


def test_where_no_route_leads_nothing_is_tried() -> None:
    pair = Pair()
    pair.moon.mobility.peers = (WLAN,)
    pair.tell_addresses("moon", MOON, LTE, way=MOON)
    pair.moon.mobility.routes = {SUN: "", WLAN: LTE}
    assert addresses(ways(pair.moon)) == [(LTE, WLAN), (MOON, WLAN)]


def test_a_tunnel_for_everything_hides_no_address() -> None:
    pair = Pair()
    child = pair.moon.profile.children[0]
    everything = type(child)(selectors("0.0.0.0/0"), child.remote_ts)
    wide = Pair(children=(everything,))
    wide.tell_addresses("moon", MOON, LTE, "10.1.0.1")
    assert additional(wide.moon) == ("10.1.0.1", LTE)


def test_few_of_many_addresses_are_told() -> None:
    pair = Pair()
    pair.tell_addresses("moon", MOON, *(f"203.0.113.{n}" for n in range(1, 40)))
    assert len(additional(pair.moon)) == 8


def test_another_peer_address_has_the_usual_port_and_ours_stays() -> None:
    moon = Pair().moon
    moon.path = Path((MOON, 4500), (SUN, 61234), encapsulated=True)
    assert way(moon, LTE, WLAN) == Path((LTE, 4500), (WLAN, 4500), encapsulated=True)
    assert way(moon, LTE, SUN) == Path((LTE, 4500), (SUN, 61234), encapsulated=True)
    moon.path = Path((MOON, 500), (SUN, 500))
    assert way(moon, MOON, WLAN) == Path((MOON, 500), (WLAN, 500))


def test_the_port_that_the_peers_nat_chose_is_not_forgotten_elsewhere() -> None:
    sun = Pair().sun
    old = Path((SUN, 4500), (MOON, 61234), encapsulated=True)
    sun.path = Path((SUN, 4500), (LTE, 4500), encapsulated=True)
    assert way(sun, SUN, MOON).remote == (MOON, 4500)
    sun.back = old
    assert way(sun, SUN, MOON).remote == (MOON, 61234)
    sun.back = sun.path
    sun.mobility.moves = [Move(old, 1.0, "a test wants it")]
    assert way(sun, SUN, MOON).remote == (MOON, 61234)


def test_a_private_address_makes_a_nat_likely() -> None:
    moon = Pair().moon
    moon.path = Path(("8.8.8.8", 4500), ("9.9.9.9", 4500), encapsulated=True, plain_esp=True)
    assert not way(moon, "8.8.4.4", "9.9.9.9").esp_in_udp
    assert way(moon, "192.168.1.7", "9.9.9.9").esp_in_udp


def test_esp_goes_in_udp_only_where_a_nat_is() -> None:
    moon = Pair().moon
    assert not carried(moon, moon.path).esp_in_udp
    moon.nat_here = True
    assert carried(moon, moon.path).esp_in_udp
    assert carried(Pair(force_encap=True).moon, moon.path).esp_in_udp
    assert not carried(moon, Path((MOON, 500), (SUN, 500))).esp_in_udp


def test_a_message_tells_a_way_unless_it_came_to_an_address_that_is_gone() -> None:
    pair = Pair()
    moon = pair.moon
    pair.tell_addresses("moon", LTE)
    moon.back = Path((LTE, 4500), (WLAN, 61234), encapsulated=True)
    assert where_heard(moon) == moon.back
    moon.back = Path((MOON, 4500), (WLAN, 61234), encapsulated=True)
    assert where_heard(moon) == Path((LTE, 4500), (WLAN, 61234), encapsulated=True)
    moon.back = Path((_V6, 4500), (_SUN6, 4500), encapsulated=True)
    assert where_heard(moon) == moon.path
