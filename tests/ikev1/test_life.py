"""What time does to an ISAKMP SA."""

from ikecore.actions import Closed, Established, Failed, Keepalive, Reason
from ikecore.events import RekeyIkeWanted
from ikev1.flight import Flight
from ikev1.flights import PHASE1
from ikev1.life import handle_timeout, next_timeout
from ikev1.message import Exchange
from ikev1.rules import Place
from ikev1.state import State

from .alone import Scripted, established, lone
from .network import SUN, Nat, Network, profile, quiet, said


def test_an_sa_at_rest_wants_nothing() -> None:
    sa = established({"dpd": False})
    assert next_timeout(sa) == float("inf")
    assert handle_timeout(sa, 1e6) == []


def test_a_half_open_sa_ends_when_its_time_is_over() -> None:
    sa = lone(initiator=False)
    sa.flights.add(Flight(PHASE1, Scripted(place=Place.MM3), sa.profile.retry, 0.0, ours=False))
    sa.expires_at = 30.0
    actions = handle_timeout(sa, 30.0)
    assert sa.state is State.CLOSED
    assert type(actions[0]).__name__ == "Failed"


def test_nobody_hears_of_a_half_open_sa_whose_peer_came_otherwise() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.lose_when(said("moon", Exchange.MAIN, 2), 99)
    net.initiate("moon")
    net.initiate("sun")
    net.sleep(60)
    assert net.hosts["sun"].endpoint.half_open == 0
    assert len(net.up("sun")) == 1
    assert net.seen(Failed, "sun") == []
    assert net.seen(Closed, "sun") == []


def test_a_new_phase_1_is_made_before_the_lifetime_ends_and_takes_the_children() -> None:
    net = Network(quiet("moon", ike_lifetime=100.0), quiet("sun"))
    net.initiate("moon")
    (first,) = net.up("moon")
    children = dict(net.hosts["moon"].children)
    net.sleep(95)
    assert net.seen(Established, "moon")[-1].replaces == first
    assert net.hosts["moon"].children.keys() == children.keys()
    net.sleep(20)
    assert [c for c in net.seen(Closed, "moon") if c.reason is Reason.LIFETIME] == []
    assert net.hosts["moon"].children.keys() == children.keys()
    assert len(net.hosts["sun"].children) == 1


def test_without_a_new_one_the_lifetime_is_the_end() -> None:
    net = Network(
        profile("moon", ike_lifetime=100.0, dpd=False), profile("sun", ike_lifetime=0.0, dpd=False)
    )
    net.initiate("moon")
    net.lose_when(lambda _: True, times=999)
    net.sleep(101)
    assert [c.reason for c in net.seen(Closed, "moon")] == [Reason.LIFETIME]
    assert not net.hosts["moon"].children


def test_an_end_behind_a_nat_keeps_its_mapping() -> None:
    net = Network(quiet("moon"), quiet("sun", remote=frozenset()))
    net.nats["moon"] = Nat("198.51.100.7")
    net.initiate("moon")
    net.sleep(61)
    assert len(net.seen(Keepalive, "moon")) == 3
    assert not net.seen(Keepalive, "sun")
    assert net.seen(Established, "moon")[0].path.remote == (SUN, 4500)


def test_a_new_phase_1_whose_last_message_is_lost_for_good_gives_way_to_the_old_one() -> None:
    net = Network(quiet("moon", dpd=True), quiet("sun", dpd=True))
    net.initiate("moon")
    (old,), children = net.up("sun"), set(net.hosts["sun"].children)
    net.lose_when(said("sun", Exchange.MAIN, 6), times=99)
    net.tell("moon", RekeyIkeWanted(net.up("moon")[0], "a test wants it"))
    net.sleep(5)
    assert net.up("sun") != [old]
    net.sleep(60)
    assert net.up("sun") == [old]
    assert set(net.hosts["sun"].children) == children
    assert net.codes("sun") == []
    net.assert_connected()
