"""ESP without UDP against a Linux kernel's: protocol 50, as most gateways speak it."""

import pytest

from tests.interop.duo import (
    HOST_A,
    HOST_B,
    Duo,
    connection_toml,
    hosts_talk,
    only_tunnelled,
    packets,
)
from tests.lab.kernel_peer import KernelPeer, require_kernel_peer
from tests.lab.topology import Lab

pytestmark = pytest.mark.lab
FULL = 1392
"""Octets of the biggest ping that AES-GCM in tunnel mode takes over an MTU of 1500."""


@pytest.mark.parametrize("starter", ["we", "peer"])
def test_protocol_50_both_ways(lab: Lab, starter: str) -> None:
    require_kernel_peer()
    pair = Duo(lab, connection_toml(lab), peer=KernelPeer)
    pair.peer(lines=["mobike = no"])  # with it the peer's IKE moves to port 4500 without a NAT
    wire = lab.capture("ga", "wan", "ip proto 50")
    with only_tunnelled(lab, "udp port 500 or udp port 4500 or ip proto 50"):
        pair.up() if starter == "we" else pair.peer_up()
        hosts_talk(lab, count=20)
        assert lab.ping("ca", HOST_B, 10, 0.01, octets=FULL) == 0
        assert lab.ping("cb", HOST_A, 10, 0.01, octets=FULL) == 0
        assert lab.ping("ca", HOST_B, 10, 0.01, octets=4000) == 0  # in fragments
        assert lab.ping("cb", HOST_A, 10, 0.01, octets=4000) == 0
    assert len(packets(wire.stop())) >= 160
    view = pair.see()
    assert (view.encapsulation, view.nat) == ("esp", "none")
    assert "INSTALLED, TUNNEL, " in pair.swan.list_sas()
