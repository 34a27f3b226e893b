"""Aggressive mode as its responder: only where it is allowed, and known by its identity."""

from dataclasses import replace

from ikecore.actions import Failed, Send
from ikecore.diagnosis import Code
from ikecore.events import Configured, DatagramReceived
from ikecore.identities import Identity
from ikecore.profile import LegacyTerms, Phase1Mode
from ikev1.message import Exchange
from policy.path import Path
from tests.ikev1.network import AGGRESSIVE, MOON, SUN, Network, quiet, said

MODE = Exchange.AGGRESSIVE


def test_without_leave_nothing_is_said_that_the_psk_could_be_guessed_by() -> None:
    closed = LegacyTerms(Phase1Mode.AGGRESSIVE)
    net = Network(quiet("moon", legacy=AGGRESSIVE), quiet("sun", legacy=closed))
    net.initiate("moon")
    net.sleep(3)
    told = net.failures("sun")[0]
    assert told.code is Code.MODE_MISMATCH
    assert "allow_aggressive_psk" in told.findings[0].ours
    assert net.codes("moon") == [Code.MODE_MISMATCH]
    assert not [one for one in net.messages("sun") if "HASH" in one.labels]


def test_the_connection_is_found_by_the_identity() -> None:
    sun = quiet("sun", legacy=AGGRESSIVE)
    other = replace(sun, name="other", remote_id=Identity.parse("mars.lab"))
    net = Network(quiet("moon", legacy=AGGRESSIVE), sun)
    net.hosts["sun"].psks["other"] = b"mars has another key"
    net.tell("sun", Configured((other, sun)))
    net.initiate("moon")
    assert len(net.up("sun")) == 1


def test_an_unknown_identity_gets_no_answer() -> None:
    mars = Identity.parse("mars.lab")
    net = Network(quiet("moon", legacy=AGGRESSIVE, local_id=mars), quiet("sun", legacy=AGGRESSIVE))
    net.initiate("moon")
    assert net.codes("sun") == [Code.PEER_IDENTITY_MISMATCH]
    assert not net.seen(Send, "sun")


def test_the_other_mode_is_named_on_both_sides() -> None:
    net = Network(quiet("moon"), quiet("sun", legacy=AGGRESSIVE))
    net.initiate("moon")
    net.sleep(3)
    assert set(net.codes("sun")) == {Code.MODE_MISMATCH}
    assert net.codes("moon") == [Code.MODE_MISMATCH]


def test_one_address_gets_ten_answers_at_once_and_then_one_a_second() -> None:
    net = Network(quiet("moon", legacy=AGGRESSIVE), quiet("sun", legacy=AGGRESSIVE))
    net.lose_when(said("sun", MODE), times=99)
    net.initiate("moon")
    first = next(one.raw for one in net.messages("moon") if one.exchange == "AGGRESSIVE")
    path = Path((SUN, 500), (MOON, 500))
    answers = 0
    for number in range(1, 30):
        forged = number.to_bytes(8, "big") + first[8:]
        actions = net.hosts["sun"].endpoint.handle(DatagramReceived(forged, path), net.now)
        net.hosts["sun"].log.extend(actions)
        answers += not any(getattr(a, "reason", "") == "aggressive_rate" for a in actions)
    assert answers == 9
    assert not net.seen(Failed, "sun")


def test_repeats_are_answers_too() -> None:
    net = Network(quiet("moon", legacy=AGGRESSIVE), quiet("sun", legacy=AGGRESSIVE))
    net.lose_when(said("sun", MODE), times=99)
    net.initiate("moon")
    first = net.wire[0].data
    for number in range(1, 6):
        for _ in range(10):
            net.inject("sun", number.to_bytes(8, "big") + first[8:])
    assert len(net.seen(Send, "sun")) <= 10
