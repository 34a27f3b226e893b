"""The SA itself: windows, repeats, the queue, and where answers go."""

import pytest

from ikecore.actions import Closed, Dropped, Reason, Send, Traced
from ikecore.diagnosis import Code
from ikecore.events import CloseWanted, ProbeWanted
from ikecore.profile import Limits
from ikecore.spipool import SpiPool
from ikecore.trace import StateChanged
from ikev2.exchanges.informational import Probe
from ikev2.handlers import HANDLERS
from ikev2.message import Exchange
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from ikev2.payloads.unknown import Unknown
from ikev2.sa import IkeSa, Resources, State
from policy.path import Path

from .forger import Forger
from .network import MOON, SUN, Dice, Network, only, profile


@pytest.fixture
def net() -> Network:
    net = Network()
    net.initiate("moon")
    return net


def lone() -> IkeSa:
    dice = Dice(1)
    resources = Resources(dice, SpiPool(dice), Limits(), HANDLERS, lambda _: [])
    path = Path((MOON, 500), (SUN, 500))
    return IkeSa(resources, (b"initspi!", bytes(8)), path, profile("moon"), 0.0, initiator=True)


def states(net: Network, name: str) -> list[str]:
    records = [traced.record for traced in net.seen(Traced, name)]
    return [record.new for record in records if isinstance(record, StateChanged)]


def test_states_of_both_roles(net: Network) -> None:
    net.tell("moon", CloseWanted(net.up("moon")[0]))
    net.settle()
    assert states(net, "moon") == [
        "waiting for the key", "IKE_AUTH sent", "established", "deleting", "closed",
    ]  # fmt: skip
    assert states(net, "sun") == ["waiting for the key", "established", "closed"]


def test_the_queue_is_bounded() -> None:
    sa = lone()
    sa.requests.start(Probe(), (), (b"under way",), 0.0, 30.0)
    taken = [sa.start(Probe(), 0.0) for _ in range(1026)]
    assert taken[:1024] == [[]] * 1024
    assert taken[1024] == [Dropped("queue_full", "INFORMATIONAL")]


def test_a_closed_sa_starts_nothing() -> None:
    sa = lone()
    sa.close(Reason.DELETED, 0.0)
    assert sa.start(Probe(), 0.0) == [Dropped("closed", "INFORMATIONAL")]
    assert sa.close(Reason.DELETED, 0.0) == []


def test_each_request_is_answered_once_and_a_repeat_with_the_same_octets(net: Network) -> None:
    probe = Forger(net, "moon", initiator=True).say(2)
    (first,) = only(Send, net.inject("sun", probe))
    (second,) = only(Send, net.inject("sun", probe))
    assert first.data == second.data


@pytest.mark.parametrize("number", [0, 1, 3, 4, 2**32 - 1])
def test_a_request_outside_of_the_window_is_dropped(net: Network, number: int) -> None:
    assert only(Send, net.inject("sun", Forger(net, "moon", initiator=True).say(number))) == []
    assert net.drops("sun") == ["message_id"]


def test_other_octets_under_the_last_id_are_not_a_repeat(net: Network) -> None:
    moon = Forger(net, "moon", initiator=True)
    net.inject("sun", moon.say(2))
    assert only(Send, net.inject("sun", moon.say(2, Notify(16384)))) == []
    assert net.drops("sun") == ["message_id"]


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_an_answer_nobody_asked_for_is_dropped(net: Network, number: int) -> None:
    net.inject("moon", Forger(net, "sun", initiator=False).say(number, response=True))
    assert net.drops("moon") == ["unexpected_response"]


def test_an_answer_of_another_exchange_is_dropped(net: Network) -> None:
    net.lose = lambda _: True
    net.tell("moon", ProbeWanted(net.up("moon")[0]))
    sun = Forger(net, "sun", initiator=False)
    net.inject("moon", sun.say(2, exchange=Exchange.CREATE_CHILD_SA, response=True))
    assert net.drops("moon") == ["unexpected_response"]
    net.inject("moon", sun.say(2, response=True))
    assert net.drops("moon") == ["unexpected_response"]


def test_the_second_answer_is_dropped(net: Network) -> None:
    net.copies = lambda _: 2
    net.tell("moon", ProbeWanted(net.up("moon")[0]))
    net.settle()
    assert set(net.drops("moon")) == {"unexpected_response"}
    net.assert_connected()


@pytest.mark.parametrize("who", ["moon", "sun"])
def test_authentic_nonsense_is_answered_once_and_ends_the_sa(net: Network, who: str) -> None:
    # INFORMATIONAL { garbage under a good ICV } ──►
    # ◄── INFORMATIONAL { N(INVALID_SYNTAX) }                 section 2.21.3
    speaker = "sun" if who == "moon" else "moon"
    forger = Forger(net, speaker, initiator=speaker == "moon")
    number = 2 if speaker == "moon" else 0
    before = len(net.wire)
    net.inject(who, forger.say_octets(Exchange.INFORMATIONAL, number, 42, b"\0\0\0\1"))
    (answer,) = net.wire[before:]
    assert forger.hear(answer.data).payloads == (Notify(NotifyType.INVALID_SYNTAX),)
    assert net.codes(who) == [Code.INVALID_SYNTAX]
    assert net.seen(Closed, who)[0].reason is Reason.FAILED
    assert net.hosts[who].children == {}


def test_a_pad_length_that_lies_is_authentic_nonsense(net: Network) -> None:
    moon = Forger(net, "moon", initiator=True)
    good = moon.say_octets(Exchange.INFORMATIONAL, 2, 0, b"")
    assert only(Send, net.inject("sun", good))
    plain = b"\xff" * 4  # the pad length is the last octet: more than there is
    net.inject("sun", moon.say_octets(Exchange.INFORMATIONAL, 3, 0, plain))
    assert net.codes("sun") == [Code.INVALID_SYNTAX]


def test_an_authentic_answer_that_is_nonsense_ends_the_sa(net: Network) -> None:
    net.lose = lambda _: True
    net.tell("moon", ProbeWanted(net.up("moon")[0]))
    sun = Forger(net, "sun", initiator=False)
    nonsense = sun.say(2, Notify(1), Notify(2), response=True)
    assert only(Closed, net.inject("moon", nonsense)) == []  # notifies are well-formed: an answer
    net.tell("moon", ProbeWanted(net.up("moon")[0]))
    net.inject("moon", sun.say(3, Nonce(bytes(16)), response=True))
    assert net.codes("moon") == [Code.INVALID_SYNTAX]
    assert net.seen(Closed, "moon")[0].reason is Reason.FAILED


def test_an_unknown_critical_payload_is_refused_and_the_sa_stays(net: Network) -> None:
    moon = Forger(net, "moon", initiator=True)
    (sent,) = only(Send, net.inject("sun", moon.say(2, Unknown(222, True, b""))))
    refusal = Notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, bytes((222,)))
    assert moon.hear(sent.data).payloads == (refusal,)
    (sent,) = only(Send, net.inject("sun", moon.say(3, Unknown(222, False, b""))))
    assert moon.hear(sent.data).payloads == ()
    net.assert_connected()


def test_offered_spis_go_back_to_the_pool() -> None:
    sa = lone()
    sa.become(State.AUTHORIZING, "")
    assert sa.offer_spi(0.0) in sa.offered_spis
    sa.close(Reason.FAILED, 0.0)
    assert sa.offered_spis == set()
