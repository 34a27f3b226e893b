"""Every message of phase 1 and quick mode lost, doubled, late: the tunnel comes up all the same."""

import pytest

from ikecore.actions import ChildEstablished, Established
from ikecore.diagnosis import Code
from ikev1.message import Exchange

from .network import Network, profile, said
from .tunnel import INFORM, MAIN, MODES, QUICK, said_itself

PHASE1 = {
    "main": [(name, MAIN, number) for number in (1, 2, 3) for name in ("moon", "sun")],
    "aggressive": [
        ("moon", Exchange.AGGRESSIVE, 1),
        ("sun", Exchange.AGGRESSIVE, 1),
        ("moon", Exchange.AGGRESSIVE, 2),
    ],
}
QUICK_MODE = [("moon", QUICK, 1), ("sun", QUICK, 1), ("moon", QUICK, 2)]
MESSAGES = [
    pytest.param(mode, which, id=f"{mode}, {which[1].name} {which[2]} of {which[0]}")
    for mode, phase1 in PHASE1.items()
    for which in (*phase1, *QUICK_MODE)
]
EACH = pytest.mark.parametrize(("mode", "which"), MESSAGES)
Which = tuple[str, Exchange, int]


def network(mode: str) -> Network:
    moon, sun = (profile(name, legacy=MODES[mode]) for name in ("moon", "sun"))
    return Network(moon, sun)


def conclude(net: Network) -> None:
    """Both ends have the same, and packets cross; neither says that anything failed."""
    net.sleep(20)
    net.assert_connected()
    assert net.codes("moon") == net.codes("sun") == []
    for name in ("moon", "sun"):
        assert len(net.seen(Established, name)) == len(net.seen(ChildEstablished, name)) == 1
    net.stream(0.1)
    net.sleep(2)
    net.traffic.streams.clear()
    net.sleep(1)
    assert net.traffic.arrived == net.traffic.sent
    assert net.deletes.misuse == []


@EACH
@pytest.mark.parametrize("times", [1, 3])
def test_a_message_is_lost(mode: str, which: Which, times: int) -> None:
    net = network(mode)
    net.lose_when(said(*which), times)
    net.initiate("moon")
    conclude(net)


@EACH
def test_a_message_comes_twice(mode: str, which: Which) -> None:
    net = network(mode)
    net.double_when(said(*which), 0.03)
    net.initiate("moon")
    conclude(net)


@EACH
def test_a_message_comes_again_much_later(mode: str, which: Which) -> None:
    net = network(mode)
    net.double_when(said(*which), 8.0)
    net.initiate("moon", settle=False)
    conclude(net)


@EACH
@pytest.mark.parametrize("late", [0.7, 1.6])
def test_a_message_is_overtaken_by_its_repeat(mode: str, which: Which, late: float) -> None:
    net = network(mode)
    net.delay_when(said(*which, copy=0), late)
    net.initiate("moon", settle=False)
    conclude(net)


@EACH
def test_a_message_is_lost_and_its_repeat_comes_twice(mode: str, which: Which) -> None:
    net = network(mode)
    net.lose_when(said(*which))
    net.double_when(said(*which, copy=1), 0.2)
    net.initiate("moon", settle=False)
    conclude(net)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", range(12))
def test_half_of_everything_is_lost(mode: str, seed: int) -> None:
    net = network(mode)
    net.random.seed(seed)
    net.lose = lambda _: net.now < 8.0 and net.random.random() < 0.5
    net.delay = lambda _: net.random.random() * 0.3
    net.copies = lambda _: net.random.choice((1, 1, 2))
    net.initiate("moon", settle=False)
    net.sleep(40)
    if net.up("moon") and net.hosts["moon"].children:
        net.assert_mirrored()
    net.initiate("moon")
    net.sleep(20)
    assert net.up("moon")
    assert net.deletes.misuse == []


# -- silence --------------------------------------------------------------------------------------
@pytest.mark.parametrize("mode", MODES)
def test_a_responder_never_speaks_unasked_while_it_is_half_open(mode: str) -> None:
    for count in range(1, len(PHASE1[mode])):
        net = network(mode)
        net.lose = lambda _, count=count, net=net: len(net.wire) >= count  # type: ignore[misc]
        net.initiate("moon", settle=False)
        net.sleep(60)
        assert net.up("sun") == []
        assert said_itself(net, "sun") == []
        assert net.hosts["sun"].endpoint.half_open == 0
        assert net.codes("moon") == [Code.PEER_NO_RESPONSE] or net.codes("moon") != []


def test_once_authenticated_a_responder_repeats_its_half_of_quick_mode_by_itself() -> None:
    net = network("main")
    net.lose_when(said("moon", QUICK, 2), 4)
    net.initiate("moon", settle=False)
    net.sleep(1.2)
    copies = [
        letter.copy
        for letter, _ in net.letters
        if letter.sender == "sun" and letter.exchange == QUICK
    ]
    assert copies == [0, 1]
    assert said_itself(net, "sun") == [at for at in said_itself(net, "sun") if at > 0.5]
    conclude(net)


def test_an_aggressive_initiator_says_its_last_message_again_before_each_quick_mode() -> None:
    net = network("aggressive")
    net.lose_when(said("moon", Exchange.AGGRESSIVE, 2), 2)
    net.initiate("moon", settle=False)
    net.sleep(3)
    told = [(x.exchange, x.copy) for x, _ in net.letters if x.sender == "moon" and x.at > 0.1]
    assert told[:4] == [
        (Exchange.AGGRESSIVE, 1),
        (QUICK, 1),
        (Exchange.AGGRESSIVE, 2),
        (QUICK, 2),
    ]
    conclude(net)


def test_a_quick_mode_that_nobody_answers_fails_alone() -> None:
    net = network("main")
    net.lose = lambda send: send.data[18] == QUICK
    net.initiate("moon", settle=False)
    net.sleep(30)
    assert len(net.up("moon")) == len(net.up("sun")) == 1
    assert net.hosts["moon"].children == net.hosts["sun"].children == {}
    assert net.codes("moon") == [Code.PEER_NO_RESPONSE]
    assert [f.stage for f in net.failures("moon")] == [2]
    assert all(host.spis.owed == set() for host in net.hosts.values())


def test_a_third_message_of_quick_mode_that_never_comes_leaves_nothing_behind() -> None:
    net = network("main")
    net.lose_when(said("moon", QUICK, 2), 1000)
    net.initiate("moon", settle=False)
    net.sleep(60)
    assert net.hosts["sun"].children == {}
    assert net.hosts["sun"].spis.owed == set()
    assert [f.stage for f in net.failures("sun")] == [2]
    assert not net.seen(ChildEstablished, "sun")


def test_a_packet_does_for_the_third_message_of_quick_mode() -> None:
    net = network("main")
    net.lose_when(said("moon", QUICK, 2), 1000)
    net.stream(0.1, senders=("moon",))
    net.initiate("moon", settle=False)
    net.sleep(5)
    net.assert_connected()
    assert net.codes("sun") == []
    assert len([x for x, _ in net.letters if x.exchange == INFORM]) == 0
