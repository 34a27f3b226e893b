"""Which of several children carries the traffic, whatever was lost, crossed or deleted."""

import random

import pytest

from ikecore.actions import (
    ChildClosed,
    ChildEstablished,
    Reason,
    RemoveChild,
    RetireChild,
    Send,
    UseChild,
)
from ikecore.events import ChildCloseWanted, RekeyWanted
from ikecore.timetable import NEVER
from ikev1.child import Child, ChildState
from ikev1.sa import IkeSa
from ikev1.succession import (
    are_rivals,
    carrier,
    close_child,
    confirm,
    deleted_by_peer,
    forget,
    heard,
    kin,
    outranks,
    part_with,
    remove,
    take_over,
)

from .network import Network, only, quiet, said
from .told import add_child, up
from .told import said as told_of
from .tunnel import INFORM, connect

LOW, HIGH = b"a" * 32, b"b" * 32


def family(
    sa: IkeSa,
    *,
    ours: bool = True,
    nonces: tuple[bytes, bytes] = (LOW, HIGH),
    state: ChildState = ChildState.LIVE,
) -> tuple[Child, Child]:
    """Return two children with the same traffic; ``ours``: the newer one is."""
    old = add_child(sa, 0x1001, 0x2001)
    new = add_child(sa, 0x1002, 0x2002, like=old, state=state, standby=True)
    old.initiator, new.initiator = not ours, ours
    old.nonce, new.nonce = nonces
    old.began_at, old.settled_at, new.settled_at = 0.0, 0.1, NEVER
    new.began_at, new.is_told = 10.0, False
    return old, new


# -- who comes first ------------------------------------------------------------------------------
def test_the_newer_one_comes_first_unless_both_were_made_at_once() -> None:
    old, new = family(up(), nonces=(HIGH, LOW))
    assert outranks(new, old)
    assert not outranks(old, new)
    old.settled_at = 11.0
    assert are_rivals(old, new)
    assert outranks(old, new)
    assert not outranks(new, old)


def test_one_end_alone_makes_no_rivals() -> None:
    old, new = family(up(), nonces=(HIGH, LOW))
    old.settled_at, old.initiator = 11.0, new.initiator
    assert not are_rivals(old, new)
    assert outranks(new, old)


def test_only_the_same_traffic_makes_kin() -> None:
    sa = up()
    old, new = family(sa)
    other = add_child(sa, 0x1003, 0x2003)
    assert kin(sa, old) == [new]
    assert kin(sa, other) == []
    assert carrier(sa, other.wanted) is other


# -- taking over ----------------------------------------------------------------------------------
def test_the_one_that_takes_over_is_used_before_the_other_is_retired() -> None:
    sa = up()
    old, new = family(sa)
    use, retire, told = take_over(sa, new, 11.0)
    assert (use, retire) == (UseChild(new.spi), RetireChild(old.spi))
    assert isinstance(told, ChildEstablished)
    assert told.replaces == old.spi
    assert (old.state, old.heir, old.ends_at) == (ChildState.RETIRED, new.spi, 16.0)


def test_the_end_that_did_not_begin_keeps_the_old_one_longer() -> None:
    sa = up()
    old, new = family(sa, ours=False, state=ChildState.PENDING)
    confirm(sa, new, 11.0)
    assert old.ends_at == 71.0
    assert confirm(sa, new, 12.0) == []


@pytest.mark.parametrize("nonces", [(LOW, HIGH), (HIGH, LOW)])
@pytest.mark.parametrize("ours", [True, False])
def test_of_two_rivals_the_lowest_nonce_goes_and_its_initiator_deletes_it(
    nonces: tuple[bytes, bytes], ours: bool
) -> None:
    sa = up()
    old, new = family(sa, ours=ours, nonces=nonces, state=ChildState.PENDING)
    old.settled_at = 10.5
    confirm(sa, new, 11.0)
    loser, winner = (old, new) if nonces == (LOW, HIGH) else (new, old)
    assert (loser.state, loser.heir) == (ChildState.RETIRED, winner.spi)
    assert winner.state is ChildState.LIVE
    assert loser.ends_at == 11.0 + (5.0 if loser.initiator else 60.0)
    assert new.is_told is (winner is new)


# -- the peer's word ------------------------------------------------------------------------------
def test_a_packet_confirms_a_child_of_the_peers() -> None:
    sa = up()
    _, new = family(sa, ours=False, state=ChildState.PENDING)
    assert UseChild(new.spi) in heard(sa, new, 11.0)
    assert heard(sa, new, 12.0) == []


def test_a_packet_ends_the_waiting_of_one_of_ours() -> None:
    sa = up()
    old, new = family(sa)
    assert heard(sa, new, 11.0)[:2] == [UseChild(new.spi), RetireChild(old.spi)]


@pytest.mark.parametrize(("nonces", "wait"), [((HIGH, LOW), 3.0), ((LOW, HIGH), 9.0)])
def test_packets_that_keep_coming_on_a_retired_one_bring_it_back(
    nonces: tuple[bytes, bytes], wait: float
) -> None:
    sa = up()
    old, new = family(sa, ours=False, nonces=nonces, state=ChildState.PENDING)
    new.began_at = 5.0
    confirm(sa, new, 11.0)
    assert heard(sa, old, 11.0 + wait - 0.1) == []
    use, told, retire = heard(sa, old, 11.0 + wait + 0.1)
    assert (use, retire) == (UseChild(old.spi), RetireChild(new.spi))
    assert isinstance(told, ChildEstablished)
    assert (told.inbound_spi, told.replaces) == (old.spi, new.spi)


@pytest.mark.parametrize("began", [0.0, 100.0])
def test_late_packets_on_one_of_long_ago_change_nothing(began: float) -> None:
    sa = up()
    old, new = family(sa, ours=began == 0.0, nonces=(HIGH, LOW), state=ChildState.PENDING)
    old.initiator = True
    new.began_at = began or 10.0
    confirm(sa, new, 110.0)
    assert heard(sa, old, 120.0) == []


# -- Deletes of the peer's ------------------------------------------------------------------------
def test_a_delete_of_the_only_child_ends_it() -> None:
    sa = up()
    child = add_child(sa)
    actions = deleted_by_peer(sa, child, 1.0)
    assert [one.reason for one in only(ChildClosed, actions)] == [Reason.PEER_DELETED]
    assert sa.children == {}


@pytest.mark.parametrize("ours", [True, False])
def test_a_delete_of_the_old_one_puts_the_new_one_into_use(ours: bool) -> None:
    """Late packets on it are still taken for a while."""
    sa = up()
    state = ChildState.LIVE if ours else ChildState.PENDING
    old, new = family(sa, ours=ours, state=state)
    actions = deleted_by_peer(sa, old, 11.0)
    assert actions[:2] == [UseChild(new.spi), RetireChild(old.spi)]
    assert only(RemoveChild, actions) == []
    gone = forget(sa, old, 16.0)
    assert [one.reason for one in only(ChildClosed, gone)] == [Reason.REKEYED]


def test_a_delete_of_the_heir_brings_the_old_one_back() -> None:
    sa = up()
    old, new = family(sa)
    old.lifetime = 100.0
    take_over(sa, new, 11.0)
    use, told, retire = deleted_by_peer(sa, new, 12.0)
    assert (use, retire) == (UseChild(old.spi), RetireChild(new.spi))
    assert isinstance(told, ChildEstablished)
    assert (told.inbound_spi, told.replaces) == (old.spi, new.spi)
    assert (old.state, old.rekey_at, old.ends_at) == (ChildState.LIVE, 22.0, 100.0)


def test_what_another_one_replaced_is_not_brought_back() -> None:
    sa = up()
    old, new = family(sa)
    take_over(sa, new, 11.0)
    old.heir = 0x9999
    actions = deleted_by_peer(sa, new, 12.0)
    assert [one.inbound_spi for one in only(ChildClosed, actions)] == [new.spi]
    assert old.state is ChildState.RETIRED


def test_a_delete_of_what_was_not_confirmed_ends_it_without_a_word() -> None:
    sa = up()
    old, new = family(sa, ours=False, state=ChildState.PENDING)
    assert deleted_by_peer(sa, new, 11.0) == [RemoveChild(new.spi)]
    assert old.is_live


def test_who_has_lost_takes_over_when_the_winner_never_comes() -> None:
    sa = up()
    old, new = family(sa)
    rival = add_child(sa, 0x1003, 0x2003, like=old, state=ChildState.PENDING, standby=True)
    rival.is_told, new.heir = False, rival.spi
    actions = remove(sa, rival, Reason.FAILED, 12.0)
    assert actions[:3] == [RemoveChild(rival.spi), UseChild(new.spi), RetireChild(old.spi)]


def test_when_the_new_one_fails_the_old_one_goes_on_and_is_renewed_later() -> None:
    sa = up()
    old, new = family(sa)
    old.lifetime, new.is_told = 100.0, True
    actions = close_child(sa, new, Reason.FAILED, 11.0)
    (told,) = only(ChildEstablished, actions)
    assert (told.inbound_spi, told.replaces) == (old.spi, new.spi)
    assert old.rekey_at == 21.0


# -- our own Deletes ------------------------------------------------------------------------------
def test_a_delete_comes_first_and_the_end_2_s_later() -> None:
    sa = up()
    old, new = family(sa)
    take_over(sa, new, 11.0)
    assert len(told_of(part_with(sa, old, 16.0))) == 1
    assert (old.state, old.ends_at) == (ChildState.DELETED, 18.0)
    assert only(Send, forget(sa, old, 18.0)) == []
    assert old.spi not in sa.children


def test_a_delete_is_said_again_while_the_peer_sends_on() -> None:
    sa = up()
    old, new = family(sa)
    take_over(sa, new, 11.0)
    part_with(sa, old, 16.0)
    heard(sa, old, 17.5)
    assert len(told_of(forget(sa, old, 18.0))) == 1
    assert old.ends_at == 20.0
    heard(sa, old, 71.5)
    assert only(RemoveChild, forget(sa, old, 72.0)) == [RemoveChild(old.spi)]


def test_who_lost_against_the_peer_says_its_delete_twice() -> None:
    sa = up()
    old, new = family(sa, ours=False, state=ChildState.PENDING)
    old.settled_at = 10.5
    confirm(sa, new, 11.0)
    part_with(sa, old, 16.0)
    assert len(told_of(only(Send, forget(sa, old, 18.0)))) == 1


# -- whole conversations --------------------------------------------------------------------------
def live(net: Network, name: str) -> int:
    return net.seen(ChildEstablished, name)[-1].inbound_spi


def conclude(net: Network) -> None:
    """All packets came, but those that the wire lost; both ends have the same one child."""
    net.traffic.streams.clear()
    net.sleep(1)
    assert net.traffic.lost == []
    assert net.traffic.blocked == []
    assert net.deletes.misuse == []
    net.assert_connected()
    for name in ("moon", "sun"):
        up_now: set[int] = set()
        for one in net.hosts[name].log:
            if isinstance(one, ChildEstablished):
                up_now = (up_now - {one.replaces}) | {one.inbound_spi}
            elif isinstance(one, ChildClosed):
                up_now.discard(one.inbound_spi)
        assert up_now == set(net.hosts[name].children)


@pytest.mark.parametrize("loser", ["moon", "sun"])
def test_both_renew_at_once(loser: str) -> None:
    """Each has sent its QM1 when the other's comes; the lowest nonce loses."""
    net = connect()
    for name in ("moon", "sun"):
        net.hosts[name].dice.nonces.append((b"\0" if name == loser else b"\xff") * 32)
        net.tell(name, RekeyWanted(live(net, name), "a test"))
    net.sleep(15)
    conclude(net)
    winner = "sun" if loser == "moon" else "moon"
    assert net.seen(ChildEstablished, winner)[-1].why == "a test"
    assert net.seen(ChildEstablished, loser)[-1].why == "the peer renewed it"


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.015, 0.025, 0.5])
@pytest.mark.parametrize("closes", ["moon", "sun"])
def test_a_delete_crosses_a_renewal(closes: str, delay: float) -> None:
    net = connect(every=0)
    net.tell("moon", RekeyWanted(live(net, "moon"), "a test"))
    net.sleep(delay)
    net.tell(closes, ChildCloseWanted(live(net, closes)))
    net.sleep(90)
    moon, sun = (set(net.hosts[name].children) for name in ("moon", "sun"))
    assert len(moon) == len(sun)
    net.assert_mirrored()
    assert net.deletes.misuse == []


def test_message_3_is_lost_so_long_that_the_peer_gives_up() -> None:
    """sun takes the new child down and says so; moon goes back to the old one, and tries again."""
    moon, sun = (quiet(name, child_lifetime=600.0) for name in ("moon", "sun"))
    net = connect(moon=moon, sun=sun, every=0)
    net.lose_when(lambda letter: letter.number == 4 and letter.sender == "moon", 99)
    net.tell("moon", RekeyWanted(live(net, "moon"), "a test"))
    net.sleep(12)
    assert len(net.hosts["sun"].children) == 1
    net.sleep(40)
    conclude(net)


@pytest.mark.parametrize("seed", range(60))
def test_whatever_is_lost_and_late(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    net = connect(every=0)
    net.stream(0.05, senders=dice.choice([("moon", "sun"), ("moon",), ("sun",)]))
    net.sleep(2)
    loss, jitter = dice.choice([0, 0.1, 0.3, 0.5]), dice.choice([0.0, 0.02, 0.2, 1.0])
    net.lose = lambda _: dice.random() < loss
    net.delay = lambda _: 0.01 + dice.random() * jitter
    for _ in range(dice.choice([1, 2, 3])):
        for name in dice.sample(["moon", "sun"], 2):
            if dice.random() < 0.8:
                net.tell(name, RekeyWanted(live(net, name), "a test"))
            net.sleep(dice.choice([0, 0, 0.02, 0.2, 2]) * dice.random())
        net.sleep(dice.choice([0.5, 3, 8, 20]))
    net.sleep(30)
    net.lose = lambda _: False
    net.delay = lambda _: 0.01
    net.sleep(75)
    conclude(net)


def test_a_lost_delete_of_the_loser_is_said_again() -> None:
    net = connect()
    net.hosts["moon"].dice.nonces.append(b"\0" * 32)
    net.lose_when(said("moon", INFORM), 1)
    for name in ("moon", "sun"):
        net.tell(name, RekeyWanted(live(net, name), "a test"))
    net.sleep(75)
    conclude(net)
