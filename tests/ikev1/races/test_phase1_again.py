"""Phase 1 is made anew while its children work on: by one end, by both, with Deletes between."""

import pytest

from ikecore.actions import Closed, Established, Reason
from ikecore.events import CloseWanted, ProbeWanted
from ikev1.message import Exchange
from tests.ikev1.network import OTHER, Network, quiet, said
from tests.ikev1.tunnel import INFORM, MAIN, MODES, QUICK, connect
from tests.pair.scene import (
    LOW,
    assert_sound,
    child,
    close,
    close_child,
    conclude,
    rekey,
    rekey_ike,
    rekeyed,
)

ENDS = ("moon", "sun")
INITIATOR = pytest.mark.parametrize("initiator", ENDS)
WHO = pytest.mark.parametrize("who", ENDS)
MODE = pytest.mark.parametrize("mode", MODES)


def tunnel(initiator: str, mode: str = "main", **changes: object) -> Network:
    moon, sun = (quiet(name, legacy=MODES[mode], **changes) for name in ENDS)
    return connect(initiator, moon, sun)


@INITIATOR
@WHO
@MODE
def test_the_children_go_over_and_lose_nothing(initiator: str, who: str, mode: str) -> None:
    net = tunnel(initiator, mode)
    old = {name: net.up(name) for name in ENDS}
    children = {name: child(net, name) for name in ENDS}
    rekey_ike(net, who)
    net.sleep(1)
    for name in ENDS:
        (new,) = net.up(name)
        assert net.seen(Established, name)[-1].replaces == old[name][0]
        assert new != old[name][0]
        assert net.hosts[name].children.keys() == {children[name]}
    rekey(net, OTHER[who])
    conclude(net)
    assert len(rekeyed(net, who)) == 1


@INITIATOR
@MODE
@pytest.mark.parametrize("loser", ENDS)
@pytest.mark.parametrize("slow", [None, ("moon", 1), ("sun", 1), ("moon", 2), ("sun", 2)])
def test_both_ends_do_it_at_once(
    initiator: str, mode: str, loser: str, slow: tuple[str, int] | None
) -> None:
    net = tunnel(initiator, mode)
    if slow:
        before = 3 if mode == "main" else (2 if slow[0] == initiator else 1)
        first = MAIN if mode == "main" else Exchange.AGGRESSIVE
        net.delay_when(said(slow[0], first, before + slow[1]), 0.3)
    net.hosts[loser].dice.nonces.append(LOW)
    for name in ENDS:
        rekey_ike(net, name)
    conclude(net, after=75.0)
    assert net.codes("moon") == net.codes("sun") == []


@INITIATOR
@WHO
@MODE
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("speaker", ENDS)
def test_any_message_of_it_is_lost(
    initiator: str, who: str, mode: str, number: int, speaker: str
) -> None:
    net = tunnel(initiator, mode)
    first = MAIN if mode == "main" else Exchange.AGGRESSIVE
    mine = 3 if mode == "main" else (2 if speaker == initiator else 1)
    net.lose_when(said(speaker, first, mine + number))
    rekey_ike(net, who)
    conclude(net)
    assert net.codes("moon") == net.codes("sun") == []


@INITIATOR
@WHO
def test_its_last_message_never_comes_and_both_stay_with_the_old_one(
    initiator: str, who: str
) -> None:
    net = tunnel(initiator)
    old = net.pairs("moon")
    net.lose_when(said(OTHER[who], MAIN, 6), 99)
    rekey_ike(net, who)
    net.sleep(12)
    assert net.pairs("moon") == net.pairs("sun") == old
    net.twists.clear()
    rekey(net, OTHER[who])
    conclude(net)


@INITIATOR
@WHO
@pytest.mark.parametrize("gap", [0.0, 0.01, 0.025, 0.045, 0.065])
def test_a_child_is_renewed_meanwhile(initiator: str, who: str, gap: float) -> None:
    for other in ENDS:
        net = tunnel(initiator)
        rekey_ike(net, who)
        net.sleep(gap)
        rekey(net, other)
        conclude(net, after=75.0)


@INITIATOR
@WHO
@pytest.mark.parametrize("gap", [0.0, 0.025, 0.045, 0.065])
def test_a_child_is_deleted_meanwhile(initiator: str, who: str, gap: float) -> None:
    for other in ENDS:
        net = tunnel(initiator)
        rekey_ike(net, who)
        net.sleep(gap)
        close_child(net, other)
        conclude(net, gap=100.0, children=(0,))


@INITIATOR
@WHO
@pytest.mark.parametrize("gap", [0.0, 0.01, 0.03, 0.05])
def test_the_old_one_is_closed_meanwhile(initiator: str, who: str, gap: float) -> None:
    """What is being made then comes up, without a child, or is found dead."""
    net = tunnel(initiator, dpd=True, dpd_timeout=20.0)
    rekey_ike(net, who)
    net.sleep(gap)
    close(net, OTHER[who])
    net.sleep(90)
    net.traffic.streams.clear()
    net.sleep(5)
    assert_sound(net, ike=len(net.up("moon")))
    assert len(net.hosts["moon"].children) <= 1


@INITIATOR
def test_both_close(initiator: str) -> None:
    net = tunnel(initiator)
    for name in ENDS:
        net.tell(name, CloseWanted(net.up(name)[0]))
    net.sleep(5)
    net.assert_gone()


@INITIATOR
@WHO
def test_closing_after_it_leaves_nothing_at_either_end(initiator: str, who: str) -> None:
    net = tunnel(initiator)
    rekey_ike(net, who)
    net.sleep(5)
    for name in ENDS:
        rekey_ike(net, name)
        net.sleep(5)
    net.traffic.streams.clear()
    net.sleep(1)
    close(net, OTHER[who])
    net.sleep(1)
    net.assert_gone()
    net.sleep(1000)
    net.assert_gone()
    assert [c.reason for c in net.seen(Closed, who)] == [Reason.PEER_DELETED]


@INITIATOR
@WHO
def test_the_old_one_answers_for_a_while_and_then_goes(initiator: str, who: str) -> None:
    net = tunnel(initiator)
    rekey_ike(net, who)
    net.sleep(700)
    net.traffic.streams.clear()
    count = len(net.letters)
    net.sleep(100)
    assert len(net.letters) == count
    conclude(net)


@INITIATOR
@WHO
@MODE
def test_age_makes_the_next_one_in_time(initiator: str, who: str, mode: str) -> None:
    moon, sun = (
        quiet(name, legacy=MODES[mode], ike_lifetime=100.0 if name == who else 0.0) for name in ENDS
    )
    net = connect(initiator, moon, sun, every=0.1)
    net.sleep(1000)
    assert len(net.seen(Established, who)) in range(10, 30)
    assert net.codes("moon") == net.codes("sun") == []
    conclude(net, after=20.0)


@INITIATOR
@WHO
def test_a_peer_that_lost_its_state_is_found_out(initiator: str, who: str) -> None:
    moon, sun = (quiet(name, dpd=True, dpd_timeout=10.0) for name in ENDS)
    net = connect(initiator, moon, sun)
    net.restart(who)
    net.sleep(60)
    assert [c.reason for c in net.seen(Closed, OTHER[who])] == [Reason.DPD_TIMEOUT]
    net.traffic.streams.clear()
    net.initiate(OTHER[who])
    net.sleep(5)
    net.assert_connected()


@INITIATOR
@WHO
@pytest.mark.parametrize("loss", [1, 2, 4])
def test_lost_probes_kill_nobody(initiator: str, who: str, loss: int) -> None:
    net = tunnel(initiator, dpd=True, dpd_timeout=30.0)
    net.traffic.streams.clear()
    for name in ENDS:
        net.lose_when(said(name, INFORM), loss)
    net.tell(who, ProbeWanted(net.up(who)[0]))
    net.sleep(100)
    net.assert_connected()
    assert net.codes("moon") == net.codes("sun") == []
    assert not [x for x, _ in net.letters if x.exchange == QUICK and x.at > 1]
