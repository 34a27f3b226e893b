"""Two gateways of our own; addresses and routes change under a stream of pings (RFC 4555)."""

import threading
from collections.abc import Callable
from functools import partial

import pytest
from pyroute2 import IPRoute

from tests.interop.duo import HOST_B, connection_toml, gateway_toml, hosts_talk, wait_for_ping
from tests.lab.ikebana import Gateway
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab
ELSEWHERE = {"ga": "10.99.0.71", "gb": "10.99.0.72"}


@pytest.fixture
def pair(lab: Lab) -> dict[str, Gateway]:
    """Return both, connected; they listen on all addresses."""
    made = {
        side: Gateway(
            lab, side, gateway_toml(lab, connection_toml(lab, side=side), side=side, addresses=None)
        )
        for side in ("ga", "gb")
    }
    assert made["ga"].cli("up", "net")[0] == 0
    hosts_talk(lab)
    return made


def add(lab: Lab, side: str) -> None:
    lab[side].address("wan", f"{ELSEWHERE[side]}/24")


def drop(lab: Lab, side: str, *, six: bool = False) -> None:
    """Take a gateway's first address of one IP version away."""
    with lab[side].enter(), IPRoute() as netlink:
        (index,) = netlink.link_lookup(ifname="wan")
        length = 64 if six else 24
        netlink.addr("del", index=index, address=lab.outer(side, six=six), prefixlen=length)


def lead(lab: Lab, side: str, other: str) -> None:
    """Let a gateway's packets to the other one leave from its second address."""
    with lab[side].enter(), IPRoute() as netlink:
        (index,) = netlink.link_lookup(ifname="wan")
        netlink.route("add", dst=f"{lab.outer(other)}/32", oif=index, prefsrc=ELSEWHERE[side])


def lost_while(lab: Lab, change: Callable[[], None], count: int = 600) -> int:
    """Ping 200 times a second; let something change after half a second; return the losses."""
    timer = threading.Timer(0.5, change)
    timer.start()
    lost = lab.ping("ca", HOST_B, count, 0.005)
    timer.join()
    return lost


def moved(pair: dict[str, Gateway], to: str) -> None:
    """Wait until both logs tell of a move to or from an address, and all is well."""
    for side, gateway in pair.items():
        wait_for(partial(_tells, gateway, to), 10, f"{to} in {side}'s log")
        (view,) = gateway.status()["connections"]
        assert view["state"] == "connected"
        assert view["encapsulation"] == "esp"


def _tells(gateway: Gateway, address: str) -> bool:
    return any("moved: " in line and address in line for line in gateway.log.splitlines())


def test_a_route_that_leaves_from_elsewhere_moves_the_tunnel_without_loss(
    lab: Lab, pair: dict[str, Gateway]
) -> None:
    add(lab, "ga")
    assert lost_while(lab, lambda: lead(lab, "ga", "gb")) == 0
    moved(pair, ELSEWHERE["ga"])
    hosts_talk(lab)


@pytest.mark.parametrize("side", ["ga", "gb"])
def test_an_address_that_goes_is_left_for_another_one(
    lab: Lab, pair: dict[str, Gateway], side: str
) -> None:
    add(lab, side)
    lost = lost_while(lab, lambda: drop(lab, side))
    assert lost < 200, "a second at most"
    moved(pair, ELSEWHERE[side])
    hosts_talk(lab)


def test_the_other_ip_version_is_a_way_too(lab: Lab, pair: dict[str, Gateway]) -> None:
    lost = lost_while(lab, lambda: drop(lab, "ga"))
    assert lost < 200, "a second at most"
    moved(pair, lab.outer("ga", six=True))
    hosts_talk(lab)


def test_an_address_that_comes_late_is_gone_to(lab: Lab, pair: dict[str, Gateway]) -> None:
    drop(lab, "ga", six=True)
    drop(lab, "ga")
    wait_for(lambda: "waiting for one" in pair["ga"].log, 5, "a line that there is no way")
    add(lab, "ga")
    wait_for_ping(lab, 10)
    moved(pair, ELSEWHERE["ga"])
