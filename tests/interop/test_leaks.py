"""What may never happen on the wire: packets in clear, packets of ours in our own tunnel."""

import os
import re
import signal
from collections.abc import Callable

import pytest

from ikebana.control.view import ConnectionView
from tests.interop.duo import (
    HOST_A,
    HOST_B,
    HOST_B6,
    Duo,
    connection_toml,
    hosts_talk,
    only_tunnelled,
    packets,
    swan_sas,
    wait_for_ping,
)
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab
Start = Callable[..., Duo]


def ping_text(lab: Lab, target: str, *options: str) -> str:
    """Return what ping prints on host A, errors of the gateway included."""
    return lab.run("ca", ["ping", "-n", "-W", "1", "-c", "2", "-i", "0.2", *options, target])[1]


def test_nothing_leaves_in_clear_while_the_connection_is_enabled(lab: Lab, duo: Start) -> None:
    lab["ga"].route("default", via="10.99.0.2")  # the way that a packet in clear would take
    lab["ga"].sysctl("net.ipv4.icmp_ratelimit", 0)  # the other limit, of routes, cannot be lifted
    leak = lab.capture("gb", "wan", "net 10.2.0.0/24")
    ping_text(lab, HOST_B, "-c", "1")
    assert len(packets(leak.stop())) > 0  # without us it does
    pair = duo(connection_toml(lab))
    pair.peer()
    with only_tunnelled(lab):  # one ping each: the kernel has five errors, then one a second
        assert "Destination Host Unreachable" in ping_text(lab, HOST_B, "-c", "1")  # before
        pair.up()
        hosts_talk(lab)
        pair.client.down("net")
        assert "Destination Host Unreachable" in ping_text(lab, HOST_B, "-c", "1")  # after
        pair.up()
        assert pair.swan.terminate()[0]
        wait_for(lambda: pair.see().state == "down", 5, "the peer's deletion")
        assert "Destination Host Unreachable" in ping_text(lab, HOST_B, "-c", "1")
        pair.ours.kill()  # what it has left in the kernel still stands
        ping_text(lab, HOST_B, "-c", "1")
        pair.ours.restart()
        assert "Destination Host Unreachable" in ping_text(lab, HOST_B, "-c", "1")
    pair.ours.stop()
    leak = lab.capture("gb", "wan", "net 10.2.0.0/24")
    ping_text(lab, HOST_B, "-c", "1")
    assert len(packets(leak.stop())) > 0


def test_our_own_packets_stay_out_of_a_tunnel_for_everything(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab, remote_subnets=["0.0.0.0/0"], dpd={"interval_s": 1}))
    pair.peer(local_ts="0.0.0.0/0")
    with only_tunnelled(lab):
        pair.up()
        hosts_talk(lab)
        assert lab.ping("ca", "10.99.0.2", 2) == 0  # the peer itself, through the tunnel
        wait_for(lambda: (pair.see().age_s or 0) > 3, 10, "two probes")
        assert pair.see().state == "connected"
        assert lab.ping("ca", "10.1.0.1", 2) == 0  # the local network is not tunnelled
        pair.client.down("net")
    assert swan_sas(pair.swan) == 0


def test_a_packet_too_big_is_told_so(lab: Lab, duo: Start) -> None:
    nets = ["10.2.0.0/24", "fd02::/64"]
    pair = duo(
        connection_toml(lab, local_subnets=["10.1.0.0/24", "fd01::/64"], remote_subnets=nets)
    )
    pair.peer(local_ts=",".join(nets), remote_ts="10.1.0.0/24,fd01::/64")
    pair.up()
    told = ping_text(lab, HOST_B, "-M", "do", "-s", "1472")
    found = re.search(r"From 10\.1\.0\.1 icmp_seq=1 Frag needed and DF set \(mtu = (\d+)\)", told)
    assert found, told
    mtu = int(found[1])
    assert 1400 < mtu < 1460
    fits = ping_text(lab, HOST_B, "-M", "do", "-s", str(mtu - 28))
    assert "2 received" in fits
    told = ping_text(lab, HOST_B6, "-M", "do", "-s", "1452")
    assert re.search(r"From fd01::1 icmp_seq=1 Packet too big: mtu=\d+", told), told
    assert lab.ping("ca", HOST_B6, 2) == 0


def test_tcp_segments_are_made_to_fit(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab))
    pair.peer()
    pair.up()
    for host, lan, other in (("ca", "cb", HOST_B), ("cb", "ca", HOST_A)):
        arriving = lab.capture(lan, "lan", "tcp[tcpflags] & tcp-syn != 0")
        leaving = lab.capture(host, "lan", "tcp[tcpflags] & tcp-syn != 0")
        program = f"import socket; socket.socket().connect_ex(('{other}', 9))"
        lab.check(host, ["python3", "-c", program])
        for capture, clamped in ((leaving, False), (arriving, True)):
            text = "\n".join(packets(capture.stop(), "tcp[tcpflags] & tcp-ack == 0"))
            sizes = [int(size) for size in re.findall(r"mss (\d+)", text)]
            assert sizes, text
            assert all((1300 < size < 1420) == clamped for size in sizes)


def spis(view: ConnectionView) -> set[int]:
    return {child.inbound_spi for child in view.children}


def test_a_killed_worker_comes_back_with_new_keys(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab, initiation="active"))
    pair.peer()
    before = pair.wait_connected()
    old = spis(before)
    worker = pair.client.status().gateway.worker
    assert worker.restarts == 0
    with only_tunnelled(lab):
        os.kill(worker.pid, signal.SIGKILL)
        wait_for(lambda: pair.client.status().gateway.worker.restarts == 1, 10, "a new worker")
        wait_for(lambda: not old & spis(pair.wait_connected()), 15, "new keys")
        wait_for_ping(lab, 10)
        hosts_talk(lab)
    assert pair.see().initiator_spi == before.initiator_spi  # the IKE SA serves on
    assert "worker restarted" in pair.see().last_change
    assert pair.client.status().gateway.worker.pid != worker.pid
    assert swan_sas(pair.swan) == 1
