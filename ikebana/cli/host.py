"""What there is on this host for a gateway to run with: looked at, not judged."""

import importlib.util
import platform
import time
from dataclasses import dataclass
from typing import Final

from ikebana.control.client import Client, ClientError
from ikebana.control.view import GatewayView
from suites.sealers import aes_gcm
from tundev import probe
from tundev.tun import TunError, hint
from tundev.udp import CannotListen

PORTS: Final = (500, 4500)
SIZE: Final = 1400
_ROUNDS: Final = 5
_CALLS: Final = 200


@dataclass(frozen=True, slots=True)
class Port:
    """A UDP port; ``holder`` empty: it is free."""

    number: int
    holder: str = ""
    is_known: bool = True
    """Whether it could be looked at without privileges."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found.  Times in microseconds, sizes in octets; None: the kernel does not tell."""

    kernel: str
    capabilities: frozenset[str]
    tun_error: int = 0
    """Error number of opening a TUN device; 0: it opened."""
    tun_advice: str = ""
    offloads: frozenset[str] | None = frozenset()
    """What a TUN device leaves to us; None: it has no virtio header."""
    gso: bool = True
    gro: bool = True
    numpy: bool = True
    aes: bool = True
    seal_us: float = 0.0
    """One call of AES-128-GCM for :data:`SIZE` octets; 0: not measured."""
    rmem_max: int | None = None
    wmem_max: int | None = None
    forwarding: tuple[int | None, int | None] = (None, None)
    """Of IPv4 and IPv6."""
    strict: tuple[str, ...] = ()
    """Links with strict reverse path filtering."""
    ports: tuple[Port, ...] = ()
    daemon: GatewayView | None = None


def look(control: str) -> Facts:
    """Return what this host has; ``control`` is the socket of a daemon that may run."""
    number, advice = 0, ""
    offloads: frozenset[str] | None = frozenset()
    try:
        offloads = probe.tun_offloads()
    except TunError as error:
        number = error.errno or -1
        advice = hint(number)
    return Facts(
        kernel=platform.release(),
        capabilities=probe.capabilities(),
        tun_error=number,
        tun_advice=advice,
        offloads=offloads,
        gso=probe.has_udp_gso(),
        gro=probe.has_udp_gro(),
        numpy=importlib.util.find_spec("numpy") is not None,
        aes=probe.has_aes(),
        seal_us=_seal_us(),
        rmem_max=probe.sysctl("net.core.rmem_max"),
        wmem_max=probe.sysctl("net.core.wmem_max"),
        forwarding=(
            probe.sysctl("net.ipv4.ip_forward"),
            probe.sysctl("net.ipv6.conf.all.forwarding"),
        ),
        strict=probe.strict_links(),
        ports=tuple(map(_port, PORTS)),
        daemon=_daemon(control),
    )


def _port(number: int) -> Port:
    try:
        return Port(number, probe.port_holder(number))
    except CannotListen:
        return Port(number, is_known=False)


def _daemon(control: str) -> GatewayView | None:
    try:
        return Client(control, patience=2.0).status().gateway
    except ClientError:
        return None


def _seal_us() -> float:
    """Return the best of a few rounds: others may use the processor, too."""
    sealer = aes_gcm(bytes(20))
    header, plain = bytes(8), bytes(SIZE)
    best = float("inf")
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        for counter in range(_CALLS):
            sealer.seal(header, plain, counter)
        best = min(best, time.perf_counter() - start)
    return best / _CALLS * 1e6
