import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import pytest

from ikebana.control.daemon import Conflict, NotFound
from ikebana.control.view import (
    ConnectionState,
    Level,
    Step,
    StepDone,
    StepMessage,
    StepResult,
)
from ikebana.daemon.service import Service
from ikecore.trace import Retransmitted
from tests.ikebana.daemon.world import MOON, SUN, World, connection

PASSIVE = 'initiation = "passive"'
Play = Callable[[Service], Coroutine[Any, Any, None]]


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


def run(world: World, play: Play) -> None:
    """Let ``play`` use a service on moon's gateway."""

    async def reload() -> list[str]:
        return ["moon.toml:3: connection.0.psk: missing"]

    async def life() -> None:
        await play(Service(world.moon.gateway, lambda: 1_700_000_000.0, reload, ["a warning"]))

    asyncio.run(life())


async def told(steps: AsyncIterator[Step], settle: Callable[[], None]) -> list[Step]:
    """Return all steps; the wires are served whenever the reader waits."""
    found: list[Step] = []
    task = asyncio.ensure_future(anext(steps, None))
    while True:
        await asyncio.sleep(0)
        settle()
        if not task.done():
            continue
        step = task.result()
        if step is None:
            return found
        found.append(step)
        task = asyncio.ensure_future(anext(steps, None))


def test_up_tells_the_exchange_and_ends_with_connected(world: World) -> None:
    world.start(PASSIVE)

    async def play(service: Service) -> None:
        steps = await told(service.up("net", 30.0), world.settle)
        done = [step.text for step in steps if isinstance(step, StepDone)]
        assert done == ["IKE_SA_INIT", "IKE_AUTH", "CHILD_SA"]
        messages = [step for step in steps if isinstance(step, StepMessage)]
        assert [(one.exchange, one.sent) for one in messages] == [
            ("IKE_SA_INIT", True), ("IKE_SA_INIT", False), ("IKE_AUTH", True), ("IKE_AUTH", False),
        ]  # fmt: skip
        assert steps[-1] == StepResult(True, ConnectionState.CONNECTED)
        assert world.moon.gateway.watchers == []

    run(world, play)


def test_up_tells_ikev1s_exchanges_by_their_names(world: World) -> None:
    old = 'ike.version = "ikev1"\n' + PASSIVE
    world.start(old, old)

    async def play(service: Service) -> None:
        steps = await told(service.up("net", 30.0), world.settle)
        done = [step.text for step in steps if isinstance(step, StepDone)]
        assert done == ["phase 1 keys", "phase 1 (IKEv1, legacy)", "CHILD_SA"]
        messages = [step for step in steps if isinstance(step, StepMessage)]
        assert [one.exchange for one in messages] == ["MAIN"] * 6 + ["QUICK"] * 3
        assert steps[-1] == StepResult(True, ConnectionState.CONNECTED)
        (view,) = service.status("net").connections
        assert (view.version, view.badges) == ("ikev1", ("legacy",))

    run(world, play)


def test_up_of_what_is_up_says_so_at_once(world: World) -> None:
    world.start()

    async def play(service: Service) -> None:
        steps = await told(service.up("net", 30.0), world.settle)
        assert steps == [StepResult(True, ConnectionState.CONNECTED)]

    run(world, play)


def test_up_ends_with_the_first_failed_tries_diagnosis(world: World) -> None:
    world.sun.start(world.sun.plan(connection(SUN, PASSIVE).replace("Zq8v", "Yq8v")))
    world.moon.start(world.moon.plan(connection(MOON, PASSIVE)))

    async def play(service: Service) -> None:
        last = (await told(service.up("net", 30.0), world.settle))[-1]
        assert isinstance(last, StepResult)
        assert (last.ok, last.code, last.timed_out) == (False, "AUTH_REFUSED_BY_PEER", False)
        assert last.lines[0].startswith("Stage 1 failure")

    run(world, play)


def test_up_without_an_answer_in_time_says_that_it_goes_on(world: World) -> None:
    world.moon.start(world.moon.plan(connection(MOON)))

    async def play(service: Service) -> None:
        steps = await told(service.up("net", 0.0), lambda: None)
        assert isinstance(steps[-1], StepResult)
        assert steps[-1].timed_out
        assert world.moon.tunnel.core.trying

    run(world, play)


def test_a_reader_of_up_is_not_cancelled_between_two_items(world: World) -> None:
    world.start(PASSIVE)

    async def play(service: Service) -> None:
        steps = service.up("net", 0.01)
        first = await anext(steps)
        assert isinstance(first, StepMessage)
        late = asyncio.Event()
        asyncio.get_running_loop().call_later(0.05, late.set)
        await late.wait()  # busy writing that item while the time runs out
        rest = [step async for step in steps]
        assert isinstance(rest[-1], StepResult)

    run(world, play)


def test_a_reader_who_leaves_is_not_kept(world: World) -> None:
    world.start(PASSIVE)

    async def play(service: Service) -> None:
        steps = service.up("net", 30.0)
        await anext(steps)
        await steps.aclose()  # type: ignore[attr-defined]  # it is a generator
        assert world.moon.gateway.watchers == []

    run(world, play)


def test_how_it_ended_reaches_a_reader_who_did_not_keep_up(world: World) -> None:
    world.start(PASSIVE)

    async def play(service: Service) -> None:
        steps = service.up("net", 30.0)
        await anext(steps)
        again = Retransmitted("net", b"12345678")
        (watch,) = world.moon.gateway.watchers
        for _ in range(3000):
            watch("net", again)
        world.moon.gateway.down(world.moon.tunnel)
        rest = [step async for step in steps]
        assert isinstance(rest[-1], StepResult)
        assert rest[-1].code == "ADMIN_DOWN"

    run(world, play)


def test_unknown_names_are_not_found_and_known_ones_are_told(world: World) -> None:
    world.start()

    async def play(service: Service) -> None:
        for ask in (service.status, service.log, service.follow, lambda n: service.up(n, 1.0)):
            with pytest.raises(NotFound) as caught:
                ask("nett")
            assert caught.value.known == ("net",)
        with pytest.raises(NotFound):
            await service.down("nett")

    run(world, play)


def test_what_is_disabled_goes_neither_up_nor_down(world: World) -> None:
    off = connection(MOON).replace("force", "enabled = false\nforce")
    world.moon.start(world.moon.plan(off))

    async def play(service: Service) -> None:
        with pytest.raises(Conflict):
            service.up("net", 1.0)
        with pytest.raises(Conflict):
            await service.down("net")

    run(world, play)


def test_down_returns_when_the_sas_are_gone(world: World) -> None:
    world.start()

    async def play(service: Service) -> None:
        task = asyncio.ensure_future(service.down("net"))
        await asyncio.sleep(0)
        assert not task.done()
        world.settle()
        await task
        assert service.status("net").connections[0].state is ConnectionState.DOWN

    run(world, play)


def test_status_counters_and_log_show_the_gateway(world: World) -> None:
    world.start()
    assert world.passes()
    world.moon.report()
    world.settle()

    async def play(service: Service) -> None:
        view = service.status(None)
        assert view.gateway.warnings == ("a warning",)
        assert view.gateway.listening == world.moon.listening
        (net,) = view.connections
        assert (net.name, net.packets_in, net.packets_out) == ("net", 1, 1)
        assert service.counters()["packets_in"] == 1
        assert any("CHILD_SA" in line.text for line in service.log("net"))
        assert await service.reload() == ["moon.toml:3: connection.0.psk: missing"]
        follower = service.follow("net")
        world.moon.journal.write(Level.INFO, ("one more",), "net")
        assert (await anext(follower)).text == "one more"
        await follower.aclose()

    run(world, play)
