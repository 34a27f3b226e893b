"""How a connection goes on when an SA of its ends: deaths, deletes, reauthentication."""

import pytest

from ikebana.config.connection import DpdAction, Initiation
from ikebana.control.view import ConnectionState as State
from ikebana.daemon.orders import CloseAll, RouteState, SetRoutes
from ikecore.actions import Reason, ReauthWanted
from ikecore.diagnosis import Code
from tests.ikebana.daemon.lives import DEAD, FLOW, NO_CHILD, Life

ACTIVE, ON_DEMAND, PASSIVE = Initiation.ACTIVE, Initiation.ON_DEMAND, Initiation.PASSIVE


# -- a dead peer ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("action", "initiation", "state", "routes", "tries"),
    [
        (DpdAction.RESTART, ACTIVE, State.CONNECTING_PHASE1, RouteState.BLOCKED, 1),
        (DpdAction.RESTART, ON_DEMAND, State.CONNECTING_PHASE1, RouteState.TRAP, 1),
        (DpdAction.RESTART, PASSIVE, State.DOWN, RouteState.BLOCKED, 0),
        (DpdAction.CLEAR, ACTIVE, State.DOWN, RouteState.BLOCKED, 0),
        (DpdAction.CLEAR, ON_DEMAND, State.DOWN, RouteState.BLOCKED, 0),
        (DpdAction.CLEAR, PASSIVE, State.DOWN, RouteState.BLOCKED, 0),
        (DpdAction.HOLD, ACTIVE, State.IDLE, RouteState.TRAP, 0),
        (DpdAction.HOLD, ON_DEMAND, State.IDLE, RouteState.TRAP, 0),
        (DpdAction.HOLD, PASSIVE, State.IDLE, RouteState.TRAP, 0),
    ],
)
def test_after_a_peers_death_comes_what_dpd_action_says(
    action: DpdAction, initiation: Initiation, state: State, routes: RouteState, tries: int
) -> None:
    life = Life(initiation, action)
    sa, spi = life.connect()
    life.forget()
    life.die(sa, spi)
    assert (life.core.state, life.routes) == (state, routes)
    life.sleep(1000)
    assert len(life.tried_at) == tries
    assert life.core.reason == DEAD
    assert life.core.admits_peer


@pytest.mark.parametrize("initiation", [ACTIVE, ON_DEMAND, PASSIVE])
def test_action_none_reports_the_death_and_keeps_the_tunnel(initiation: Initiation) -> None:
    life = Life(initiation, DpdAction.NONE)
    sa, _ = life.connect()
    life.forget()
    life.fail(DEAD, sa)
    assert (life.core.state, life.core.reason) == (State.CONNECTED, DEAD)
    assert life.notes == 1
    assert life.routes is RouteState.ACTIVE
    life.sleep(1000)
    assert life.tried_at == []


@pytest.mark.parametrize("initiation", [ACTIVE, ON_DEMAND, PASSIVE])
def test_after_hold_the_next_packet_starts(initiation: Initiation) -> None:
    life = Life(initiation, DpdAction.HOLD)
    life.die(*life.connect())
    life.forget()
    life.take(life.core.acquired(FLOW, life.now))
    assert len(life.tried_at) == 1
    assert (life.core.state, life.routes) == (State.CONNECTING_PHASE1, RouteState.TRAP)


def test_after_hold_a_packet_during_a_passive_try_makes_it_go_on() -> None:
    life = Life(PASSIVE, DpdAction.HOLD)
    life.die(*life.connect())
    life.forget()
    life.take(life.core.up(life.now))
    life.take(life.core.acquired(FLOW, life.now))
    life.fail()
    life.sleep(2.0)
    assert len(life.tried_at) == 2


def test_after_clear_the_peer_or_the_operator_may_start() -> None:
    life = Life(ACTIVE, DpdAction.CLEAR)
    life.die(*life.connect())
    life.connect(ours=False)
    assert life.core.state is State.CONNECTED
    life.die(*(life.core.sas[0].sa, life.core.children[0].inbound_spi))
    life.forget()
    life.take(life.core.up(life.now))
    assert len(life.tried_at) == 1


@pytest.mark.parametrize(
    ("action", "state"), [(DpdAction.CLEAR, State.DOWN), (DpdAction.HOLD, State.IDLE)]
)
def test_a_death_in_the_middle_of_reauthentication_ends_that_too(
    action: DpdAction, state: State
) -> None:
    life = Life(ACTIVE, action)
    sa, spi = life.connect()
    life.take(life.core.handle(ReauthWanted(sa, "net"), life.now))
    life.forget()
    life.die(sa, spi)
    assert life.core.state is state
    assert life.seen(CloseAll) == [CloseAll()]
    life.end(b"attempt.", Reason.DELETED)
    life.sleep(1000)
    assert life.tried_at == []


def test_a_death_in_the_middle_of_reauthentication_with_restart_leaves_that_to_go_on() -> None:
    life = Life(ACTIVE, DpdAction.RESTART)
    sa, spi = life.connect()
    life.take(life.core.handle(ReauthWanted(sa, "net"), life.now))
    life.forget()
    life.die(sa, spi)
    assert (life.core.state, life.routes) == (State.CONNECTING_PHASE1, RouteState.BLOCKED)
    assert life.tried_at == []
    life.fail()
    life.sleep(2.0)
    assert len(life.tried_at) == 1


# -- ends that are no deaths ----------------------------------------------------------------------
def test_an_active_connection_that_the_peer_deleted_is_down_and_starts_after_a_pause() -> None:
    life = Life(ACTIVE)
    sa, spi = life.connect()
    life.forget()
    life.close(sa, spi, Reason.PEER_DELETED)
    assert (life.core.state, life.routes) == (State.DOWN, RouteState.BLOCKED)
    assert life.core.reason is not None
    assert life.core.reason.code is Code.PEER_DELETED
    life.sleep(2.0)
    assert life.tried_at == [102.0]
    assert life.core.state is State.CONNECTING_PHASE1


def test_an_on_demand_connection_that_the_peer_deleted_waits_for_the_next_packet() -> None:
    life = Life(ON_DEMAND)
    sa, spi = life.connect()
    life.close(sa, spi, Reason.PEER_DELETED)
    assert (life.core.state, life.routes) == (State.IDLE, RouteState.TRAP)
    life.sleep(1000)
    assert life.tried_at == []


def test_a_passive_connection_that_the_peer_deleted_waits_for_the_peer() -> None:
    life = Life(PASSIVE)
    sa, spi = life.connect(ours=False)
    life.close(sa, spi, Reason.PEER_DELETED, ours=False)
    assert (life.core.state, life.routes) == (State.DOWN, RouteState.BLOCKED)
    life.sleep(1000)
    assert life.tried_at == []


def test_a_lifetime_that_ended_starts_the_next_at_once() -> None:
    life = Life(ACTIVE)
    sa, spi = life.connect()
    life.forget()
    life.close(sa, spi, Reason.LIFETIME)
    life.sleep(0.0)
    assert life.tried_at == [100.0]
    assert life.core.reason is not None
    assert life.core.reason.code is Code.LIFETIME


# -- reauthentication and several SAs -------------------------------------------------------------
def test_reauthentication_keeps_the_old_child_until_the_new_one_is_up() -> None:
    life = Life(ACTIVE)
    old, spi = life.connect()
    life.forget()
    life.take(life.core.handle(ReauthWanted(old, "net"), life.now))
    assert (life.core.state, life.routes) == (State.REKEYING, RouteState.ACTIVE)
    assert life.tried_at == [100.0]
    new = life.authenticate()
    assert (life.core.state, len(life.core.sas)) == (State.REKEYING, 2)
    life.child(new)
    assert (life.core.state, len(life.core.children)) == (State.CONNECTED, 2)
    life.close(old, spi, Reason.REPLACED)
    assert (life.core.state, life.routes) == (State.CONNECTED, RouteState.ACTIVE)
    assert [sa.sa for sa in life.core.sas] == [new]
    assert len(life.core.children) == 1
    assert life.seen(SetRoutes) == []


def test_a_reauthentication_refused_leaves_the_old_child_and_is_tried_again() -> None:
    life = Life(ACTIVE)
    old, _ = life.connect()
    life.forget()
    life.take(life.core.handle(ReauthWanted(old, "net"), life.now))
    life.fail()
    assert (life.core.state, life.routes) == (State.CONNECTED, RouteState.ACTIVE)
    life.sleep(13.2)
    assert len(life.tried_at) == 2


def test_a_reauthentication_whose_child_is_refused_is_tried_again_too() -> None:
    life = Life(ACTIVE)
    old, _ = life.connect()
    life.take(life.core.handle(ReauthWanted(old, "net"), life.now))
    new = life.authenticate()
    life.fail(NO_CHILD, new)
    life.end(new, Reason.FAILED)
    assert life.core.state is State.CONNECTED
    life.forget()
    life.sleep(13.2)
    assert len(life.tried_at) == 1


@pytest.mark.parametrize("reason", [Reason.LIFETIME, Reason.PEER_DELETED])
def test_an_old_sa_that_ends_before_the_next_one_is_up_leaves_nothing_called_up(
    reason: Reason,
) -> None:
    life = Life(ACTIVE)
    old, spi = life.connect()
    life.take(life.core.handle(ReauthWanted(old, "net"), life.now))
    life.close(old, spi, reason)
    assert (life.core.state, life.routes) == (State.CONNECTING_PHASE1, RouteState.BLOCKED)
    life.fail()
    life.forget()
    life.sleep(2.0)
    assert len(life.tried_at) == 1


def test_an_old_sa_that_ends_while_the_next_try_is_planned_does_not_wait_for_that() -> None:
    life = Life(ACTIVE)
    old, spi = life.connect()
    life.take(life.core.handle(ReauthWanted(old, "net"), life.now))
    life.fail()
    life.close(old, spi, Reason.PEER_DELETED)
    assert (life.core.state, life.routes) == (State.DOWN, RouteState.BLOCKED)
    life.forget()
    life.sleep(2.0)
    assert len(life.tried_at) == 1


def test_an_initiated_passive_connection_does_not_start_again_when_its_next_sa_fails() -> None:
    life = Life(PASSIVE)
    life.take(life.core.up(life.now))
    old, spi = life.connect()
    life.take(life.core.handle(ReauthWanted(old, "net"), life.now))
    life.close(old, spi, Reason.LIFETIME)
    life.fail()
    life.forget()
    life.sleep(1000)
    assert life.tried_at == []


def test_a_second_wish_for_the_next_sa_changes_nothing_while_it_is_made() -> None:
    life = Life(ACTIVE)
    old, _ = life.connect()
    life.take(life.core.renew())
    life.forget()
    assert life.take(life.core.renew()) == []
    assert life.take(life.core.handle(ReauthWanted(old, "net"), life.now)) == []


def test_a_wish_for_the_next_sa_in_the_pause_before_a_try_takes_that_tries_place() -> None:
    life = Life(ACTIVE)
    life.connect()
    life.take(life.core.renew())
    life.fail()
    life.forget()
    life.take(life.core.renew())
    life.sleep(100)
    assert len(life.tried_at) == 1


def test_of_two_sas_made_at_once_the_end_of_one_is_not_the_tunnels() -> None:
    life = Life(ACTIVE)
    mine, mine_spi = life.connect()
    life.connect(ours=False)
    life.forget()
    life.close(mine, mine_spi, Reason.REDUNDANT)
    assert (life.core.state, life.routes) == (State.CONNECTED, RouteState.ACTIVE)
    assert life.tried_at == []
    assert life.core.next_timeout() == float("inf")


def test_our_try_that_fails_after_the_peers_own_came_through_disturbs_nothing() -> None:
    life = Life(ACTIVE)
    life.connect(ours=False)
    life.forget()
    life.fail()
    assert life.core.state is State.CONNECTED
    life.sleep(1000)
    assert life.tried_at == []


def test_a_try_whose_sa_ends_without_a_word_counts_as_failed() -> None:
    life = Life(ACTIVE)
    life.end(b"attempt.", Reason.INTERNAL_ERROR)
    assert life.core.tries == 1
    life.sleep(2.0)
    assert len(life.tried_at) == 2


def test_the_end_of_an_sa_of_before_is_no_failure_of_the_present_try() -> None:
    life = Life(ACTIVE)
    life.end(b"previous", Reason.DELETED)
    assert life.core.tries == 0
    assert life.ends == []
