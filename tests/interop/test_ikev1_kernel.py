"""IKEv1 and a Linux kernel's ESP where there is a NAT: transport mode in UDP (RFC 3948).

NAT-OA tells each end the address that the other's checksums were made with (RFC 3947 section 5.2).
"""

import sys
from collections.abc import Iterator
from typing import Final

import pytest

from tests.interop.duo import Duo, connection_toml, packets
from tests.interop.legacy import IKE
from tests.lab.kernel_peer import KernelPeer, require_kernel_peer
from tests.lab.legacy import legacy
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab

PORT: Final = 7201
OCTETS: Final = 20_000
ESP: Final = "aes128-sha256"
ECHO: Final = f"""
import socket
server = socket.create_server(("", {PORT}))
open("/tmp/echo-listens", "w").close()
while True:
    with server.accept()[0] as peer:
        while data := peer.recv(65536):
            peer.sendall(data)
"""
ASK: Final = f"""
import socket
with socket.create_connection(("10.99.0.2", {PORT}), 10) as peer:
    peer.sendall(bytes({OCTETS}))
    left = {OCTETS}
    while left:
        left -= len(peer.recv(65536))
"""


@pytest.fixture
def behind_a_nat() -> Iterator[Duo]:
    """Yield ours behind a NAT, and the kernel peer on the open side."""
    require_kernel_peer()
    with Lab("a") as lab:
        yield Duo(lab, peer=KernelPeer)


def test_transport_mode_behind_a_nat(behind_a_nat: Duo) -> None:
    pair = behind_a_nat
    pair.configure(
        connection_toml(
            pair.lab, ike=IKE, esp=ESP, local_subnets=None, remote_subnets=None,
            ike_keys={"version": "ikev1"}, ipsec={"mode": "transport"},
        )
    )  # fmt: skip
    pair.swan.load(
        legacy(
            pair.swan, ike=IKE, esp=ESP, remote="%any", local_ts="dynamic", remote_ts="dynamic",
            child_lines=["mode = transport"],
        )
    )  # fmt: skip
    pair.up()
    sas = pair.swan.list_sas()
    assert "TRANSPORT-in-UDP" in sas
    assert pair.see().nat == "here"
    wire = pair.lab.capture("nat", "wan", "icmp or tcp")
    assert pair.lab.ping("ga", "10.99.0.2", 5) == 0
    assert isinstance(pair.swan, KernelPeer)
    machine = pair.swan.machine
    machine.check(f"python3 -c '{ECHO}' >/dev/null 2>&1 &")
    wait_for(lambda: machine.shell("[ -e /tmp/echo-listens ]")[0] == 0, 20, "the echo server")
    pair.lab.check("ga", [sys.executable, "-c", ASK])
    assert not packets(wire.stop())
