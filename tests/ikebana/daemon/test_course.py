"""A connection with three children: in which order they are made, and each tried again."""

import pytest

from ikebana.config.connection import CloseAction, Initiation
from ikebana.control.view import ConnectionState as State
from ikebana.daemon.orders import Ended, MakeChild, RouteState, Try
from ikecore.actions import Closed, Reason
from ikecore.diagnosis import Code
from ikecore.profile import ChildProfile
from policy.selectors import TrafficSelector
from tests.ikebana.daemon.lives import LOCAL, NO_CHILD, Life
from tests.ikebana.daemon.three import ONE, THIRD, THREE, TWO, connected, flow, life_of

ACTIVE, ON_DEMAND, PASSIVE = Initiation.ACTIVE, Initiation.ON_DEMAND, Initiation.PASSIVE


# -- one after another ----------------------------------------------------------------------------
def test_children_are_made_one_after_another_in_their_order() -> None:
    life = life_of()
    assert life.seen(Try) == [Try(ONE)]
    sa = life.authenticate()
    assert life.asked == []  # IKE_AUTH brings the first
    for number, one in enumerate(THREE, start=1):
        assert life.core.mappings == (number - 1, 3)
        life.child(sa, one)
        assert life.asked == list(THREE[1 : number + 1])
    assert life.core.mappings == (3, 3)
    assert life.ends == [True]


def test_it_is_partially_connected_until_all_are_up_and_up_waits_for_the_last() -> None:
    life = life_of()
    sa = life.authenticate()
    life.child(sa, ONE)
    assert (life.core.state, life.routes) == (State.PARTIALLY_CONNECTED, RouteState.ACTIVE)
    assert life.ends == []
    life.child(sa, TWO)
    life.fail(NO_CHILD, sa, THIRD)
    assert life.seen(Ended) == [Ended(False, NO_CHILD)]
    assert life.core.state is State.PARTIALLY_CONNECTED


def test_a_child_that_is_refused_stays_behind_and_the_others_come() -> None:
    life = life_of()
    sa = life.authenticate()
    life.fail(NO_CHILD, sa, ONE)
    assert life.asked == [TWO]
    assert life.core.state is State.CONNECTING_PHASE2
    life.child(sa, TWO)
    life.child(sa, THIRD)
    life.sleep(2.0)
    assert life.asked == [TWO, THIRD, ONE]
    life.child(sa, ONE)
    assert (life.core.mappings, life.core.tries) == ((3, 3), 0)
    assert len(life.tried_at) == 1


def test_a_single_child_is_tried_as_often_as_a_connection_and_then_every_twelve_seconds() -> None:
    life = Life(ACTIVE)
    profile, sa = life.seen(Try)[0].first, life.authenticate()
    for failures in range(1, 4):
        life.fail(NO_CHILD, sa, profile)
        assert (life.core.state, life.core.tries) == (State.CONNECTING_PHASE2, failures)
        life.sleep(2.0)
        assert len(life.asked) == failures
    for failures in range(4, 10):
        life.fail(NO_CHILD, sa, profile)
        assert (life.core.state, life.core.tries) == (State.PHASE2_FAILED, failures)
        life.sleep(10.7)
        assert len(life.asked) == failures - 1
        life.sleep(2.6)
        assert len(life.asked) == failures
        assert life.core.state is State.PHASE2_FAILED
    assert len(life.tried_at) == 1
    assert life.core.reason == NO_CHILD


def test_a_peer_that_deletes_the_sa_of_a_refused_child_gets_no_faster_pace() -> None:
    life = Life(ACTIVE)
    profile = life.seen(Try)[0].first
    pauses = []
    for _ in range(6):
        sa = life.authenticate()
        life.fail(NO_CHILD, sa, profile)
        life.end(sa, Reason.PEER_DELETED)
        assert life.core.reason == NO_CHILD
        pauses.append(life.core.next_timeout() - life.now)
        life.sleep(pauses[-1])
    assert pauses == [2.0, 2.0, 2.0, *[pytest.approx(12.0, rel=0.1)] * 3]
    assert (life.core.state, len(life.tried_at)) == (State.PHASE2_FAILED, 7)


def test_an_sa_that_ends_without_a_word_on_its_child_counts_as_a_failure() -> None:
    life = Life(ACTIVE)
    for failures in range(1, 5):
        sa = life.authenticate()
        life.end(sa, Reason.PEER_DELETED)
        assert life.core.tries == failures
        life.sleep(2.0 if failures < 4 else 10.7)
        assert len(life.tried_at) == min(failures + 1, 4)
    assert life.core.state is State.DOWN


def test_nobody_saying_anything_of_a_child_it_is_asked_for_again() -> None:
    life = Life(ACTIVE)
    life.authenticate()
    life.sleep(2.0)
    assert len(life.asked) == 1
    life.sleep(59.0)
    assert len(life.asked) == 1
    life.sleep(2.0)
    assert len(life.asked) == 2


def test_without_a_child_in_ike_auth_the_first_one_is_asked_for_at_once() -> None:
    life = Life(ACTIVE, children=THREE, childless=True)
    life.authenticate()
    life.sleep(0.0)
    assert life.asked == [ONE]


def test_part_of_a_child_fulfils_it() -> None:
    life = life_of()
    sa = life.authenticate()
    single = ChildProfile(LOCAL, (TrafficSelector.from_cidr("10.2.1.7/32"),))
    life.child(sa, single)
    assert life.core.mappings == (1, 3)
    assert life.asked == [TWO]


# -- the peer begins ------------------------------------------------------------------------------
def test_a_peer_that_begins_has_two_seconds_for_each_child() -> None:
    life = life_of()
    life.fail()
    sa = life.authenticate(ours=False)
    life.sleep(1.9)
    life.child(sa, ONE)
    life.sleep(1.9)
    life.child(sa, THIRD)
    life.sleep(1.9)
    assert life.asked == []
    life.sleep(0.2)
    assert life.asked == [TWO]


@pytest.mark.parametrize("initiation", [ON_DEMAND, PASSIVE])
def test_what_does_not_begin_makes_no_children_on_the_peers_sa(initiation: Initiation) -> None:
    life = life_of(initiation)
    sa = life.authenticate(ours=False)
    life.child(sa, ONE)
    life.sleep(1000)
    assert (life.asked, life.core.state) == ([], State.PARTIALLY_CONNECTED)
    life.take(life.core.up(life.now))
    assert life.asked == [TWO]
    life.child(sa, TWO)
    life.child(sa, THIRD)
    assert life.ends == [True]


def test_up_of_a_passive_connection_tries_each_child_once() -> None:
    life = life_of(PASSIVE)
    life.take(life.core.up(life.now))
    sa = life.authenticate()
    life.child(sa, ONE)
    life.fail(NO_CHILD, sa, TWO)
    life.child(sa, THIRD)
    assert life.seen(Ended) == [Ended(False, NO_CHILD)]
    life.sleep(1000)
    assert life.asked == [TWO, THIRD]
    assert life.core.state is State.PARTIALLY_CONNECTED


def test_a_child_of_ours_refused_on_the_peers_sa_is_tried_again() -> None:
    life = life_of()
    life.fail()
    sa = life.authenticate(ours=False)
    life.sleep(2.0)
    assert life.asked == [ONE]
    life.fail(NO_CHILD, sa, ONE, ours=False)  # it names who began the IKE SA
    assert life.asked == [ONE, TWO]
    life.child(sa, TWO)
    life.sleep(2.0)
    life.child(sa, THIRD)
    life.sleep(2.0)
    assert life.asked[-1] == ONE


# -- on demand ------------------------------------------------------------------------------------
def test_a_packet_brings_its_own_child_first_and_no_other() -> None:
    life = life_of(ON_DEMAND)
    life.take(life.core.acquired(flow(2), life.now))
    assert life.seen(Try) == [Try(TWO)]
    sa = life.authenticate()
    life.child(sa, TWO)
    life.sleep(1000)
    assert (life.asked, life.core.state) == ([], State.PARTIALLY_CONNECTED)
    assert life.core.armed
    life.take(life.core.acquired(flow(3), life.now))
    assert life.seen(MakeChild) == [MakeChild(sa, THIRD)]
    life.take(life.core.acquired(flow(3), life.now))  # the worker tells again
    life.take(life.core.acquired(flow(1), life.now))
    life.child(sa, THIRD)
    assert life.asked == [THIRD, ONE]
    life.child(sa, ONE)
    assert (life.core.state, life.core.armed) == (State.CONNECTED, False)
    assert len(life.tried_at) == 1


def test_packets_of_two_children_during_the_first_negotiation_bring_both() -> None:
    life = life_of(ON_DEMAND)
    life.take(life.core.acquired(flow(3), life.now))
    life.take(life.core.acquired(flow(1), life.now))
    assert life.seen(Try) == [Try(THIRD)]
    sa = life.authenticate()
    life.child(sa, THIRD)
    assert life.asked == [ONE]


# -- deletes and lifetimes ------------------------------------------------------------------------
def test_a_child_at_the_end_of_its_life_is_made_again_at_once() -> None:
    life, sa, spis = connected()
    life.lose(sa, spis[1], Reason.LIFETIME)
    assert (life.asked, life.core.state) == ([TWO], State.PARTIALLY_CONNECTED)


@pytest.mark.parametrize(
    ("close", "state", "armed", "asked"),
    [
        (CloseAction.RESTART, State.PARTIALLY_CONNECTED, False, [TWO]),
        (CloseAction.HOLD, State.PARTIALLY_CONNECTED, True, []),
        (CloseAction.CLEAR, State.PARTIALLY_CONNECTED, False, []),
    ],
)
def test_after_the_peers_delete_of_one_child_comes_what_close_action_says(
    close: CloseAction, state: State, armed: bool, asked: list[ChildProfile]
) -> None:
    life = life_of(close=close)
    sa = life.authenticate()
    spis = [life.child(sa, one) for one in THREE]
    life.forget()
    life.lose(sa, spis[1])
    assert life.core.reason is not None
    assert life.core.reason.code is Code.PEER_DELETED
    life.sleep(1.9)
    assert (life.asked, life.core.state, life.core.armed) == ([], state, armed)
    life.sleep(1000 if not asked else 0.1)
    assert life.asked == asked
    assert life.routes is RouteState.ACTIVE
    if armed:
        life.take(life.core.acquired(flow(2), life.now))
        assert life.asked == [TWO]


@pytest.mark.parametrize(
    ("close", "initiation", "state", "routes", "asked"),
    [
        (CloseAction.RESTART, ACTIVE, State.DOWN, RouteState.BLOCKED, 1),
        (CloseAction.RESTART, ON_DEMAND, State.IDLE, RouteState.TRAP, 0),
        (CloseAction.RESTART, PASSIVE, State.DOWN, RouteState.BLOCKED, 0),
        (CloseAction.HOLD, ACTIVE, State.IDLE, RouteState.TRAP, 0),
        (CloseAction.CLEAR, ACTIVE, State.DOWN, RouteState.BLOCKED, 0),
        (CloseAction.CLEAR, ON_DEMAND, State.DOWN, RouteState.BLOCKED, 0),
    ],
)
def test_without_children_the_ike_sa_waits_for_the_next_try(
    close: CloseAction, initiation: Initiation, state: State, routes: RouteState, asked: int
) -> None:
    life = Life(initiation, close=close)
    sa, spi = life.connect()
    life.forget()
    life.lose(sa, spi)
    assert (life.core.state, life.routes) == (state, routes)
    life.sleep(2.0)
    assert (len(life.asked), life.tried_at) == (asked, [])
    if not asked:
        life.take(life.core.up(life.now))
        assert (len(life.asked), life.tried_at) == (1, [])
        assert life.core.state is State.CONNECTING_PHASE2


def test_the_peers_delete_of_everything_starts_the_connection_anew_after_the_pause() -> None:
    life, sa, spis = connected()
    for spi in spis:
        life.lose(sa, spi)
    life.end(sa, Reason.PEER_DELETED)
    assert (life.core.state, life.routes) == (State.DOWN, RouteState.BLOCKED)
    life.sleep(2.0)
    assert (life.seen(Try), life.asked) == ([Try(ONE)], [])


# -- several SAs ----------------------------------------------------------------------------------
def test_what_an_sa_takes_along_is_made_on_the_other_one() -> None:
    life = life_of()
    mine = life.authenticate()
    theirs = life.authenticate(ours=False)
    life.child(mine, ONE)
    spi = life.child(theirs, ONE)
    life.forget()
    life.lose(theirs, spi, Reason.REDUNDANT)
    life.end(theirs, Reason.REDUNDANT, ours=False)
    life.child(mine, TWO)
    life.sleep(10)
    assert life.core.children[-1].child == TWO
    assert life.asked[-1] == THIRD
    assert {order.sa for order in life.seen(MakeChild)} == {mine}


def test_clear_deletes_everything_and_lets_up_begin_anew() -> None:
    life, sa, _ = connected()
    life.take(life.core.clear())
    assert life.core.sas[0].sa == sa
    assert life.routes is RouteState.BLOCKED
    life.take(life.core.handle(Closed(sa, "net", True, Reason.DELETED), life.now))
    life.sleep(100)
    assert life.tried_at == []
    life.take(life.core.up(life.now))
    assert life.seen(Try) == [Try(ONE)]
