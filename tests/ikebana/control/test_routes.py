"""The routes: what each answers, and each kind of error as a problem document."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from ikebana.control.server import Bounds
from ikebana.control.view import (
    ConnectionState,
    ExplainView,
    LogLine,
    Outcome,
    StatusView,
    step_from_json,
)

from .fake import BAD, EXPLAINED, NET, RENEWED, STEPS, FakeDaemon, serving
from .test_server import ask, run


async def call(
    path: Path, method: str, target: str, body: bytes = b"", headers: str = ""
) -> tuple[int, dict[str, str], bytes]:
    head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    answer = await ask(path, head.encode() + body)
    top, _, rest = answer.partition(b"\r\n\r\n")
    first, *fields = top.decode().split("\r\n")
    found = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
    if found.get("transfer-encoding") == "chunked":
        whole = b""
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            whole += rest[: int(size, 16)]
            rest = rest[int(size, 16) + 2 :]
        rest = whole
    return int(first.split()[1]), found, rest


def answers(
    tmp_path: Path,
    method: str,
    target: str,
    daemon: FakeDaemon | None = None,
    body: bytes = b"",
) -> tuple[int, dict[str, str], bytes]:
    found: list[tuple[int, dict[str, str], bytes]] = []

    async def scene() -> None:
        async with serving(daemon or FakeDaemon(), tmp_path / "s"):
            found.append(await call(tmp_path / "s", method, target, body))

    run(scene)
    return found[0]


def problem(tmp_path: Path, method: str, target: str, **more: Any) -> dict[str, Any]:
    status, headers, body = answers(tmp_path, method, target, **more)
    assert headers["content-type"].startswith("application/problem+json")
    found: dict[str, Any] = json.loads(body)
    assert found["status"] == status
    return found


def test_status_shows_all_connections(tmp_path: Path) -> None:
    status, _, body = answers(tmp_path, "GET", "/v1/status")
    assert status == 200
    assert StatusView.from_json(json.loads(body)).connections == (NET, BAD)


def test_status_shows_the_connection_named(tmp_path: Path) -> None:
    _, _, body = answers(tmp_path, "GET", "/v1/status?name=tokyo")
    assert StatusView.from_json(json.loads(body)).connections == (BAD,)


def test_up_streams_its_steps_and_ends_with_the_result(tmp_path: Path) -> None:
    status, headers, body = answers(tmp_path, "POST", "/v1/connections/net/up?timeout=5")
    assert status == 200
    assert headers["content-type"] == "application/x-ndjson"
    assert tuple(step_from_json(json.loads(line)) for line in body.splitlines()) == STEPS


@pytest.mark.parametrize(
    ("target", "asked"),
    [
        ("rekey", ("rekey", "net", 30.0)),
        ("rekey?ike=0&timeout=5", ("rekey", "net", 5.0)),
        ("rekey?ike=1", ("rekey --ike", "net", 30.0)),
        ("reauth?timeout=0.5", ("reauth", "net", 0.5)),
        ("renegotiate", ("renegotiate", "net", 30.0)),
    ],
)
def test_a_renewal_answers_with_its_outcome(
    tmp_path: Path, target: str, asked: tuple[str, str, float]
) -> None:
    daemon = FakeDaemon()
    status, _, body = answers(tmp_path, "POST", f"/v1/connections/net/{target}", daemon)
    assert (status, Outcome.from_json(json.loads(body))) == (200, RENEWED)
    assert daemon.asked == [asked]


@pytest.mark.parametrize("verb", ["rekey", "reauth", "renegotiate"])
def test_a_renewal_that_cannot_be_says_why(tmp_path: Path, verb: str) -> None:
    found = problem(tmp_path, "POST", f"/v1/connections/tokyo/{verb}")
    assert (found["status"], found["hint"]) == (409, "ikebana up tokyo")
    assert problem(tmp_path, "POST", f"/v1/connections/tokio/{verb}")["close"] == ["tokyo"]
    assert problem(tmp_path, "POST", f"/v1/connections/net/{verb}?timeout=601")["status"] == 422
    assert problem(tmp_path, "POST", f"/v1/connections/net/{verb}?wait=1")["status"] == 422


def test_ike_is_a_switch_of_rekey_alone(tmp_path: Path) -> None:
    found = problem(tmp_path, "POST", "/v1/connections/net/rekey?ike=yes")
    assert (found["status"], found["detail"]) == (422, "ike: 0 or 1")
    assert problem(tmp_path, "POST", "/v1/connections/net/reauth?ike=1")["status"] == 422


def test_renewals_that_wait_are_counted_among_the_streams(tmp_path: Path) -> None:
    async def scene() -> None:
        daemon = FakeDaemon()
        daemon.hold_down.clear()
        bounds = Bounds(streams=1, patience=0.2)
        async with serving(daemon, tmp_path / "s", bounds):
            first = asyncio.ensure_future(call(tmp_path / "s", "POST", "/v1/connections/net/rekey"))
            while (await call(tmp_path / "s", "POST", "/v1/connections/tokyo/reauth"))[0] == 409:
                pass  # the first one is not yet there
            status, _, _ = await call(tmp_path / "s", "POST", "/v1/connections/net/reauth")
            assert status == 503
            daemon.hold_down.set()
            assert (await first)[0] == 200

    run(scene)


def test_down_answers_with_the_status(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    status, _, body = answers(tmp_path, "POST", "/v1/connections/net/down", daemon)
    assert (status, daemon.downs) == (200, ["net"])
    found = StatusView.from_json(json.loads(body))
    assert found.connections[0].state is ConnectionState.CONNECTED


def test_log_gives_lines(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    _, headers, body = answers(tmp_path, "GET", "/v1/log", daemon)
    lines = [LogLine.from_json(json.loads(line)) for line in body.splitlines()]
    assert (lines, headers["content-type"]) == (daemon.lines, "application/x-ndjson")
    _, _, body = answers(tmp_path, "GET", "/v1/log?name=net", daemon)
    assert len(body.splitlines()) == 1


def test_log_followed_gives_the_kept_lines_then_the_coming(tmp_path: Path) -> None:
    _, _, body = answers(tmp_path, "GET", "/v1/log?follow=1")
    assert [json.loads(line)["text"] for line in body.splitlines()][::2] == [
        "IKE_SA established",
        "one more",
    ]


def test_counters_are_given_by_name(tmp_path: Path) -> None:
    _, _, body = answers(tmp_path, "GET", "/v1/counters")
    assert json.loads(body) == {"counters": {"replay": 3, "no_sa": 0}}


def test_reload_says_ok_or_each_problem(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    _, _, body = answers(tmp_path, "POST", "/v1/reload", daemon)
    assert json.loads(body) == {"ok": True, "problems": []}
    daemon.problems = ["net.toml:3: connection.0.psk: missing"]
    assert problem(tmp_path, "POST", "/v1/reload", daemon=daemon)["problems"] == daemon.problems


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v1/status?name=tokio"),
        ("GET", "/v1/log?name=tokio"),
        ("GET", "/v1/log?name=tokio&follow=1"),
        ("POST", "/v1/connections/tokio/up"),
        ("POST", "/v1/connections/tokio/down"),
    ],
)
def test_unknown_name_is_404_with_close_names(tmp_path: Path, method: str, target: str) -> None:
    found = problem(tmp_path, method, target)
    assert (found["status"], found["close"]) == (404, ["tokyo"])
    assert found["hint"] == "did you mean tokyo?"


def test_connection_that_cannot_come_up_is_409(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    del daemon.steps["net"]
    found = problem(tmp_path, "POST", "/v1/connections/net/up", daemon=daemon)
    assert (found["status"], found["hint"]) == (409, "set enabled = true")


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/v1/connections/net/up?timeout=soon"),
        ("POST", "/v1/connections/net/up?timeout=nan"),
        ("POST", "/v1/connections/net/up?timeout=0"),
        ("POST", "/v1/connections/net/up?timeout=1e9"),
        ("POST", "/v1/connections/net/up?timeuot=1"),
        ("GET", "/v1/log?follow=maybe"),
        ("GET", "/v1/status?nam=net"),
    ],
)
def test_wrong_parameter_is_422(tmp_path: Path, method: str, target: str) -> None:
    assert problem(tmp_path, method, target)["status"] == 422


def test_wrong_method_is_405_and_says_which_is_right(tmp_path: Path) -> None:
    _, headers, _ = answers(tmp_path, "DELETE", "/v1/status")
    assert headers["allow"] == "GET"
    assert problem(tmp_path, "GET", "/v1/reload")["status"] == 405


def test_wrong_path_is_404(tmp_path: Path) -> None:
    assert problem(tmp_path, "GET", "/")["status"] == 404


def test_body_beyond_the_bound_is_413(tmp_path: Path) -> None:
    found = problem(tmp_path, "POST", "/v1/reload", body=b"x" * (64 * 1024 + 1))
    assert found["status"] == 413


def test_bug_is_500_and_the_next_request_is_served(tmp_path: Path) -> None:
    async def scene() -> None:
        daemon = FakeDaemon()
        async with serving(daemon, tmp_path / "s"):
            daemon.broken = True
            assert (await call(tmp_path / "s", "GET", "/v1/status"))[0] == 500
            daemon.broken = False
            assert (await call(tmp_path / "s", "GET", "/v1/status"))[0] == 200

    run(scene)


def test_down_is_done_even_if_its_client_leaves(tmp_path: Path) -> None:
    async def scene() -> None:
        daemon = FakeDaemon()
        daemon.hold_down.clear()
        async with serving(daemon, tmp_path / "s", Bounds(patience=0.1)):
            answer = await ask(
                tmp_path / "s", b"POST /v1/connections/net/down HTTP/1.1\r\nHost: x\r\n\r\n"
            )
            assert (answer, daemon.downs) == (b"", [])
            daemon.hold_down.set()
        assert daemon.downs == ["net"]

    run(scene)


def test_leaving_client_ends_its_stream_and_frees_its_place(tmp_path: Path) -> None:
    async def scene() -> None:
        daemon = FakeDaemon()
        daemon.follow_for_ever = True
        async with serving(daemon, tmp_path / "s", Bounds(streams=1)):
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
            writer.write(b"GET /v1/log?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"one more")
            status, _, _ = await call(tmp_path / "s", "GET", "/v1/log?follow=1")
            assert status == 503
            writer.close()
            await writer.wait_closed()
            await daemon.stream_closed.wait()
            daemon.follow_for_ever = False
            status, _, _ = await call(tmp_path / "s", "GET", "/v1/log?follow=1")
            assert status == 200

    run(scene)


def test_client_that_does_not_read_its_stream_is_cut(tmp_path: Path) -> None:
    async def scene() -> None:
        daemon = FakeDaemon()
        daemon.endless = True
        async with serving(daemon, tmp_path / "s", Bounds(stream_patience=0.1)):
            _, writer = await asyncio.open_unix_connection(str(tmp_path / "s"), limit=1024)
            writer.write(b"GET /v1/log?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n")
            await daemon.stream_closed.wait()
            assert (await call(tmp_path / "s", "GET", "/v1/status"))[0] == 200
            writer.close()

    run(scene)


def test_policy_tells_of_a_packet_in_words(tmp_path: Path) -> None:
    target = "/v1/policy?src=10.1.0.5&dst=10.2.0.9&proto=icmp&port=8:0"
    status, _, body = answers(tmp_path, "GET", target)
    view = ExplainView.from_json(json.loads(body))
    assert (status, view.packet) == (200, "10.1.0.5 10.2.0.9 icmp 8:0")
    assert view.considered == EXPLAINED.considered


@pytest.mark.parametrize(
    ("query", "detail", "hint"),
    [
        ("src=10.1.0.5&dst=10.2.0", "'10.2.0' is no IP address", "an address such as"),
        ("dst=10.2.0.9", "SRC '' is no IP address", "an address such as"),
        ("src=10.1.0.5&dst=10.2.0.9&proto=tpc", "'tpc' is no protocol", "did you mean tcp?"),
        ("src=10.1.0.5&dst=10.2.0.9&prot=tcp", "unknown parameter 'prot': did you mean proto?", ""),
    ],
)
def test_a_packet_that_is_none_is_answered_with_what_would_be(
    tmp_path: Path, query: str, detail: str, hint: str
) -> None:
    found = problem(tmp_path, "GET", f"/v1/policy?{query}")
    assert found["status"] == 422
    assert detail in found["detail"]
    assert hint in found.get("hint", "")
