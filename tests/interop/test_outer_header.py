"""The outer header on the wire between two gateways of ours, and what routers do to it and say.

ca == ga == (mid) == gb == cb; ``mid`` is the router of a :class:`NarrowLab`.
"""

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet, Raw
from scapy.utils import rdpcap

from ikebana.control.client import Client
from tests.interop.duo import HOST_A, HOST_B, HOST_B6, connection_toml, gateway_toml, hosts_talk
from tests.interop.flows import BOTH, carry
from tests.lab.ikebana import Gateway
from tests.lab.narrow_lab import NarrowLab
from tests.lab.needs import require
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab

NETS: Final = {"ga": ["10.1.0.0/24", "fd01::/64"], "gb": ["10.2.0.0/24", "fd02::/64"]}
WIRES: Final = {
    "udp": ("udp port 4500", False),
    "esp": ("ip proto 50", False),
    "ah": ("ip proto 51", False),
    "udp6": ("ip6 and udp port 4500", True),
    "esp6": ("ip6 proto 50", True),
    "ah6": ("ip6 proto 51", True),
}


def some(*names: str, of: Iterable[str]) -> list[Any]:
    """Return all of them as parameters, thorough ones but for those named."""
    thorough = pytest.mark.thorough
    return [pytest.param(one, marks=() if one in names else thorough) for one in of]


V4_WIRES: Final = [name for name, (_, six) in WIRES.items() if not six]
EF_ECT0: Final = 0xBA
ECT0: Final = 2


@pytest.fixture(scope="module")
def lab() -> Iterator[NarrowLab]:
    require("nft", "tcpdump", "ping", "ip", "ethtool")
    with NarrowLab() as made:
        yield made


@contextmanager
def tunnel(lab: Lab, wire: str, **packets: Any) -> Iterator[tuple[Gateway, Gateway]]:
    """Bring up one tunnel over a wire of this kind, both ends treating packets alike."""
    six = WIRES[wire][1]
    protocol = "ah" if wire.startswith("ah") else "esp"
    ends = []
    try:
        for side, other in (("ga", "gb"), ("gb", "ga")):
            one = connection_toml(
                lab, side=side, six=six, force_encap=wire.startswith("udp"),
                esp="sha256" if protocol == "ah" else "aes128gcm16",
                nat_traversal=protocol != "ah", ipsec={"protocol": protocol}, packets=packets,
                local_subnets=NETS[side], remote_subnets=NETS[other],
            )  # fmt: skip
            ends.append(Gateway(lab, side, gateway_toml(lab, one, side=side, six=six)))
        code, output, errors = ends[0].cli("up", "net")
        assert code == 0, output + errors
        yield ends[0], ends[1]
    finally:
        for end in ends:
            end.stop()
            _forget(end.folder)


def _forget(folder: Path) -> None:
    folder.rename(folder.with_name(f"{folder.name}-{time.monotonic_ns()}"))


def ping(lab: Lab, *options: str, target: str = HOST_B, name: str = "ca") -> str:
    """Return what one ping says."""
    return "".join(lab.run(name, ["ping", "-n", "-c", "1", "-W", "1", *options, target])[1:])


def arrives(lab: Lab, *options: str, target: str = HOST_B) -> bool:
    return "1 received" in ping(lab, *options, target=target)


def seen(lab: Lab, where: tuple[str, str], what: str, *pings: tuple[str, ...]) -> list[Packet]:
    """Return the IP packets that pass a device while ca pings."""
    wire = lab.capture(*where, what)
    for options in pings:
        assert arrives(lab, *options), options
    return [one[IPv6] if IPv6 in one else one[IP] for one in rdpcap(str(wire.stop()))]


def drops(gateway: Gateway) -> dict[str, int]:
    return dict(Client(str(gateway.control)).status().gateway.drops)


def told_mtu(lab: Lab, size: int, *, target: str = HOST_B) -> int:
    """Return the MTU that ca is told of when it pings with DF; 0 when it is told nothing."""
    found = re.search(r"mtu[ =:]+(\d+)", ping(lab, "-M", "do", "-s", str(size), target=target))
    return int(found[1]) if found else 0


def _passes(lab: Lab, target: str, *options: str) -> None:
    """Wait until such a ping comes back: the first may teach somebody the path."""
    wait_for(lambda: arrives(lab, *options, target=target), 5, f"{target}: {' '.join(options)}")


def forget_paths(lab: Lab) -> None:
    for name in ("ca", "cb"):
        for version in ("-4", "-6"):
            lab.check(name, ["ip", version, "route", "flush", "cache"])


# -- what it says -------------------------------------------------------------------------------
@pytest.mark.parametrize("wire", some("udp", "esp6", of=WIRES))
def test_it_says_what_the_packet_inside_says(lab: NarrowLab, wire: str) -> None:
    with tunnel(lab, wire, df="copy"):
        pings = (("-Q", str(EF_ECT0), "-M", "do"), ("-M", "dont"))
        found = [one for one in seen(lab, ("ga", "wan"), WIRES[wire][0], *pings) if _out(one)]
    assert [_tos(one) for one in found] == [EF_ECT0, 0]
    assert [_ttl(one) for one in found] == [64, 64]
    if not WIRES[wire][1]:
        assert [one.flags.DF for one in found] == [True, False]


@pytest.mark.parametrize("wire", some("udp6", "ah", of=WIRES))
def test_it_says_what_it_is_told_to(lab: NarrowLab, wire: str) -> None:
    with tunnel(lab, wire, dscp=10, df="set", ttl=77):
        pings = (("-Q", str(EF_ECT0), "-M", "do"), ("-M", "dont"))
        found = [one for one in seen(lab, ("ga", "wan"), WIRES[wire][0], *pings) if _out(one)]
    assert [_tos(one) for one in found] == [10 << 2 | ECT0, 10 << 2]
    assert [_ttl(one) for one in found] == [77, 77]
    if not WIRES[wire][1]:
        assert [one.flags.DF for one in found] == [True, True]


def test_by_default_routers_may_cut_and_the_inner_ttl_loses_one_at_each_gateway(
    lab: NarrowLab,
) -> None:
    with tunnel(lab, "udp"):
        ask = ("-M", "do", "-t", "9")
        found = [one for one in seen(lab, ("ga", "wan"), WIRES["udp"][0], ask) if _out(one)]
        assert [one.flags.DF for one in found] == [False]
        inner = [one for one in seen(lab, ("cb", "lan"), "icmp", ask) if one.dst == HOST_B]
        assert [(one.ttl, one.flags.DF) for one in inner] == [(7, True)]


def _out(packet: Packet) -> bool:
    return packet.src in ("10.99.0.1", "fd99::1")


def _tos(packet: Packet) -> int:
    return int(packet.tc if IPv6 in packet else packet.tos)


def _ttl(packet: Packet) -> int:
    return int(packet.hlim if IPv6 in packet else packet.ttl)


# -- marks of congestion ------------------------------------------------------------------------
@pytest.mark.parametrize("wire", some("udp", "ah", of=("udp", "esp", "ah", "esp6")))
def test_a_mark_made_on_the_way_reaches_the_host(lab: NarrowLab, wire: str) -> None:
    what = {"udp": "udp dport 4500", "esp": "meta l4proto 50", "ah": "meta l4proto 51"}
    version = "ip6" if WIRES[wire][1] else "ip"
    rule = f"iifname wan {what[wire.removesuffix('6')]} {version} ecn set ce"
    with tunnel(lab, wire) as (_, gb):
        chain = f"chain arriving {{\ntype filter hook prerouting priority raw;\n{rule}\n}}"
        lab.nft("gb", f"table inet lab_mark {{\n{chain}\n}}")
        try:
            found = seen(lab, ("cb", "lan"), "icmp", ("-Q", str(EF_ECT0)))
            assert _tos(found[0]) == EF_ECT0 | 3
            assert not arrives(lab)  # its sender could not be told
            assert drops(gb).get("ecn", 0) == 1
        finally:
            lab.nft("gb", "delete table inet lab_mark")


# -- how large packets get ----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("wire", "mtu"),
    [
        ("udp", 1238),
        ("esp6", 1226),
        pytest.param("esp", 1246, marks=pytest.mark.thorough),
        pytest.param("ah", 1252, marks=pytest.mark.thorough),
        pytest.param("udp6", 1218, marks=pytest.mark.thorough),
        pytest.param("ah6", 1208, marks=pytest.mark.thorough),
    ],
)
def test_a_narrow_path_is_learned_and_told_and_tcp_goes_on(
    lab: NarrowLab, wire: str, mtu: int
) -> None:
    lab.narrow(1500)
    with tunnel(lab, wire, df="copy"):
        try:
            carry(lab, 2_000_000, *BOTH)
            lab.narrow(1300)
            carry(lab, 2_000_000, *BOTH)
            wait_for(lambda: told_mtu(lab, 1340) == mtu, 10, "ca told of the path's MTU")
            told6 = max(mtu, 1280)
            wait_for(lambda: told_mtu(lab, 1340, target=HOST_B6) == told6, 10, "and over IPv6")
            for target, options in (
                (HOST_B, ("-M", "do", "-s", str(mtu - 28))),
                (HOST_B, ("-M", "dont", "-s", "3000")),  # in outer fragments
                (HOST_B6, ("-M", "do", "-s", str(told6 - 48))),
            ):
                _passes(lab, target, *options)
        finally:
            lab.narrow(1500)
            forget_paths(lab)


@pytest.mark.parametrize("wire", some("udp", of=V4_WIRES))
def test_what_may_be_cut_passes_the_narrowest_path(lab: NarrowLab, wire: str) -> None:
    with tunnel(lab, wire):
        try:
            lab.narrow(576)
            for target in (HOST_B, HOST_B6):
                for size in ("100", "600", "1300", "3000"):
                    _passes(lab, target, "-s", size, "-M", "do" if size < "2" else "dont")
            carry(lab, 500_000, *BOTH)
        finally:
            lab.narrow(1500)
            forget_paths(lab)


@pytest.mark.parametrize("wire", ["udp", "esp"])
def test_forged_errors_change_nothing(lab: NarrowLab, wire: str) -> None:
    """A flood with wrong SPIs; with a right one a forger still needs a number not long past."""
    with tunnel(lab, wire, df="set") as (ga, _):
        hosts_talk(lab)
        (child,) = Client(str(ga.control)).status("net").connections[0].children
        _flood(lab, wire, [child.outbound_spi ^ n for n in range(1, 3000)], 1)
        _flood(lab, wire, [child.outbound_spi] * 100, 5000)
        assert told_mtu(lab, 1440) >= 1438
        forget_paths(lab)
        assert arrives(lab, "-M", "do", "-s", "1400")
        assert "mtu" not in lab.check("ga", ["ip", "route", "get", "10.99.0.2"])
        hosts_talk(lab)


def _flood(lab: Lab, wire: str, spis: list[int], seq: int) -> None:
    """Tell ga from the router that packets with these SPIs were too big."""
    with lab["mid"].enter():
        from scapy.config import conf
        from scapy.sendrecv import send

        conf.ifaces.reload()
        conf.route.resync()
        quoted = IP(src="10.99.0.1", dst="10.99.0.2", proto=50, len=1400, flags="DF")
        if wire == "udp":
            quoted = quoted / UDP(sport=4500, dport=4500, len=1380, chksum=0)
        forged = [
            IP(src="10.99.0.253", dst="10.99.0.1")
            / ICMP(type=3, code=4, nexthopmtu=600)
            / quoted
            / Raw(spi.to_bytes(4, "big") + seq.to_bytes(4, "big") + bytes(32))
            for spi in spis
        ]
        send(forged, verbose=False)


# -- how little their sizes tell ----------------------------------------------------------------
def test_padded_packets_and_dummies_are_all_alike(lab: NarrowLab) -> None:
    with tunnel(lab, "esp", tfc="mtu", dummy_s=1) as (ga, gb):
        wire = lab.capture("ga", "wan", WIRES["esp"][0])
        sizes = ("0", "56", "1000", "1300")
        for size in sizes:
            assert arrives(lab, "-s", size)
        dummies: set[str] = set()

        def both_sent() -> bool:
            found = [one[IP] for one in rdpcap(str(wire.path))]
            dummies.update(
                side for side in ("10.99.0.1", "10.99.0.2")
                if sum(one.src == side for one in found) > len(sizes)
            )  # fmt: skip
            return len(dummies) == 2

        wait_for(both_sent, 10, "a dummy of each end")
        assert {one[IP].len for one in rdpcap(str(wire.stop()))} == {1500}
        assert {*drops(ga), *drops(gb)} <= {"policy"}
        carry(lab, 1_000_000, *BOTH)


def test_a_window_that_is_off_takes_packets_twice(lab: NarrowLab) -> None:
    with tunnel(lab, "esp", replay_window="off"):
        hosts_talk(lab)
        assert lab.ping("ca", HOST_B, 5) == lab.ping("cb", HOST_A, 5) == 0
