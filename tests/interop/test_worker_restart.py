"""The packet worker is killed: new keys for every child, soon, and nothing in clear meanwhile."""

import contextlib
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import pytest

from ikebana.control.client import Client
from tests.interop.duo import connection_toml, gateway_toml, only_tunnelled
from tests.lab.ikebana import Gateway
from tests.lab.topology import Lab, wait_for
from tundev.sockets import IP_PKTINFO

pytestmark = pytest.mark.lab
KILLS: Final = 3
SETTLED: Final = 2.2  # seconds after which another worker is started at once
AGAIN: Final = 0.04  # seconds until an open echo request is sent again
ALLOWED: Final = 1.0  # seconds until all traffic is back
_HEAD: Final = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence


def echoes(lab: Lab, pairs: Sequence[tuple[str, str]], patience: float = 15) -> list[float]:
    """Send echo requests between these addresses until each was answered; return after how long.

    Numbers say which pair an answer is of; what was sent before is not taken for an answer.
    """
    began = time.monotonic()
    whose = int.from_bytes(os.urandom(2), "big")
    took: dict[int, float] = {}
    with contextlib.ExitStack() as stack:
        with lab["ca"].enter():
            sock = stack.enter_context(
                socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
            )
        while len(took) < len(pairs) and time.monotonic() < began + patience:
            for number, (source, target) in enumerate(pairs):
                if number not in took:
                    with contextlib.suppress(OSError):  # the queue of our own device is full
                        send(sock, source, target, whose, number)
            due = time.monotonic() + AGAIN
            while select.select([sock], [], [], max(0.0, due - time.monotonic()))[0]:
                packet = sock.recv(65535)
                kind, _, _, sender, number = _HEAD.unpack_from(packet, (packet[0] & 15) * 4)
                if (kind, sender) == (0, whose):
                    took.setdefault(number, time.monotonic() - began)
    assert len(took) == len(pairs), f"{len(pairs) - len(took)} tunnels stay silent"
    return sorted(took.values())


def send(sock: socket.socket, source: str, target: str, whose: int, number: int) -> None:
    total = (8 << 8) + whose + number
    check = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    info = struct.pack("=i4s4s", 0, socket.inet_aton(source), bytes(4))
    about = [(socket.IPPROTO_IP, IP_PKTINFO, info)]
    sock.sendmsg([_HEAD.pack(8, 0, check, whose, number)], about, 0, (target, 0))


def allowed() -> float:
    """Return the seconds that it may take: more where others want the processors, too."""
    return ALLOWED * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def wait_until(moment: float) -> None:
    wait_for(lambda: time.monotonic() > moment, 60, "that moment")


class Two:
    """Two gateways of ours with so many children, each on an IKE SA of its own or all on one."""

    def __init__(self, lab: Lab, count: int, *, one_ike_sa: bool) -> None:
        self.pairs = [(f"10.1.{n}.2", f"10.2.{n}.2") for n in range(count)]
        lab["ga"].route("default", via="10.99.0.2")  # the way that a packet in clear would take
        for number in range(1, count):
            for side, net in (("a", 1), ("b", 2)):
                lab[f"c{side}"].address("lan", f"10.{net}.{number}.2/24")
                lab[f"g{side}"].address("lan", f"10.{net}.{number}.1/24")
        self._gateways = [
            Gateway(lab, side, self._toml(lab, side, count, one_ike_sa=one_ike_sa), *keylog)
            for side, keylog in (("gb", ()), ("ga", ("--keylog", str(lab.folder / "keys"))))
        ]
        self.client = Client(str(self._gateways[1].control))
        self._keys = lab.folder / "keys" / "esp_sa"
        wait_for(lambda: self.up == count, 60, f"{count} children")

    def _toml(self, lab: Lab, side: str, count: int, *, one_ike_sa: bool) -> str:
        here, there = (1, 2) if side == "ga" else (2, 1)
        common: dict[str, Any] = {"side": side, "force_encap": True, "ike": "aes128-sha256-x25519"}
        common |= {"initiation": "active" if side == "ga" else "passive"}
        numbers = range(count)
        if one_ike_sa:
            pairs = "".join(
                "\n[[connection.spd_policies]]\n"
                f'local_cidrs = ["10.{here}.{n}.0/24"]\nremote_cidrs = ["10.{there}.{n}.0/24"]'
                for n in numbers
            )
            nets: dict[str, Any] = {
                "local_subnets": None,
                "remote_subnets": None,
                "routing_mode": "policy",
            }
            connections = [connection_toml(lab, **common, **nets) + pairs]
        else:
            other = {"ga": "gb", "gb": "ga"}[side]
            connections = [
                connection_toml(
                    lab,
                    f"net{n}",
                    local_id=f"{n}.{side}.lab",
                    remote_id=f"{n}.{other}.lab",
                    local_subnets=[f"10.{here}.{n}.0/24"],
                    remote_subnets=[f"10.{there}.{n}.0/24"],
                    **common,
                )
                for n in numbers
            ]
        quotas = {"tunnels_per_gateway": 100, "tunnels_per_peer": 100}
        return gateway_toml(lab, *connections, side=side, quotas=quotas)

    @property
    def up(self) -> int:
        return sum(one.mappings_up for one in self.client.status().connections)

    @property
    def spis(self) -> set[int]:
        views = self.client.status().connections
        return {child.inbound_spi for view in views for child in view.children}

    @property
    def ike_spis(self) -> set[str]:
        return {view.initiator_spi for view in self.client.status().connections}

    @property
    def keys(self) -> list[str]:
        """Return the key of every SA, ours and theirs, that was ever installed."""
        lines = self._keys.read_text().splitlines()
        return [line.split(",")[5] for line in lines if not line.startswith("#")]


@pytest.mark.parametrize(
    ("count", "one_ike_sa"),
    [(1, True), (20, False), (100, False), (100, True)],
    ids=["one", "20 IKE SAs", "100 IKE SAs", "100 children of one IKE SA"],
)
def test_traffic_is_back_within_a_second_with_new_keys(
    lab: Lab, count: int, one_ike_sa: bool
) -> None:
    two = Two(lab, count, one_ike_sa=one_ike_sa)
    echoes(lab, two.pairs)
    ike_sas, story, took = two.ike_spis, [two.spis], []
    with only_tunnelled(lab, "udp port 4500 or udp port 500"):
        for kill in range(1, KILLS + 1):
            wait_until(time.monotonic() + SETTLED)
            os.kill(two.client.status().gateway.worker.pid, signal.SIGKILL)
            took.append(echoes(lab, two.pairs)[-1])
            wait_for(lambda: two.up == count, 5, "all children")
            assert two.client.status().gateway.worker.restarts == kill
            story.append(two.spis)
    assert all(not one & other for one, other in pairwise(story))
    assert two.ike_spis == ike_sas  # CREATE_CHILD_SA does it
    assert len(set(two.keys)) == len(two.keys) >= 2 * count * (1 + KILLS)
    print(f"{count} children back after {', '.join(f'{one:.2f}' for one in took)} s")
    assert min(took) < allowed(), took
