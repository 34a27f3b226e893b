"""What was dropped, as the operator sees it: on which connection, through rekeys and restarts."""

import os
import signal
import socket
from collections.abc import Mapping
from typing import Any

import pytest

from ikebana.control.client import Client
from tests.interop.duo import connection_toml, gateway_toml, hosts_talk
from tests.lab.ikebana import Gateway
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab


def forge(lab: Lab, spi: int, count: int) -> None:
    """Send ESP packets of this SA whose ICVs are wrong from the peer's host to gateway A."""
    with lab["gb"].enter():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sock:
        for number in range(count):
            octets = spi.to_bytes(4, "big") + (1000 + number).to_bytes(4, "big") + os.urandom(100)
            sock.sendto(octets, (lab.public("ga"), 4500))


def grown(before: Mapping[str, int], after: Mapping[str, int]) -> bool:
    return all(after.get(name, 0) >= count for name, count in before.items())


def test_drops_are_told_by_connection_and_outlive_keys_and_workers(lab: Lab) -> None:
    ours, _ = (
        Gateway(lab, side, gateway_toml(
            lab, connection_toml(lab, side=side, force_encap=True), side=side))
        for side in ("ga", "gb")
    )  # fmt: skip
    client = Client(str(ours.control))
    assert ours.cli("up", "net")[0] == 0

    def view() -> Any:
        return ours.status("net")["connections"][0]

    def dropped() -> int:
        return int(view()["drops"].get("integrity", 0))

    hosts_talk(lab)
    assert "drops:" not in ours.cli("status", "net")[1]
    counters = client.counters()
    forge(lab, view()["children"][0]["inbound_spi"], 3)
    wait_for(lambda: dropped() == 3, 5, "three forged packets")
    assert view()["children"][0]["drops"] == {"integrity": 3}
    assert "  drops:    integrity 3" in ours.cli("status", "net")[1]
    assert "dropped: integrity 3" in ours.cli("status")[1]
    assert grown(counters, client.counters())

    packets = view()["packets_out"]
    client.rekey("net", ike=False, timeout=10)
    forge(lab, view()["children"][-1]["inbound_spi"], 2)
    wait_for(lambda: dropped() == 5, 5, "five")
    hosts_talk(lab)
    worker = client.status().gateway.worker
    os.kill(worker.pid, signal.SIGKILL)
    wait_for(lambda: client.status().gateway.worker.restarts == 1, 5, "another worker")
    wait_for(lambda: view()["state"] == "connected", 10, "new keys")
    assert dropped() == 5
    hosts_talk(lab)
    wait_for(lambda: view()["packets_out"] >= packets + 10, 5, "the packets of both workers")
    now = client.status().gateway
    assert now.drops["integrity"] == 5
    assert now.worker.packets_out >= worker.packets_out
    assert grown(counters, client.counters())


def test_the_daemon_steps_back_behind_the_worker(lab: Lab) -> None:
    gateway = Gateway(lab, "ga", gateway_toml(lab, connection_toml(lab)))
    client = Client(str(gateway.control))

    def step() -> int:
        worker = client.status().gateway.worker.pid
        nice = (os.getpriority(os.PRIO_PROCESS, pid) for pid in (gateway.pid, worker))
        return next(nice) - next(nice)

    assert step() == 3
    os.kill(client.status().gateway.worker.pid, signal.SIGKILL)
    wait_for(lambda: client.status().gateway.worker.restarts == 1, 5, "another worker")
    assert step() in (0, 3)  # 0 where the kernel does not let us raise anything
