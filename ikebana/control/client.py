"""The command line's end of the control socket: the standard library only, to start quickly."""

import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from ikebana.control.codec import Undecodable
from ikebana.control.view import (
    DEFAULT_PATH,
    ExplainView,
    LogLine,
    Outcome,
    StatusView,
    Step,
    step_from_json,
)

_LIMIT: Final = 64 * 1024 * 1024  # octets of one answer
_LINE: Final = 1024 * 1024  # octets of one line of a stream
_GRACE: Final = 10.0  # seconds beyond the daemon's own time


class ClientError(Exception):
    """The daemon cannot be asked, or said no.  The text tells why, ``hint`` what to do."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.hint = hint


class NoDaemon(ClientError):
    """Nobody answers at the socket."""


class TimedOut(ClientError):
    """No answer came in time."""


class NoSuchConnection(ClientError):
    """The daemon has no connection of this name."""


class Refusal(ClientError):
    """The daemon answered with a problem; ``status`` is HTTP's, ``problems`` its list."""

    def __init__(self, what: str, hint: str, status: int, problems: tuple[str, ...]) -> None:
        super().__init__(what, hint)
        self.status = status
        self.problems = problems


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, patience: float | None) -> None:
        super().__init__("localhost", timeout=patience)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True, slots=True)
class Client:
    """Ask the daemon at ``path``.  Every method raises :exc:`ClientError`."""

    path: str = DEFAULT_PATH
    patience: float = 30.0  # seconds

    def status(self, name: str | None = None) -> StatusView:
        """Return the gateway and its connections, or the one named."""
        raw = self._ask("GET", _target("/v1/status", name=name))
        try:
            return StatusView.from_json(raw)
        except Undecodable as error:
            raise _strange(str(error)) from error

    def up(self, name: str, timeout: float) -> Iterator[Step]:
        """Start a connection; yield what happens, the result last."""
        target = _target(f"/v1/connections/{quote(name, safe='')}/up", timeout=f"{timeout:g}")
        for raw in self._lines("POST", target, timeout + _GRACE):
            try:
                yield step_from_json(raw)
            except Undecodable as error:
                raise _strange(str(error)) from error

    def down(self, name: str) -> None:
        """Take a connection down."""
        self._ask("POST", f"/v1/connections/{quote(name, safe='')}/down")

    def rekey(self, name: str, timeout: float, *, ike: bool = False) -> Outcome:
        """Renew the keys of a connection's children, with ``ike`` of its IKE SA too."""
        return self._outcome(name, "rekey", timeout, ike="1" if ike else None)

    def reauth(self, name: str, timeout: float) -> Outcome:
        """Make a connection's next IKE SA, then close the present one."""
        return self._outcome(name, "reauth", timeout)

    def renegotiate(self, name: str, timeout: float) -> Outcome:
        """Delete a connection's SAs and begin anew."""
        return self._outcome(name, "renegotiate", timeout)

    def _outcome(self, name: str, verb: str, timeout: float, **more: str | None) -> Outcome:
        path = f"/v1/connections/{quote(name, safe='')}/{verb}"
        target = _target(path, timeout=f"{timeout:g}", **more)
        raw = self._ask("POST", target, timeout + _GRACE)
        try:
            return Outcome.from_json(raw)
        except Undecodable as error:
            raise _strange(str(error)) from error

    def log(self, name: str | None = None, *, follow: bool = False) -> Iterator[LogLine]:
        """Yield the log's lines; with ``follow`` for ever."""
        target = _target("/v1/log", name=name, follow="1" if follow else None)
        for raw in self._lines("GET", target, None if follow else self.patience):
            try:
                yield LogLine.from_json(raw)
            except Undecodable as error:
                raise _strange(str(error)) from error

    def explain(
        self, source: str, target: str, protocol: str = "", port: str = "", source_port: str = ""
    ) -> ExplainView:
        """Ask which policy a packet falls under; words as people write them, empty: not told."""
        words = {"proto": protocol, "port": port, "source_port": source_port}
        given = {name: word or None for name, word in words.items()}
        raw = self._ask("GET", _target("/v1/policy", src=source, dst=target, **given))
        try:
            return ExplainView.from_json(raw)
        except Undecodable as error:
            raise _strange(str(error)) from error

    def reload(self) -> None:
        """Have the configuration read again; a :exc:`Refusal` has its problems."""
        self._ask("POST", "/v1/reload")

    def counters(self) -> dict[str, int]:
        """Return every counter by name."""
        found = self._ask("GET", "/v1/counters").get("counters")
        if not isinstance(found, dict):
            raise _strange("no counters")
        return found

    def _ask(self, method: str, target: str, patience: float | None = None) -> dict[str, Any]:
        connection = _Connection(self.path, patience or self.patience)
        try:
            answer = self._send(connection, method, target)
            found = json.loads(answer.read(_LIMIT))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._error(error) from error
        finally:
            connection.close()
        if not isinstance(found, dict):
            raise _strange("not an object")
        return found

    def _lines(self, method: str, target: str, patience: float | None) -> Iterator[object]:
        connection = _Connection(self.path, patience)
        try:
            answer = self._send(connection, method, target)
            for line in _split(answer):
                yield json.loads(line)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._error(error) from error
        finally:
            connection.close()

    def _send(self, connection: _Connection, method: str, target: str) -> http.client.HTTPResponse:
        connection.request(method, target)
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise _refused(answer.status, answer.read(_LINE))
        return answer

    def _error(self, error: Exception) -> ClientError:
        match error:
            case FileNotFoundError() | ConnectionRefusedError():
                return NoDaemon(
                    f"no daemon answers at {self.path}",
                    "is the daemon running? ikebana run -c FILE (or give --control SOCKET)",
                )
            case PermissionError():
                return NoDaemon(
                    f"{self.path}: permission denied",
                    "only root and the daemon's user may control it",
                )
            case TimeoutError():
                return TimedOut(f"{self.path}: the daemon gave no answer in time")
            case ConnectionError() | http.client.HTTPException():
                return ClientError(f"{self.path}: the daemon ended the connection")
            case OSError():
                return NoDaemon(f"{self.path}: {error.strerror or error}")
            case _:
                return _strange(str(error))


def _split(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yield lines as they come; unlike ``readline`` this tells a cut stream from a finished one."""
    rest = b""
    while some := answer.read1(_LINE):
        *lines, rest = (rest + some).split(b"\n")
        yield from lines
        if len(rest) > _LINE:
            raise http.client.LineTooLong("line of a stream")
    if rest or answer.length:
        raise http.client.IncompleteRead(rest)


def _target(path: str, **query: str | None) -> str:
    given = {key: value for key, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _refused(status: int, body: bytes) -> ClientError:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        found = {}
    what = str(found.get("detail") or found.get("title") or f"HTTP {status}")
    hint = str(found.get("hint") or "")
    if status == http.client.NOT_FOUND and "name" in found:
        return NoSuchConnection(what, hint)
    problems = found.get("problems")
    listed = tuple(str(one) for one in problems) if isinstance(problems, list) else ()
    return Refusal(what, hint, status, listed)


def _strange(why: str) -> ClientError:
    return ClientError(f"the daemon's answer is not understood: {why}", "are both of one version?")
