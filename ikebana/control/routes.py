"""The control socket's routes, on aiohttp; errors are problem documents (RFC 9457)."""

import asyncio
import contextlib
import difflib
import json
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from aiohttp import web

from ikebana.control.daemon import Conflict, Daemon, NotFound
from ikebana.control.question import BadQuestion, read_flow
from ikebana.control.view import Outcome

if TYPE_CHECKING:
    from ikebana.control.server import Bounds

LOG: Final = logging.getLogger("ikebana.control")
PROBLEM: Final = "application/problem+json"
LINES: Final = "application/x-ndjson"
MAX_TIMEOUT: Final = 600.0
_NAME: Final = 200  # characters of a name that an answer repeats
_WIRE: Final = logging.getLogger("ikebana.control.wire")
_WIRE.addHandler(logging.NullHandler())
_WIRE.propagate = False  # garbage on the socket is the client's trouble, not the log's

Keep = Callable[[asyncio.BaseTransport | None], None]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Line(Protocol):
    def to_json(self) -> dict[str, Any]: ...


def make_runner(daemon: Daemon, bounds: "Bounds", keep: Keep, max_line: int) -> web.AppRunner:
    """Return the runner of the application; ``keep`` lets a stream outlive one request's time."""
    routes = Routes(daemon, bounds, keep)
    app = web.Application(middlewares=[routes.guard], client_max_size=bounds.body)
    app.router.add_get("/v1/status", routes.status, allow_head=False)
    app.router.add_get("/v1/log", routes.log, allow_head=False)
    app.router.add_get("/v1/counters", routes.counters, allow_head=False)
    app.router.add_get("/v1/policy", routes.explain, allow_head=False)
    app.router.add_post("/v1/reload", routes.reload)
    app.router.add_post("/v1/connections/{name}/up", routes.up)
    app.router.add_post("/v1/connections/{name}/down", routes.down)
    app.router.add_post("/v1/connections/{name}/rekey", routes.rekey)
    app.router.add_post("/v1/connections/{name}/reauth", routes.reauth)
    app.router.add_post("/v1/connections/{name}/renegotiate", routes.renegotiate)
    app.on_shutdown.append(routes.finish)
    return web.AppRunner(
        app,
        access_log=None,
        logger=_WIRE,
        handler_cancellation=True,  # a client that leaves ends its stream
        handle_signals=False,
        shutdown_timeout=1.0,
        max_line_size=max_line,
        max_field_size=max_line,
    )


class Routes:
    """The handlers; what changes the daemon runs to its end even if the client leaves."""

    def __init__(self, daemon: Daemon, bounds: "Bounds", keep: Keep) -> None:
        self._daemon = daemon
        self._bounds = bounds
        self._keep = keep
        self._streams = 0
        self._work: set[asyncio.Task[Any]] = set()

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Read the bounded body, run the handler, turn whatever it raises into a problem."""
        try:
            if request.can_read_body:
                await request.read()
            answer = await handler(request)
        except NotFound as error:
            answer = _not_found(error)
        except Conflict as error:
            answer = problem(409, "Conflict", str(error), hint=error.hint)
        except Unprocessable as error:
            answer = problem(422, "Unprocessable Content", str(error), **error.more)
        except web.HTTPException as error:
            answer = problem(error.status, error.reason, "")
            if "Allow" in error.headers:
                answer.headers["Allow"] = error.headers["Allow"]
        except Exception:
            LOG.exception("a control request failed: %s %s", request.method, request.path[:_NAME])
            answer = problem(500, "Internal Server Error", "a bug; the daemon's log tells more")
        answer.force_close()
        return answer

    async def finish(self, _: web.Application) -> None:
        """Wait for what was begun."""
        if self._work:
            await asyncio.wait(self._work, timeout=1.0)

    async def status(self, request: web.Request) -> web.StreamResponse:
        """Answer with a :class:`~ikebana.control.view.StatusView`."""
        _only(request, "name")
        return _json(self._daemon.status(request.query.get("name")).to_json())

    async def counters(self, request: web.Request) -> web.StreamResponse:
        """Answer with every counter."""
        _only(request)
        return _json({"counters": dict(self._daemon.counters())})

    async def explain(self, request: web.Request) -> web.StreamResponse:
        """Answer with an :class:`~ikebana.control.view.ExplainView` of the packet asked about."""
        _only(request, "src", "dst", "proto", "port", "source_port")
        asked = request.query
        words = (asked.get(one, "") for one in ("src", "dst", "proto", "port", "source_port"))
        try:
            flow = read_flow(*words)
        except BadQuestion as error:
            return problem(422, "Unprocessable Content", str(error), hint=error.hint)
        return _json(self._daemon.explain(flow).to_json())

    async def down(self, request: web.Request) -> web.StreamResponse:
        """Take a connection down; answer with its status."""
        _only(request)
        name = request.match_info["name"]
        await self._finish(self._daemon.down(name))
        return _json(self._daemon.status(name).to_json())

    async def rekey(self, request: web.Request) -> web.StreamResponse:
        """Renew keys; answer with an :class:`~ikebana.control.view.Outcome`."""
        _only(request, "ike", "timeout")
        ike = _switch("ike", request.query.get("ike", "0"))
        return await self._outcome(request, lambda name, s: self._daemon.rekey(name, ike, s))

    async def reauth(self, request: web.Request) -> web.StreamResponse:
        """Authenticate anew; answer as :meth:`rekey` does."""
        _only(request, "timeout")
        return await self._outcome(request, self._daemon.reauth)

    async def renegotiate(self, request: web.Request) -> web.StreamResponse:
        """Delete the SAs and begin anew; answer as :meth:`rekey` does."""
        _only(request, "timeout")
        return await self._outcome(request, self._daemon.renegotiate)

    async def _outcome(
        self, request: web.Request, ask: Callable[[str, float], Awaitable[Outcome]]
    ) -> web.StreamResponse:
        """Wait for an exchange's outcome: as long as a stream may, and counted among them."""
        wait = _seconds(request.query.get("timeout", "30"))
        if self._streams >= self._bounds.streams:
            return problem(503, "Service Unavailable", "too many streams")
        self._streams += 1
        try:
            self._keep(request.transport)
            outcome = await ask(request.match_info["name"], wait)
        finally:
            self._streams -= 1
        return _json(outcome.to_json())

    async def reload(self, request: web.Request) -> web.StreamResponse:
        """Read the configuration again; 422 with the problems when it is bad."""
        _only(request)
        problems: Sequence[str] = await self._finish(self._daemon.reload())
        if problems:
            raise Unprocessable("the configuration has problems; nothing changed", problems)
        return _json({"ok": True, "problems": []})

    async def up(self, request: web.Request) -> web.StreamResponse:
        """Stream how a connection comes up; the last line has the result."""
        _only(request, "timeout")
        timeout = _seconds(request.query.get("timeout", "30"))
        name = request.match_info["name"]
        self._daemon.status(name)  # NotFound before the stream begins
        return await self._stream(request, self._daemon.up(name, timeout))

    async def log(self, request: web.Request) -> web.StreamResponse:
        """Give the lines kept, and with ``follow`` those to come."""
        _only(request, "name", "follow")
        name = request.query.get("name")
        follow = _switch("follow", request.query.get("follow", "0"))
        if follow:
            coming = self._daemon.follow(name)
            return await self._stream(request, coming, self._daemon.log(name))
        kept = b"".join(_line(line) for line in self._daemon.log(name))
        return web.Response(body=kept, content_type=LINES)

    async def _stream(
        self, request: web.Request, coming: AsyncIterator[_Line], first: Sequence[_Line] = ()
    ) -> web.StreamResponse:
        if self._streams >= self._bounds.streams:
            await _close(coming)
            return problem(503, "Service Unavailable", "too many streams")
        self._streams += 1
        answer = web.StreamResponse(headers={"Content-Type": LINES, "Cache-Control": "no-store"})
        answer.force_close()
        try:
            self._keep(request.transport)
            # the first item may be an exception that wants a status of its own
            ahead = [] if first else [item async for item in _one(coming)]
            await answer.prepare(request)
            for line in (*first, *ahead):
                await self._write(answer, line)
            async for line in coming:
                await self._write(answer, line)
            await answer.write_eof()
        except (ConnectionError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()
        except Exception:
            if not answer.prepared:
                raise
            # too late for a status: the stream ends without its result, and chunked says so
            LOG.exception("a control stream failed: %s", request.path[:_NAME])
            if request.transport is not None:
                request.transport.abort()
        finally:
            self._streams -= 1
            await _close(coming)
        return answer

    async def _write(self, answer: web.StreamResponse, line: _Line) -> None:
        async with asyncio.timeout(self._bounds.stream_patience):
            await answer.write(_line(line))

    async def _finish(self, work: Any) -> Any:
        task = asyncio.ensure_future(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return await asyncio.shield(task)


class Unprocessable(Exception):
    """A parameter or the configuration is wrong (422)."""

    def __init__(self, detail: str, problems: Sequence[str] = ()) -> None:
        super().__init__(detail)
        self.more = {"problems": list(problems)} if problems else {}


def problem(status: int, title: str, detail: str, **more: object) -> web.Response:
    """Return a problem document (RFC 9457 section 3); empty members are left out."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    text = json.dumps({key: value for key, value in body.items() if value})
    return web.Response(status=status, text=text, content_type=PROBLEM)


def _not_found(error: NotFound) -> web.Response:
    name = error.name[:_NAME]
    close = difflib.get_close_matches(name, error.known, n=3)
    hint = f"did you mean {', '.join(close)}?" if close else ""
    return problem(404, "Not Found", f"no connection {name!r}", name=name, hint=hint, close=close)


def _json(body: Mapping[str, Any]) -> web.Response:
    return web.json_response(body, headers={"Cache-Control": "no-store"})


def _line(line: _Line) -> bytes:
    return json.dumps(line.to_json(), separators=(",", ":")).encode() + b"\n"


def _only(request: web.Request, *known: str) -> None:
    for name in request.query:
        if name not in known:
            close = difflib.get_close_matches(name[:_NAME], known, n=1)
            raise Unprocessable(
                f"unknown parameter {name[:_NAME]!r}"
                + (f": did you mean {close[0]}?" if close else "")
            )


def _seconds(text: str) -> float:
    try:
        found = float(text[:32])
    except ValueError:
        found = math.nan
    if not 0 < found <= MAX_TIMEOUT:
        raise Unprocessable(f"timeout: seconds, more than 0 and at most {MAX_TIMEOUT:.0f}")
    return found


def _switch(name: str, text: str) -> bool:
    if text not in ("0", "1", "false", "true"):
        raise Unprocessable(f"{name}: 0 or 1")
    return text in ("1", "true")


async def _one(coming: AsyncIterator[_Line]) -> AsyncIterator[_Line]:
    with contextlib.suppress(StopAsyncIteration):
        yield await anext(coming)


async def _close(coming: AsyncIterator[_Line]) -> None:
    close = getattr(coming, "aclose", None)
    if close is not None:
        with contextlib.suppress(Exception):
            await close()
