"""A day of the operator: the command line, reloads, curl, and a clean end."""

import json
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.interop.duo import (
    Duo,
    Running,
    connection_toml,
    gateway_toml,
    hosts_talk,
    swan_sas,
)
from tests.lab.needs import require
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab
Start = Callable[..., Duo]
NET: dict[str, Any] = {"local_subnets": ["10.1.0.0/24"], "remote_subnets": ["10.2.0.0/24"]}
SIDE: dict[str, Any] = {"local_subnets": ["10.1.9.0/24"], "remote_subnets": ["10.2.9.0/24"]}


def curl(pair: Duo, path: str, *options: str) -> tuple[int, Any]:
    """Ask the control socket by curl; return the HTTP status and the decoded answer."""
    require("curl")
    socket = ["--unix-socket", str(pair.ours.control)]
    argv = ["curl", "-sS", "-w", "\n%{http_code}", *socket, *options, f"http://localhost{path}"]
    body, _, code = pair.lab.check("ga", argv).rpartition("\n")
    return int(code), json.loads(body)


def test_up_shows_the_exchange_and_down_ends_it(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab))
    pair.peer()
    code, output, errors = pair.ours.cli("up", "net")
    assert (code, errors) == (0, "")
    for pattern in (
        r"─▶ IKE_SA_INIT 0 \[SA KE No",
        r"◀─ IKE_SA_INIT 0 \[SA KE No",
        r"✔ IKE_SA_INIT \d+ ms aes128-sha256-prfsha256-x25519",
        r"✔ IKE_AUTH \d+ ms peer is gb\.lab",
        r"✔ CHILD_SA \d+ ms aes128gcm16, 10\.1\.0\.0/24 === 10\.2\.0\.0/24",
        r"Connected: net",
    ):
        assert re.search(pattern, output), f"{pattern}\n{output}"
    hosts_talk(lab)
    code, screen, _ = pair.ours.cli("status")
    assert code == 0
    assert re.search(r"● net +connected +10\.99\.0\.2 ", screen), screen
    code, screen, _ = pair.ours.cli("status", "net")
    assert code == 0
    assert "10.99.0.2 (gb.lab)" in screen
    assert pair.ours.cli("up", "net")[0] == 0  # it is up: nothing to do
    code, output, _ = pair.ours.cli("down", "net")
    assert (code, output) == (0, "Down: net\n")
    assert swan_sas(pair.swan) == 0
    (view,) = pair.ours.status("net")["connections"]
    assert (view["state"], view["reason_code"]) == ("down", "ADMIN_DOWN")
    assert not pair.swan.initiate(timeout=2)[0]  # held down: the peer is refused, too


def test_status_as_json_holds_what_the_tunnel_is(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab))
    pair.peer()
    pair.up()
    hosts_talk(lab)
    wait_for(lambda: pair.see().packets_in >= 10, 5, "the counters")
    status = pair.ours.status()
    (view,) = status["connections"]
    assert status["gateway"]["listening"] == ["10.99.0.1:500", "10.99.0.1:4500"]
    assert view["packets_in"] == view["packets_out"] == 10
    assert view["octets_in"] == view["octets_out"] == 10 * 84
    (child,) = view["children"]
    sas = pair.swan.list_sas()
    assert f"{child['inbound_spi']:08x}" in sas
    assert f"{child['outbound_spi']:08x}" in sas
    assert view["initiator_spi"] in sas
    assert 3000 < view["rekey_in_s"] <= 3600
    assert view["age_s"] < 60


def test_exit_codes(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab))
    pair.peer(psk="another")
    assert pair.ours.cli("up", "net")[0] == 1
    assert pair.ours.cli("up", "net", "--timeout", "soon")[0] == 2
    assert pair.ours.cli("run")[0] == 2
    for verb in ("up", "down", "status", "log"):
        code, _, errors = pair.ours.cli(verb, "nett")
        assert code == 3
        assert "did you mean net?" in errors
    assert pair.ours.cli("check", str(pair.ours.config))[0] == 0
    assert pair.ours.cli("explain-proposal", "aes128-sha256-modp2048")[0] == 0
    pair.ours.stop()
    code, _, errors = pair.ours.cli("status")
    assert code == 1
    assert "ikebana run" in errors
    # 5, a result that does not come in time, is told in test_refused.py


def test_curl_speaks_to_the_control_socket(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab))
    pair.peer()
    code, answer = curl(pair, "/v1/status?name=net")
    assert (code, answer["connections"][0]["state"]) == (200, "idle")
    socket = str(pair.ours.control)
    up = ["curl", "-sN", "--unix-socket", socket, "-X", "POST", "http://_/v1/connections/net/up"]
    steps = [json.loads(line) for line in lab.check("ga", up).splitlines()]
    assert (steps[-1]["event"], steps[-1]["ok"]) == ("result", True)
    hosts_talk(lab)
    assert curl(pair, "/v1/reload", "-X", "POST") == (200, {"ok": True, "problems": []})
    code, answer = curl(pair, "/v1/connections/net/down", "-X", "POST")
    assert code == 200
    assert pair.see().state == "down"
    assert curl(pair, "/v1/connections/nope/down", "-X", "POST")[0] == 404
    code, output, _ = pair.lab.run("ga", ["stat", "-c", "%a", socket])
    assert (code, output) == (0, "600\n")


def test_a_reload_touches_only_what_changed(lab: Lab, duo: Start) -> None:
    lab["gb"].address("lan", "10.2.9.1/24")  # its userspace ESP wants an address in its network
    net = connection_toml(lab, **NET)
    side: dict[str, Any] = {"local_id": "side.ga.lab", "remote_id": "side.gb.lab"}
    pair = duo(net, connection_toml(lab, "side", **SIDE, **side))
    ids: dict[str, Any] = {"local_id": "side.gb.lab", "remote_id": "side.ga.lab"}
    networks: dict[str, Any] = {"local_ts": "10.2.9.0/24", "remote_ts": "10.1.9.0/24"}
    pair.swan.load(pair.swan.connection() + pair.swan.connection("side", **ids, **networks))
    pair.up("net")
    pair.up("side")
    hosts_talk(lab)
    before = {name: pair.see(name).initiator_spi for name in ("net", "side")}
    other = connection_toml(lab, "side", **SIDE, **side, dpd={"interval_s": 9})
    pair.ours.write(gateway_toml(lab, net, other))
    pair.ours.signal(signal.SIGHUP)
    wait_for(lambda: "configuration reloaded: side" in pair.ours.log, 5, "the reload")
    wait_for(lambda: swan_sas(pair.swan) == 1, 5, "the end of the changed one")
    pair.up("side")
    assert pair.see("net").initiator_spi == before["net"]
    assert pair.see("side").initiator_spi != before["side"]
    hosts_talk(lab)
    pair.ours.write(gateway_toml(lab, net))
    pair.ours.signal(signal.SIGHUP)
    wait_for(lambda: swan_sas(pair.swan) == 1, 5, "the end of the removed one")
    assert pair.ours.cli("status", "side")[0] == 3
    assert pair.see("net").initiator_spi == before["net"]


def test_a_bad_file_changes_nothing(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab))
    pair.peer()
    pair.up()
    before = pair.see().initiator_spi
    bad = gateway_toml(lab, connection_toml(lab, remote_subnet=["10.2.0.0/24"], esp="aes129"))
    pair.ours.write(bad)
    pair.ours.signal(signal.SIGHUP)
    wait_for(lambda: "nothing changed" in pair.ours.log, 5, "the refusal")
    assert "remote_subnets" in pair.ours.log  # did you mean …
    assert "aes129" in pair.ours.log
    code, answer = curl(pair, "/v1/reload", "-X", "POST")
    assert code == 422
    assert len(answer["problems"]) == 2
    code, output, _ = pair.ours.cli("check", str(pair.ours.config))
    assert code == 1
    assert "did you mean" in output
    assert pair.see().initiator_spi == before
    hosts_talk(lab)


def test_log_follows_what_happens(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab))
    pair.peer()
    follower = Running(pair, "log", "net", "-f", "-o", "json")
    everything = Running(pair, "log", "-f")
    everything.wait_for("listening on")
    pair.up()
    follower.wait_for("CHILD_SA established")
    everything.wait_for("IKE SA established as initiator with gb.lab")
    pair.client.down("net")
    follower.wait_for("IKE SA closed: deleted")
    follower.stop()
    everything.stop()
    lines = [json.loads(line) for line in follower.text.splitlines()]
    assert {line["connection"] for line in lines} == {"net"}
    assert {line["level"] for line in lines} <= {"debug", "info"}


def test_sigterm_leaves_nothing_behind(lab: Lab, duo: Start) -> None:
    def kernel() -> str:
        asked = ("rule", "-6 rule", "route show table all", "-6 route show table all", "-br link")
        return "\n".join(lab.check("ga", ["ip", *words.split()]) for words in asked)

    def ours(text: str) -> list[str]:
        words = ("ikebana", "4500", "10.2.0.0", "fd02::")
        return [line for line in text.splitlines() if any(word in line for word in words)]

    assert ours(kernel()) == []
    subnets: dict[str, Any] = {
        "local_subnets": ["10.1.0.0/24", "fd01::/64"],
        "remote_subnets": ["10.2.0.0/24", "fd02::/64"],
    }
    pair = duo(connection_toml(lab, **subnets))
    pair.peer(local_ts="10.2.0.0/24,fd02::/64", remote_ts="10.1.0.0/24,fd01::/64")
    pair.up()
    there = "\n".join(ours(kernel()))
    for expected in ("10.2.0.0/24 dev ikebana0", "fd02::/64 dev ikebana0", "throw 10.1.0.0/24"):
        assert expected in there
    assert pair.ours.stop() == 0
    assert swan_sas(pair.swan) == 0
    assert ours(kernel()) == []
    assert not pair.ours.control.exists()
    assert lab.check("ga", ["ss", "-Huna"]) == ""
