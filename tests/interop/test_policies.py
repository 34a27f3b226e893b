"""Packets to leave in clear, packets to drop, IKE of others: on the wire, between two of ours."""

import json
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from ikebana.control.client import Client
from tests.interop.duo import HOST_B, connection_toml, gateway_toml, only_tunnelled, packets
from tests.lab.ikebana import Gateway
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab
Policy = dict[str, Any]
ESP = "ip proto 50 or ip6 proto 50 or udp port 500 or udp port 4500"
NOBODY = "(icmp[icmptype] == 3 and icmp[icmpcode] == 3)"  # "port unreachable": of a killed daemon
DNS: Policy = {"name": "dns", "action": "bypass", "remote": ["10.2.0.0/24"], "protocol": "udp",
               "remote_ports": [53]}  # fmt: skip
MAIL: Policy = {"name": "no mail", "action": "discard", "protocol": "tcp", "remote_ports": [25]}
ECHO = """
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("10.2.0.2", {port}))
print("ready", flush=True)
while True:
    data, source = sock.recvfrom(2000)
    sock.sendto(data, source)
"""
ASK = """
import socket
sock = socket.socket({family}, socket.SOCK_DGRAM)
sock.settimeout({seconds})
sock.sendto(b"marker of a packet in clear", ("{target}", {port}))
try:
    print(sock.recv(2000).decode())
except OSError as error:
    print(error)
"""
CONNECT = 'import socket; print(socket.socket().connect_ex(("10.2.0.2", 25)))'


def asked(lab: Lab, name: str, target: str, port: int, seconds: float = 2.0) -> bool:
    """Send a datagram and tell whether it came back."""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    text = ASK.format(target=target, port=port, seconds=seconds, family=int(family))
    return "marker" in lab.check(name, ["python3", "-c", text])


def file_of(lab: Lab, side: str, policies: Sequence[Policy] = (), **fields: Any) -> str:
    one = connection_toml(lab, side=side, **fields)
    six = fields.get("six", False)
    return gateway_toml(lab, one, side=side, six=six, policies=list(policies) or None)


def gateways(lab: Lab, policies: Sequence[Policy] = (), **fields: Any) -> tuple[Gateway, Gateway]:
    lab["ga"].route("default", via="10.99.0.2")  # the way that a packet in clear takes
    lab["gb"].route("default", via="10.99.0.1")
    back = {"action": "bypass", "local": ["10.2.0.0/24"], "protocol": "udp", "local_ports": [53]}
    a = Gateway(lab, "ga", file_of(lab, "ga", policies, **fields))
    b = Gateway(lab, "gb", file_of(lab, "gb", [back] if DNS in policies else (), **fields))
    code, output, errors = a.cli("up", "net")
    assert code == 0, output + errors
    return a, b


def explained(gateway: Gateway, *words: str) -> dict[str, Any]:
    code, output, errors = gateway.cli(
        "policy", "explain", *words, "-o", "json", "--control", str(gateway.control)
    )
    assert code == 0, errors
    found: dict[str, Any] = json.loads(output)
    return found


def test_a_bypass_goes_in_clear_both_ways_and_nothing_else_does(lab: Lab) -> None:
    a, b = gateways(lab, [DNS])
    log = lab.folder / "echo.log"
    lab.spawn("cb", ["python3", "-c", ECHO.format(port=53)], log)
    wait_for(lambda: "ready" in log.read_text(), 10, "the one who answers")
    clear = lab.capture("gb", "wan", "udp port 53")
    with only_tunnelled(lab, f"{ESP} or udp port 53"):
        assert asked(lab, "ca", HOST_B, 53)
        assert lab.ping("ca", HOST_B, 3) == 0
        assert not asked(lab, "ca", HOST_B, 54, 0.5)
    assert len([line for line in packets(clear.stop()) if "10.2.0.2" in line]) == 2
    view = explained(a, "10.1.0.2", HOST_B, "udp", "53")
    assert (view["policy"], view["way"], view["fate"], view["device"]) == (
        "dns", "clear", "clear", "wan",
    )  # fmt: skip
    assert explained(a, "10.1.0.2", HOST_B, "icmp", "8:0")["fate"] == "sealed"
    assert Client(str(b.control)).counters().get("bypass", 0) == 0

    a.write(file_of(lab, "ga"))  # a reload without it: protected like everything
    Client(str(a.control)).reload()
    with only_tunnelled(lab, f"{ESP} or udp src port 53"):
        asked(lab, "ca", HOST_B, 53, 0.5)
    assert explained(a, "10.1.0.2", HOST_B, "udp", "53")["policy"] == "net"


def test_a_discard_is_answered_and_never_sent_with_a_tunnel_or_without(lab: Lab) -> None:
    a, _ = gateways(lab, [MAIL])
    with only_tunnelled(lab, f"{ESP} or {NOBODY}"):
        assert int(lab.check("ca", ["python3", "-c", CONNECT])) == 113  # no route to host
        view = explained(a, "10.1.0.2", HOST_B, "tcp", "25")
        assert (view["policy"], view["way"], view["fate"]) == ("no mail", "prohibited", "dropped")
        assert explained(a, "10.1.0.2", "10.77.0.1", "tcp", "25")["way"] == "prohibited"
        assert explained(a, "10.1.0.2", "10.77.0.1", "tcp", "26")["way"] == "clear"
        a.kill()  # what it has left in the kernel still stands
        assert int(lab.check("ca", ["python3", "-c", CONNECT])) == 113


def test_a_discarded_icmp_type_is_dropped_by_the_worker_and_counted(lab: Lab) -> None:
    ping = {"action": "discard", "protocol": "icmp", "icmp_type": 8, "remote": ["10.2.0.0/24"]}
    a, _ = gateways(lab, [ping])
    with only_tunnelled(lab, ESP):
        assert lab.ping("ca", HOST_B, 2) == 2
        view = explained(a, "10.1.0.2", HOST_B, "icmp", "8:0")
        assert (view["policy"], view["way"], view["counter"]) == ("policy 1", "tunnel", "policy")
        assert explained(a, "10.1.0.2", HOST_B, "icmp", "0:0")["fate"] == "sealed"
        assert Client(str(a.control)).counters()["policy"] >= 2


@pytest.mark.parametrize("six", [False, True], ids=["IPv4", "IPv6"])
def test_transport_mode_protects_all_but_ike_whoever_sends_it(lab: Lab, six: bool) -> None:
    nets: dict[str, Any] = {
        "local_subnets": None,
        "remote_subnets": None,
        "ipsec": {"mode": "transport"},
    }
    us, peer = lab.outer("ga", six=six), lab.outer("gb", six=six)
    bits = 128 if six else 32
    a, b = gateways(lab, six=six, **nets)
    clear = lab.capture("gb", "wan", f"dst host {peer} and udp and dst port 500")
    with only_tunnelled(lab, ESP):
        assert lab.ping("ga", peer, 3) == 0
        asked(lab, "ga", peer, 500, 0.2)  # another process: its socket has no mark
        asked(lab, "ga", peer, 501, 0.2)
    assert "marker of a packet in clear" in clear.stop().read_bytes().decode("latin-1")
    view = explained(a, us, peer, "udp", "500")
    assert (view["policy"], view["way"]) == ("IKE", "clear")
    assert explained(a, us, peer, "udp", "4500")["way"] == "clear"
    assert explained(a, us, peer, "udp", "501")["fate"] == "sealed"
    (mapping,) = Client(str(b.control)).status("net").connections[0].mappings
    ends = f"{peer}/{bits}", f"{us}/{bits}", "up"
    assert (mapping.local, mapping.remote, mapping.state) == ends
