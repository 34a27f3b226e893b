"""One child takes another's place: on a good wire, on a bad one, and with both ends at it."""

import pytest

from ikecore.actions import ChildClosed, ChildEstablished, Failed, Reason
from ikecore.diagnosis import Code
from ikecore.events import ChildExpired, RekeyWanted
from ikecore.profile import ChildProfile
from ikev1.message import Exchange
from tests.ikev1.network import OTHER, Network, profile, quiet, said, selectors
from tests.ikev1.tunnel import INFORM, QUICK, connect, heard
from tests.pair.scene import (
    LOW,
    assert_sound,
    child,
    close_child,
    conclude,
    reasons,
    rekey,
    rekeyed,
    want,
)

ENDS = ("moon", "sun")
INITIATOR = pytest.mark.parametrize("initiator", ENDS)
WHO = pytest.mark.parametrize("who", ENDS)
LATE = 0.3


def number(initiator: str, who: str, message: int) -> int:
    """Return which of an end's quick mode messages the so-manieth of a rekey by ``who`` is.

    Of the quick mode before it, its initiator has said two and the other end one.
    """
    speaker = who if message != 2 else OTHER[who]
    return (2 if speaker == initiator else 1) + (2 if message == 3 else 1)


@INITIATOR
@WHO
def test_a_child_is_renewed_without_losing_a_packet(initiator: str, who: str) -> None:
    net = connect(initiator)
    old = {name: child(net, name) for name in ENDS}
    rekey(net, who)
    conclude(net)
    for name in ENDS:
        (new,) = rekeyed(net, name)
        assert new.replaces == old[name]
        assert reasons(net, name)[0] == "REKEYED"


@INITIATOR
@WHO
def test_the_group_of_pfs_makes_keys_of_their_own(initiator: str, who: str) -> None:
    esp = ("aes128gcm16-ecp256",)
    net = connect(initiator, quiet("moon", esp=esp), quiet("sun", esp=esp))
    rekey(net, who)
    conclude(net)
    said = heard(net, who, QUICK)
    assert any(type(payload).__name__ == "KeyExchangeData" for payload in said[-2])


@INITIATOR
@WHO
@pytest.mark.parametrize("message", [1, 2, 3])
@pytest.mark.parametrize("fate", ["lost", "lost twice", "doubled", "late"])
def test_any_message_of_it_has_bad_luck(initiator: str, who: str, message: int, fate: str) -> None:
    net = connect(initiator)
    speaker = who if message != 2 else OTHER[who]
    match = said(speaker, QUICK, number(initiator, who, message))
    match fate:
        case "lost":
            net.lose_when(match)
        case "lost twice":
            net.lose_when(match, 2)
        case "doubled":
            net.double_when(match, LATE)
        case _:
            net.delay_when(match, 0.7)
    rekey(net, who)
    conclude(net)
    assert net.codes("moon") == net.codes("sun") == []


@INITIATOR
@WHO
def test_the_old_one_takes_late_packets_for_five_seconds(initiator: str, who: str) -> None:
    net = connect(initiator)
    old = child(net, OTHER[who])
    rekey(net, who)
    start = net.now
    while old in net.hosts[OTHER[who]].children:
        net.sleep(0.1)
    assert 5.0 <= net.now - start <= 12.0
    conclude(net)


@INITIATOR
@WHO
def test_the_peer_sends_on_the_new_one_before_its_third_message_comes(
    initiator: str, who: str
) -> None:
    net = connect(initiator)
    net.delay_when(said(who, QUICK, number(initiator, who, 3)), 3.0)
    rekey(net, who)
    conclude(net)
    assert len(rekeyed(net, OTHER[who])) == 1


@INITIATOR
@pytest.mark.parametrize("loser", ENDS)
@pytest.mark.parametrize("slow", [None, ("moon", 1), ("sun", 1), ("moon", 2), ("sun", 2)])
def test_both_renew_it_at_once(initiator: str, loser: str, slow: tuple[str, int] | None) -> None:
    net = connect(initiator)
    net.hosts[loser].dice.nonces.append(LOW)
    if slow:
        name, which = slow
        net.delay_when(said(name, QUICK, number(initiator, name, 1) + which - 1), LATE)
    for name in ENDS:
        rekey(net, name)
    conclude(net, after=75.0)
    assert net.codes("moon") == net.codes("sun") == []


@INITIATOR
@WHO
def test_the_delete_of_the_old_one_overtakes_the_rekey(initiator: str, who: str) -> None:
    net = connect(initiator)
    net.delay_when(said(who, QUICK, number(initiator, who, 1)), LATE)
    rekey(net, who)
    net.sleep(0.1)
    close_child(net, OTHER[who])
    conclude(net, gap=100.0, children=(0, 1))


@INITIATOR
def test_both_delete_the_same_child(initiator: str) -> None:
    net = connect(initiator)
    spis = {name: child(net, name) for name in ENDS}
    for name in ENDS:
        close_child(net, name, spis[name])
    conclude(net, gap=100.0, children=(0,))


@INITIATOR
@WHO
def test_a_child_is_deleted_that_the_other_renews(initiator: str, who: str) -> None:
    net = connect(initiator)
    spi = child(net, OTHER[who])
    rekey(net, who)
    close_child(net, OTHER[who], spi)
    conclude(net, gap=100.0, children=(0, 1))


@INITIATOR
@WHO
def test_the_lifetime_ends_while_nobody_answers(initiator: str, who: str) -> None:
    net = connect(initiator)
    net.lose_when(said(OTHER[who], QUICK, number(initiator, who, 2)), 99)
    spi = child(net, who)
    rekey(net, who)
    net.sleep(2)
    net.tell(who, ChildExpired(spi))
    net.sleep(80)
    net.traffic.streams.clear()
    net.sleep(1)
    assert_sound(net)
    assert [c.reason for c in net.seen(ChildClosed, who)][:1] == [Reason.LIFETIME]


@INITIATOR
@WHO
def test_a_rekey_that_nobody_answers_leaves_the_old_one(initiator: str, who: str) -> None:
    net = connect(initiator)
    old = child(net, who)
    net.lose_when(said(who, QUICK, number(initiator, who, 1)), 99)
    rekey(net, who)
    net.sleep(12)
    assert child(net, who) == old
    assert net.codes(who) == [Code.PEER_NO_RESPONSE]
    net.twists.clear()
    rekey(net, who)
    conclude(net)
    assert len(rekeyed(net, who)) == 1


@INITIATOR
def test_two_children_are_renewed_at_once(initiator: str) -> None:
    two = {
        "moon": ChildProfile(selectors("10.1.7.0/24"), selectors("10.2.7.0/24")),
        "sun": ChildProfile(selectors("10.2.7.0/24"), selectors("10.1.7.0/24")),
    }
    moon, sun = (quiet(n, children=(*profile(n).children, two[n])) for n in ENDS)
    net = connect(initiator, moon, sun)
    want(net, initiator, two[initiator])
    net.settle()
    net.stream(0.02, "10.1.7.9", "10.2.7.9")
    net.sleep(0.1)
    for spi in tuple(net.hosts["moon"].children):
        net.tell("moon", RekeyWanted(spi, "time"))
    conclude(net, children=(2,))


@INITIATOR
@WHO
def test_a_lost_delete_leaves_nothing_for_ever(initiator: str, who: str) -> None:
    net = connect(initiator)
    net.lose_when(said(who, INFORM), 99)
    rekey(net, who)
    net.sleep(80)
    net.twists.clear()
    conclude(net)


@INITIATOR
@WHO
def test_age_makes_the_next_one_in_time(initiator: str, who: str) -> None:
    moon, sun = (quiet(n, child_lifetime=100.0 if n == who else 0.0) for n in ENDS)
    net = connect(initiator, moon, sun, every=0.1)
    net.sleep(1000)
    assert len(net.seen(ChildEstablished, who)) in range(10, 30)
    assert net.seen(Failed, who) == []
    conclude(net, after=75.0)


def test_a_second_rekey_follows_at_once() -> None:
    for who in ENDS:
        for gap in (0.0, 0.02, 0.05, 0.5, 2.0):
            net: Network = connect("moon")
            rekey(net, who)
            net.sleep(gap)
            for spi in list(net.hosts[OTHER[who]].children)[-1:]:
                rekey(net, OTHER[who], spi)
            conclude(net, after=75.0)
            assert {x.exchange for x, _ in net.letters} <= {2, Exchange.QUICK, INFORM}
