"""A pair of ours with a crowd before gateway A: peers that want tunnels while others use theirs.

crowd 172.17.0.1, 172.17.0.2, …  ── storm ──  172.16.0.1 ga ── wan ── gb    (hosts ca and cb)
"""

import threading
import time
from dataclasses import dataclass
from typing import Final, Self

from benchmarks.many_lab import ESP, GATEWAY, HOSTS, IKE, KEY, inner, outer
from benchmarks.many_peers import Down, Peers, Up
from benchmarks.pairs import Setup
from tests.lab.topology import Lab, LabError
from tundev.namespaces import Namespace

PEERS: Final = 2000
RATE: Final = 200.0  # handshakes a second
_TICK: Final = 0.05
_AT_ONCE: Final = 256


@dataclass(frozen=True, slots=True)
class Crowd:
    """Where the peers are."""

    space: Namespace


def setup() -> Setup:
    """Return our pair, whose A knows the peers."""
    return Setup(
        tables=f"[gateway.quotas]\ntunnels_per_gateway = {PEERS + 1}\n"
        f"mappings_per_gateway = {PEERS}",
        addresses={"ga": GATEWAY},
        more=_connections,
        prepare=_prepare,
    )


class Storm:
    """Handshakes at a steady rate while the block lasts; their tunnels go when it ends."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._errors: list[LabError] = []
        self._done = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        if self._errors:
            raise self._errors[0]
        self._peers.ask(Down(range(self._done)))

    def _run(self) -> None:
        """Begin what is due, at most so many at once: what is late is caught up with."""
        began = time.monotonic()
        try:
            while not self._ending.wait(_TICK):
                due = min(int((time.monotonic() - began) * RATE), PEERS)
                batch = range(self._done, min(due, self._done + _AT_ONCE))
                if batch:
                    self._peers.ask(Up(batch, _AT_ONCE))
                    self._done = batch.stop
        except LabError as error:
            self._errors.append(error)


def _connections(_lab: Lab, name: str) -> str:
    if name != "ga":
        return ""
    return "".join(
        f"""
[[connection]]
name = "c{number}"
peer = "{outer(number)}"
local_id = "{GATEWAY}"
psk = "{KEY}"
initiation = "passive"
local_subnets = ["{HOSTS}"]
remote_subnets = ["{inner(number)}"]
ike.proposals = ["{IKE}"]
ipsec.proposals = ["{ESP}"]
dpd.enabled = false
"""
        for number in range(PEERS)
    )


def _prepare(lab: Lab) -> None:
    crowd = lab.spaces.add("crowd")
    crowd.veth("storm", lab["ga"], "storm")
    lab["ga"].address("storm", f"{GATEWAY}/12")
    crowd.address("storm", "172.31.0.1/12")
    crowd.address("lo", f"{outer(0)}/16")  # on lo every address of the net is ours
    for which in ("all", "default", "storm"):
        crowd.sysctl(f"net.ipv4.conf.{which}.rp_filter", 0)
