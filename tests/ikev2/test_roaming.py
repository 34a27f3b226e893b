"""Ends that move, between two SAs on a virtual clock (RFC 4555 section 3.5)."""

from ikecore.actions import Closed, Failed, MoveChild, Moved, Noted, ReauthWanted
from ikev2.exchanges.informational import Probe
from ikev2.roaming import search

from .movers import LTE, MOON, SUN, WLAN, Pair, addresses


def test_the_initiator_takes_its_tunnel_along() -> None:
    # moon LTE: UPDATE_SA_ADDRESSES ──► sun; sun: COOKIE2 ──► moon LTE; both children move
    pair = Pair()
    pair.move("moon", LTE)
    assert addresses([pair.child_paths()[0]]) == [(LTE, SUN)]  # at once: only we are elsewhere
    pair.sleep(1)
    assert addresses(pair.child_paths()) == [(LTE, SUN), (SUN, LTE)]
    assert addresses((pair.moon.path, pair.sun.path)) == [(LTE, SUN), (SUN, LTE)]
    (mine,), (theirs,) = pair.seen(Moved, "moon"), pair.seen(Moved, "sun")
    assert (mine.old.local[0], mine.new.local[0]) == (MOON, LTE)
    assert mine.why == f"our address {MOON} is gone"
    assert 0 < mine.took < 0.1
    assert (theirs.old.remote[0], theirs.new.remote[0]) == (MOON, LTE)
    assert theirs.why == f"the peer moved to {LTE}"


def test_the_children_of_the_other_end_wait_for_a_proof() -> None:
    pair = Pair()
    pair.lose = lambda name, path: name == "sun" and path.remote[0] == LTE
    pair.move("moon", LTE)
    pair.sleep(2)
    assert pair.sun.path.remote[0] == LTE  # the IKE SA went over
    assert pair.child_paths()[1].remote[0] == MOON  # the traffic did not
    pair.lose = lambda _name, _path: False
    pair.sleep(5)
    assert pair.child_paths()[1].remote[0] == LTE


def test_a_route_that_leaves_elsewhere_moves_the_tunnel_too() -> None:
    pair = Pair()
    pair.ends["moon"].addresses = {MOON, LTE}
    pair.tell_addresses("moon", LTE, MOON)
    pair.sleep(1)
    assert addresses(pair.child_paths()) == [(LTE, SUN), (SUN, LTE)]
    assert pair.seen(Moved, "moon")[0].why == f"the route left {MOON}"
    assert pair.sun.mobility.peers == (MOON,)  # the other one is told of


def test_an_address_the_connection_names_is_not_left_for_a_route() -> None:
    pair = Pair(local=frozenset((MOON,)))
    pair.tell_addresses("moon", LTE, MOON)
    pair.sleep(1)
    assert addresses([pair.moon.path]) == [(MOON, SUN)]
    assert pair.seen(Moved, "moon") == []


def test_several_moves_in_a_row_end_where_the_last_one_led() -> None:
    pair = Pair()
    pair.lose = lambda _name, _path: True
    pair.move("moon", LTE)
    pair.sleep(0.2)
    pair.move("moon", WLAN)
    pair.sleep(0.2)
    pair.lose = lambda _name, _path: False
    pair.move("moon", LTE)
    pair.sleep(5)
    assert addresses(pair.child_paths()) == [(LTE, SUN), (SUN, LTE)]
    (moved,) = pair.seen(Moved, "moon")
    assert (moved.old.local[0], moved.new.local[0]) == (MOON, LTE)


def test_without_any_way_the_tunnel_waits_for_one() -> None:
    pair = Pair()
    pair.move("moon")
    (note,) = pair.seen(Noted, "moon")
    assert "waiting" in note.text
    pair.sleep(10)
    assert pair.seen(Closed, "moon") == []
    pair.move("moon", LTE)
    pair.sleep(1)
    assert addresses(pair.child_paths()) == [(LTE, SUN), (SUN, LTE)]


def test_an_address_that_is_back_is_said_once_more() -> None:
    # a NAT that was started anew has forgotten us
    pair = Pair()
    pair.tell_addresses("moon")
    pair.tell_addresses("moon", MOON)
    pair.sleep(1)
    assert len([1 for name, _ in pair.wire if name == "moon"]) == 1
    assert pair.seen(Moved, "moon") == []  # nothing is different


def test_a_peer_that_is_silent_is_looked_for_at_its_other_addresses() -> None:
    pair = Pair()
    pair.moon.mobility.peers = (WLAN,)
    pair.ends["sun"].addresses = {WLAN}
    pair.act("moon", lambda sa: sa.start(Probe(), pair.now))
    pair.sleep(15)
    assert addresses(pair.child_paths()) == [(MOON, WLAN), (WLAN, MOON)]
    (moved,) = pair.seen(Moved, "moon")
    assert moved.why == f"no answer from {SUN} to {MOON}"
    assert pair.seen(Failed, "moon") == []


def test_a_slow_answer_after_a_search_leaves_all_as_it_was() -> None:
    pair = Pair()
    pair.moon.mobility.peers = (WLAN,)
    pair.lose = lambda _name, _path: True
    pair.act("moon", lambda sa: sa.start(Probe(), pair.now))
    pair.sleep(4)
    assert addresses([pair.moon.path]) == [(MOON, WLAN)]  # the search went on
    pair.lose = lambda _name, _path: False
    pair.sleep(20)
    assert addresses((pair.moon.path, pair.sun.path)) == [(MOON, SUN), (SUN, MOON)]
    assert addresses(pair.child_paths()) == [(MOON, SUN), (SUN, MOON)]
    assert pair.seen(MoveChild, "moon") == []
    assert pair.seen(Moved, "moon") == []


def test_nobody_anywhere_ends_in_a_diagnosis() -> None:
    pair = Pair()
    pair.moon.mobility.peers = (WLAN,)
    pair.lose = lambda _name, _path: True
    pair.act("moon", lambda sa: sa.start(Probe(), pair.now))
    pair.sleep(60)
    assert [str(f.diagnosis.code) for f in pair.seen(Failed, "moon")] == ["DPD_TIMEOUT"]
    assert len(pair.seen(Closed, "moon")) == 1


def test_only_the_end_that_decides_searches() -> None:
    pair = Pair()
    pair.sun.mobility.peers = (LTE,)
    pair.lose = lambda _name, _path: True
    pair.act("sun", lambda sa: sa.start(Probe(), pair.now))
    pair.sleep(10)
    assert pair.ends_of("sun") == [(SUN, MOON)]
    assert search(pair.sun, pair.now) == []


def test_the_other_end_sends_from_elsewhere_when_it_must() -> None:
    # sun's address goes; it tells its new list, from the new address; moon moves there
    pair = Pair()
    pair.move("sun", WLAN)
    assert addresses([pair.child_paths()[1]]) == [(WLAN, MOON)]
    pair.sleep(2)
    assert addresses(pair.child_paths()) == [(MOON, WLAN), (WLAN, MOON)]
    assert pair.seen(Moved, "sun")[0].why == f"our address {SUN} is gone"
    assert pair.seen(Moved, "moon")[0].why == f"the peer left {SUN}"


def test_a_new_address_of_the_other_end_is_told_of_and_not_used() -> None:
    pair = Pair()
    pair.ends["sun"].addresses = {SUN, WLAN}
    pair.tell_addresses("sun", SUN, WLAN)
    pair.sleep(1)
    assert pair.moon.mobility.peers == (WLAN,)
    assert pair.seen(Moved, "moon") == pair.seen(Moved, "sun") == []
    pair.tell_addresses("sun", SUN)
    pair.sleep(1)
    assert len(pair.moon.mobility.peers) == 0


def test_without_mobike_a_lost_address_means_authenticating_anew() -> None:
    pair = Pair(mobike=False)
    pair.move("moon", LTE)
    assert len(pair.seen(ReauthWanted, "moon")) == 1
    pair.tell_addresses("moon", LTE)
    assert len(pair.seen(ReauthWanted, "moon")) == 1  # once
    pair.move("sun", WLAN)
    assert pair.seen(ReauthWanted, "sun") == []


def test_both_at_once_find_each_other_at_an_address_told_before() -> None:
    # sun's word of its new address goes to moon's old one first, then to its other one (3.6)
    pair = Pair()
    pair.sun.mobility.peers = (LTE,)
    pair.ends["moon"].addresses = {LTE}
    pair.move("sun", WLAN)
    pair.tell_addresses("moon", LTE)
    pair.sleep(15)
    assert addresses(pair.child_paths()) == [(LTE, WLAN), (WLAN, LTE)]
    assert not pair.sun.mobility.stranded


def test_an_address_that_is_back_before_it_was_missed_is_used_again() -> None:
    # sun asks from its other address and lists the first; moon, who never left that, says so
    pair = Pair()
    pair.lose = lambda name, _path: name == "sun"
    pair.act("sun", lambda sa: sa.start(Probe(), pair.now))
    pair.move("sun", WLAN)
    pair.move("sun", SUN, WLAN)
    pair.lose = lambda _name, _path: False
    pair.sleep(5)
    assert addresses((pair.moon.path, pair.sun.path)) == [(MOON, SUN), (SUN, MOON)]
    assert addresses(pair.child_paths()) == [(MOON, SUN), (SUN, MOON)]
    assert pair.seen(Moved, "moon") == []
    assert [moved.new.local[0] for moved in pair.seen(Moved, "sun")] == [WLAN, SUN]
    assert pair.seen(Moved, "sun")[1].why == f"the peer wants us at {SUN}"


def test_a_search_of_the_other_end_may_lead_back_to_where_the_peer_is() -> None:
    # moon has not moved and has nothing to say: the answer to the list settles it
    pair = Pair()
    pair.sun.mobility.peers = (LTE,)
    pair.lose = lambda _name, _path: True
    pair.move("sun", WLAN)
    pair.sleep(2)
    pair.move("sun", SUN, WLAN)
    pair.lose = lambda name, path: name == "sun" and path.local[0] == WLAN
    pair.sleep(25)
    assert addresses((pair.moon.path, pair.sun.path)) == [(MOON, SUN), (SUN, MOON)]
    assert addresses(pair.child_paths()) == [(MOON, SUN), (SUN, MOON)]
    assert pair.sun.mobility.moves == []


def test_a_search_comes_by_all_ways_before_the_peer_is_given_up() -> None:
    pair = Pair()
    pair.moon.mobility.peers = tuple(f"203.0.113.{number}" for number in range(1, 9))
    pair.ends["sun"].addresses = {"203.0.113.8"}
    pair.act("moon", lambda sa: sa.start(Probe(), pair.now))
    pair.sleep(29)
    assert addresses([pair.child_paths()[0]]) == [(MOON, "203.0.113.8")]
    assert pair.seen(Closed, "moon") == []


def test_a_list_that_was_sent_to_an_address_we_lost_leads_to_none_we_have_not() -> None:
    # sun's list flies to moon's old address while moon, at its new one, has said its update
    pair = Pair()
    pair.move("sun", WLAN)
    pair.tell_addresses("moon", LTE)
    pair.lose = lambda name, _path: name == "moon"
    pair.sleep(0.015)
    assert addresses([pair.moon.path]) == [(LTE, WLAN)]
    pair.lose = lambda _name, _path: False
    pair.ends["moon"].addresses = {LTE}
    pair.sleep(10)
    assert addresses(pair.child_paths()) == [(LTE, WLAN), (WLAN, LTE)]


def test_the_only_way_is_tried_though_it_is_not_the_one_in_use() -> None:
    pair = Pair()
    pair.tell_addresses("moon", MOON)
    pair.act("moon", lambda sa: sa.start(Probe(), pair.now))
    pair.moon.mobility.usable = frozenset((LTE,))
    pair.moon.mobility.routes = {SUN: LTE}
    pair.ends["moon"].addresses = {LTE}
    pair.lose = lambda _name, path: MOON in (path.local[0], path.remote[0])
    pair.sleep(10)
    assert addresses([pair.moon.path]) == [(LTE, SUN)]
