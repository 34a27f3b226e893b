"""Two engines facing each other: 10.1 and fd01 behind moon, 10.2 and fd02 behind sun."""

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

from esp.child import ChildSa
from esp.counters import Counters
from esp.engine import Engine
from esp.sa import InboundSa, OutboundSa
from policy.path import Path
from policy.selectors import TrafficSelector
from policy.spd import Action, Policy, SelectorPair, Spd
from policy.treatment import PLAIN, Treatment
from suites.encr import ENCR_BY_NAME, sealer
from suites.sealers import Sealer

cidr = TrafficSelector.from_cidr
MOON, SUN = ("10.99.0.1", 4500), ("10.99.0.2", 4500)
MOON_NETS = (cidr("10.1.0.0/24"), cidr("fd01::/64"))
SUN_NETS = (cidr("10.2.0.0/24"), cidr("fd02::/64"))
MTU = 1400


def gcm(key: bytes = b"k") -> Sealer:
    """Make a fresh AES-GCM sealer."""
    row = ENCR_BY_NAME["aes128gcm16"]
    return sealer(row, key * row.keymat)


def child_pair(
    spi: int = 0x1000,
    tunnel: str = "net",
    *,
    mtu: int = MTU,
    esn: bool = False,
    nets: int = 2,
    treatment: Treatment = PLAIN,
) -> tuple[ChildSa, ChildSa]:
    """Make both ends of one CHILD_SA: moon receives on ``spi``, sun on ``spi + 1``.

    The treatment is moon's.
    """
    path = Path(MOON, SUN, encapsulated=True)
    there, back = gcm(b"t"), gcm(b"b")
    moon = ChildSa(
        tunnel,
        OutboundSa(spi + 1, there, esn=esn),
        InboundSa(spi, back, esn=esn),
        path,
        MOON_NETS[:nets],
        SUN_NETS[:nets],
        mtu,
        treatment=treatment,
    )
    sun = ChildSa(
        tunnel,
        OutboundSa(spi, back, esn=esn),
        InboundSa(spi + 1, there, esn=esn),
        path.reversed,
        SUN_NETS[:nets],
        MOON_NETS[:nets],
        mtu,
    )
    return moon, sun


def site_policy(tunnel: str = "net") -> Policy:
    """Protect what goes from moon's networks to sun's."""
    pairs = zip(MOON_NETS, SUN_NETS, strict=True)
    return Policy(tunnel, Action.PROTECT, tuple(SelectorPair(*pair) for pair in pairs), tunnel)


def engines(*, mtu: int = MTU, esn: bool = False) -> tuple[Engine, Engine]:
    """Make moon's engine, which seals by policy, and sun's, with one child between them."""
    moon, sun = child_pair(mtu=mtu, esn=esn)
    ours, theirs = Engine(Spd((site_policy(),)), Counters()), Engine(Spd(), Counters())
    ours.install(moon)
    theirs.install(sun)
    return ours, theirs


def udp4(
    size: int = 100, source: str = "10.1.0.1", target: str = "10.2.0.1", **ip: object
) -> bytes:
    """Build a UDP packet of ``size`` payload octets."""
    return bytes(IP(src=source, dst=target, **ip) / UDP(sport=9, dport=9) / Raw(bytes(size)))


def udp6(size: int = 100, source: str = "fd01::1", target: str = "fd02::1") -> bytes:
    """Build a UDP packet of ``size`` payload octets."""
    return bytes(IPv6(src=source, dst=target) / UDP(sport=9, dport=9) / Raw(bytes(size)))


def syn4(mss: int) -> bytes:
    """Build a TCP SYN."""
    return bytes(IP(src="10.1.0.1", dst="10.2.0.1") / TCP(flags="S", options=[("MSS", mss)]))


def dropped(engine: Engine) -> dict[str, int]:
    """Return the counters that are not 0 and do not count traffic."""
    return {
        name: count
        for name, count in engine.counters.snapshot().items()
        if count and not name.startswith(("packets", "octets"))
    }
