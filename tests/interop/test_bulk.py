"""200 MB through the tunnel each way arrive as they were sent."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.interop import transfer
from tests.interop.duo import HOST_A, HOST_A6, HOST_B, HOST_B6, Duo, connection_toml
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab
Start = Callable[..., Duo]
OCTETS = 200_000_000
PORT = 7000


def carry(lab: Lab, source: str, target: str, address: str, octets: int = OCTETS) -> None:
    """Send from one host to the other over TCP and compare both ends' SHA-256."""
    log = lab.folder / f"receive-{target}.log"
    program = [sys.executable, transfer.__file__]
    receiver = lab.spawn(target, [*program, "receive", address, str(PORT)], log)
    wait_for(lambda: "listening" in log.read_text(), 10, "the receiver")
    code, sent, errors = lab.run(
        source, [*program, "send", address, str(PORT), str(octets)], timeout=120
    )
    assert code == 0, errors
    assert receiver.wait(20) == 0
    assert log.read_text().split() == ["listening", sent.strip()]


def test_200_megabytes_each_way(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab))
    pair.peer()
    pair.up()
    carry(lab, "ca", "cb", HOST_B)
    carry(lab, "cb", "ca", HOST_A)
    wait_for(lambda: pair.see().octets_in > OCTETS < pair.see().octets_out, 5, "the counters")
    harmful = {"integrity", "padding", "malformed"}
    assert not harmful & set(pair.client.status().gateway.drops)


@pytest.mark.parametrize(
    ("switches", "gone"),
    [
        ({"offload": "off"}, {"vnet", "uso", "gso", "gro"}),
        ({"lab_keys": {"vectors": False}}, {"numpy"}),
        (
            {"offload": "off", "lab_keys": {"vectors": False}},
            {"vnet", "uso", "gso", "gro", "numpy"},
        ),
    ],
    ids=["one by one", "without numpy", "neither"],
)
def test_20_megabytes_each_way_with_what_is_switched_off(
    lab: Lab, duo: Start, switches: dict[str, Any], gone: set[str]
) -> None:
    pair = duo(connection_toml(lab), **switches)
    pair.peer()
    pair.up()
    carry(lab, "ca", "cb", HOST_B, OCTETS // 10)
    carry(lab, "cb", "ca", HOST_A, OCTETS // 10)
    means = set(pair.client.status().gateway.worker.means)
    assert not means & gone
    assert means >= {"vnet", "gso", "gro", "numpy"} - gone


def test_20_megabytes_each_way_over_ipv6(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab, six=True, inner_six=True, esp="aes256-sha256"), six=True)
    pair.peer(six=True, inner_six=True, esp="aes256-sha256")
    pair.up()
    carry(lab, "ca", "cb", HOST_B6, OCTETS // 10)
    carry(lab, "cb", "ca", HOST_A6, OCTETS // 10)
