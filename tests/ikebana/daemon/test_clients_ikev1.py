"""Several clients of one IKEv1 gateway, each with its user and its inner address."""

from collections.abc import Iterator

import pytest

from ikebana.control.view import ConnectionState as State
from tests.ikebana.config.test_access import DIRECTORY
from tests.ikebana.daemon.test_gateway_ikev1 import AGGRESSIVE, ALLOWED, client, server
from tests.ikebana.daemon.world import INSIDE, SUN, Box, World, packet

MARS = "127.0.0.3"


class Trio(World):
    """Moon and mars are clients of sun."""

    def __init__(self) -> None:
        super().__init__()
        self.mars = Box(MARS, self.clock, self.moon.ports)

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self.mars.close()

    def settle(self) -> None:
        for _ in range(1000):
            if not any([self.moon.step(), self.sun.step(), self.mars.step()]):
                return
        raise AssertionError("they never come to rest")

    def meet(self) -> None:
        directory = DIRECTORY.replace("10.1.0.0/16", "10.2.0.0/16")
        self.sun.start(self.sun.plan(server("pull", ALLOWED), directory))
        self.moon.start(self.moon.plan(client("pull", AGGRESSIVE)))
        self.settle()
        bob = client("pull", AGGRESSIVE, "bob").replace("alice", "bob")
        self.mars.start(self.mars.plan(bob))
        self.sleep(3.0)

    def goes_around(self, box: Box, address: str) -> bool:
        there, back = packet(address, INSIDE[SUN]), packet(INSIDE[SUN], address)
        self.sun.came_out(), box.came_out()
        box.tun.send(there)
        self.settle()
        self.sun.tun.send(back)
        self.settle()
        return self.sun.came_out() == [there] and box.came_out() == [back]


@pytest.fixture
def world() -> Iterator[Trio]:
    made = Trio()
    with made:
        yield made


def test_each_has_its_own_address_and_its_own_packets(world: Trio) -> None:
    world.meet()
    assert [box.state for box in (world.moon, world.sun, world.mars)] == [State.CONNECTED] * 3
    assert [sorted(box.inner) for box in (world.moon, world.mars)] == [["10.9.0.1"], ["10.9.0.2"]]
    assert world.goes_around(world.moon, "10.9.0.1")
    assert world.goes_around(world.mars, "10.9.0.2")
    assert len(world.sun.tunnel.core.sas) == 2


def test_users_come_and_go_by_a_reload_and_the_others_stay(world: Trio) -> None:
    world.meet()
    directory = DIRECTORY.replace("10.1.0.0/16", "10.2.0.0/16")
    carol = '[[user]]\nname = "carol"\npassword = "x"\n'
    text = server("pull", ALLOWED)
    assert world.sun.gateway.apply(world.sun.plan(text, directory + carol)) == ("net",)
    world.settle()
    assert len(world.sun.tunnel.core.sas) == 2
    assert world.sun.gateway.apply(world.sun.plan(text, directory + carol)) == ()
    world.sun.gateway.apply(world.sun.plan(text, directory.replace('"wonderland"', '"other"')))
    world.settle()
    assert [sa.user for sa in world.sun.tunnel.core.sas] == ["bob"]
    world.sleep(10.0)
    assert world.moon.state is not State.CONNECTED
    assert world.goes_around(world.mars, "10.9.0.2")


def test_who_leaves_takes_nothing_from_the_other(world: Trio) -> None:
    world.meet()
    world.moon.gateway.down(world.moon.tunnel)
    world.sleep(1.0)
    assert world.goes_around(world.mars, "10.9.0.2")
    world.moon.gateway.up(world.moon.tunnel)
    world.sleep(1.0)
    assert sorted(world.moon.inner) == ["10.9.0.1"]
    assert world.goes_around(world.moon, "10.9.0.1")
    assert world.goes_around(world.mars, "10.9.0.2")
