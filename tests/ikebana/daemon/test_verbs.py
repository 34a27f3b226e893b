"""The operator replaces what is up, on two real gateways."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

import pytest

from ikebana.control.daemon import Conflict
from ikebana.control.view import ConnectionState, Outcome
from ikebana.daemon.service import Service
from tests.ikebana.daemon.world import MOON, SUN, World, connection

PASSIVE = 'initiation = "passive"'


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


def run(world: World, play: Callable[[Service], Coroutine[Any, Any, None]]) -> None:
    async def reload() -> list[str]:
        return []

    async def life() -> None:
        await play(Service(world.moon.gateway, lambda: 1_700_000_000.0, reload, []))

    asyncio.run(life())


async def told(outcome: Awaitable[Outcome], world: World) -> Outcome:
    """Return how it ended; the wires are served and time passes while it lasts."""
    task = asyncio.ensure_future(outcome)
    while not task.done():
        await asyncio.sleep(0)
        world.settle()
        world.clock.sleep(0.1, world.settle)
    return await task


@pytest.mark.parametrize("ike", [False, True])
def test_rekey_replaces_the_child_and_the_ike_sa_if_asked(world: World, ike: bool) -> None:
    world.start()
    core = world.moon.tunnel.core
    child, sa = core.children[0].inbound_spi, core.sas[0].sa

    async def play(service: Service) -> None:
        outcome = await told(service.rekey("net", ike, 30.0), world)
        assert (outcome.ok, outcome.state) == (True, ConnectionState.CONNECTED)
        changes = {one.what: one for one in outcome.changes}
        assert changes["child"].old == f"{child:08x}"
        assert changes["child"].new == f"{core.children[0].inbound_spi:08x}"
        assert ("IKE SA" in changes) is ike
        assert (core.sas[0].sa != sa) is ike

    run(world, play)
    assert world.passes()
    assert world.moon.gateway.watchers == []


def test_reauth_makes_the_next_sa_before_the_present_one_goes(world: World) -> None:
    world.start()
    core = world.moon.tunnel.core
    old = core.sas[0].sa

    async def play(service: Service) -> None:
        outcome = await told(service.reauth("net", 30.0), world)
        assert outcome.ok
        sas = [(one.old, one.new) for one in outcome.changes if one.what == "IKE SA"]
        assert sas == [("", core.sas[0].sa.hex()), (old.hex(), "")]

    run(world, play)
    assert world.passes()


@pytest.mark.parametrize("lines", ["", PASSIVE])
def test_renegotiate_deletes_and_starts_whoever_may_begin(world: World, lines: str) -> None:
    world.start(lines)
    core = world.moon.tunnel.core
    old = {sa.sa for sa in core.sas}

    async def play(service: Service) -> None:
        outcome = await told(service.renegotiate("net", 30.0), world)
        assert (outcome.ok, outcome.state) == (True, ConnectionState.CONNECTED)
        assert not old & {sa.sa for sa in core.sas}
        whats = [(one.what, bool(one.old), bool(one.new)) for one in outcome.changes]
        assert whats[-2:] == [("IKE SA", False, True), ("child", False, True)]

    run(world, play)
    assert world.passes()


def test_renegotiate_tells_why_it_failed(world: World) -> None:
    world.start()
    wrong = connection(SUN, PASSIVE).replace("Zq8v", "Yq8v")
    world.sun.gateway.apply(world.sun.plan(wrong))
    world.settle()

    async def play(service: Service) -> None:
        outcome = await told(service.renegotiate("net", 30.0), world)
        assert (outcome.ok, outcome.code) == (False, "AUTH_REFUSED_BY_PEER")
        assert outcome.lines[0].startswith("Stage 1 failure")

    run(world, play)


def test_a_try_that_renegotiate_gives_up_is_not_its_outcome(world: World) -> None:
    world.moon.start(world.moon.plan(connection(MOON)))  # sun does not run

    async def play(service: Service) -> None:
        outcome = await service.renegotiate("net", 0.0)
        assert (outcome.ok, outcome.timed_out) == (False, True)

    run(world, play)


def test_a_wait_that_ends_tells_of_no_older_failure(world: World) -> None:
    world.start()
    gateway, tunnel = world.moon.gateway, world.moon.tunnel
    gateway.down(tunnel)
    gateway.up(tunnel)
    world.settle()
    assert tunnel.core.reason is not None

    async def play(service: Service) -> None:
        outcome = await service.rekey("net", False, 0.0)
        assert outcome.lines == ("not done yet; the daemon goes on",)

    run(world, play)


def test_what_is_not_up_cannot_be_replaced(world: World) -> None:
    world.moon.start(world.moon.plan(connection(MOON, PASSIVE)))

    async def play(service: Service) -> None:
        with pytest.raises(Conflict):
            await service.rekey("net", False, 1.0)
        with pytest.raises(Conflict):
            await service.reauth("net", 1.0)

    run(world, play)


def test_a_peer_that_does_not_answer_is_not_waited_for(world: World) -> None:
    world.start()

    async def play(service: Service) -> None:
        outcome = await service.rekey("net", False, 0.0)
        assert (outcome.ok, outcome.timed_out) == (False, True)

    run(world, play)
