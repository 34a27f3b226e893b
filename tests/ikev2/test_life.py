"""What time does: repeats, probes, keepalives, lifetimes, expiry."""

import pytest

from ikecore.actions import (
    ChildClosed,
    ChildEstablished,
    Closed,
    Established,
    Keepalive,
    Reason,
    ReauthWanted,
    Traced,
)
from ikecore.diagnosis import Code
from ikecore.events import ChildrenHeard
from ikecore.profile import Limits, Profile
from ikecore.trace import Retransmitted
from ikev2.message import Exchange
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType

from .forger import init_request
from .network import OTHER, Nat, Network, profile
from .races.scene import answer_instead
from .wire import request

PROBING = {"dpd_interval": 8.0, "dpd_timeout": 30.0}


def with_dpd(*, moon: bool = True, sun: bool = False, **changes: object) -> Network:
    """Return a connected pair in which only the ends asked for probe."""
    fields: dict[str, object] = {**PROBING, **changes}

    def made(name: str, probes: bool) -> Profile:
        return profile(name, dpd=probes, **fields)  # type: ignore[arg-type]  # fields by name

    net = Network(made("moon", moon), made("sun", sun))
    net.initiate("moon")
    return net


def probes(net: Network, name: str = "moon") -> int:
    """Return how many different probes one end sent."""
    sent = [m for m in net.messages(name) if m.sent and not m.response]
    return len([m for m in sent if m.exchange == "INFORMATIONAL"])


# -- retransmission -------------------------------------------------------------------------------
def test_a_lost_request_is_sent_again_octet_for_octet() -> None:
    net = Network()
    net.lose = lambda _: net.now < 2
    net.initiate("moon")
    net.sleep(5)
    assert len({send.data for send in net.wire[:4]}) == 1
    again = [t for t in net.seen(Traced, "moon") if isinstance(t.record, Retransmitted)]
    assert len(again) == 3
    net.assert_connected()


def test_a_lost_answer_is_repeated_not_computed_anew() -> None:
    net = Network()
    net.lose = lambda send: send.path.local[0] == "192.0.2.2" and net.now < 2
    net.initiate("moon")
    net.sleep(5)
    net.assert_connected()
    answers = [send.data for send in net.wire if send.path.local[0] == "192.0.2.2"]
    assert len(set(answers)) == 2
    assert len(answers) > 2


def test_a_responder_never_sends_of_its_own_before_authentication() -> None:
    net = Network()
    net.inject("sun", init_request())
    net.sleep(100)
    assert len(net.wire) == 1


# -- liveness -------------------------------------------------------------------------------------
def test_a_silent_peer_is_probed_after_the_interval() -> None:
    net = with_dpd()
    net.sleep(7.9)
    assert probes(net) == 0
    net.sleep(0.2)
    assert probes(net) == 1
    net.sleep(8)
    assert probes(net) == 2
    net.assert_connected()


def test_esp_of_the_peer_spares_it_the_probe() -> None:
    net = with_dpd()
    for _ in range(10):
        net.sleep(5)
        net.tell("moon", ChildrenHeard(frozenset(net.hosts["moon"].children)))
    assert probes(net) == 0
    net.tell("moon", ChildrenHeard(frozenset((1, 2, 3))))
    net.sleep(8)
    assert probes(net) == 1


def test_ike_of_the_peer_spares_it_the_probe() -> None:
    net = Network(profile("moon", dpd_interval=8.0), profile("sun", dpd_interval=9.0))
    net.initiate("moon")
    net.sleep(60)
    assert (probes(net, "moon"), probes(net, "sun")) == (7, 0)


def test_the_peer_is_dead_a_timeout_after_the_first_unanswered_probe() -> None:
    net = with_dpd()
    start = net.now
    net.lose = lambda _: True
    net.sleep(8 + 30 - 0.1)
    assert net.codes("moon") == []
    net.sleep(0.2)
    assert net.now - start < 38.2
    (diagnosis,) = net.failures("moon")
    assert (diagnosis.code, diagnosis.evidence) == (Code.DPD_TIMEOUT, "no answer for 30 s")
    assert net.seen(Closed, "moon")[0].reason is Reason.DPD_TIMEOUT
    assert net.hosts["moon"].children == {}


def test_esp_heard_while_a_probe_is_unanswered_puts_death_off() -> None:
    net = with_dpd()
    net.lose = lambda _: True  # IKE is lost, ESP still comes
    for _ in range(30):
        net.sleep(5)
        net.tell("moon", ChildrenHeard(frozenset(net.hosts["moon"].children)))
    assert net.codes("moon") == []
    net.sleep(29)
    assert net.codes("moon") == []
    net.sleep(20)
    assert net.codes("moon") == [Code.DPD_TIMEOUT]


def test_one_answer_to_a_repeated_probe_is_enough() -> None:
    net = with_dpd()
    net.lose = lambda _: net.now < 25
    net.sleep(60)
    assert net.codes("moon") == []
    net.assert_connected()


def test_without_dpd_silence_is_not_noticed() -> None:
    net = with_dpd(moon=False)
    net.lose = lambda _: True
    net.sleep(1000)
    assert probes(net) == 0
    net.assert_connected()


def test_with_action_none_death_is_told_and_the_sas_stay() -> None:
    net = with_dpd(keep_on_timeout=True)
    net.lose = lambda _: True
    net.sleep(39)
    assert net.codes("moon") == [Code.DPD_TIMEOUT]
    net.sleep(30)
    assert net.codes("moon") == [Code.DPD_TIMEOUT] * 2
    net.assert_connected()
    net.lose = lambda _: False
    net.sleep(60)
    assert net.codes("moon") == [Code.DPD_TIMEOUT] * 2
    net.assert_connected()


@pytest.mark.parametrize("late", [31.0, 45.0, 600.0])
@pytest.mark.parametrize("keep", [False, True])
def test_a_timer_that_fires_late_still_tells_death(late: float, keep: bool) -> None:
    """A host that slept wakes up long after every deadline."""
    net = with_dpd(keep_on_timeout=keep)
    net.lose = lambda _: True
    net.sleep(9)
    net.tell("moon", ChildrenHeard(frozenset(net.hosts["moon"].children)))
    at = net.now + late
    actions = net.hosts["moon"].endpoint.handle_timeout(at)
    assert "Broken" not in [type(action).__name__ for action in actions]
    assert len([a for a in actions if type(a).__name__ == "Failed"]) == 1


def test_a_peer_that_lost_its_state_is_found_out() -> None:
    net = with_dpd()
    net.restart("sun")
    net.sleep(39)
    assert net.drops("sun")[0] == "no_sa"
    assert net.codes("moon") == [Code.DPD_TIMEOUT]
    net.initiate("moon")
    net.assert_connected()


# -- keepalives -----------------------------------------------------------------------------------
def test_only_who_is_behind_a_nat_keeps_its_mapping_alive() -> None:
    net = Network(sun=profile("sun", remote=frozenset()))
    net.nats["moon"] = Nat("198.51.100.1")
    net.initiate("moon")
    net.sleep(61)
    assert len(net.seen(Keepalive, "moon")) == 3
    assert net.seen(Keepalive, "moon")[0].path == net.seen(Established, "moon")[0].path
    assert net.seen(Keepalive, "sun") == []
    net.tell("moon", ChildrenHeard(frozenset()))


# -- lifetimes ------------------------------------------------------------------------------------
def aging(**changes: object) -> Network:
    """Return a connected pair with the same lifetimes on both ends."""
    net = Network(*(profile(name, **changes) for name in ("moon", "sun")))  # type: ignore[arg-type]
    net.initiate("moon")
    return net


def closed(net: Network, name: str) -> list[str]:
    """Return why one end's IKE SAs ended."""
    return [gone.reason.name for gone in net.seen(Closed, name)]


def test_both_ends_renew_the_ike_sa_before_its_end_and_the_initiator_first() -> None:
    net = aging(ike_lifetime=1000.0)
    (mine,), (theirs,) = (net.seen(Established, name) for name in ("moon", "sun"))
    assert 850 <= mine.reauth_at <= 901
    assert 900 <= theirs.reauth_at <= 951
    net.sleep(849)
    assert len(net.seen(Established, "moon")) == 1
    net.sleep(52)
    (_, heir) = net.seen(Established, "moon")
    assert (heir.replaces, heir.why) == (mine.sa, "its lifetime nears its end")
    assert heir.initiator
    assert heir.reauth_at >= 849 + 850
    assert [closed(net, name) for name in ("moon", "sun")] == [["REKEYED"], ["REKEYED"]]
    assert net.seen(ReauthWanted, "moon") == net.seen(ReauthWanted, "sun") == []
    net.assert_connected()


def test_the_responder_renews_it_when_the_initiator_lets_the_time_pass() -> None:
    net = Network(sun=profile("sun", ike_lifetime=600.0))
    net.initiate("moon")
    net.sleep(571)
    assert [e.initiator for e in net.seen(Established, "sun")] == [False, True]
    net.assert_connected()


def test_an_ike_sa_lives_as_long_as_it_is_renewed() -> None:
    net = aging(ike_lifetime=1000.0, child_lifetime=700.0)
    net.sleep(20_000)
    assert len(net.seen(Established, "moon")) > 20
    assert len(net.seen(ChildEstablished, "moon")) > 28
    assert set(closed(net, "moon")) == {"REKEYED"}
    net.sleep(10)
    net.assert_connected()


def test_with_reauth_the_initiator_is_asked_to_authenticate_anew_in_time() -> None:
    net = aging(ike_lifetime=600.0, reauth=True)
    (up,) = net.seen(Established, "moon")
    (child,) = net.seen(ChildEstablished, "moon")
    assert 510 <= up.reauth_at <= 541
    assert child.rekey_at == up.reauth_at
    assert 558 <= net.seen(Established, "sun")[0].reauth_at <= 589
    net.sleep(509)
    assert net.seen(ReauthWanted, "moon") == []
    net.sleep(32)
    assert [wanted.sa for wanted in net.seen(ReauthWanted, "moon")] == net.up("moon")
    assert net.seen(ReauthWanted, "sun") == []
    assert len(net.seen(Established, "moon")) == 1  # keys alone do not help


def test_the_responder_is_asked_when_the_initiator_does_not() -> None:
    net = Network(sun=profile("sun", ike_lifetime=600.0, reauth=True))
    net.initiate("moon")
    net.sleep(589)
    assert [wanted.sa for wanted in net.seen(ReauthWanted, "sun")] == net.up("sun")
    assert net.seen(ReauthWanted, "moon") == []


@pytest.mark.parametrize("who", ["moon", "sun"])
def test_who_is_not_authenticated_anew_is_ended_hard(who: str) -> None:
    limited = profile(who, ike_lifetime=600.0, reauth=True)
    net = Network(limited if who == "moon" else None, limited if who == "sun" else None)
    net.initiate("moon")
    net.sleep(599)
    net.assert_connected()
    net.sleep(2)
    assert closed(net, who) == ["LIFETIME"]
    assert closed(net, OTHER[who]) == ["PEER_DELETED"]
    net.assert_gone()


def test_keys_do_not_outlive_their_lifetime_when_the_peer_never_renews() -> None:
    net = Network(profile("moon", ike_lifetime=600.0, dpd=False), profile("sun", dpd=False))
    net.initiate("moon")
    busy = Notify(NotifyType.TEMPORARY_FAILURE)
    answer_instead(net, request("moon", Exchange.CREATE_CHILD_SA), busy)
    net.sleep(599)
    net.assert_connected()
    net.sleep(2)
    assert closed(net, "moon") == ["LIFETIME"]
    net.sleep(5)
    net.assert_gone()


def test_both_ends_renew_a_child_before_its_end_and_its_initiator_first() -> None:
    net = aging(child_lifetime=600.0)
    (mine,), (theirs,) = (net.seen(ChildEstablished, name) for name in ("moon", "sun"))
    assert 510 <= mine.rekey_at <= 541
    assert 540 <= theirs.rekey_at <= 571
    net.sleep(541)
    (_, heir) = net.seen(ChildEstablished, "moon")
    assert (heir.replaces, heir.why) == (mine.inbound_spi, "its lifetime nears its end")
    net.sleep(6)
    assert [gone.reason for gone in net.seen(ChildClosed, "moon")] == [Reason.REKEYED]
    net.assert_connected()


def test_a_child_that_nobody_renews_is_ended_hard_and_the_ike_sa_stays() -> None:
    net = Network(profile("moon", child_lifetime=600.0))
    net.initiate("moon")
    refusal = Notify(NotifyType.NO_PROPOSAL_CHOSEN)
    answer_instead(net, request("moon", Exchange.CREATE_CHILD_SA), refusal)
    net.sleep(601)
    assert [gone.reason for gone in net.seen(ChildClosed, "moon")] == [Reason.LIFETIME]
    assert net.codes("moon") == [Code.PROPOSAL_REFUSED_BY_PEER]
    assert len(net.up("moon")) == 1


def test_no_limit_is_told_as_never() -> None:
    unlimited = {"ike_lifetime": 0.0, "child_lifetime": 0.0, "dpd": False}
    net = Network(profile("moon", **unlimited), profile("sun", **unlimited))  # type: ignore[arg-type]
    net.initiate("moon")
    for name in ("moon", "sun"):
        assert net.seen(Established, name)[0].reauth_at == 0
        assert net.seen(ChildEstablished, name)[0].rekey_at == 0
    net.sleep(60)
    assert net.hosts["moon"].endpoint.next_timeout() is None
    net.sleep(1e7)
    net.assert_connected()


# -- expiry ---------------------------------------------------------------------------------------
def test_a_half_open_sa_ends_after_its_time() -> None:
    net = Network(limits={"sun": Limits(half_open_timeout=12.0)})
    net.inject("sun", init_request())
    sun = net.hosts["sun"].endpoint
    net.sleep(11.9)
    assert sun.half_open == 1
    net.sleep(0.2)
    assert sun.half_open == 0
    (diagnosis,) = net.failures("sun")
    assert (diagnosis.code, diagnosis.proven) == (Code.PEER_NO_RESPONSE, False)
    assert net.seen(Closed, "sun")[0].reason is Reason.FAILED
    net.sleep(13)
    assert sun.next_timeout() is None  # forgotten


def test_repeats_do_not_prolong_a_half_open_sa() -> None:
    net = Network(limits={"sun": Limits(half_open_timeout=12.0)})
    request = init_request()
    for _ in range(13):
        net.inject("sun", request)
        net.sleep(1)
    assert net.hosts["sun"].endpoint.half_open == 0


def test_a_closed_sa_lingers_and_is_forgotten() -> None:
    net = with_dpd()
    net.lose = lambda _: True
    net.sleep(39)
    moon = net.hosts["moon"].endpoint
    assert moon.next_timeout() is not None
    net.sleep(31)
    assert moon.next_timeout() is None
