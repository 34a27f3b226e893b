"""What the next IKE SA has of the one it replaces: children, clocks, and what was still to ask."""

import pytest

from ikecore.actions import ChildClosed, ChildEstablished, Established
from ikecore.events import ChildWanted, RekeyIkeWanted, RekeyWanted
from ikev2.message import Exchange

from .asking import spec_of, tunnel
from .network import OTHER, Network
from .races.scene import connect_with_one_of_two, quiet, rekey, rekey_ike, second

BOTH = pytest.mark.parametrize("who", ["moon", "sun"])


@BOTH
def test_the_heir_is_told_with_all_that_a_new_sa_is_told_with(who: str) -> None:
    net = tunnel()
    (old,) = net.seen(Established, who)
    rekey_ike(net, who)
    net.sleep(1)
    (_, heir) = net.seen(Established, who)
    assert (heir.connection, heir.remote_id, heir.path) == (
        old.connection,
        old.remote_id,
        old.path,
    )
    assert str(heir.suite) == str(old.suite)
    assert {heir.initiator_spi, heir.responder_spi}.isdisjoint(
        {old.initiator_spi, old.responder_spi}
    )
    assert (old.replaces, old.why, old.took) == (b"", "", 0.0)


@BOTH
def test_its_children_are_found_by_their_spis_as_before(who: str) -> None:
    net = tunnel()
    rekey_ike(net, OTHER[who])
    net.sleep(1)
    rekey(net, who)
    net.sleep(10)
    (made,) = net.seen(ChildEstablished, who)[1:]
    assert made.sa == net.up(who)[0]
    assert [gone.sa for gone in net.seen(ChildClosed, who)] == [made.sa]
    net.assert_connected()


def test_what_waited_is_asked_by_the_heir() -> None:
    net = connect_with_one_of_two("moon")
    (sa,) = net.up("moon")
    old = spec_of(net, "moon").inbound_spi
    net.tell("moon", RekeyIkeWanted(sa, "time"))
    net.tell("moon", ChildWanted(sa, second("moon")))
    net.tell("moon", RekeyWanted(old, "time"))
    net.sleep(1)
    heir = net.up("moon")[0]
    made = net.seen(ChildEstablished, "moon")[1:]
    assert [child.sa for child in made] == [heir, heir]
    assert [child.child for child in made].count(second("moon")) == 1
    assert [child.replaces for child in made].count(old) == 1
    under_heir = [m for m in net.messages("moon") if m.sa == heir and m.sent and not m.response]
    assert [m.exchange for m in under_heir][:2] == [Exchange.CREATE_CHILD_SA.name] * 2
    net.sleep(10)
    assert len(net.hosts["moon"].children) == 2
    net.assert_mirrored()


def test_it_has_clocks_of_its_own() -> None:
    net = Network(*(quiet(name, ike_lifetime=1000.0) for name in ("moon", "sun")))  # type: ignore[arg-type]
    net.initiate("moon")
    net.sleep(100)
    rekey_ike(net, "sun")
    net.sleep(1)
    heirs = {name: net.seen(Established, name)[-1] for name in ("moon", "sun")}
    assert 950 <= heirs["sun"].reauth_at <= 1001  # who made it comes first
    assert 1000 <= heirs["moon"].reauth_at <= 1051


def test_with_reauth_its_end_is_that_of_the_authentication() -> None:
    net = Network(quiet("moon", ike_lifetime=1000.0, reauth=True), quiet("sun"))
    net.initiate("moon")
    before = net.seen(Established, "moon")[0].reauth_at
    net.sleep(100)
    rekey_ike(net, "sun")
    net.sleep(1)
    assert net.seen(Established, "moon")[-1].reauth_at == before


@BOTH
def test_generations_follow_each_other_without_end(who: str) -> None:
    net = tunnel()
    for turn in range(40):
        rekey_ike(net, who if turn % 3 else OTHER[who])
        net.sleep(1)
    net.sleep(40)
    assert len(net.seen(Established, who)) == 41
    net.assert_connected()
    assert net.hosts[who].endpoint.next_timeout() is None
