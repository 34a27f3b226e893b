"""The peer is misconfigured and starts: we know why it fails, and say so wherever one looks.

Each mistake has its own code, with ours, theirs and what to change on which side: in ``status``, in
the log, and in an ``up`` that waits meanwhile.
"""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.interop.duo import NEW_REQUESTS, Duo, Running, connection_toml, deaf, hosts_talk
from tests.lab.needs import require
from tests.lab.strongswan import half_open_request
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab


@dataclass(frozen=True)
class Mistake:
    """What is wrong at the peer, and what we must say of it."""

    name: str
    code: str
    ours: str
    theirs: str
    fix: str
    peer: dict[str, Any] = field(default_factory=dict)
    state: str = "phase1_failed"


MISTAKES = [
    Mistake(
        "another PSK", "PSK_MISMATCH", "the psk of net", "another key", "enter the PSK again",
        {"psk": "another"},
    ),
    Mistake(
        "its own identity", "PEER_IDENTITY_MISMATCH", "expected gb.lab", "sent stranger.lab",
        "set remote_id to the identity the peer sends", {"local_id": "stranger.lab"},
    ),
    Mistake(
        "its idea of our identity", "PEER_IDENTITY_MISMATCH", "we are ga.lab",
        "takes us for stranger.lab", "local_id to what it expects", {"remote_id": "stranger.lab"},
    ),
    Mistake(
        "IKE encryption", "ENCRYPTION_MISMATCH", "aes128-sha256-prfsha256-x25519",
        "aes256-sha256-prfsha256-x25519", "add one of theirs to ike.proposals",
        {"ike": "aes256-sha256-x25519"},
    ),
    Mistake(
        "IKE integrity", "INTEGRITY_MISMATCH", "aes128-sha256-prfsha256-x25519",
        "aes128-sha512-prfsha256-x25519", "add one of theirs to ike.proposals",
        {"ike": "aes128-sha512-prfsha256-x25519"},
    ),
    Mistake(
        "IKE PRF", "PRF_MISMATCH", "aes128-sha256-prfsha256-x25519",
        "aes128-sha256-prfsha384-x25519", "add one of theirs to ike.proposals",
        {"ike": "aes128-sha256-prfsha384-x25519"},
    ),
    Mistake(
        "group", "DH_GROUP_MISMATCH", "aes128-sha256-prfsha256-x25519",
        "aes128-sha256-prfsha256-modp2048", "add one of theirs to ike.proposals",
        {"ike": "aes128-sha256-modp2048"},
    ),
    Mistake(
        "ESP proposal", "ESP_PROPOSAL_MISMATCH", "aes128gcm16", "aes256-sha256",
        "add one of theirs to ipsec.proposals", {"esp": "aes256-sha256"}, "phase2_failed",
    ),
    Mistake(
        "its network", "TS_MISMATCH", "10.1.0.0/24 === 10.2.0.0/24", "10.1.0.0/24 === 10.7.0.0/24",
        "mirror the networks", {"local_ts": "10.7.0.0/24"}, "phase2_failed",
    ),
    Mistake(
        "its idea of our network", "TS_MISMATCH", "10.1.0.0/24 === 10.2.0.0/24",
        "10.8.0.0/24 === 10.2.0.0/24", "mirror the networks", {"remote_ts": "10.8.0.0/24"},
        "phase2_failed",
    ),
    Mistake(
        "IKE version", "IKE_VERSION_MISMATCH", "ikev2", "ikev1", "set it to the same IKE version",
        {"version": 1},
    ),
]  # fmt: skip
every_mistake = pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)


@pytest.fixture(scope="module")
def pair() -> Iterator[Duo]:
    """Yield one pair of daemons for all mistakes."""
    require("nft", "ping", "charon-systemd", "swanctl")
    with Lab() as lab:
        yield Duo(lab, limits={"half_open_timeout_s": 2})


@pytest.fixture
def fresh(pair: Duo) -> Iterator[Duo]:
    """Yield the pair with a connection of ours that has no past."""
    pair.configure()
    pair.configure(connection_toml(pair.lab))
    assert pair.see().reason_code == ""
    yield pair
    pair.swan.swanctl("--terminate", "--ike", "net", "--force", "--timeout", "1")


@every_mistake
def test_status_and_log_tell_it(fresh: Duo, mistake: Mistake) -> None:
    seen = len(fresh.ours.log)
    fresh.peer(**mistake.peer)
    done, account = fresh.swan.initiate(timeout=2)
    assert not done, account
    fresh.wait_reason(mistake.code)
    (view,) = fresh.ours.status("net")["connections"]
    assert (view["reason_code"], view["state"]) == (mistake.code, mistake.state)
    told = "\n".join(view["reason"])
    assert told.count("theirs:") == 1  # one cause, and no other
    code, output, _ = fresh.ours.cli("log", "net", "-o", "json")
    logged = [json.loads(line) for line in output.splitlines()]
    assert code == 0
    in_log = "\n".join(line["text"] for line in logged if line["code"] == mistake.code)
    for text in (told, in_log, fresh.ours.log[seen:]):
        assert f"ours:   {mistake.ours}" in text
        assert f"theirs: {mistake.theirs}" in text
        assert mistake.fix in text
    code, screen, _ = fresh.ours.cli("status")
    assert code == 0
    assert f"↳ {mistake.code}: " in screen


@every_mistake
def test_an_up_that_waits_tells_it(fresh: Duo, mistake: Mistake) -> None:
    fresh.peer(**mistake.peer)
    with deaf(fresh.lab, "gb", NEW_REQUESTS):  # so that only the peer's own request gets through
        up = Running(fresh, "up", "net")
        up.wait_for("IKE_SA_INIT")
        fresh.swan.initiate(timeout=2)
        up.wait_for(mistake.code)
        up.wait_for(mistake.theirs)
        up.stop()
    assert mistake.ours in up.text
    assert mistake.fix in up.text


def test_silence_after_the_first_answer(fresh: Duo) -> None:
    lab = fresh.lab
    with lab["gb"].enter(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.settimeout(5)
        stranger.bind(("10.99.0.2", 0))
        stranger.sendto(half_open_request(), ("10.99.0.1", 500))
        assert stranger.recv(2000)
        assert fresh.client.status().gateway.half_open == 1
    view = fresh.wait_reason("PEER_NO_RESPONSE")
    assert fresh.client.status().gateway.half_open == 0
    told = "\n".join(view.reason)
    assert "the peer did not go on after our IKE_SA_INIT answer (not authenticated)" in told
    assert "check the peer's address, and that UDP 500 and 4500 pass both ways" in told
    assert "PEER_NO_RESPONSE" in fresh.ours.log


def test_a_mistake_at_the_peer_does_not_hurt_a_tunnel_that_is_up(fresh: Duo) -> None:
    fresh.peer()
    fresh.peer_up()
    before = fresh.see()
    fresh.swan.load(fresh.swan.connection("other", psk="another"))
    assert not fresh.swan.initiate("other", timeout=2)[0]
    wait_for(lambda: "PSK_MISMATCH" in fresh.ours.log, 5, "the log")
    after = fresh.see()
    assert (after.state, after.initiator_spi) == ("connected", before.initiator_spi)
    hosts_talk(fresh.lab)
