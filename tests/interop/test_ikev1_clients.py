"""People at home over IKEv1: XAUTH, and an inner address by mode config, pulled and pushed."""

import re
from collections.abc import Iterator
from itertools import product
from typing import Final, Literal

import pytest

from tests.interop.duo import HOST_A, HOST_B, Duo, gateway_toml, hosts_talk
from tests.interop.legacy import BANNER, Terms, begin, end, give
from tests.lab.ikebana import Gateway
from tests.lab.legacy import USER
from tests.lab.needs import require
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab
PULL_AND_PUSH: Final[tuple[Literal["pull", "push"], ...]] = ("pull", "push")
UNITY: Final = ("cisco_unity = yes",)
WAYS = [
    pytest.param(
        Terms(we_start=we_start, aggressive=aggressive, xauth=xauth, config=config),
        marks=() if aggressive == xauth else pytest.mark.thorough,
        id=str(Terms(we_start, aggressive, xauth, config)),
    )
    for we_start, aggressive, xauth, config in product(
        (True, False), (True, False), (True, False), PULL_AND_PUSH
    )
]


@pytest.fixture(scope="module")
def pair() -> Iterator[Duo]:
    """Yield one pair of daemons for all."""
    require("nft", "ping", "charon-systemd", "swanctl")
    with Lab() as lab:
        yield Duo(lab, options=UNITY)


@pytest.mark.parametrize("terms", WAYS)
def test_an_address_is_given(pair: Duo, terms: Terms) -> None:
    give(pair, terms)
    begin(pair, terms)
    client, host = ("ga", HOST_B) if terms.we_start else ("gb", HOST_A)
    assert pair.lab.ping(client, host, 3) == 0
    view = pair.see()
    if terms.we_start:
        assert view.inner_address == given(pair)
        assert f"inner address {given(pair)}; networks 10.2.0.0/24" in pair.ours.log
    else:
        kind = "CPS" if terms.config == "push" else "CPRP"
        assert f"{kind}(ADDR MASK DNS U_BANNER U_SPLITINC)" in pair.swan.log
        assert view.user == (USER if terms.xauth else "")
    end(pair, terms)


def given(pair: Duo) -> str:
    """Return the inner address as the peer has it."""
    found = re.search(r"\[(10\.3\.0\.\d+)\]", pair.swan.list_sas())
    assert found is not None
    return found[1]


def test_the_same_client_gets_the_same_address(pair: Duo) -> None:
    terms = Terms(we_start=False, xauth=True, config="pull")
    give(pair, terms)
    found = []
    for _ in range(2):
        begin(pair, terms)
        found.append(given(pair))
        end(pair, terms)
    assert found[0] == found[1]


@pytest.mark.parametrize("we_start", [True, False], ids=["we are the client", "the peer is"])
def test_a_wrong_password(pair: Duo, we_start: bool) -> None:
    terms = Terms(we_start=we_start, xauth=True)
    give(pair, terms, password="forgotten")  # noqa: S106 - nobody's
    if we_start:
        code, output, _ = pair.ours.cli("up", "net")
        assert code == 1
        assert "USER_REFUSED" in output
    else:
        assert not pair.swan.initiate(timeout=3)[0]
    pair.wait_reason("USER_REFUSED")
    pair.swan.swanctl("--terminate", "--ike", "net", "--force", "--timeout", "1")


def test_a_tunnel_lives_on_beside_a_stranger_with_a_wrong_password(pair: Duo) -> None:
    terms = Terms(we_start=False, xauth=True)
    give(pair, terms)
    begin(pair, terms)
    before = pair.see().initiator_spi
    pair.swan.load(stranger(terms, pair))
    assert not pair.swan.initiate("other", timeout=3)[0]
    wait_for(lambda: "USER_REFUSED" in pair.ours.log, 5, "the log")
    assert pair.see().initiator_spi == before
    hosts_talk(pair.lab)


def stranger(terms: Terms, pair: Duo) -> str:
    """Return a connection of the peer's that shares no IKE SA with the usual one."""
    wrong = "forgotten"
    return terms.theirs(pair, "other", password=wrong, lines=["rekey_time = 5h"])


@pytest.mark.parametrize(
    ("aggressive", "way"),
    [
        pytest.param(False, "pull", marks=pytest.mark.thorough),
        (True, "push"),
        pytest.param(True, "pull", marks=pytest.mark.thorough),
        pytest.param(False, "push", marks=pytest.mark.thorough),
    ],
)
def test_two_of_ours(lab: Lab, aggressive: bool, way: Literal["pull", "push"]) -> None:
    b, a = (
        Gateway(
            lab,
            side,
            gateway_toml(
                lab, *Terms(side == "ga", aggressive, True, way).ours(lab, side=side), side=side
            ),
        )
        for side in ("gb", "ga")
    )
    code, output, errors = a.cli("up", "net")
    assert code == 0, output + errors
    assert lab.ping("ga", HOST_B, 3) == 0
    (here,), (there,) = (one.status()["connections"] for one in (a, b))
    assert here["inner_address"].startswith("10.3.0.")
    assert (there["user"], there["encapsulation"]) == (USER, "esp")
    assert BANNER in a.log
