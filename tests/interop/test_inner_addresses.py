"""A client of our own gateway on a real kernel: its address and its routes, there and gone."""

import pytest

from tests.interop.duo import HOST_B, PSK, gateway_toml
from tests.lab.ikebana import Gateway
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab
INNER = "10.9.0.1"
IKE = """\
[connection.ike]
version = "ikev1"
mode = "aggressive"
dh_group = 14
"""
SERVER = f"""
[[user]]
name = "alice"
password = "wonderland"
[[pool]]
name = "road"
network = "10.9.0.0/24"
subnets = ["10.2.0.0/24"]
[[connection]]
name = "net"
peer = "any"
remote_id = "keyid:staff"
psk = "{PSK}"
local_subnets = ["10.2.0.0/24"]
xauth = {{ role = "server" }}
address = {{ role = "server", pool = "road" }}
{IKE}allow_aggressive_psk = true
"""
CLIENT = f"""
[[connection]]
name = "net"
peer = "%s"
local_id = "keyid:staff"
psk = "{PSK}"
xauth = {{ role = "client", user = "alice", password = "wonderland" }}
address = {{ role = "client" }}
{IKE}"""


@pytest.fixture
def pair(lab: Lab) -> tuple[Gateway, Gateway]:
    server = Gateway(lab, "gb", gateway_toml(lab, SERVER, side="gb"))
    client = Gateway(lab, "ga", gateway_toml(lab, CLIENT % lab.public("gb")))
    wait_for(lambda: client.status("net")["connections"][0]["state"] == "connected", 20, "net")
    return client, server


def addresses(lab: Lab) -> str:
    return lab.check("ga", ["ip", "-4", "address", "show", "dev", "ikebana0"])


def way(lab: Lab, target: str) -> str:
    return lab.run("ga", ["ip", "route", "get", target])[1]


def test_the_host_speaks_from_its_inner_address_to_what_it_is_told_of(
    lab: Lab, pair: tuple[Gateway, Gateway]
) -> None:
    client, server = pair
    assert INNER in addresses(lab)
    assert f"src {INNER}" in way(lab, HOST_B)
    assert "dev ikebana0" not in way(lab, "198.51.100.7")
    assert lab.ping("ga", HOST_B, count=5) == 0
    (view,) = server.status("net")["connections"]
    assert (view["version"], view["badges"], view["user"]) == ("ikev1", ["legacy"], "alice")
    (view,) = client.status("net")["connections"]
    assert view["inner_address"] == INNER


def test_the_address_goes_and_nothing_leaves_in_clear(
    lab: Lab, pair: tuple[Gateway, Gateway]
) -> None:
    client, _ = pair
    assert client.cli("down", "net")[0] == 0
    assert INNER not in addresses(lab)
    code, _, why = lab.run("ga", ["ip", "route", "get", HOST_B])
    assert (code, "No route to host" in why) == (2, True)
    assert client.cli("up", "net")[0] == 0
    assert lab.ping("ga", HOST_B, count=3) == 0


def test_the_device_takes_the_address_along(lab: Lab, pair: tuple[Gateway, Gateway]) -> None:
    client, server = pair
    assert client.stop() == 0
    assert INNER not in lab.check("ga", ["ip", "-4", "address"])
    assert "alice" in server.log
