"""UPDATE_SA_ADDRESSES as the end that decides (RFC 4555 sections 3.5, 3.7, 3.8 and 3.9)."""

from dataclasses import replace

import pytest

from ikecore.actions import Closed, Failed, Keepalive, MoveChild, Moved, Noted, Reason
from ikecore.profile import Profile
from ikev2.exchanges.informational import Probe
from ikev2.exchanges.update_addresses import ProbeMapping, UpdateAddresses, go
from ikev2.message import Exchange
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from ikev2.roaming import resume
from ikev2.ways import way
from tests.ikev2.movers import LTE, MOON, SUN, WLAN, Pair, addresses
from tests.ikev2.wire import Nat

OUTSIDE = "203.0.113.9"


def said(pair: Pair) -> list[str]:
    exchange = UpdateAddresses()
    pair.moon.mobility.generation += 1
    found = exchange.payloads(pair.moon, pair.now)
    return [NotifyType(n.type).name for n in found if isinstance(n, Notify)]


def test_what_an_update_says() -> None:
    assert said(Pair()) == [
        "UPDATE_SA_ADDRESSES",
        "NAT_DETECTION_SOURCE_IP",
        "NAT_DETECTION_DESTINATION_IP",
        "COOKIE2",
    ]
    assert said(Pair(port=500, nat_traversal=False)) == [
        "UPDATE_SA_ADDRESSES",
        "NO_NATS_ALLOWED",
        "COOKIE2",
    ]


def test_an_update_is_said_once_for_all_changes_before_it() -> None:
    moon = Pair().moon
    first, second = UpdateAddresses(), UpdateAddresses()
    moon.mobility.generation += 2
    assert not first.is_moot(moon)
    first.payloads(moon, 1.0)
    assert second.is_moot(moon)
    moon.mobility.generation += 1
    assert not second.is_moot(moon)


def test_the_answer_to_an_older_update_changes_nothing() -> None:
    # moon: UPDATE from LTE ──► (answer under way) moon: now WLAN ──► the first answer is ignored
    pair = Pair()
    pair.move("moon", LTE)
    pair.sleep(0.015)
    pair.ends["moon"].addresses = {LTE, WLAN}
    pair.tell_addresses("moon", WLAN)
    pair.sleep(2)
    assert addresses(pair.child_paths()) == [(WLAN, SUN), (SUN, WLAN)]
    assert len(pair.seen(Moved, "moon")) == 1


def test_to_another_address_of_the_peer_the_children_follow_the_answer() -> None:
    pair = Pair()
    pair.ends["sun"].addresses = {SUN, WLAN}
    pair.act("moon", lambda sa: go(sa, way(sa, MOON, WLAN), "a test wants it", pair.now))
    assert addresses((pair.moon.path, *pair.child_paths())) == [
        (MOON, WLAN), (MOON, SUN), (SUN, MOON),
    ]  # fmt: skip
    pair.sleep(1)
    assert addresses(pair.child_paths()) == [(MOON, WLAN), (WLAN, MOON)]


def test_refused_addresses_are_left_for_the_next_pair() -> None:
    # sun takes nobody at WLAN: moon goes back to what worked
    pair = Pair()
    pair.sun.profile = _only_at(pair, SUN)
    pair.ends["sun"].addresses = {SUN, WLAN}
    pair.act("moon", lambda sa: go(sa, way(sa, MOON, WLAN), "a test wants it", pair.now))
    pair.sleep(1)
    assert addresses((pair.moon.path, *pair.child_paths())) == [
        (MOON, SUN), (MOON, SUN), (SUN, MOON),
    ]  # fmt: skip
    (note,) = pair.seen(Noted, "moon")
    assert note.text == f"UNACCEPTABLE_ADDRESSES for {MOON} to {WLAN}: trying another pair"
    assert pair.seen(Moved, "moon") == []


def test_addresses_that_are_all_refused_end_the_sa() -> None:
    pair = Pair()
    pair.sun.profile = _only_at(pair, "192.0.2.77")
    pair.move("moon", LTE)
    pair.sleep(1)
    (failed,) = pair.seen(Failed, "moon")
    assert failed.diagnosis.code == "PEER_ERROR"
    assert "UNACCEPTABLE_ADDRESSES" in str(failed.diagnosis.findings)
    assert [closed.reason for closed in pair.seen(Closed, "moon")] == [Reason.FAILED]
    assert len(pair.seen(Closed, "sun")) == 1  # it was told


def _only_at(pair: Pair, address: str) -> Profile:

    return replace(pair.sun.profile, local=frozenset((address,)))


def test_a_forbidden_nat_ends_the_sa_after_several_tries() -> None:
    pair = Pair(port=500, nat_traversal=False)
    pair.nats["moon"] = Nat(OUTSIDE)
    pair.move("moon", LTE)
    pair.sleep(1)
    updates = [send for name, send in pair.wire if name == "sun"]
    assert len(updates) >= 3
    (failed,) = pair.seen(Failed, "moon")
    assert failed.diagnosis.code == "NAT_FORBIDDEN"
    assert len(pair.seen(Noted, "sun")) == 3


def test_a_cookie_of_somebody_else_closes_the_sa() -> None:
    # an answer without having seen the request (section 3.7)
    pair = Pair()
    table = dict(pair.sun.resources.handlers)

    table[pair.sun.state, Exchange.INFORMATIONAL] = lambda sa, message, now: sa.answer(
        message.header, (Notify(NotifyType.COOKIE2, b"guessed!"),), now
    )
    pair.sun.resources = replace(pair.sun.resources, handlers=table)
    pair.move("moon", LTE)
    pair.sleep(1)
    (failed,) = pair.seen(Failed, "moon")
    assert "COOKIE2" in failed.diagnosis.evidence
    assert len(pair.seen(Closed, "moon")) == 1


def test_a_nat_that_appears_puts_esp_into_udp() -> None:
    pair = Pair()
    pair.nats["moon"] = Nat(OUTSIDE)
    pair.move("moon", LTE)
    pair.sleep(1)
    mine, theirs = pair.child_paths()
    assert mine.esp_in_udp
    assert theirs.esp_in_udp
    assert theirs.remote == (OUTSIDE, 44500)
    assert (pair.moon.nat_here, pair.sun.nat_there) == (True, True)
    pair.sleep(21)
    assert pair.seen(Keepalive, "moon")
    assert not pair.seen(Keepalive, "sun")


def test_a_nat_that_disappears_lets_esp_go_plain() -> None:
    pair = Pair(nat=Nat(OUTSIDE))
    assert all(path.esp_in_udp for path in pair.child_paths())
    del pair.nats["moon"]
    pair.move("moon", LTE)
    pair.sleep(1)
    assert [path.esp_in_udp for path in pair.child_paths()] == [False, False]
    assert all(path.encapsulated for path in pair.child_paths())  # IKE stays on 4500
    pair.sleep(30)
    assert pair.seen(Keepalive, "moon") == []


def test_forced_encapsulation_stays() -> None:
    pair = Pair(force_encap=True)
    pair.move("moon", LTE)
    pair.sleep(1)
    assert all(path.esp_in_udp for path in pair.child_paths())


def test_a_probe_from_behind_a_nat_finds_that_its_mapping_changed() -> None:
    # moon: NATD ──► sun sees another port now; moon: UPDATE_SA_ADDRESSES ──►
    pair = Pair(nat=Nat(OUTSIDE))
    pair.act("moon", lambda sa: sa.start(ProbeMapping(), pair.now))
    pair.sleep(1)
    assert pair.seen(MoveChild, "sun") == []
    pair.nats["moon"] = Nat(OUTSIDE, {500: 50500, 4500: 54500})
    pair.act("moon", lambda sa: sa.start(ProbeMapping(), pair.now))
    pair.sleep(1)
    assert pair.child_paths()[1].remote == (OUTSIDE, 54500)
    assert pair.seen(Moved, "sun")[0].new.remote == (OUTSIDE, 54500)


def test_a_probe_finds_a_nat_that_came_unseen() -> None:
    pair = Pair()
    pair.act("moon", lambda sa: sa.start(ProbeMapping(), pair.now))
    pair.sleep(1)
    assert pair.seen(MoveChild, "moon") == []
    pair.nats["moon"] = Nat(OUTSIDE)
    pair.act("moon", lambda sa: sa.start(ProbeMapping(), pair.now))
    pair.sleep(1)
    assert all(path.esp_in_udp for path in pair.child_paths())
    assert pair.seen(Moved, "moon")[0].why == "a NAT came or went"


def test_who_does_not_decide_and_who_may_not_move_probes_in_silence() -> None:
    assert ProbeMapping().payloads(Pair().sun, 0.0) == ()
    assert ProbeMapping().payloads(Pair(mobike=False).moon, 0.0) == ()
    assert isinstance(ProbeMapping(), Probe)


def test_what_was_not_settled_goes_on_after_a_rekey() -> None:
    pair = Pair()
    pair.lose = lambda _name, _path: True
    pair.move("moon", LTE)
    pair.lose = lambda _name, _path: False
    pair.moon.requests.stop()  # as on the SA that has renewed this one
    pair.sun.responses.expected = pair.moon.requests.next_id
    pair.act("moon", lambda sa: resume(sa, pair.now))
    pair.sleep(1)
    assert addresses(pair.child_paths())[1] == (SUN, LTE)


@pytest.mark.parametrize("name", ["moon", "sun"])
def test_nothing_is_resumed_where_nothing_is_open(name: str) -> None:
    pair = Pair()
    assert resume(pair.ends[name].sa, pair.now) == []
