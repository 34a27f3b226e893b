import asyncio

import pytest

from ikebana.daemon.orders import Ended
from ikebana.daemon.outlet import Watcher
from ikebana.daemon.watching import Watching
from ikecore.trace import Retransmitted

AGAIN = Retransmitted("net", b"12345678")


def test_one_connection_is_read_while_it_lasts() -> None:
    async def play() -> None:
        watchers: list[Watcher] = []
        soon = asyncio.get_running_loop().time() + 60
        with Watching(watchers, "net") as watching:
            watchers[0]("other", AGAIN)
            watchers[0]("net", AGAIN)
            assert await watching.next(soon) is AGAIN
            with pytest.raises(TimeoutError):
                await watching.next(0.0)
        assert watchers == []

    asyncio.run(play())


def test_what_happened_so_far_can_be_read_at_once() -> None:
    async def play() -> None:
        watchers: list[Watcher] = []
        with Watching(watchers, "net") as watching:
            watchers[0]("net", AGAIN)
            assert list(watching.drain()) == [AGAIN]
            assert list(watching.drain()) == []

    asyncio.run(play())


def test_the_end_reaches_a_reader_who_did_not_keep_up() -> None:
    async def play() -> None:
        watchers: list[Watcher] = []
        soon = asyncio.get_running_loop().time() + 60
        with Watching(watchers, "net") as watching:
            for _ in range(3000):
                watchers[0]("net", AGAIN)
            watchers[0]("net", Ended(ok=True))
            read = [await watching.next(soon) for _ in range(1000)]
            assert read[-1] == Ended(ok=True)

    asyncio.run(play())
