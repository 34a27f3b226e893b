"""Our worker against a Linux kernel's ESP and AH, with keys by hand: pings both protect.

worker ── raw sockets in ga 10.99.0.1 ════ wan ════ 10.99.0.2 gb, a kernel of its own
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Literal

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6
from scapy.packet import Packet, Raw

from ikebana.worker.carrier import Descriptors
from ikebana.worker.messages import Done, Install, Ipsec, Policies
from ikecore.child import Mode
from policy.path import Path
from policy.selectors import TrafficSelector
from policy.spd import Action, Policy, SelectorPair
from tests.ikebana.worker.rig import Side, side, wait
from tests.lab.kernel_peer import Machine, require_kernel_peer
from tests.lab.topology import Lab
from tundev.raw import open_ah, open_esp

pytestmark = pytest.mark.lab
HMAC, GCM = bytes(range(32)), bytes(range(20))
SPIS = count(0x1000, 2)
OUTER = {4: ("10.99.0.1", "10.99.0.2"), 6: ("fd99::1", "fd99::2")}
INNER = {4: ("10.1.0.2", "10.2.0.1"), 6: ("fd01::2", "fd02::1")}


@dataclass
class Wire:
    """A worker whose sockets are in ga, and the kernel in gb."""

    lab: Lab
    machine: Machine


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    require_kernel_peer()
    with Lab() as lab:
        yield Wire(lab, Machine(lab, "gb"))


def networks(version: int, mode: Mode) -> tuple[TrafficSelector, TrafficSelector]:
    ends = OUTER if mode is Mode.TRANSPORT else INNER
    ours, theirs = (TrafficSelector.from_cidr(one) for one in ends[version])
    return ours, theirs


def order(version: int, mode: Mode, protocol: Ipsec, spi: int, *, esn: bool) -> Install:
    ours, theirs = networks(version, mode)
    here, there = OUTER[version]
    is_ah = protocol is Ipsec.AH
    return Install(
        1, "net", spi, spi + 1, "" if is_ah else "aes128gcm16", "sha256" if is_ah else "", esn,
        b"" if is_ah else GCM, HMAC if is_ah else b"", b"" if is_ah else GCM,
        HMAC if is_ah else b"", (ours,), (theirs,), Path((here, 500), (there, 500)), 1500,
        mode=mode, protocol=protocol,
    )  # fmt: skip


def kernel(made: Install, version: int) -> str:
    """Return the shell text that gives the kernel the other ends."""
    here, there = OUTER[version]
    ours, theirs = made.local_ts[0], made.remote_ts[0]
    keys = (
        f"auth-trunc 'hmac(sha256)' 0x{HMAC.hex()} 128"
        if made.protocol is Ipsec.AH
        else f"aead 'rfc4106(gcm(aes))' 0x{GCM.hex()} 128"
    )
    flags = ["esn"] * made.esn
    # left alone it pads to 8 octets on IPv4, too, where RFC 4302 says 4
    flags += ["align4"] * (made.protocol is Ipsec.AH and version == 4)
    flag = f"flag {' '.join(flags)}" if flags else ""
    flag += " replay-window 32" * made.esn
    way = f"proto {made.protocol} mode {made.mode}"
    return "\n".join(
        [
            "set -e; ip xfrm state flush; ip xfrm policy flush",
            *(f"ip -{v} route replace {INNER[v][0]} via {OUTER[v][0]}" for v in (4, 6)),
            f"ip xfrm state add src {here} dst {there} spi {made.outbound_spi} {way} {keys} {flag}",
            f"ip xfrm state add src {there} dst {here} spi {made.inbound_spi} {way} {keys} {flag}",
            f"ip xfrm policy add src {ours} dst {theirs} dir in tmpl src {here} dst {there} {way}",
            f"ip xfrm policy add src {theirs} dst {ours} dir out tmpl src {there} dst {here} {way}",
        ]
    )


def ping(source: str, target: str, size: int) -> Packet:
    if ":" in source:
        return IPv6(src=source, dst=target) / ICMPv6EchoRequest(id=7) / Raw(bytes(size))
    return IP(src=source, dst=target) / ICMP(id=7) / Raw(bytes(size))


def answer(one: Side, sock: Any, protocol: Ipsec) -> bytes:
    """Wait until an answer has come through."""
    while True:
        assert wait(sock)
        (one.worker.on_ah if protocol is Ipsec.AH else one.worker.on_raw)(sock)
        got = one.got()
        if got:
            return got[0]


@pytest.mark.parametrize("esn", [False, True], ids=["32-bit", "esn"])
@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("protocol", Ipsec)
@pytest.mark.parametrize("version", [4, 6])
def test_a_kernel_answers_pings_and_we_take_the_answers(
    wire: Wire, version: Literal[4, 6], protocol: Ipsec, mode: Mode, esn: bool
) -> None:
    made = order(version, mode, protocol, next(SPIS), esn=esn)
    wire.machine.check(kernel(made, version))
    pair = SelectorPair(*networks(version, mode))
    source, target = (OUTER if mode is Mode.TRANSPORT else INNER)[version]
    with wire.lab["ga"].enter():
        esp, ah = open_esp(version, 0), open_ah(version, 0)
    with esp, ah, side() as one:
        one.worker.attach(Descriptors(one.tun.fileno(), {}, {version: esp}, {version: ah}))
        one.worker.handle(Policies((Policy("net", Action.PROTECT, (pair,), "net"),), ()))
        one.worker.handle(replace(made))
        assert [done.ok for done in one.said(Done)] == [True]
        for size in (10, 1000):
            one.send(bytes(ping(source, target, size)))
            came = answer(one, ah if protocol is Ipsec.AH else esp, protocol)
            shown = (IP if version == 4 else IPv6)(came)
            assert (shown.src, shown.dst) == (target, source)
            assert came.endswith(bytes(size))
            if version == 4:
                assert shown[ICMP].type == 0
            else:
                assert ICMPv6EchoReply in shown
        assert one.drops() == {}
