"""One wake-up, and names looked up one at a time."""

import asyncio

from ikebana.daemon.alarm import Alarm, Resolver
from ikecore.timetable import NEVER
from tests.ikebana.daemon.clock import Clock


def test_the_alarm_rings_at_the_earliest_time_set() -> None:
    clock, rings = Clock(), list[float]()
    alarm = Alarm(clock.loop, lambda: rings.append(clock.now))
    alarm.set(clock.now + 5)
    alarm.set(clock.now + 2)
    start = clock.now
    clock.sleep(10)
    assert rings == [start + 2]


def test_a_time_put_off_rings_early_and_the_next_one_is_set_then() -> None:
    clock, rings = Clock(), list[float]()
    start = clock.now
    alarm = Alarm(clock.loop, lambda: rings.append(clock.now))
    alarm.set(start + 2)
    alarm.set(start + 5)
    clock.sleep(3)
    assert rings == [start + 2]
    alarm.set(start + 5)
    clock.sleep(3)
    assert rings == [start + 2, start + 5]


def test_never_silences_it() -> None:
    clock, rings = Clock(), list[float]()
    alarm = Alarm(clock.loop, lambda: rings.append(clock.now))
    alarm.set(clock.now + 2)
    alarm.set(NEVER)
    clock.sleep(10)
    assert rings == []


def look_up(host: str) -> tuple[tuple[str, ...], str]:
    """Return what the resolver says of one host."""

    async def ask() -> tuple[tuple[str, ...], str]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[tuple[tuple[str, ...], str]] = loop.create_future()
        Resolver(loop).look_up(
            "net", host, lambda found, why: answer.set_result((found, why)), anew=True
        )
        return await answer

    return asyncio.run(ask())


def test_an_address_is_its_own_answer() -> None:
    assert look_up("192.0.2.7")[0] == ("192.0.2.7",)


def test_a_name_that_cannot_be_is_refused_with_a_reason() -> None:
    addresses, why = look_up("a" * 70 + ".invalid")
    assert addresses == ()
    assert why.startswith("aaaa")
