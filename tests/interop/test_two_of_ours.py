"""Two gateways of our own, where strongSwan's userspace ESP cannot follow: protocol 50."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.interop.duo import connection_toml, gateway_toml, hosts_talk, only_tunnelled, packets
from tests.lab.ikebana import Gateway
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab


@contextmanager
def two(lab: Lab, **settings: Any) -> Iterator[tuple[Gateway, Gateway]]:
    six = settings.get("six", False)
    a, b = (
        Gateway(
            lab, side, gateway_toml(lab, connection_toml(lab, side=side, **settings),
                                    side=side, six=six)
        )
        for side in ("ga", "gb")
    )  # fmt: skip
    yield a, b


@pytest.mark.parametrize("six", [False, True], ids=["IPv4", "IPv6"])
def test_without_a_nat_esp_is_protocol_50(lab: Lab, six: bool) -> None:
    with two(lab, six=six) as (a, b):
        wire = lab.capture("gb", "wan", "ip proto 50 or ip6 proto 50")
        with only_tunnelled(lab, "udp port 500 or udp port 4500 or ip proto 50 or ip6 proto 50"):
            code, output, errors = a.cli("up", "net")
            assert code == 0, output + errors
            hosts_talk(lab)
        for gateway in (a, b):
            (view,) = gateway.status()["connections"]
            assert (view["encapsulation"], view["nat"]) == ("esp", "none")
        assert len(packets(wire.stop())) >= 20  # ten pings and their answers


@pytest.mark.parametrize("forcing", ["ga", "gb"])
def test_one_end_can_force_udp(lab: Lab, forcing: str) -> None:
    one, other = (
        connection_toml(lab, side=side, force_encap=side == forcing) for side in ("ga", "gb")
    )
    a, b = (
        Gateway(lab, side, gateway_toml(lab, text, side=side))
        for side, text in (("ga", one), ("gb", other))
    )
    with only_tunnelled(lab):
        assert a.cli("up", "net")[0] == 0
        hosts_talk(lab)
    for gateway in (a, b):
        assert gateway.status()["connections"][0]["encapsulation"] == "udp"


def test_both_start_at_once_and_keep_one(lab: Lab) -> None:
    with two(lab, initiation="active") as (a, b):

        def alone() -> bool:
            spis = [
                (view["state"], view["initiator_spi"], len(view["children"]))
                for gateway in (a, b)
                for view in gateway.status()["connections"]
            ]
            return spis[0] == spis[1] and spis[0][0] == "connected" and spis[0][2] == 1

        wait_for(alone, 30, "one SA, the same at both ends")
        hosts_talk(lab)
