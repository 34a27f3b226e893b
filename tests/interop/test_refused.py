"""We start and the peer refuses, or nobody answers: what may be wrong, and no guess as a fact."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.interop.duo import Duo, Running, connection_toml, deaf
from tests.lab.needs import require
from tests.lab.topology import Lab

pytestmark = pytest.mark.lab


@dataclass(frozen=True)
class Refusal:
    """What is wrong at the peer, and what ``up`` may say of it: causes, likeliest first."""

    name: str
    code: str
    causes: tuple[str, ...]
    ours: str
    there: str
    peer: dict[str, Any] = field(default_factory=dict)
    stage: int = 1


LOG = "its log tells"
REFUSALS = [
    Refusal(
        "another PSK", "AUTH_REFUSED_BY_PEER", ("PSK_MISMATCH", "PEER_IDENTITY_MISMATCH"),
        "the psk of net", "enter the same PSK again", {"psk": "another"},
    ),
    Refusal(
        "its idea of our identity", "AUTH_REFUSED_BY_PEER",
        ("PSK_MISMATCH", "PEER_IDENTITY_MISMATCH"), "we are ga.lab, the peer is gb.lab",
        "the one it expects to our local_id", {"remote_id": "stranger.lab"},
    ),
    Refusal(
        "IKE encryption", "PROPOSAL_REFUSED_BY_PEER",
        ("ENCRYPTION_MISMATCH", "DH_GROUP_MISMATCH", "INTEGRITY_MISMATCH", "PRF_MISMATCH",
         "IKE_VERSION_MISMATCH"),
        "aes128-sha256-prfsha256-x25519", "add one of ours to its IKE proposals",
        {"ike": "aes256-sha256-x25519"},
    ),
    Refusal(
        "group", "PROPOSAL_REFUSED_BY_PEER", ("ENCRYPTION_MISMATCH", "DH_GROUP_MISMATCH"),
        "aes128-sha256-prfsha256-x25519", "add one of ours to its IKE proposals",
        {"ike": "aes128-sha256-modp2048"},
    ),
    Refusal(
        "IKE version", "PROPOSAL_REFUSED_BY_PEER", ("ENCRYPTION_MISMATCH", "IKE_VERSION_MISMATCH"),
        "ikev2", "set it to the same IKE version", {"version": 1},
    ),
    Refusal(
        "ESP proposal", "PROPOSAL_REFUSED_BY_PEER", ("ESP_PROPOSAL_MISMATCH", "PROTOCOL_MISMATCH"),
        "aes128gcm16", "add one of ours to its ESP proposals", {"esp": "aes256-sha256"}, 2,
    ),
    Refusal(
        "its network", "TS_MISMATCH", (), "10.1.0.0/24 === 10.2.0.0/24", "mirror the networks",
        {"local_ts": "10.7.0.0/24"}, 2,
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def pair() -> Iterator[Duo]:
    """Yield one pair of daemons for all refusals."""
    require("nft", "ping", "charon-systemd", "swanctl")
    with Lab() as lab:
        yield Duo(lab)


@pytest.fixture
def fresh(pair: Duo) -> Duo:
    """Return the pair with a connection of ours that has no past."""
    pair.configure()
    pair.configure(connection_toml(pair.lab, retry={"try_timeout_s": 3}))
    return pair


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
def test_up_tells_what_may_be_wrong(fresh: Duo, refusal: Refusal) -> None:
    fresh.peer(**refusal.peer)
    code, output, _ = fresh.ours.cli("up", "net")
    assert code == 1
    failed = f"phase{refusal.stage}_failed"
    assert f"Not connected: net is {failed} ({refusal.code})" in output
    assert f"Stage {refusal.stage} failure: {refusal.code}: " in output
    places = [output.find(f"* {cause}: ") for cause in refusal.causes]
    assert -1 not in places
    assert places == sorted(places)
    assert ("possible causes, likeliest first:" in output) == bool(refusal.causes)
    assert f"ours:   {refusal.ours}" in output
    assert "theirs: not told" in output
    assert refusal.there in output
    view = fresh.see()
    assert (view.reason_code, view.state) == (refusal.code, failed)
    assert refusal.code in fresh.ours.log


def test_the_peers_own_identity_we_see_ourselves(fresh: Duo) -> None:
    fresh.peer(local_id="stranger.lab")
    code, output, _ = fresh.ours.cli("up", "net")
    assert code == 1
    # strongSwan looks for the identity we ask for, and has none
    assert "AUTH_REFUSED_BY_PEER" in output or "sent stranger.lab" in output


def test_a_silent_peer(fresh: Duo) -> None:
    fresh.peer()
    with deaf(fresh.lab, "gb", "iifname wan udp dport { 500, 4500 } drop"):
        code, output, _ = fresh.ours.cli("up", "net")
    assert code == 1
    assert "Not connected: net is phase1_failed (PEER_NO_RESPONSE)" in output
    assert "no answer to IKE_SA_INIT" in output
    assert "check the peer's address, and that UDP 500 and 4500 pass both ways" in output
    assert "no answer yet, sent again" in output


def test_a_peer_that_falls_silent_after_its_first_answer(fresh: Duo) -> None:
    fresh.peer()
    with deaf(fresh.lab, "gb", "iifname wan udp dport 4500 drop"):
        code, output, _ = fresh.ours.cli("up", "net")
    assert code == 1
    assert "(PEER_NO_RESPONSE)" in output
    assert "no answer to IKE_AUTH" in output


def test_a_host_without_an_ike_daemon(fresh: Duo) -> None:
    with deaf(fresh.lab, "gb", ""):
        fresh.lab.nft(
            "gb",
            "table ip lab_closed {\nchain arriving {\ntype filter hook input priority 0;\n"
            "udp dport { 500, 4500 } reject\n}\n}",
        )
        code, output, _ = fresh.ours.cli("up", "net")
        fresh.lab.nft("gb", "delete table ip lab_closed")
    assert code == 1
    assert "(PEER_UNREACHABLE)" in output
    assert "(not authenticated)" in output  # anybody can send an ICMP error
    places = [output.index("* PEER_UNREACHABLE"), output.index("* PEER_NO_RESPONSE")]
    assert places == sorted(places)


def test_up_gives_in_before_a_slow_peer_does(fresh: Duo) -> None:
    fresh.peer()
    with deaf(fresh.lab, "gb", "iifname wan udp dport { 500, 4500 } drop"):
        code, output, _ = fresh.ours.cli("up", "net", "--timeout", "1")
    assert code == 5
    assert "Timeout: net is connecting_phase1; the gateway goes on trying" in output


def test_an_active_connection_tries_again_and_again(fresh: Duo) -> None:
    retry = {"count": 1, "interval_s": 1, "try_timeout_s": 3}
    fresh.peer(psk="another")
    fresh.configure(connection_toml(fresh.lab, "lasting", initiation="active", retry=retry))
    follower = Running(fresh, "log", "lasting", "-f")
    view = fresh.wait_reason("AUTH_REFUSED_BY_PEER", "lasting")
    assert view.tries >= 1
    follower.wait_for("AUTH_REFUSED_BY_PEER")
    fresh.peer()  # the administrator over there has found it
    fresh.wait_connected("lasting", 10)
    follower.wait_for("CHILD_SA established")
    follower.stop()
