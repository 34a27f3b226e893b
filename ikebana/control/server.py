"""The control socket: HTTP over a unix socket that only root and the daemon's user may speak to.

``open`` binds it, ``start`` serves; aiohttp (0.2 s of imports) is only loaded by ``start``, off
the event loop's thread, so that IKE's sockets are open and answered before.  One connection
carries one request, and one clock bounds it from accept to the answer's last octet; only streams
live longer.  Nothing a client does raises out of here.
"""

import asyncio
import contextlib
import os
import socket
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

from ikebana.control.daemon import Daemon
from ikebana.control.view import DEFAULT_PATH

if TYPE_CHECKING:
    from aiohttp import web

_BACKLOG: Final = 64
_UCRED: Final = struct.Struct("3i")  # pid, uid, gid: unix(7)
_REFUSAL: Final = 1.0  # seconds that a refused client may take to read why
_LINE: Final = 4096  # octets of a request line or header field


class ControlError(Exception):
    """The socket cannot be opened; the text names the path and the cause."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What clients may take of the daemon."""

    connections: int = 64
    streams: int = 16
    patience: float = 30.0  # seconds for a request and its answer
    stream_patience: float = 30.0  # seconds that one line may take to be read
    body: int = 64 * 1024  # octets


def peer_uid(transport: asyncio.BaseTransport) -> int:
    """Return the user id of the process at the other end (SO_PEERCRED, unix(7))."""
    end = transport.get_extra_info("socket")
    raw = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return int(_UCRED.unpack(raw)[1])


class ControlServer:
    """Serve ``daemon`` at ``path``.

    ``uid_of`` tells who connects; tests give one of their own.
    """

    def __init__(
        self,
        daemon: Daemon,
        path: str = DEFAULT_PATH,
        bounds: Bounds | None = None,
        uid_of: Callable[[asyncio.BaseTransport], int] = peer_uid,
    ) -> None:
        self._daemon = daemon
        self._path = path
        self._bounds = bounds or Bounds()
        self._uid_of = uid_of
        self._socket: socket.socket | None = None
        self._inode = (0, 0)
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self._guards: set[_Guard] = set()
        self.counters = {"control_refused_uid": 0, "control_refused_busy": 0, "control_slow": 0}

    def open(self) -> None:
        """Bind and listen; who connects now is served after :meth:`start`.

        Raises :exc:`ControlError`.
        """
        try:
            _make_folder(os.path.dirname(os.path.abspath(self._path)))
            _clear_stale(self._path)
            self._socket = _bind(self._path)
            found = os.stat(self._path)
        except OSError as error:
            raise ControlError(f"{self._path}: {error.strerror or error}") from error
        self._inode = (found.st_dev, found.st_ino)

    async def start(self) -> None:
        """Serve.  Opens the socket unless :meth:`open` did."""
        if self._socket is None:
            self.open()
        # in a thread: the loop goes on answering IKE while the imports run
        routes = await asyncio.to_thread(import_module, "ikebana.control.routes")
        self._runner = routes.make_runner(self._daemon, self._bounds, self._keep, _LINE)
        await self._runner.setup()
        self._server = await asyncio.get_running_loop().create_unix_server(
            lambda: _Guard(self), sock=self._socket
        )

    async def stop(self) -> None:
        """End every request and stream, close the socket and remove its file."""
        if self._server is not None:
            self._server.close()
        for guard in tuple(self._guards):
            guard.cut()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            with contextlib.suppress(OSError):
                found = os.stat(self._path)
                if (found.st_dev, found.st_ino) == self._inode:
                    os.unlink(self._path)

    def _keep(self, transport: asyncio.BaseTransport | None) -> None:
        """Let a stream live longer than one request's time."""
        for guard in self._guards:
            if guard.transport is transport:
                guard.calm()

    def admit(self, guard: "_Guard", transport: asyncio.Transport) -> bytes:
        """Return why this client is not served, as an HTTP answer; empty if it is."""
        try:
            allowed = self._uid_of(transport) in (0, os.geteuid())
        except OSError:
            allowed = False
        if not allowed:
            self.counters["control_refused_uid"] += 1
            return _refusal(403, "Forbidden", "only root and the daemon's user may control it")
        if len(self._guards) >= self._bounds.connections:
            self.counters["control_refused_busy"] += 1
            return _refusal(503, "Service Unavailable", "too many clients")
        self._guards.add(guard)
        return b""

    def protocol(self) -> asyncio.Protocol:
        """Return aiohttp's protocol for one admitted client."""
        server = None if self._runner is None else self._runner.server
        if server is None:
            raise RuntimeError("not started")
        return cast("asyncio.Protocol", server())

    def release(self, guard: "_Guard", *, slow: bool) -> None:
        """Forget a client that has gone."""
        self._guards.discard(guard)
        self.counters["control_slow"] += slow

    @property
    def patience(self) -> float:
        """Return the seconds one request may take."""
        return self._bounds.patience


class _Guard(asyncio.Protocol):
    """Stand at the door: admit, then pass everything on to aiohttp under one clock."""

    def __init__(self, server: ControlServer) -> None:
        self._server = server
        self._inner: asyncio.Protocol | None = None
        self._clock: asyncio.TimerHandle | None = None
        self._is_slow = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the client or answer why not."""
        self.transport = cast("asyncio.Transport", transport)
        refusal = self._server.admit(self, self.transport)
        loop = asyncio.get_running_loop()
        if refusal:
            # closed only after the request has come: unread octets would turn it into a reset
            self.transport.write(refusal)
            self._clock = loop.call_later(_REFUSAL, self.cut)
            return
        self._clock = loop.call_later(self._server.patience, self._give_up)
        self._inner = self._server.protocol()
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass on."""
        if self._inner is not None:
            self._inner.data_received(data)
        elif self.transport is not None:
            self.transport.close()

    def eof_received(self) -> bool | None:
        """Pass on."""
        return None if self._inner is None else self._inner.eof_received()

    def pause_writing(self) -> None:
        """Pass on."""
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass on."""
        if self._inner is not None:
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass on, and leave the place to the next client."""
        self.calm()
        self._server.release(self, slow=self._is_slow)
        if self._inner is not None:
            self._inner.connection_lost(exc)

    def calm(self) -> None:
        """Stop the clock."""
        if self._clock is not None:
            self._clock.cancel()

    def cut(self) -> None:
        """End the connection at once."""
        if self.transport is not None:
            self.transport.abort()

    def _give_up(self) -> None:
        self._is_slow = True
        self.cut()


def _refusal(status: int, title: str, detail: str) -> bytes:
    body = (
        f'{{"type": "about:blank", "title": "{title}", "status": {status}, "detail": "{detail}"}}'
    )
    head = (
        f"HTTP/1.1 {status} {title}\r\nContent-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return (head + body).encode()


def _make_folder(folder: str) -> None:
    if not os.path.isdir(folder):
        os.makedirs(os.path.dirname(folder), mode=0o755, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, mode=0o700)


def _clear_stale(path: str) -> None:
    """Remove the socket file of a daemon that died; one that answers, or any other file, stays."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise ControlError(f"{path}: exists and is not a socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except BlockingIOError:
            pass  # its backlog is full: there is a daemon, if a busy one
    raise ControlError(f"{path}: another daemon answers there")


def _bind(path: str) -> socket.socket:
    end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    before = os.umask(0o177)  # 0600 from the first moment: a chmod after bind comes too late
    try:
        end.bind(path)
        end.listen(_BACKLOG)
    except BaseException:
        end.close()
        raise
    finally:
        os.umask(before)
    end.setblocking(False)
    return end
