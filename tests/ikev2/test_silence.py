"""What a diagnosis says of a peer that has fallen silent."""

from ikecore.actions import Failed
from ikecore.diagnosis import Code
from ikev2.exchanges.informational import Probe
from ikev2.silence import silent

from .movers import LTE, MOON, SUN, WLAN, Pair


def findings(pair: Pair, name: str) -> list[Code]:
    (failed,) = pair.seen(Failed, name)
    assert failed.diagnosis.code is Code.DPD_TIMEOUT  # what the connection's owner heeds
    return [finding.code for finding in failed.diagnosis.findings]


def test_a_peer_that_does_not_answer_where_nobody_moved_is_just_silent() -> None:
    pair = Pair()
    pair.lose = lambda _name, _path: True
    pair.act("sun", lambda sa: sa.start(Probe(), pair.now))
    pair.sleep(60)
    (failed,) = pair.seen(Failed, "sun")
    assert failed.diagnosis.certain
    assert failed.diagnosis.evidence == "no answer for 30 s"


def test_both_at_once_at_addresses_nobody_was_told_of() -> None:
    # moon: UPDATE ──► where sun was; sun: its list ──► where moon was: neither can know better
    pair = Pair()
    pair.ends["moon"].addresses = {LTE}
    pair.ends["sun"].addresses = {WLAN}
    pair.tell_addresses("moon", LTE)
    pair.tell_addresses("sun", WLAN)
    pair.sleep(60)
    for name, here, there in (("moon", LTE, SUN), ("sun", WLAN, MOON)):
        assert findings(pair, name) == [Code.BOTH_MOVED, Code.DPD_TIMEOUT]
        (failed,) = pair.seen(Failed, name)
        both = failed.diagnosis.findings[0]
        assert both.ours == f"at {here} now, which the peer has not heard"
        assert both.theirs == f"last heard at {there}"
        assert "a host name" in "\n".join(failed.diagnosis.lines())


def test_all_places_where_it_was_looked_for_are_named() -> None:
    pair = Pair()
    pair.moon.mobility.peers = (WLAN,)
    pair.lose = lambda _name, _path: True
    pair.act("moon", lambda sa: sa.start(Probe(), pair.now))
    pair.sleep(60)
    assert findings(pair, "moon") == [Code.DPD_TIMEOUT]  # we stayed
    (failed,) = pair.seen(Failed, "moon")
    assert failed.diagnosis.evidence == f"no answer for 30 s at {SUN}, {WLAN}"


def test_a_peer_that_has_taken_our_move_has_heard_where_we_are() -> None:
    pair = Pair()
    pair.move("moon", LTE)
    pair.sleep(1)
    pair.lose = lambda _name, _path: True
    pair.act("moon", lambda sa: sa.start(Probe(), pair.now))
    pair.sleep(60)
    assert findings(pair, "moon") == [Code.DPD_TIMEOUT]
    assert silent(Pair(mobike=False).moon, 30.0).certain
