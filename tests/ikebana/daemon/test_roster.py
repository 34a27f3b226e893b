from ikebana.config.compile import compile_config
from ikebana.daemon.roster import Roster
from ikebana.daemon.tally import Counts
from ikebana.daemon.tunnels import Tunnel, make_tunnel
from tests.ikebana.config.sample import CONNECTION, config
from tests.ikev2.network import Dice


def tunnel(name: str) -> Tunnel:
    text = CONNECTION.replace('name = "net"', f'name = "{name}"')
    return make_tunnel(compile_config(config(text)).tunnels[0], Dice(1))


def test_tunnels_keep_the_order_they_are_given() -> None:
    roster = Roster()
    one, two = tunnel("one"), tunnel("two")
    roster.add(one)
    roster.add(two)
    roster.order(["two", "one"])
    assert list(roster.by_name.values()) == [two, one]


def test_a_child_leads_to_its_tunnel_until_it_or_the_tunnel_is_gone() -> None:
    roster = Roster()
    one = tunnel("one")
    roster.add(one)
    for spi in (300, 301):
        roster.add_child(spi, one)
        one.counts[spi] = Counts()
    assert roster.of_child(300) is one
    roster.remove_child(300)
    assert roster.of_child(300) is None
    roster.remove(one)
    assert roster.of_child(301) is None
    assert roster.by_name == {}
