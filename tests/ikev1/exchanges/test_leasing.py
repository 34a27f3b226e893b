"""Clients and their gateway, over mode config: addresses, children, lost messages, new phases 1."""

import random
from dataclasses import replace

import pytest

from ikecore.actions import (
    AskLease,
    Assigned,
    ChildEstablished,
    Closed,
    Dropped,
    Established,
    Reason,
)
from ikecore.events import ChildCloseWanted, ChildWanted, RekeyIkeWanted
from ikecore.profile import ChildProfile, ConfigMode, Role
from ikev1.message import Exchange
from tests.ikev1.access import (
    EVERYTHING,
    LAN,
    LEASE,
    POOL,
    client,
    network,
    server,
    terms,
)
from tests.ikev1.network import Network, only, said
from tests.pair.wire import Letter, Twist

PULL, PUSH = ConfigMode
OURS = "10.9.0.5/32 === 10.2.0.0/24"


def pair(moon: ConfigMode = PULL, sun: ConfigMode = PULL, *, xauth: bool = True) -> Network:
    return network(
        client(terms(Role.CLIENT, moon, xauth=xauth)), server(terms(Role.SERVER, sun, xauth=xauth))
    )


def children(net: Network, name: str) -> list[str]:
    return [str(one.child) for one in net.seen(ChildEstablished, name)]


# -- conversations
@pytest.mark.parametrize("xauth", [True, False])
@pytest.mark.parametrize("sun", [PULL, PUSH])
@pytest.mark.parametrize("moon", [PULL, PUSH])
def test_a_client_gets_its_address_whoever_speaks_first(
    moon: ConfigMode, sun: ConfigMode, xauth: bool
) -> None:
    net = pair(moon, sun, xauth=xauth)
    net.initiate("moon")
    net.sleep(8)
    net.assert_connected()
    assert [one.lease for one in net.seen(Assigned, "moon")] == [LEASE]
    assert net.codes("moon") == net.codes("sun") == []
    assert children(net, "moon") == [OURS]
    assert children(net, "sun") == ["10.2.0.0/24 === 10.9.0.5/32"]
    holder = "alice" if xauth else "moon.lab"
    assert {one.holder for one in net.seen(AskLease, "sun")} == {holder}
    net.stream(0.1, moon="10.9.0.5", sun="10.2.0.9")
    net.sleep(2)
    net.traffic.streams.clear()
    net.sleep(1)
    assert net.traffic.arrived == net.traffic.sent


@pytest.mark.parametrize("mode", [PULL, PUSH])
@pytest.mark.parametrize("sender", ["moon", "sun"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_lost_message_of_mode_config_is_said_again(
    mode: ConfigMode, sender: str, times: int
) -> None:
    net = pair(mode, mode, xauth=False)
    net.lose_when(said(sender, Exchange.TRANSACTION, 1), times)
    net.initiate("moon")
    net.sleep(15)
    net.assert_connected()
    assert net.codes("moon") == net.codes("sun") == []
    assert children(net, "moon") == [OURS]


@pytest.mark.parametrize("aggressive", [False, True])
@pytest.mark.parametrize("mode", [PULL, PUSH])
def test_bad_weather_delays_a_client_and_nothing_more(mode: ConfigMode, aggressive: bool) -> None:
    """One in six messages is lost, one in four comes twice, some come late and out of order."""
    for seed in range(12):
        net = network(
            client(terms(Role.CLIENT, mode, aggressive=aggressive)),
            server(terms(Role.SERVER, mode, aggressive=aggressive)),
        )
        net.twists.append(weather(random.Random(seed)))  # noqa: S311 - repeatable on purpose
        net.initiate("moon", settle=False)
        net.sleep(40)
        net.assert_connected()
        assert net.codes("moon") == net.codes("sun") == []
        assert [one.lease for one in net.seen(Assigned, "moon")] == [LEASE]


def weather(dice: random.Random) -> Twist:
    def twist(letter: Letter, delays: list[float]) -> list[float]:
        if letter.exchange != Exchange.TRANSACTION:
            return delays
        if dice.random() < 1 / 6:
            return []
        copies = delays * (2 if dice.random() < 1 / 4 else 1)
        return [one + (2 * dice.random() if dice.random() < 1 / 4 else 0) for one in copies]

    return twist


def test_the_last_message_of_aggressive_mode_may_be_lost() -> None:
    """Nobody answers it: the client, which waits to be asked, says it again."""
    for times in (1, 3):
        net = pair()
        for name, role in (("moon", client), ("sun", server)):
            mine = Role.CLIENT if name == "moon" else Role.SERVER
            net.configure(name, role(terms(mine, aggressive=True)))
        net.lose_when(said("moon", Exchange.AGGRESSIVE, 2), times)
        net.initiate("moon")
        net.sleep(15)
        net.assert_connected()
        assert net.codes("moon") == net.codes("sun") == []


def test_a_child_shows_that_a_client_has_its_address() -> None:
    """Its ACK is lost, and not every client says it again."""
    net = pair(PUSH, PUSH, xauth=False)
    net.lose_when(said("moon", Exchange.TRANSACTION), 100)
    net.initiate("moon")
    net.sleep(30)
    net.assert_connected()
    assert net.codes("sun") == []


def test_each_network_that_the_server_names_has_a_child() -> None:
    net = pair()
    everything = ChildProfile(EVERYTHING, POOL)
    net.configure("sun", server(children=(everything,)))
    net.hosts["sun"].lease = replace(LEASE, subnets=("10.2.0.0/24", "10.4.0.0/16", "10.6.1.0/24"))
    net.initiate("moon")
    net.sleep(5)
    assert sorted(children(net, "moon")) == [
        "10.9.0.5/32 === 10.2.0.0/24",
        "10.9.0.5/32 === 10.4.0.0/16",
        "10.9.0.5/32 === 10.6.1.0/24",
    ]
    assert net.codes("moon") == net.codes("sun") == []


def test_who_wants_the_configured_child_gets_the_one_of_the_address() -> None:
    net = pair()
    net.initiate("moon")
    (sa,), configured = net.up("moon"), client().children[0]
    assert [one.reason for one in only(Dropped, net.tell("moon", ChildWanted(sa, configured)))] == [
        "not_wanted"
    ]
    (spi,) = net.hosts["moon"].children
    net.tell("moon", ChildCloseWanted(spi))
    net.settle()
    net.tell("moon", ChildWanted(sa, configured))
    net.sleep(2)
    net.assert_connected()
    assert children(net, "moon") == [OURS, OURS]


def test_a_pool_without_addresses_ends_the_sa_at_both_ends() -> None:
    for mode in (PULL, PUSH):
        net = pair(mode, mode)
        net.hosts["sun"].lease = None
        net.initiate("moon")
        net.sleep(10)
        assert net.codes("sun") == ["ADDRESS_MISSING"]
        assert net.codes("moon")[0] in ("ADDRESS_MISSING", "PEER_DELETED")
        for name in ("moon", "sun"):
            assert net.seen(Established, name) == []
            assert len(net.seen(Closed, name)) == 1


def test_a_client_may_not_speak_for_another_s_address() -> None:
    stolen = ChildProfile(EVERYTHING, LAN)
    net = network(client(terms(Role.CLIENT, addresses=False), children=(stolen,)), server())
    net.initiate("moon")
    net.sleep(20)
    assert net.seen(ChildEstablished, "sun") == []
    assert net.hosts["sun"].children == {}


def test_a_cisco_client_asks_for_everything_and_gets_the_server_s_network() -> None:
    """Its IDs come back as they were, which is all that such a client understands."""
    everywhere = replace(LEASE, subnets=())
    net = pair()
    net.hosts["sun"].lease = everywhere
    net.initiate("moon")
    net.sleep(5)
    assert children(net, "moon") == ["10.9.0.5/32 === 0.0.0.0/0"]
    assert [str(one.local_ts[0]) for one in net.seen(ChildEstablished, "sun")] == ["10.2.0.0/24"]
    assert net.codes("moon") == net.codes("sun") == []


def test_a_new_phase_1_keeps_the_address_and_the_children() -> None:
    net = pair()
    net.initiate("moon")
    (sa,) = net.up("moon")
    net.stream(0.1, moon="10.9.0.5", sun="10.2.0.9")
    net.sleep(1)
    net.tell("moon", RekeyIkeWanted(sa, "a test wants it"))
    net.sleep(10)
    assert [one.lease for one in net.seen(Assigned, "moon")] == [LEASE, LEASE]
    assert [one.replaces for one in net.seen(Established, "moon")] == [b"", sa]
    assert children(net, "moon") == [OURS]
    net.traffic.streams.clear()
    net.sleep(1)
    assert net.traffic.arrived == net.traffic.sent
    assert net.deletes.misuse == []


def test_a_new_phase_1_with_another_address_begins_anew() -> None:
    """The children of the old address are of no use to anybody."""
    net = pair()
    net.initiate("moon")
    (sa,) = net.up("moon")
    net.hosts["sun"].lease = replace(LEASE, address="10.9.0.6")
    net.tell("moon", RekeyIkeWanted(sa, "a test wants it"))
    net.sleep(10)
    assert [one.reason for one in net.seen(Closed, "moon")] == [Reason.REPLACED]
    assert children(net, "moon") == [OURS, "10.9.0.6/32 === 10.2.0.0/24"]
    for name in ("moon", "sun"):
        assert len(net.hosts[name].children) == 1
        assert len(net.up(name)) == 1


@pytest.mark.parametrize(("who", "network_now"), [("moon", "10.2.0.64/26"), ("sun", "10.2.0.0/24")])
def test_a_new_phase_1_goes_by_what_is_configured(who: str, network_now: str) -> None:
    """What the address before made of the children is of no use with another one."""
    net = pair(xauth=False)
    net.initiate("moon")
    net.hosts["sun"].lease = replace(LEASE, address="10.9.0.6", subnets=(network_now,))
    net.tell(who, RekeyIkeWanted(net.up(who)[0], "a test wants it"))
    net.sleep(10)
    assert children(net, "moon") == [OURS, f"10.9.0.6/32 === {network_now}"]
    assert len(net.hosts["moon"].children) == len(net.hosts["sun"].children) == 1
    assert net.codes("moon") == net.codes("sun") == []
