import pytest

from ikebana.config.compile import Tries
from ikebana.config.connection import Initiation
from ikebana.control.view import ConnectionState as State
from ikebana.daemon.orders import CloseAll, Ended, Note, RekeyChild, RouteState, SetRoutes, Try
from ikecore.actions import Closed, Reason
from ikecore.diagnosis import Code, Diagnosis, Finding, diagnose
from tests.ikebana.daemon.lives import CHILD, FLOW, NO_CHILD, SILENT, Life

ACTIVE, ON_DEMAND, PASSIVE = Initiation.ACTIVE, Initiation.ON_DEMAND, Initiation.PASSIVE
HEARSAY = Diagnosis(1, Code.PEER_NO_RESPONSE, (Finding(Code.PEER_NO_RESPONSE),), proven=False)
WRONG_KEY = diagnose(1, Code.PSK_MISMATCH)


# -- how it begins --------------------------------------------------------------------------------
def test_an_active_connection_tries_at_once_and_blocks_its_networks_meanwhile() -> None:
    life = Life(ACTIVE)
    assert life.orders == [SetRoutes(RouteState.BLOCKED), Try(CHILD)]
    assert life.core.state is State.CONNECTING_PHASE1


def test_an_on_demand_connection_waits_with_a_trap() -> None:
    life = Life(ON_DEMAND)
    assert life.orders == [SetRoutes(RouteState.TRAP)]
    assert life.core.state is State.IDLE
    assert life.core.next_timeout() == float("inf")


def test_a_passive_connection_waits_with_its_networks_blocked() -> None:
    life = Life(PASSIVE)
    assert life.orders == [SetRoutes(RouteState.BLOCKED)]
    assert life.core.state is State.IDLE
    assert life.core.admits_peer


def test_a_disabled_connection_does_nothing_whatever_is_asked() -> None:
    life = Life(ACTIVE, enabled=False)
    assert life.core.state is State.DISABLED
    assert life.take(life.core.up(life.now)) == []
    assert not life.core.admits_peer
    assert life.orders == []


def test_a_packet_starts_an_on_demand_connection_and_the_trap_stays_until_it_is_up() -> None:
    life = Life(ON_DEMAND)
    life.take(life.core.acquired(FLOW, life.now))
    assert life.tried_at == [100.0]
    assert (life.core.state, life.routes) == (State.CONNECTING_PHASE1, RouteState.TRAP)
    life.take(life.core.acquired(FLOW, life.now))
    assert len(life.tried_at) == 1
    life.connect()
    assert (life.core.state, life.routes) == (State.CONNECTED, RouteState.ACTIVE)


@pytest.mark.parametrize("initiation", [ACTIVE, PASSIVE])
def test_a_packet_starts_only_what_has_a_trap(initiation: Initiation) -> None:
    life = Life(initiation)
    life.forget()
    assert life.take(life.core.acquired(FLOW, life.now)) == []


# -- tries ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("why", "early", "late"),
    [
        (SILENT, State.CONNECTING_PHASE1, State.PHASE1_FAILED),
        (NO_CHILD, State.CONNECTING_PHASE2, State.PHASE2_FAILED),
    ],
)
def test_a_try_and_three_retries_two_seconds_apart_and_then_one_every_twelve_without_end(
    why: Diagnosis, early: State, late: State
) -> None:
    life = Life(ACTIVE)
    for _ in range(3):
        life.fail(why)
        assert life.core.state is early
        life.sleep(2.0)
    assert life.tried_at == [100.0, 102.0, 104.0, 106.0]
    for failures in range(4, 200):
        life.fail(why)
        assert (life.core.state, life.core.tries) == (late, failures)
        before = len(life.tried_at)
        life.sleep(10.7)
        assert len(life.tried_at) == before
        life.sleep(2.6)
        assert len(life.tried_at) == before + 1
        assert life.core.state is late
    assert life.core.reason == why


@pytest.mark.parametrize(("octet", "pause"), [(0, 10.8), (255, 13.2)])
def test_the_pause_of_twelve_seconds_is_spread_by_a_tenth(octet: int, pause: float) -> None:
    life = Life(ACTIVE, octet=octet, tries=Tries(count=1, interval=12.0))
    life.fail()
    life.sleep(2.0)
    life.fail()
    assert life.core.next_timeout() - life.now == pytest.approx(pause)


def test_every_failure_is_written_down_and_ends_a_wait_for_up() -> None:
    life = Life(ACTIVE)
    life.fail()
    assert life.notes == 1
    assert life.seen(Ended) == [Ended(False, SILENT)]


def test_up_in_the_pause_tries_at_once_and_counts_anew() -> None:
    life = Life(ACTIVE)
    for _ in range(4):
        life.fail()
        life.sleep(2.0)
    assert (life.core.state, life.core.tries) == (State.PHASE1_FAILED, 4)
    life.forget()
    life.take(life.core.up(life.now))
    assert life.tried_at == [life.now]
    assert (life.core.state, life.core.tries) == (State.CONNECTING_PHASE1, 0)
    life.fail()
    assert (life.core.state, life.core.tries) == (State.CONNECTING_PHASE1, 1)


def test_up_while_a_try_is_under_way_starts_no_second_one() -> None:
    life = Life(ACTIVE)
    assert life.take(life.core.up(life.now)) == []


def test_up_of_what_is_up_says_so() -> None:
    life = Life(ACTIVE)
    life.connect()
    assert life.core.up(life.now) == [Ended(True)]


def test_up_starts_a_passive_connection_once() -> None:
    life = Life(PASSIVE)
    life.take(life.core.up(life.now))
    assert len(life.tried_at) == 1
    life.fail()
    assert life.core.state is State.PHASE1_FAILED
    life.sleep(1000)
    assert len(life.tried_at) == 1
    assert life.ends == [False]


def test_a_name_without_address_is_a_failed_try_like_any_other() -> None:
    life = Life(ACTIVE)
    life.take(life.core.no_address("sun.lab: no such name", life.now))
    assert life.core.reason is not None
    assert life.core.reason.code is Code.PEER_NAME_UNRESOLVED
    life.sleep(2.0)
    assert life.tried_at == [100.0, 102.0]


def test_a_child_refused_after_authentication_fails_stage_two_and_its_sas_end_starts_nothing() -> (
    None
):
    life = Life(ACTIVE)
    sa = life.authenticate()
    assert life.core.state is State.CONNECTING_PHASE2
    life.fail(NO_CHILD, sa)
    life.sleep(1.0)
    life.end(sa, Reason.FAILED)
    life.sleep(1.0)
    assert life.tried_at == [100.0, 102.0]


def test_being_connected_forgets_the_failures_and_the_next_try() -> None:
    life = Life(ACTIVE)
    life.fail()
    life.connect(ours=False)
    assert (life.core.tries, life.core.next_timeout()) == (0, float("inf"))
    assert life.routes is RouteState.ACTIVE
    assert life.core.reason == SILENT  # the last failure stays told


# -- taken down -----------------------------------------------------------------------------------
def test_down_deletes_everything_refuses_the_peer_and_waits_for_up() -> None:
    life = Life(ACTIVE)
    sa, spi = life.connect()
    life.forget()
    life.take(life.core.down())
    assert life.orders == [CloseAll(), SetRoutes(RouteState.BLOCKED)]
    assert life.core.state is State.DOWN
    assert life.core.reason is not None
    assert life.core.reason.code is Code.ADMIN_DOWN
    assert not life.core.admits_peer
    life.close(sa, spi, Reason.DELETED)
    life.sleep(1000)
    assert life.tried_at == []
    life.take(life.core.up(life.now))
    assert life.core.admits_peer
    assert len(life.tried_at) == 1


def test_down_ends_a_try_under_way_and_tells_who_waits_for_it() -> None:
    life = Life(ACTIVE)
    life.forget()
    life.take(life.core.down())
    assert life.seen(CloseAll) == [CloseAll()]
    assert life.ends == [False]
    life.end(b"attempt.", Reason.DELETED)
    assert not life.core.trying
    life.sleep(1000)
    assert life.tried_at == []


def test_down_in_the_pause_before_a_try_forgets_that() -> None:
    life = Life(ACTIVE)
    life.fail()
    life.take(life.core.down())
    life.forget()
    life.sleep(1000)
    assert life.tried_at == []


def test_up_right_after_down_starts_although_the_old_sa_is_still_being_deleted() -> None:
    life = Life(ACTIVE)
    sa, spi = life.connect()
    life.take(life.core.down())
    life.forget()
    life.take(life.core.up(life.now))
    assert len(life.tried_at) == 1
    assert life.core.state is State.CONNECTING_PHASE1
    life.close(sa, spi, Reason.DELETED)
    assert life.core.state is State.CONNECTING_PHASE1
    assert life.core.trying
    assert life.ends == []


def test_an_sa_that_crosses_our_taking_down_is_not_called_connected() -> None:
    life = Life(ACTIVE)
    life.take(life.core.down())
    sa, spi = life.connect(ours=False)
    assert (life.core.state, life.routes) == (State.DOWN, RouteState.BLOCKED)
    life.close(sa, spi, Reason.DELETED, ours=False)
    assert life.core.state is State.DOWN


@pytest.mark.parametrize("ours", [True, False])
def test_what_fails_while_taken_down_changes_neither_state_nor_reason(ours: bool) -> None:
    life = Life(ACTIVE)
    life.take(life.core.down())
    life.fail(WRONG_KEY, ours=ours)
    assert life.core.state is State.DOWN
    assert life.core.reason is not None
    assert life.core.reason.code is Code.ADMIN_DOWN


# -- the peer's failures --------------------------------------------------------------------------
@pytest.mark.parametrize("initiation", [ON_DEMAND, PASSIVE])
@pytest.mark.parametrize(
    ("why", "state"), [(WRONG_KEY, State.PHASE1_FAILED), (NO_CHILD, State.PHASE2_FAILED)]
)
def test_a_peer_that_fails_here_shows_as_its_stage_and_code(
    initiation: Initiation, why: Diagnosis, state: State
) -> None:
    life = Life(initiation)
    life.fail(why, ours=False)
    assert (life.core.state, life.core.reason) == (state, why)
    assert life.notes == 1
    life.sleep(1000)
    assert life.tried_at == []


@pytest.mark.parametrize("reason", [Reason.FAILED, Reason.PEER_DELETED])  # who deletes is quicker
@pytest.mark.parametrize(
    ("initiation", "routes"), [(ON_DEMAND, RouteState.TRAP), (PASSIVE, RouteState.BLOCKED)]
)
def test_a_peer_whose_child_was_refused_shows_as_stage_two_after_its_sa_is_gone(
    initiation: Initiation, routes: RouteState, reason: Reason
) -> None:
    life = Life(initiation)
    sa = life.authenticate(ours=False)
    life.fail(NO_CHILD, sa, ours=False)
    life.end(sa, reason, ours=False)
    assert life.core.reason == NO_CHILD
    assert (life.core.state, life.routes) == (State.PHASE2_FAILED, routes)
    life.take(life.core.acquired(FLOW, life.now))
    assert len(life.tried_at) == (initiation is ON_DEMAND)


def test_a_peer_that_fails_does_not_disturb_our_own_tries() -> None:
    life = Life(ACTIVE)
    life.fail(WRONG_KEY, ours=False)
    assert life.core.state is State.CONNECTING_PHASE1
    assert life.core.trying
    assert life.ends == []


def test_what_our_own_try_can_only_guess_does_not_replace_what_the_peers_try_proved() -> None:
    causes = (Finding(Code.PSK_MISMATCH), Finding(Code.PEER_IDENTITY_MISMATCH))
    guess = Diagnosis(1, Code.AUTH_REFUSED_BY_PEER, causes)
    life = Life(ACTIVE)
    life.fail(WRONG_KEY, ours=False)
    life.fail(guess)
    assert life.core.reason is WRONG_KEY
    life.sleep(61)
    life.fail(guess)
    assert life.core.reason is guess


def test_hearsay_says_nothing_of_a_tunnel_that_is_up() -> None:
    life = Life(PASSIVE)
    life.connect(ours=False)
    life.forget()
    life.fail(HEARSAY, ours=False)
    assert life.orders == []
    assert life.core.reason is None


def test_a_flood_of_peers_failures_writes_a_line_a_second() -> None:
    life = Life(PASSIVE)
    for _ in range(1000):
        life.fail(HEARSAY, ours=False)
        life.sleep(0.005)
    assert 4 <= len(life.seen(Note)) <= 6


# -- the worker -----------------------------------------------------------------------------------
@pytest.mark.parametrize("initiation", [ACTIVE, ON_DEMAND, PASSIVE])
def test_with_a_new_worker_every_child_gets_new_keys_on_its_ike_sa(initiation: Initiation) -> None:
    life = Life(initiation)
    sa, spi = life.connect()
    life.forget()
    life.take(life.core.restart(life.now))
    assert life.orders == [RekeyChild(spi, "worker restarted")]
    assert (life.core.state, life.routes) == (State.REKEYING, RouteState.ACTIVE)
    assert life.core.holds_packets
    assert life.take(life.core.acquired(FLOW, life.now)) == []  # it is on its way already
    life.child(sa, replaces=spi)
    assert life.core.state is State.CONNECTED
    assert life.core.holds_packets is life.core.armed is False
    life.lose(sa, spi, Reason.REKEYED)
    life.sleep(1000)
    assert life.seen(CloseAll) == []
    assert life.core.state is State.CONNECTED


@pytest.mark.parametrize("is_silent", [True, False])
@pytest.mark.parametrize(
    ("initiation", "state", "routes", "tries"),
    [
        (ACTIVE, State.CONNECTING_PHASE1, RouteState.BLOCKED, 1),
        (ON_DEMAND, State.IDLE, RouteState.TRAP, 0),
        (PASSIVE, State.DOWN, RouteState.BLOCKED, 0),
    ],
)
def test_keys_that_died_with_the_worker_and_are_not_replaced_end_the_sa(
    initiation: Initiation, state: State, routes: RouteState, tries: int, is_silent: bool
) -> None:
    life = Life(initiation)
    sa, spi = life.connect()
    life.take(life.core.restart(life.now))
    life.forget()
    if is_silent:
        life.sleep(30.0)
    else:
        life.fail(NO_CHILD, sa, CHILD)
    assert life.seen(CloseAll) == [CloseAll()]
    assert (life.core.state, life.routes) == (state, routes)
    assert len(life.tried_at) == tries
    life.close(sa, spi, Reason.DELETED)  # the end of the old one is not the new one's
    assert (life.core.state, life.core.trying) == (state, bool(tries))
    assert life.ends == []


def test_with_a_new_worker_a_tunnel_taken_down_stays_down() -> None:
    life = Life(ACTIVE)
    life.connect()
    life.take(life.core.down())
    life.forget()
    assert life.take(life.core.restart(life.now)) == []
    life.sleep(1000)
    assert life.tried_at == []


def test_with_a_new_worker_a_try_without_children_goes_on() -> None:
    life = Life(ACTIVE)
    life.forget()
    assert life.take(life.core.restart(life.now)) == []
    assert life.core.trying


def test_a_closed_sa_nobody_knows_means_nothing() -> None:
    life = Life(PASSIVE)
    assert life.core.handle(Closed(b"12345678", "net", False, Reason.PEER_DELETED), 0.0) == []
