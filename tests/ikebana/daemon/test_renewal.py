"""Children and IKE SAs that others take the place of, before they go."""

import pytest

from ikebana.control.view import ConnectionState as State
from ikebana.daemon.orders import CloseSa, MakeChild, RekeyChild, RekeyIke, Try
from ikecore.actions import Reason, ReauthWanted
from tests.ikebana.daemon.lives import NO_CHILD
from tests.ikebana.daemon.three import ONE, THIRD, THREE, TWO, connected


# -- rekeys ---------------------------------------------------------------------------------------
def test_a_rekeyed_child_takes_the_place_of_the_old_one_without_a_change_of_state() -> None:
    life, sa, spis = connected()
    new = life.child(sa, TWO, replaces=spis[1])
    life.lose(sa, spis[1], Reason.REKEYED)
    assert [one.inbound_spi for one in life.core.children] == [spis[0], spis[2], new]
    assert (life.core.state, life.orders) == (State.CONNECTED, [])


def test_a_rekeyed_ike_sa_takes_the_children_of_the_old_one() -> None:
    life, sa, spis = connected()
    new = life.authenticate(replaces=sa)
    assert life.end(sa, Reason.REKEYED) == []
    assert [one.sa for one in life.core.sas] == [new]
    assert {one.sa for one in life.core.children} == {new}
    life.lose(new, spis[0], Reason.LIFETIME)
    assert life.seen(MakeChild) == [MakeChild(new, ONE)]


def test_the_operator_may_replace_the_children_and_the_ike_sa() -> None:
    life, sa, spis = connected()
    wanted = [RekeyChild(spi, "asked for") for spi in spis]
    assert life.core.rekey("asked for", ike=False) == wanted
    assert life.core.rekey("asked for", ike=True) == [*wanted, RekeyIke(sa, "asked for")]


def test_a_rekey_that_fails_leaves_the_child_it_was_for() -> None:
    life, sa, _ = connected()
    life.fail(NO_CHILD, sa, TWO)
    assert (life.core.state, life.notes, life.core.tries) == (State.CONNECTED, 1, 0)


# -- authenticating anew --------------------------------------------------------------------------
def test_the_old_sa_goes_when_the_new_one_has_all_children() -> None:
    life, old, _ = connected()
    life.take(life.core.handle(ReauthWanted(old, "net"), life.now))
    assert (life.seen(Try), life.core.state) == ([Try(ONE)], State.REKEYING)
    new = life.authenticate()
    for number, one in enumerate(THREE, start=1):
        assert life.core.state is State.REKEYING
        life.child(new, one)
        assert life.seen(MakeChild) == [MakeChild(new, one) for one in THREE[1 : number + 1]]
    assert life.core.state is State.CONNECTED
    assert life.seen(CloseSa) == []
    life.sleep(2.0)
    assert life.seen(CloseSa) == [CloseSa(old)]
    assert life.ends == [True]


def test_a_core_that_deletes_the_old_sa_itself_is_not_told_to() -> None:
    life, old, spis = connected()
    life.take(life.core.renew())
    new = life.authenticate()
    life.child(new, ONE)
    for spi in spis:
        life.lose(old, spi, Reason.REPLACED)
    life.end(old, Reason.REPLACED)
    assert life.core.state is State.PARTIALLY_CONNECTED
    life.child(new, TWO)
    life.child(new, THIRD)
    life.sleep(10)
    assert life.asked == [TWO, THIRD]
    assert (life.core.state, life.seen(CloseSa)) == (State.CONNECTED, [])


@pytest.mark.parametrize("children", [0, 1])
def test_a_new_sa_that_ends_before_it_has_all_children_leaves_the_old_one(children: int) -> None:
    life, old, _ = connected()
    life.take(life.core.renew())
    new = life.authenticate()
    spis = [life.child(new, one) for one in THREE[:children]]
    for spi in spis:
        life.lose(new, spi, Reason.DELETED)
    life.end(new, Reason.PEER_DELETED)
    assert life.core.state is State.CONNECTED
    assert {one.sa for one in life.core.children} == {old}
    life.forget()
    life.sleep(13.3)
    assert (life.seen(Try), life.core.state) == ([Try(ONE)], State.REKEYING)


def test_a_child_that_cannot_be_made_on_the_new_sa_keeps_the_old_one() -> None:
    life, old, _ = connected()
    life.take(life.core.renew())
    new = life.authenticate()
    life.child(new, ONE)
    life.child(new, TWO)
    for _ in range(4):
        life.fail(NO_CHILD, new, THIRD)
        life.sleep(2.0)
    life.sleep(1000)
    assert life.seen(CloseSa) == []
    assert life.core.state is State.CONNECTED
    assert life.core.mappings == (3, 3)
    assert old in {one.sa for one in life.core.children}
