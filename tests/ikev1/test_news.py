"""What two ends tell each other once they are up: probes, Deletes (RFC 2409 5.7, RFC 3706)."""

from dataclasses import replace

import pytest

from ikecore.actions import ChildClosed, Closed, Established, Failed, Reason
from ikecore.diagnosis import Code
from ikecore.events import ChildCloseWanted, CloseWanted, ProbeWanted
from ikecore.identities import Identity
from ikecore.profile import ChildProfile

from .network import OTHER, Network, quiet, selectors

BOTH = pytest.mark.parametrize("who", ["moon", "sun"])


def watchful(name: str, **changes: object) -> Network:
    """Return a network up in which ``name`` alone asks for signs of life, after 8 s."""
    mine = replace(quiet(name), **{"dpd": True, **changes})  # type: ignore[arg-type]  # by name
    ends = {name: mine, OTHER[name]: quiet(OTHER[name])}
    net = Network(ends["moon"], ends["sun"])
    net.initiate("moon")
    net.settle()
    return net


def told(net: Network, name: str) -> list[str]:
    """Return the INFORMATIONALs that one end said or heard, without their IDs."""
    lines = [line.split() for line in net.story(name)]
    return [f"{line[0]} {' '.join(line[4:])}" for line in lines if line[1] == "INFORMATIONAL"]


@BOTH
def test_an_idle_peer_is_asked_and_answers(who: str) -> None:
    # R_U_THERE ──►, ◄── R_U_THERE_ACK, every 8 s
    net = watchful(who)
    net.sleep(33)
    assert told(net, who) == ["> N(R_U_THERE)", "< N(R_U_THERE_ACK)"] * 4
    assert told(net, OTHER[who]) == ["< N(R_U_THERE)", "> N(R_U_THERE_ACK)"] * 4
    net.assert_connected()


def test_packets_make_asking_superfluous() -> None:
    net = watchful("moon")
    net.stream(every=1.0)
    net.sleep(60)
    assert told(net, "moon") == []
    assert net.traffic.lost == []


@BOTH
def test_a_peer_that_is_gone_is_found_dead_on_time(who: str) -> None:
    net = watchful(who)
    net.lose_when(lambda _: True, times=9999)
    net.sleep(37.9)
    assert net.codes(who) == []
    net.sleep(0.5)
    assert net.codes(who) == ["DPD_TIMEOUT"]
    assert [closed.reason for closed in net.seen(Closed, who)] == [Reason.DPD_TIMEOUT]
    assert net.hosts[who].children == {}
    assert net.hosts[who].spis.owed == set()


@BOTH
def test_a_peer_that_started_anew_is_found_dead_and_the_next_try_works(who: str) -> None:
    net = watchful(who)
    net.restart(OTHER[who])
    net.sleep(40)
    assert net.codes(who) == ["DPD_TIMEOUT"]
    net.initiate(who)
    net.assert_connected()


@BOTH
def test_lost_probes_cost_nothing(who: str) -> None:
    net = watchful(who)
    net.sleep(7)
    net.lose_when(lambda _: True, times=6)
    net.sleep(40)
    assert net.codes(who) == []
    net.assert_connected()


@BOTH
def test_probes_on_demand_do_not_pile_up(who: str) -> None:
    net = watchful("moon", dpd=False)
    for _ in range(20):
        net.tell(who, ProbeWanted(net.up(who)[0]))
    net.settle()
    assert told(net, who) == ["> N(R_U_THERE)", "< N(R_U_THERE_ACK)"]


@BOTH
def test_a_close_ends_both_ends(who: str) -> None:
    # D(1) ──►, D(ISAKMP) ──►
    net = Network(quiet("moon"), quiet("sun"))
    net.initiate("moon")
    net.tell(who, CloseWanted(net.up(who)[0]))
    assert net.hosts[who].children == {}
    net.settle()
    assert told(net, who) == ["> D(1)", "> D(ISAKMP)"]
    assert [closed.reason for closed in net.seen(Closed, OTHER[who])] == [Reason.PEER_DELETED]
    assert net.seen(Failed, OTHER[who]) == []
    net.assert_gone()


def test_closes_that_cross_end_both_ends() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.initiate("moon")
    for who in ("moon", "sun"):
        net.tell(who, CloseWanted(net.up(who)[0]))
    net.settle()
    assert [len(net.seen(Closed, who)) for who in ("moon", "sun")] == [1, 1]
    net.assert_gone()


@BOTH
def test_a_delete_of_the_sa_that_overtakes_the_childs_does_the_same(who: str) -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.initiate("moon")
    net.lose_when(lambda _: True, times=1)  # D(1)
    net.tell(who, CloseWanted(net.up(who)[0]))
    net.settle()
    net.assert_gone()


@BOTH
def test_a_lost_good_bye_is_found_out_by_asking(who: str) -> None:
    # D(1) ──► lost, D(ISAKMP) ──► lost: nobody answers Deletes, so nobody repeats them
    net = watchful(OTHER[who])
    net.lose_when(lambda _: True, times=2)
    net.tell(who, CloseWanted(net.up(who)[0]))
    net.sleep(40)
    assert net.codes(OTHER[who]) == ["DPD_TIMEOUT"]
    net.assert_gone()


@BOTH
def test_a_child_is_closed_alone(who: str) -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.initiate("moon")
    (spi,) = net.hosts[who].children
    net.tell(who, ChildCloseWanted(spi))
    net.settle()
    gone = {name: [c.reason for c in net.seen(ChildClosed, name)] for name in ("moon", "sun")}
    assert gone == {who: [Reason.DELETED], OTHER[who]: [Reason.PEER_DELETED]}
    assert net.pairs("moon") == net.pairs("sun")
    assert len(net.up("moon")) == 1


@BOTH
def test_initial_contact_ends_what_the_peer_has_forgotten(who: str) -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.initiate("moon")
    other = OTHER[who]
    (old,) = net.up(other)
    net.restart(who)
    net.initiate(who)
    assert len(net.seen(Established, other)) == 2
    assert old not in net.up(other)
    net.assert_connected()


def test_an_error_under_keys_tells_the_initiator_why_phase_1_failed() -> None:
    # main mode message 5 names nobody that sun expects: N(INVALID_ID_INFORMATION), enciphered
    net = Network(quiet("moon"), quiet("sun", remote_id=Identity.parse("mars.lab")))
    net.initiate("moon")
    (diagnosis,) = net.failures("moon")
    assert diagnosis.code is Code.PEER_IDENTITY_MISMATCH
    assert diagnosis.proven
    assert diagnosis.evidence == "INVALID_ID_INFORMATION under phase 1's keys"
    net.assert_gone()


def test_an_error_about_a_child_leaves_the_sa_alone() -> None:
    others = ChildProfile(selectors("10.1.0.0/24"), selectors("10.9.0.0/24"))
    net = Network(quiet("moon", children=(others,)), quiet("sun"))
    net.initiate("moon")
    (failed,) = net.seen(Failed, "moon")
    assert failed.child == others
    assert failed.diagnosis.code is Code.TS_MISMATCH
    assert failed.diagnosis.proven
    assert net.pairs("moon") == net.pairs("sun") != set()
