"""What comes out of a tunnel is what went in, with and without offloads, on good wires and bad.

Hosts ca and cb speak through two gateways of ours, or ours and strongSwan's; IPv4 and IPv6 inside.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from ikebana.control.client import Client
from tests.interop.duo import Duo, connection_toml, gateway_toml
from tests.interop.flows import (
    BOTH,
    BOTH6,
    TO_A,
    TO_B,
    TO_B6,
    carry,
    checksums,
    echo_datagrams,
    echo_pieces,
    set_offloads,
)
from tests.lab.ikebana import Gateway
from tests.lab.needs import find, require
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab

MEGABYTE = 1_000_000
NETS = {"ga": ["10.1.0.0/24", "fd01::/64"], "gb": ["10.2.0.0/24", "fd02::/64"]}
HARMFUL = {"integrity", "padding", "malformed", "inner", "selectors", "no_sa"}
KINDS = [("ours", "auto"), ("ours", "off"), ("strongSwan", "auto"), ("strongSwan", "off")]
ONLY_SOAK = KINDS[3]


@dataclass
class Tunnel:
    """A lab with its tunnel up, and those of its gateways that are ours."""

    lab: Lab
    gateways: tuple[Gateway, ...]

    def drops(self) -> dict[str, int]:
        """Return what our gateways have dropped, together."""
        total: dict[str, int] = {}
        for one in self.gateways:
            for reason, count in Client(str(one.control)).status().gateway.drops.items():
                total[reason] = total.get(reason, 0) + count
        return total


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: f"{kind[0]}, offload {kind[1]}")
def tunnel(request: pytest.FixtureRequest) -> Iterator[Tunnel]:
    """Yield one tunnel in UDP for all: with our offloads, and without."""
    require("nft", "tcpdump", "tshark", "ethtool", "charon-systemd", "swanctl")
    if request.param == ONLY_SOAK and not request.config.getoption("--soak"):
        pytest.skip("with --soak")
    peer, offload = request.param
    with Lab() as lab:
        if peer == "ours":
            yield two_of_ours(lab, offload)
            return
        pair = Duo(lab, connection(lab, "ga"), offload=offload)
        pair.peer(local_ts=",".join(NETS["gb"]), remote_ts=",".join(NETS["ga"]))
        pair.up()
        yield Tunnel(lab, (pair.ours,))


def connection(lab: Lab, side: str) -> str:
    other = "gb" if side == "ga" else "ga"
    return connection_toml(
        lab, side=side, force_encap=True, local_subnets=NETS[side], remote_subnets=NETS[other]
    )


def two_of_ours(lab: Lab, offload: str) -> Tunnel:
    a, b = (
        Gateway(
            lab, side, gateway_toml(lab, connection(lab, side), side=side, offload=offload)
        )
        for side in ("ga", "gb")
    )  # fmt: skip
    code, output, errors = a.cli("up", "net")
    assert code == 0, output + errors
    return Tunnel(lab, (a, b))


@pytest.fixture
def size(request: pytest.FixtureRequest) -> int:
    """Return the octets of a large file."""
    return (500 if request.config.getoption("--soak") else 20) * MEGABYTE


@pytest.mark.parametrize("hosts", ["with offloads", "without offloads"])
def test_files_both_ways_at_once(tunnel: Tunnel, size: int, hosts: str) -> None:
    set_offloads(tunnel.lab, on=hosts == "with offloads")
    carry(tunnel.lab, size, *BOTH)
    carry(tunnel.lab, size // 10, *BOTH, *BOTH6)


@pytest.mark.parametrize("hosts", ["with offloads", "without offloads"])
def test_datagrams_and_pieces_of_every_size_come_back(
    tunnel: Tunnel, times: int, hosts: str
) -> None:
    set_offloads(tunnel.lab, on=hosts == "with offloads")
    missing = echo_datagrams(tunnel.lab, TO_B, TO_B6, flows=3, rounds=17 * times)
    assert missing <= 5 * times
    for way in (TO_B, TO_A, TO_B6):
        echo_pieces(tunnel.lab, way, rounds=20 * times)


def test_checksums_are_right_on_the_inner_wires(tunnel: Tunnel) -> None:
    lab = tunnel.lab
    set_offloads(lab, on=False)
    captures = [
        lab.capture(name, "lan", "-B", "65536", "-Q", "in", "tcp or udp") for name in ("ca", "cb")
    ]
    carry(lab, 2 * MEGABYTE, *BOTH, *BOTH6)
    echo_datagrams(lab, TO_B, TO_B6, flows=2, rounds=10)
    for one in captures:
        good, bad = checksums(one.stop())
        assert not bad, f"{good} right, {len(bad)} wrong, the first of them:\n{bad[0]}"
        assert good > 3000
    drops = tunnel.drops()  # all that was carried so far has been counted by now
    assert not {reason for reason in HARMFUL if drops.get(reason)}, drops


SPOILT = {
    "batches lost": "numgen random mod 100 == 0 drop",
    "a packet of a batch damaged": "numgen random mod 50 == 0 @th,2048,16 set 0x5bad",
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_wire_that_spoils_costs_packets_and_nothing_else(tunnel: Tunnel, what: str) -> None:
    set_offloads(tunnel.lab, on=True)
    with spoilt(tunnel.lab, SPOILT[what]):
        carry(tunnel.lab, 4 * MEGABYTE, *BOTH, TO_B6)
    if "damaged" in what:
        wait_for(lambda: tunnel.drops().get("integrity"), 5, "what is damaged is counted")
    carry(tunnel.lab, MEGABYTE, *BOTH)


def test_single_packets_are_lost(tunnel: Tunnel) -> None:
    segmented(tunnel.lab, on=False)
    with spoilt(tunnel.lab, "numgen random mod 200 == 0 drop"):
        carry(tunnel.lab, 4 * MEGABYTE, *BOTH, TO_B6)
    segmented(tunnel.lab, on=True)


def test_a_wire_narrower_than_our_packets(tunnel: Tunnel) -> None:
    """UDP_SEGMENT is refused there: ESP goes in fragments, or inner packets are made smaller."""
    lab = tunnel.lab
    set_offloads(lab, on=True)
    for name in ("ga", "gb"):
        lab[name].up("wan", 1280)
    carry(lab, 4 * MEGABYTE, *BOTH, TO_B6)
    assert echo_datagrams(lab, TO_B, TO_B6, flows=2, rounds=5) <= 5
    for name in ("ga", "gb"):
        lab[name].up("wan", 1500)
    carry(lab, 4 * MEGABYTE, *BOTH)


@contextmanager
def spoilt(lab: Lab, statement: str) -> Iterator[None]:
    """Let a part of the ESP in UDP that arrives at either gateway suffer this, for a block."""
    for name in ("ga", "gb"):
        lab.nft(
            name,
            "table inet lab_spoilt { chain arriving {\n"
            "type filter hook prerouting priority raw;\n"
            f"iifname wan udp dport 4500 @th,64,32 != 0 {statement}\n}}\n}}",
        )
    try:
        yield
    finally:
        for name in ("ga", "gb"):
            lab.nft(name, "delete table inet lab_spoilt")


def segmented(lab: Lab, *, on: bool) -> None:
    """Let batches of UDP cross the wan whole, as one packet, or cut them before it."""
    for name in ("ga", "gb"):
        word = "on" if on else "off"
        argv = ["-K", "wan", "tx-udp-segmentation", word]
        lab.check(name, [find("ethtool") or "ethtool", *argv])
