"""What time does: repeats, probes, keepalives, lifetimes, expiry."""

import pytest

from ikecore.actions import (
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

from .forger import init_request
from .network import Nat, Network, profile

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
def test_the_initiator_is_asked_to_reauthenticate_in_time() -> None:
    lifetime = {"ike_lifetime": 1000.0, "child_lifetime": 600.0}
    net = Network(profile("moon", **lifetime), profile("sun", **lifetime))  # type: ignore[arg-type]
    net.initiate("moon")
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


def test_the_responder_is_asked_when_the_initiator_lets_the_time_pass() -> None:
    net = Network(sun=profile("sun", child_lifetime=600.0))
    net.initiate("moon")
    net.sleep(589)
    assert [wanted.sa for wanted in net.seen(ReauthWanted, "sun")] == net.up("sun")
    assert net.seen(ReauthWanted, "moon") == []


def test_who_does_not_renew_is_ended_hard() -> None:
    net = Network(profile("moon", child_lifetime=600.0))
    net.initiate("moon")
    net.sleep(599)
    net.assert_connected()
    net.sleep(2)
    assert net.seen(Closed, "moon")[0].reason is Reason.LIFETIME
    assert net.seen(Closed, "sun")[0].reason is Reason.PEER_DELETED
    net.assert_gone()


def test_the_responder_ends_it_hard_too() -> None:
    net = Network(sun=profile("sun", child_lifetime=600.0))
    net.initiate("moon")
    net.sleep(601)
    assert net.seen(Closed, "sun")[0].reason is Reason.LIFETIME
    net.assert_gone()


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
