"""Pings through IKEv1's tunnels while quick modes replace their keys every two seconds: none lost.

20 s in ``make test``, 120 s with ``--soak``.
"""

import time
from typing import Final

import pytest

from tests.interop.duo import HOST_A, HOST_B, PATIENT, connection_toml, gateway_toml, wait_for_ping
from tests.interop.legacy import ESP, IKE
from tests.interop.sides import Ours, Side, Swan
from tests.lab.echo import Stream
from tests.lab.kernel_peer import KernelPeer, require_kernel_peer
from tests.lab.legacy import legacy
from tests.lab.strongswan import StrongSwan
from tests.lab.topology import Lab, wait_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

EVERY: Final = 2
SECONDS: Final = 20
SOAK: Final = 120
INTERVAL: Final = 0.01
NEVER: Final = 0


@pytest.fixture
def seconds(times: int) -> int:
    return SOAK if times > 1 else SECONDS


def ours(lab: Lab, name: str, *, rekeys: bool = True) -> Ours:
    text = connection_toml(
        lab, side=name, ike=IKE, esp=ESP, retry=PATIENT,
        ike_keys={"version": "ikev1", "lifetime_s": NEVER},
        ipsec={"lifetime_s": EVERY if rekeys else NEVER},
    )  # fmt: skip
    return Ours(
        lab, name, gateway_toml(lab, text, side=name, lab_keys={"allow_short_lifetimes": True})
    )


def swan(lab: Lab, kind: type[StrongSwan] = StrongSwan, *, rekeys: bool = True) -> Swan:
    """Return a strongSwan; what it has replaced it keeps for the end of its life.

    With ``delete_rekeyed`` it would not even wait for what is on its way.
    """
    peer = kind(lab, "gb")
    often = [f"rekey_time = {EVERY}s", "rand_time = 0s", "life_time = 12s"]
    child = often if rekeys else ["rekey_time = 0s"]
    return Swan(lab, peer, legacy(peer, ike=IKE, esp=ESP, child_lines=child))


def nothing_lost(lab: Lab, a: Ours, b: Side, seconds: int) -> None:
    a.up()
    wait_for(lambda: a.children() and b.children(), 10, "both ends connected")
    wait_for_ping(lab, 10)
    with Stream(lab["ca"], HOST_B, INTERVAL) as one, Stream(lab["cb"], HOST_A, INTERVAL) as other:
        spis = set(a.children())
        for _ in range(seconds):
            time.sleep(1)
            spis |= a.children()
    assert (one.lost, other.lost) == (0, 0), f"{one.gap:.2f} s, {other.gap:.2f} s\n{a.log[-4000:]}"
    assert len(spis) >= seconds / EVERY / 2, f"only {len(spis)} children"


@pytest.mark.thorough
def test_two_of_ours(lab: Lab, seconds: int) -> None:
    nothing_lost(lab, ours(lab, "ga"), ours(lab, "gb"), seconds)


def test_strongswan_and_we(lab: Lab, seconds: int) -> None:
    nothing_lost(lab, ours(lab, "ga"), swan(lab, rekeys=False), seconds)


@pytest.mark.thorough
def test_strongswan_rekeys(lab: Lab, seconds: int) -> None:
    nothing_lost(lab, ours(lab, "ga", rekeys=False), swan(lab), seconds)


@pytest.mark.thorough
def test_the_kernel_and_we(lab: Lab, seconds: int) -> None:
    require_kernel_peer()
    nothing_lost(lab, ours(lab, "ga"), swan(lab, KernelPeer, rekeys=False), seconds)
