import asyncio
from collections.abc import Iterator

import pytest

from ikebana.daemon.mappings import mapping_views
from ikebana.daemon.service import Service
from tests.ikebana.daemon.world import INSIDE, MOON, SUN, Box, World, connection, packet

TWO = """\
local_subnets = ["10.1.0.0/24"]
remote_subnets = ["10.2.0.0/24", "10.3.0.0/24"]
"""
BACK = """\
local_subnets = ["10.2.0.0/24", "10.3.0.0/24"]
remote_subnets = ["10.1.0.0/24"]
"""


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


def begin(world: World, moon: str, sun: str) -> Box:
    world.sun.start(world.sun.plan(connection(SUN, 'initiation = "passive"\n' + sun)))
    world.moon.start(world.moon.plan(connection(MOON, moon)))
    return world.moon


def states(box: Box) -> dict[str, str]:
    return {f"{one.local} {one.remote}": one.state for one in mapping_views(box.tunnel)}


PAIRS = ("10.1.0.0/24 10.2.0.0/24", "10.1.0.0/24 10.3.0.0/24")


def test_each_mapping_of_one_child_is_up_with_it(world: World) -> None:
    moon = begin(world, TWO, BACK)
    assert states(moon) == dict.fromkeys(PAIRS, "negotiating")
    world.settle()
    assert states(moon) == dict.fromkeys(PAIRS, "up")
    one, other = mapping_views(moon.tunnel)
    assert one.inbound_spi == other.inbound_spi == moon.installed[-1].inbound_spi
    assert one.outbound_spi == moon.installed[-1].outbound_spi


def test_each_mapping_with_a_child_of_its_own_has_its_spi_and_counts(world: World) -> None:
    """S3-3."""
    moon = begin(world, TWO + "per_mapping_sa = true", BACK + "per_mapping_sa = true")
    world.settle()
    assert states(moon) == dict.fromkeys(PAIRS, "up")
    moon.tun.send(packet(INSIDE[MOON], "10.3.0.7"))
    world.settle()
    moon.report()
    world.settle()
    one, other = mapping_views(moon.tunnel)
    assert one.inbound_spi != other.inbound_spi
    assert (one.packets_out, other.packets_out) == (0, 1)


def test_what_the_peer_left_out_is_narrowed(world: World) -> None:
    moon = begin(world, TWO, BACK.replace(', "10.3.0.0/24"', ""))
    world.settle()
    assert states(moon) == dict(zip(PAIRS, ("up", "narrowed"), strict=True))


def test_a_mapping_that_its_next_packet_starts_is_a_trap(world: World) -> None:
    moon = begin(world, TWO + 'initiation = "on_demand"', BACK)
    world.settle()
    assert states(moon) == dict.fromkeys(PAIRS, "trap")
    moon.gateway.down(moon.tunnel)
    assert states(moon) == dict.fromkeys(PAIRS, "down")


def test_between_the_two_ends_the_mapping_is_their_addresses(world: World) -> None:
    lines = 'ipsec.mode = "transport"\nlocal_subnets = ["{}/32"]\nremote_subnets = ["{}/32"]\n'
    moon = begin(world, lines.format(MOON, SUN), lines.format(SUN, MOON))
    world.settle()
    assert states(moon) == {f"{MOON}/32 {SUN}/32": "up"}


def test_the_status_of_one_connection_has_its_mappings(world: World) -> None:
    moon = begin(world, TWO, BACK)
    world.settle()

    async def no_reload() -> tuple[str, ...]:
        return ()

    async def ask() -> tuple[int, int]:
        service = Service(moon.gateway, lambda: world.clock.now, no_reload, ())
        alone, among = service.status("net"), service.status(None)
        return len(alone.connections[0].mappings), len(among.connections[0].mappings)

    assert asyncio.run(ask()) == (2, 0)
