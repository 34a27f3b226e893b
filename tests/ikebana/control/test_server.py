"""The socket: who may speak, what garbage does, who waits how long."""

import asyncio
import json
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ikebana.control.server import Bounds, ControlError, ControlServer

from .fake import FakeDaemon, serving

QUICK = Bounds(patience=0.1, stream_patience=0.1)


def run(scene: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scene()

    asyncio.run(bounded())


async def ask(path: Path, request: bytes) -> bytes:
    """Send octets, return all that comes until the server closes; empty if it just cuts."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    try:
        writer.write(request)
        await writer.drain()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def status_line(path: Path) -> bytes:
    answer = await ask(path, b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
    return answer.split(b"\r\n")[0]


def test_only_the_owner_can_open_the_socket_from_the_first_moment(tmp_path: Path) -> None:
    path = tmp_path / "run" / "s.sock"
    before = os.umask(0)
    try:
        server = ControlServer(FakeDaemon(), str(path))
        server.open()
        assert os.umask(0) == 0  # and the process's own umask is what it was
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    run(server.stop)
    assert not path.exists()


def test_client_that_comes_before_the_start_is_served_after_it(tmp_path: Path) -> None:
    async def scene() -> None:
        server = ControlServer(FakeDaemon(), str(tmp_path / "s"))
        server.open()
        early = asyncio.ensure_future(status_line(tmp_path / "s"))
        await server.start()
        assert await early == b"HTTP/1.1 200 OK"
        await server.stop()

    run(scene)


def test_dead_daemons_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()

    async def scene() -> None:
        async with serving(FakeDaemon(), path):
            assert await status_line(path) == b"HTTP/1.1 200 OK"

    run(scene)


def test_living_daemons_socket_is_not_taken(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(FakeDaemon(), tmp_path / "s"):
            with pytest.raises(ControlError, match="another daemon"):
                ControlServer(FakeDaemon(), str(tmp_path / "s")).open()
            assert await status_line(tmp_path / "s") == b"HTTP/1.1 200 OK"

    run(scene)


def test_any_other_file_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("mine")
    with pytest.raises(ControlError, match="not a socket"):
        ControlServer(FakeDaemon(), str(tmp_path / "s")).open()
    assert (tmp_path / "s").read_text() == "mine"


def test_path_too_long_for_a_socket_is_told(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="too long"):
        ControlServer(FakeDaemon(), str(tmp_path / ("s" * 150))).open()


def test_stop_leaves_a_socket_that_is_not_its_own(tmp_path: Path) -> None:
    path = tmp_path / "s"
    first = ControlServer(FakeDaemon(), str(path))
    first.open()
    path.unlink()
    second = ControlServer(FakeDaemon(), str(path))
    second.open()
    run(first.stop)
    assert path.exists()
    run(second.stop)


@pytest.mark.parametrize(("uid", "status"), [(0, 200), (os.geteuid(), 200), (4711, 403)])
def test_only_root_and_the_daemons_user_are_served(tmp_path: Path, uid: int, status: int) -> None:
    async def scene() -> None:
        server = ControlServer(FakeDaemon(), str(tmp_path / "s"), uid_of=lambda _: uid)
        await server.start()
        assert (await status_line(tmp_path / "s")).split()[1] == str(status).encode()
        assert server.counters["control_refused_uid"] == (status == 403)
        await server.stop()

    run(scene)


def test_unknown_peer_is_refused(tmp_path: Path) -> None:
    def gone(_: asyncio.BaseTransport) -> int:
        raise OSError("not connected")

    async def scene() -> None:
        server = ControlServer(FakeDaemon(), str(tmp_path / "s"), uid_of=gone)
        await server.start()
        answer = await ask(tmp_path / "s", b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 403")
        assert json.loads(answer.split(b"\r\n\r\n")[1])["status"] == 403
        await server.stop()

    run(scene)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 100,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET /v1/status HTTP/9.9\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\n" + b"".join(b"X%d: y\r\n" % i for i in range(5000)) + b"\r\n",
        b"POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nshort",
        b"GET /v1/status HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"GET /v1/%ff%00/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_garbage_ends_nothing_but_its_own_connection(tmp_path: Path, garbage: bytes) -> None:
    async def scene() -> None:
        async with serving(FakeDaemon(), tmp_path / "s", QUICK):
            await ask(tmp_path / "s", garbage)
            assert await status_line(tmp_path / "s") == b"HTTP/1.1 200 OK"

    run(scene)


@pytest.mark.parametrize("start", [b"", b"GET /v1/sta", b"GET /v1/status HTTP/1.1\r\nHo"])
def test_client_that_dawdles_is_cut(tmp_path: Path, start: bytes) -> None:
    async def scene() -> None:
        async with serving(FakeDaemon(), tmp_path / "s", QUICK) as server:
            assert await ask(tmp_path / "s", start) == b""
            assert server.counters["control_slow"] == 1

    run(scene)


def test_more_clients_than_the_bound_are_told_to_wait(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(FakeDaemon(), tmp_path / "s", Bounds(connections=2)) as server:
            idle = [await asyncio.open_unix_connection(str(tmp_path / "s")) for _ in range(2)]
            assert (await status_line(tmp_path / "s")).startswith(b"HTTP/1.1 503")
            assert server.counters["control_refused_busy"] == 1
            for reader, writer in idle:
                writer.close()
                assert await reader.read() == b""
            assert await status_line(tmp_path / "s") == b"HTTP/1.1 200 OK"

    run(scene)


def test_one_connection_carries_one_request(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(FakeDaemon(), tmp_path / "s"):
            twice = b"GET /v1/counters HTTP/1.1\r\nHost: x\r\n\r\n" * 2
            answer = await ask(tmp_path / "s", twice)
            assert answer.count(b"HTTP/1.1 200") == 1
            assert b"Connection: close" in answer

    run(scene)


def test_stop_ends_streams(tmp_path: Path) -> None:
    async def scene() -> None:
        daemon = FakeDaemon()
        daemon.follow_for_ever = True
        async with serving(daemon, tmp_path / "s"):
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
            writer.write(b"GET /v1/log?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"one more")
        assert daemon.stream_closed.is_set()
        writer.close()

    run(scene)
