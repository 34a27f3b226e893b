"""Children as the outside, time and packets see them: wanted, renewed, closed, expired."""

from dataclasses import replace

import pytest

from ikecore.actions import (
    ChildClosed,
    ChildEstablished,
    Dropped,
    Established,
    MoveChild,
    Reason,
    RemoveChild,
    RetireChild,
    UseChild,
)
from ikecore.child import ChildLimits
from ikecore.events import (
    ChildCloseWanted,
    ChildExpired,
    ChildWanted,
    InstallFailed,
    RekeyIkeWanted,
    RekeyWanted,
)
from ikecore.profile import ChildProfile
from ikecore.timetable import NEVER
from ikev1.child import ChildState
from ikev1.children import (
    adopt,
    handle_children,
    heard,
    install_failed,
    next_child_timeout,
    want_child,
    want_close,
    want_rekey,
)
from ikev1.clients import clients_of
from ikev1.payloads.nonce import Nonce
from policy.path import Path
from tests.pair.wire import Letter

from .network import OTHER, Network, only, quiet, said, selectors
from .quick import NETS, Asking, ask, ready, sent
from .told import add_child, up
from .tunnel import INFORM, QUICK, connect

EITHER = pytest.mark.parametrize("who", ["moon", "sun"])


def the_child(net: Network, name: str) -> int:
    """Return the inbound SPI of the child that an end was told of last."""
    return net.seen(ChildEstablished, name)[-1].inbound_spi


def renew(net: Network, name: str) -> None:
    net.tell(name, RekeyWanted(the_child(net, name), "a test"))


def assert_lossless(net: Network) -> None:
    net.traffic.streams.clear()
    net.sleep(1)
    assert net.traffic.arrived == net.traffic.sent
    assert net.traffic.blocked == []
    assert net.deletes.misuse == []
    net.assert_connected()


# -- renewing -------------------------------------------------------------------------------------
@EITHER
def test_a_renewal_loses_no_packet(who: str) -> None:
    """The old child is retired after at most 1 s, and deleted by who began 5 s after that."""
    net = connect()
    old = {name: the_child(net, name) for name in ("moon", "sun")}
    renew(net, who)
    net.sleep(0.1)
    for name in ("moon", "sun"):
        made = net.seen(ChildEstablished, name)[-1]
        assert made.replaces == old[name]
        assert made.why == ("a test" if name == who else "the peer renewed it")
    net.sleep(4)
    assert all(len(net.hosts[name].children) == 2 for name in ("moon", "sun"))
    assert [len(net.seen(RetireChild, name)) for name in ("moon", "sun")] == [1, 1]
    net.sleep(10)
    deletes = [letter.sender for letter, _ in net.letters if letter.exchange == INFORM]
    assert deletes == [who]
    for name in ("moon", "sun"):
        gone = net.seen(ChildClosed, name)
        assert [(one.inbound_spi, one.reason) for one in gone] == [(old[name], Reason.REKEYED)]
    assert_lossless(net)


@EITHER
def test_without_packets_the_new_child_is_used_after_a_second(who: str) -> None:
    net = connect(every=0)
    renew(net, who)
    net.sleep(0.9)
    assert net.seen(UseChild, who) == ([] if who == "moon" else net.seen(UseChild, "sun")[:1])
    net.sleep(0.3)
    assert net.seen(UseChild, who)[-1].spi == the_child(net, who)
    net.sleep(10)
    net.assert_connected()


@EITHER
@pytest.mark.parametrize("which", ["QM1", "QM2", "QM3"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_renewal_survives_losses(who: str, which: str, times: int) -> None:
    net = connect()
    sender = OTHER[who] if which == "QM2" else who
    before = len({letter.data for letter, _ in net.letters if is_quick_of(letter, sender)})
    net.lose_when(said(sender, QUICK, before + (2 if which == "QM3" else 1)), times)
    renew(net, who)
    net.sleep(25)
    assert [len(net.seen(ChildEstablished, name)) for name in ("moon", "sun")] == [2, 2]
    assert net.codes("moon") == net.codes("sun") == []
    assert_lossless(net)


def is_quick_of(letter: Letter, sender: str) -> bool:
    return (letter.sender, letter.exchange) == (sender, QUICK)


def test_both_renew_at_once_and_one_child_stays() -> None:
    net = connect()
    for name in ("moon", "sun"):
        renew(net, name)
    net.sleep(10)
    assert_lossless(net)
    deletes = [letter.sender for letter, _ in net.letters if letter.exchange == INFORM]
    assert len(deletes) == 3  # of the old child one, of the one that lost two


def test_a_lost_delete_is_made_good() -> None:
    net = connect()
    net.lose_when(said("moon", INFORM), 1)
    renew(net, "moon")
    net.sleep(30)
    assert len(net.hosts["sun"].children) == 2
    net.sleep(45)
    assert_lossless(net)


def test_renewals_every_2_s_lose_nothing() -> None:
    net = connect()
    for number in range(20):
        renew(net, ("moon", "sun")[number % 3 == 0])
        net.sleep(2)
    net.sleep(70)
    assert_lossless(net)


def test_it_is_renewed_before_its_lifetime_ends() -> None:
    moon, sun = (quiet(name, child_lifetime=30.0) for name in ("moon", "sun"))
    net = connect(moon=moon, sun=sun)
    net.sleep(100)
    made = net.seen(ChildEstablished, "moon")
    assert 4 <= len(made) <= 5
    assert {one.why for one in made[1:]} <= {"its lifetime nears its end", "the peer renewed it"}
    assert [one.reason for one in net.seen(ChildClosed, "moon")][:1] == [Reason.REKEYED]
    net.traffic.streams.clear()
    net.sleep(1)
    assert net.traffic.arrived == net.traffic.sent


def test_the_shorter_lifetime_of_the_responder_is_kept_by_the_initiator() -> None:
    net = connect(moon=quiet("moon", child_lifetime=3600.0), sun=quiet("sun", child_lifetime=60.0))
    assert 45 < net.seen(ChildEstablished, "moon")[0].rekey_at < 60
    limits = ChildLimits(hard_octets=1 << 20)
    net = connect(moon=quiet("moon"), sun=quiet("sun", child_limits=limits))
    assert [spec.limits.hard_octets for spec in net.hosts["moon"].children.values()] == [1 << 20]


def test_a_renewal_that_fails_is_tried_again_until_the_child_ends() -> None:
    moon, sun = (quiet(name, child_lifetime=200.0) for name in ("moon", "sun"))
    net = connect(moon=moon, sun=sun, every=1.0)
    net.lose_when(lambda letter: letter.exchange == QUICK, 10_000)
    net.sleep(199)
    assert set(net.codes("moon")) == {"PEER_NO_RESPONSE"}
    assert len({one.message_id for one, _ in net.letters if is_quick_of(one, "moon")}) == 3
    assert len(net.hosts["moon"].children) == 1
    net.sleep(2)
    assert net.seen(ChildClosed, "moon")[-1].reason is Reason.LIFETIME


# -- what is wanted -------------------------------------------------------------------------------
def test_another_child_is_made_once() -> None:
    sa = ready()
    assert len(sent(want_child(sa, ChildWanted(sa.sa, NETS), 0.0))) == 1
    assert only(Dropped, want_child(sa, ChildWanted(sa.sa, NETS), 0.0))
    other = add_child(sa)
    assert only(Dropped, want_child(sa, ChildWanted(sa.sa, other.wanted), 0.0))


def test_several_children_live_beside_each_other() -> None:
    second = ChildProfile(selectors("10.1.9.0/24"), selectors("10.2.9.0/24"))
    children = (*quiet("moon").children, second)
    mirrored = tuple(ChildProfile(one.remote_ts, one.local_ts) for one in children)
    net = Network(quiet("moon", children=children), quiet("sun", children=mirrored))
    net.initiate("moon")
    (sa,) = net.up("moon")
    net.tell("moon", ChildWanted(sa, second))
    net.settle()
    net.assert_mirrored()
    assert [one.child for one in net.seen(ChildEstablished, "sun")] == list(mirrored)
    assert [one.replaces for one in net.seen(ChildEstablished, "sun")] == [0, 0]


def test_only_a_live_child_is_renewed_and_only_once_at_a_time() -> None:
    sa = ready()
    child = add_child(sa)
    assert sent(want_rekey(sa, RekeyWanted(child.spi, "why"), 0.0))
    assert want_rekey(sa, RekeyWanted(child.spi, "why"), 0.0) == []
    child.state = ChildState.RETIRED
    assert only(Dropped, want_rekey(sa, RekeyWanted(child.spi, "why"), 0.0))
    assert only(Dropped, want_rekey(sa, RekeyWanted(1, "why"), 0.0))


@EITHER
def test_closing_a_child_ends_its_renewal_too(who: str) -> None:
    net = connect(every=0)
    renew(net, who)
    net.tell(who, ChildCloseWanted(the_child(net, who)))
    net.sleep(80)
    for name in ("moon", "sun"):
        assert net.hosts[name].children == {}
        assert net.hosts[name].spis.owed == set()
        assert len(net.up(name)) == 1
    assert net.seen(ChildClosed, who)[-1].reason is Reason.DELETED


def test_closing_a_child_takes_along_what_lingers() -> None:
    net = connect(every=0)
    renew(net, "moon")
    net.sleep(3)
    net.tell("moon", ChildCloseWanted(the_child(net, "moon")))
    assert net.hosts["moon"].children == {}
    net.sleep(6)
    assert net.hosts["sun"].children == {}


def test_at_its_hard_limit_a_child_ends() -> None:
    net = connect(every=0)
    net.tell("moon", ChildExpired(the_child(net, "moon")))
    net.sleep(0.1)
    assert net.seen(ChildClosed, "moon")[0].reason is Reason.LIFETIME
    assert net.seen(ChildClosed, "sun")[0].reason is Reason.PEER_DELETED
    assert net.hosts["moon"].children == net.hosts["sun"].children == {}


def test_what_the_worker_did_not_take_is_given_up() -> None:
    net = connect(every=0)
    net.tell("moon", InstallFailed(the_child(net, "moon")))
    net.settle()
    assert net.codes("moon") == ["CHILD_INSTALL_FAILED"]
    assert net.hosts["sun"].children == {}


@EITHER
def test_a_renewal_that_the_worker_did_not_take_leaves_the_old_child(who: str) -> None:
    net = connect()
    old = the_child(net, who)
    renew(net, "moon")
    net.sleep(0.5 if who == "moon" else 0.015)
    (new,) = net.hosts[who].children.keys() - {old}
    net.tell(who, InstallFailed(new))
    net.sleep(20)
    net.traffic.streams.clear()
    net.sleep(1)
    net.assert_connected()
    assert net.traffic.blocked == []


def test_unknown_children_are_passed_over() -> None:
    sa = ready()
    assert want_close(sa, ChildCloseWanted(1), 0.0) == []
    assert install_failed(sa, InstallFailed(1), 0.0) == []
    assert heard(sa, 1, 0.0) == []


# -- time -----------------------------------------------------------------------------------------
def test_the_next_time_is_the_earliest() -> None:
    sa = up()
    assert next_child_timeout(sa) == NEVER
    one, two = add_child(sa), add_child(sa, 0x1002, 0x2002)
    one.ends_at, one.rekey_at, two.use_at = 30.0, 20.0, 25.0
    assert next_child_timeout(sa) == 20.0


def test_what_waits_for_quick_modes_under_way_goes_on_when_one_is_given_up() -> None:
    """The peer has renewed the first of six while ours for it is under way."""
    sa = ready()
    olds = [add_child(sa, 0x1000 + n, 0x2000 + n) for n in range(6)]
    sa.profile = replace(sa.profile, children=tuple(one.wanted for one in olds))
    first = [sent(want_rekey(sa, RekeyWanted(one.spi, "why"), 1.0)) for one in olds]
    assert [len(one) for one in first] == [1, 1, 1, 1, 1, 0]
    asking = Asking(sa)
    ids = clients_of(ChildProfile(olds[0].spec.remote_ts, olds[0].spec.local_ts))
    asking.ask(asking.offer(), Nonce(asking.nonce), *ids, now=1.0)
    (pending,) = (one for one in sa.children.values() if one.state is ChildState.PENDING)
    actions = heard(sa, pending.spi, 1.5)
    assert len(sent(actions)) == 2  # a Delete of what was given up, and the sixth QM1


# -- another ISAKMP SA ----------------------------------------------------------------------------
def test_children_go_over_to_the_sa_that_replaces_theirs() -> None:
    older, newer = up(), up()
    newer.sa = b"another!"
    child = add_child(older)
    assert adopt(newer, older) == []
    assert (older.children, newer.children) == ({}, {child.spi: child})
    assert child.spec.sa == b"another!"


def test_they_go_another_way_if_it_does() -> None:
    older, newer = up(), up()
    newer.path = Path(("192.0.2.1", 4500), ("192.0.2.2", 4500), encapsulated=True)
    child = add_child(older)
    assert adopt(newer, older) == [MoveChild(child.spi, newer.path)]
    assert child.spec.path == newer.path


def test_a_quick_mode_under_way_ends_in_the_new_sa() -> None:
    older, newer = ready(), ready()
    newer.sa = b"another!"
    asked = ask(older)
    adopt(newer, older)
    older.home = newer
    asked.reply(*asked.answer)
    assert older.children == {}
    assert [one.spec.sa for one in newer.children.values()] == [b"another!"]


def test_the_endpoint_finds_it_there_however_often_the_sa_was_replaced() -> None:
    net = connect(every=0)
    net.delay_when(lambda letter: is_quick_of(letter, "sun"), 5.0)
    renew(net, "moon")
    for _ in range(2):
        net.sleep(1.5)
        net.tell("moon", RekeyIkeWanted(net.seen(Established, "moon")[-1].sa, "a test"))
    net.sleep(2.5)
    assert len(net.seen(Established, "moon")) == 3
    new = the_child(net, "moon")
    assert net.hosts["moon"].endpoint.has_child(new)
    assert net.hosts["moon"].children[new].sa == net.seen(Established, "moon")[-1].sa
    net.sleep(70)
    net.assert_mirrored()
    assert len(net.hosts["moon"].children) == 1


def test_one_that_nobody_confirms_goes_also_when_its_quick_mode_is_gone() -> None:
    asking = Asking(ready())
    asking.ask()
    (child,) = asking.sa.children.values()
    actions = handle_children(asking.sa, child.ends_at)
    assert only(RemoveChild, actions) == [RemoveChild(child.spi)]
    assert only(ChildClosed, actions) == []
