"""INFORMATIONAL: probes, and the end of an IKE SA."""

import pytest

from ikecore.actions import Closed, Reason, Send
from ikecore.events import CloseWanted, ProbeWanted
from ikev2.payloads.chain import Payload
from tests.ikev2.forger import Forger
from tests.ikev2.network import MOON, OTHER, Network, only, profile

BOTH = pytest.mark.parametrize("who", ["moon", "sun"])


@pytest.fixture
def net() -> Network:
    """Without MOBIKE, whose probes say how they see the addresses."""
    net = Network(profile("moon", mobike=False))
    net.initiate("moon")
    return net


def forger(net: Network, who: str) -> Forger:
    """Return a forger who speaks as ``who``; moon initiated."""
    return Forger(net, who, initiator=who == "moon")


def first_id(who: str) -> int:
    """Return the next message ID that ``who`` would use: moon has used 0 and 1."""
    return 2 if who == "moon" else 0


def said(net: Network, listener: str, datagram: bytes) -> tuple[Payload, ...]:
    """Let ``listener`` receive a request; return the payloads of its one answer."""
    (sent,) = [send for send in only(Send, net.inject(listener, datagram)) if send.data[19] & 0x20]
    return forger(net, OTHER[listener]).hear(sent.data).payloads


@BOTH
def test_a_probe_is_answered_with_nothing(net: Network, who: str) -> None:
    # INFORMATIONAL {} ──►
    # ◄── INFORMATIONAL {}
    net.tell(who, ProbeWanted(net.up(who)[0]))
    net.settle()
    number = first_id(who)
    assert net.story(who)[-2:] == [f"> INFORMATIONAL {number}", f"< INFORMATIONAL {number}"]
    net.assert_connected()


def test_probes_do_not_pile_up(net: Network) -> None:
    for _ in range(50):
        net.tell("moon", ProbeWanted(net.up("moon")[0]))
    net.settle()
    assert len([line for line in net.story("moon") if "> INFO" in line]) == 1


def test_a_probe_of_an_sa_that_is_not_up_yet_is_not_sent() -> None:
    net = Network()
    net.hosts["moon"].answers_authorize = False
    net.initiate("moon", settle=False)
    net.tell("moon", ProbeWanted(net.wire[0].data[:8]))
    net.settle()
    assert [line for line in net.story("moon") if "INFO" in line] == []


@BOTH
def test_a_delete_ends_both_ends(net: Network, who: str) -> None:
    # INFORMATIONAL { D(IKE) } ──►
    # ◄── INFORMATIONAL {}
    net.tell(who, CloseWanted(net.up(who)[0]))
    assert net.hosts[who].children == {}  # not a packet more once it is decided
    net.settle()
    assert net.seen(Closed, who)[0].reason is Reason.DELETED
    assert net.seen(Closed, OTHER[who])[0].reason is Reason.PEER_DELETED
    assert net.story(who)[-2].endswith("D(IKE)")
    net.assert_gone()


def test_deletes_that_cross_end_both_ends(net: Network) -> None:
    for who in ("moon", "sun"):
        net.tell(who, CloseWanted(net.up(who)[0]))
    net.settle()
    for who in ("moon", "sun"):
        assert len(net.seen(Closed, who)) == 1
    net.assert_gone()


def test_the_answer_to_a_delete_is_repeated_after_the_end(net: Network) -> None:
    lost: list[Send] = []

    def lose(send: Send) -> bool:
        if send.path.local[0] != MOON and not lost:
            lost.append(send)
            return True
        return False

    net.lose = lose
    net.tell("moon", CloseWanted(net.up("moon")[0]))
    net.sleep(5)
    assert net.seen(Closed, "moon")[0].reason is Reason.DELETED
    assert [send for send in net.wire if send == lost[0]] == [lost[0]] * 2
    net.assert_gone()


def test_a_delete_nobody_answers_ends_soon_all_the_same(net: Network) -> None:
    net.lose = lambda _: True
    net.tell("moon", CloseWanted(net.up("moon")[0]))
    net.sleep(2.9)
    assert net.seen(Closed, "moon") == []
    net.sleep(0.2)
    assert net.seen(Closed, "moon")[0].reason is Reason.DELETED
    assert net.codes("moon") == []


def test_a_delete_waits_for_the_request_before_it(net: Network) -> None:
    # INFORMATIONAL 2 {} ──► lost: a Delete with ID 3 would be outside of the peer's window
    net.lose = lambda _: True
    net.tell("moon", ProbeWanted(net.up("moon")[0]))
    net.lose = lambda _: False
    net.tell("moon", CloseWanted(net.up("moon")[0]))
    net.sleep(2)
    assert net.story("sun")[-4:] == [
        "< INFORMATIONAL 2",
        "> INFORMATIONAL 2",
        "< INFORMATIONAL 3 D(IKE)",
        "> INFORMATIONAL 3",
    ]
    net.assert_gone()


def test_a_delete_behind_a_dead_request_ends_soon_too(net: Network) -> None:
    net.lose = lambda _: True
    net.tell("moon", ProbeWanted(net.up("moon")[0]))
    net.tell("moon", CloseWanted(net.up("moon")[0]))
    net.sleep(3.1)
    assert [closed.reason for closed in net.seen(Closed, "moon")] == [Reason.DELETED]
    assert net.codes("moon") == []


def test_closing_while_ike_auth_is_under_way_leaves_nothing() -> None:
    net = Network()
    net.lose = lambda _: len(net.wire) == 4  # sun's answer to IKE_AUTH
    net.initiate("moon")
    (sa,) = [send.data[:8] for send in net.wire[:1]]
    net.tell("moon", CloseWanted(sa))
    net.sleep(5)
    assert net.up("moon") == []
    assert net.hosts["moon"].children == {}
    net.assert_gone()


def test_closing_before_ike_auth_says_nothing() -> None:
    net = Network()
    net.lose = lambda _: True
    net.initiate("moon")
    net.tell("moon", CloseWanted(net.wire[0].data[:8]))
    net.sleep(60)
    assert len(net.wire) == 1
    assert net.seen(Closed, "moon")[0].reason is Reason.DELETED
