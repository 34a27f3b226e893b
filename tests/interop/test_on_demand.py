"""Packets that start a tunnel are not lost, and what follows a silent peer."""

from collections.abc import Callable

import pytest

from tests.interop.duo import (
    HOST_A,
    HOST_B,
    QUICK_DPD,
    Duo,
    connection_toml,
    hosts_talk,
    only_tunnelled,
)
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab
Start = Callable[..., Duo]


def test_the_first_ping_starts_it_and_is_answered(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab, initiation="on_demand"))
    pair.peer()
    assert pair.see().state == "idle"
    with only_tunnelled(lab):
        assert lab.ping("ca", HOST_B, 1) == 0
        hosts_talk(lab)
    assert pair.see().state == "connected"


def test_after_the_peers_deletion_the_next_ping_starts_it_again(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab, initiation="on_demand"))
    pair.peer()
    assert lab.ping("ca", HOST_B, 1) == 0
    wait_for(lambda: pair.see().state == "connected", 5, "the first tunnel")
    assert pair.swan.terminate()[0]
    wait_for(lambda: pair.see().state == "idle", 5, "its end")
    assert lab.ping("ca", HOST_B, 1) == 0
    wait_for(lambda: pair.see().state == "connected", 5, "the second tunnel")


def test_the_peer_may_start_it_too(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab, initiation="on_demand"))
    pair.peer()
    pair.peer_up()
    hosts_talk(lab)


def test_both_gateways_wait_for_packets_and_both_get_some(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab, initiation="on_demand"))
    pair.peer(child_lines=["start_action = trap"])
    ours = lab.spawn("ca", ["ping", "-n", "-q", "-c", "3", HOST_B], lab.folder / "ping-a.log")
    theirs = lab.spawn("cb", ["ping", "-n", "-q", "-c", "3", HOST_A], lab.folder / "ping-b.log")
    assert ours.wait(15) == 0
    theirs.wait(15)
    pair.wait_connected()
    hosts_talk(lab)


def test_hold_waits_for_a_packet_when_the_peer_is_dead(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab, dpd=QUICK_DPD | {"action": "hold"}))
    pair.peer()
    pair.up()
    pair.swan.kill()
    wait_for(lambda: pair.see().state == "idle", 20, "the probes' end")
    assert "DPD_TIMEOUT" in pair.ours.log
    pair.swan.restart()
    assert lab.ping("ca", HOST_B, 1) == 0
    pair.wait_connected()
