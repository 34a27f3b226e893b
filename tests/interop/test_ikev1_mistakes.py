"""Misconfigured IKEv1, whoever starts: we know why it fails, and say so; no guess as a fact.

What the protocol tells decides the code: a wrong key is seen as a message that cannot be read,
and as initiator we hear nothing but a refusal in clear, or silence.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.interop.duo import Duo, hosts_talk
from tests.interop.legacy import Terms, begin, give
from tests.lab.needs import require
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab


@dataclass(frozen=True)
class Mistake:
    """What is wrong, at the peer (``peer``) or with us, and the code we must give.

    ``heard`` are the codes of which one has to be given when the peer starts, ``told`` when we do:
    the first of them or a cause that ``up`` lists.
    """

    name: str
    heard: str
    told: tuple[str, ...]
    peer: dict[str, Any] = field(default_factory=dict)
    ours: dict[str, Any] = field(default_factory=dict)
    terms: dict[str, Any] = field(default_factory=dict)
    stage: int = 1
    thorough: bool = False


AGGRESSIVE = {"aggressive": True}
REFUSED = "PROPOSAL_REFUSED_BY_PEER"
MISTAKES = [
    Mistake("another PSK, main mode", "PSK_MISMATCH", ("PSK_MISMATCH",), {"psk": "another"}),
    Mistake(
        "another PSK, aggressive mode", "PSK_MISMATCH", ("PSK_MISMATCH",), {"psk": "another"},
        terms=AGGRESSIVE,
    ),
    Mistake(
        "the peer wants main mode", "MODE_MISMATCH", ("MODE_MISMATCH",), {"aggressive": False},
        terms=AGGRESSIVE,
    ),
    Mistake("the peer wants aggressive mode", "MODE_MISMATCH", ("MODE_MISMATCH",), AGGRESSIVE),
    Mistake(
        "its own identity", "PEER_IDENTITY_MISMATCH", ("PEER_IDENTITY_MISMATCH",),
        {"local_id": "stranger.lab"},
    ),
    Mistake(
        "its own identity, aggressive mode", "PEER_IDENTITY_MISMATCH", ("PEER_IDENTITY_MISMATCH",),
        {"local_id": "stranger.lab"}, terms=AGGRESSIVE, thorough=True,
    ),
    Mistake(
        "IKE encryption", "ENCRYPTION_MISMATCH", (REFUSED, "ENCRYPTION_MISMATCH"),
        {"ike": "aes256-sha256-modp2048"},
    ),
    Mistake(
        "IKE hash", "INTEGRITY_MISMATCH", (REFUSED, "INTEGRITY_MISMATCH"),
        {"ike": "aes128-sha512-modp2048"}, thorough=True,
    ),
    Mistake(
        "group", "DH_GROUP_MISMATCH", (REFUSED, "DH_GROUP_MISMATCH"),
        {"ike": "aes128-sha256-modp3072"}, thorough=True,
    ),
    Mistake(
        "ESP proposal", "ESP_PROPOSAL_MISMATCH", (REFUSED, "ESP_PROPOSAL_MISMATCH"),
        {"esp": "aes256-sha256"}, stage=2,
    ),
    Mistake(
        "the peer has no PFS", "PFS_MISMATCH", (REFUSED, "PFS_MISMATCH"), {"esp": "aes128gcm16"},
        terms={"pfs": True}, stage=2,
    ),
    Mistake(
        "another group for PFS", "PFS_MISMATCH", (REFUSED, "PFS_MISMATCH"),
        {"esp": "aes128gcm16-modp3072"}, terms={"pfs": True}, stage=2, thorough=True,
    ),
    Mistake(
        "its network", "TS_MISMATCH", ("TS_MISMATCH",), {"local_ts": "10.7.0.0/24"}, stage=2,
    ),
    Mistake(
        "its idea of our network", "TS_MISMATCH", ("TS_MISMATCH",), {"remote_ts": "10.8.0.0/24"},
        stage=2,
    ),
    Mistake(
        "the peer speaks IKEv2", "IKE_VERSION_MISMATCH",
        ("IKE_VERSION_MISMATCH", REFUSED, "PEER_NO_RESPONSE"), {"version": 2},
    ),
]  # fmt: skip
every_mistake = pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(one, marks=pytest.mark.thorough if one.thorough else (), id=one.name)
        for one in MISTAKES
    ],
)


@pytest.fixture(scope="module")
def pair() -> Iterator[Duo]:
    """Yield one pair of daemons for all mistakes."""
    require("nft", "ping", "charon-systemd", "swanctl")
    with Lab() as lab:
        yield Duo(lab, limits={"half_open_timeout_s": 2})


@pytest.fixture
def fresh(pair: Duo) -> Iterator[Duo]:
    """Yield the pair, its connections taken away first."""
    pair.configure()
    yield pair
    pair.swan.swanctl("--terminate", "--ike", "net", "--force", "--timeout", "1")


@every_mistake
def test_the_peer_starts(fresh: Duo, mistake: Mistake) -> None:
    terms = Terms(we_start=False, **mistake.terms)
    misled(fresh, terms, mistake)
    done, account = fresh.swan.initiate(timeout=2)
    assert not done, account
    fresh.wait_reason(mistake.heard)
    (view,) = fresh.ours.status("net")["connections"]
    assert view["state"] == f"phase{mistake.stage}_failed"
    assert mistake.heard in fresh.ours.log
    code, screen, _ = fresh.ours.cli("status")
    assert code == 0
    assert f" {mistake.heard}: " in screen


@every_mistake
def test_we_start(fresh: Duo, mistake: Mistake) -> None:
    terms = Terms(we_start=True, **mistake.terms)
    misled(fresh, terms, mistake, initiation="passive", retry={"try_timeout_s": 3})
    code, output, _ = fresh.ours.cli("up", "net")
    assert code == 1
    assert f"Not connected: net is phase{mistake.stage}_failed" in output
    assert any(f"{one}: " in output for one in mistake.told), output
    assert fresh.see().reason_code


def misled(pair: Duo, terms: Terms, mistake: Mistake, **ours: Any) -> None:
    """Give both ends their configuration, one of them wrong."""
    if terms.aggressive:
        ours["ike_keys"] = {"allow_aggressive_psk": True}
    pair.configure(*terms.ours(pair.lab, **(ours | mistake.ours)))
    assert not pair.see().reason_code
    settings = dict(mistake.peer)
    if settings.get("version") == 2:
        pair.swan.load(pair.swan.connection(ike=terms.ike, esp=terms.transforms))
    else:
        pair.swan.load(terms.theirs(pair, **settings))


@pytest.mark.parametrize("we_start", [True, False], ids=["we start", "peer starts"])
def test_we_speak_ikev2_and_the_peer_ikev1(fresh: Duo, we_start: bool) -> None:
    terms = Terms(we_start=we_start)
    two = {"version": "ikev2"}
    fields: dict[str, Any] = {"ike_keys": two, "retry": {"try_timeout_s": 3}}
    text, *_ = terms.ours(fresh.lab, **fields)
    fresh.configure(text.replace('mode = "main"\n', ""))
    fresh.swan.load(terms.theirs(fresh))
    if we_start:
        code, output, _ = fresh.ours.cli("up", "net")
        assert code == 1
        assert "IKE_VERSION_MISMATCH" in output
    else:
        assert not fresh.swan.initiate(timeout=2)[0]
        fresh.wait_reason("IKE_VERSION_MISMATCH")


@pytest.mark.parametrize(
    "ours",
    [
        pytest.param(True, marks=pytest.mark.thorough, id="we want it"),
        pytest.param(False, id="the peer wants it"),
    ],
)
@pytest.mark.parametrize("we_start", [True, False], ids=["we start", "peer starts"])
def test_only_one_end_wants_xauth(fresh: Duo, we_start: bool, ours: bool) -> None:
    terms = Terms(we_start=we_start, xauth=ours)
    fresh.configure(*terms.ours(fresh.lab, retry={"try_timeout_s": 3}))
    role = "" if ours else "server" if we_start else "client"
    fresh.swan.load(terms.theirs(fresh, xauth=role))
    if we_start:
        code, output, _ = fresh.ours.cli("up", "net")
        assert code == 1
        assert "AUTH_METHOD_MISMATCH" in output
    else:
        assert not fresh.swan.initiate(timeout=2)[0]
        fresh.wait_reason("AUTH_METHOD_MISMATCH")


def test_a_mistake_at_the_peer_does_not_hurt_a_tunnel_that_is_up(fresh: Duo) -> None:
    terms = Terms(we_start=False)
    give(fresh, terms)
    begin(fresh, terms)
    before = fresh.see()
    fresh.swan.load(terms.theirs(fresh, "other", psk="another", lines=["rekey_time = 5h"]))
    assert not fresh.swan.initiate("other", timeout=2)[0]
    wait_for(lambda: "PSK_MISMATCH" in fresh.ours.log, 5, "the log")
    after = fresh.see()
    assert (after.state, after.initiator_spi) == ("connected", before.initiator_spi)
    hosts_talk(fresh.lab)
