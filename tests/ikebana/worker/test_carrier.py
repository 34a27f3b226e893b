"""Descriptors in, descriptors out: a socket pair is the TUN device, loopback the network."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from esp.child import ChildSa
from esp.counters import Counters
from esp.engine import Engine
from esp.vnet import VNET
from ikebana.worker.carrier import Carrier, Descriptors
from policy.path import Path
from policy.spd import Spd
from tests.esp.flows import cut_apart, stream
from tests.esp.rounds import single, super_packet
from tests.esp.tunnel import child_pair, site_policy
from tests.ikebana.worker.rig import HOST, wait
from tundev.udp import open_udp

WAYS = {
    "all": Descriptors(-1, {}, vnet=True, uso=True),
    "no numpy": Descriptors(-1, {}, vnet=True, uso=True, vectors=False),
    "no USO": Descriptors(-1, {}, vnet=True),
    "one datagram a call": Descriptors(-1, {}, vnet=True, offload=False),
    "nothing": Descriptors(-1, {}, offload=False, vectors=False),
}


class End:
    """A carrier with its descriptors; ``host`` is what is behind its TUN device."""

    def __init__(self, stack: ExitStack, way: Descriptors) -> None:
        self.host, tun = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.tun = tun
        self.udp = stack.enter_context(open_udp(HOST, 0, 0))
        stack.enter_context(self.host)
        stack.enter_context(tun)
        for end in (self.host, tun):
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.counters = Counters()
        self.engine = Engine(Spd((site_policy(),)), self.counters)
        self.carrier = Carrier(self.engine, self.counters)
        self.carrier.attach(replace(way, tun=tun.fileno(), udp={HOST: self.udp}))
        self.vnet = way.vnet

    @property
    def at(self) -> tuple[str, int]:
        return HOST, int(self.udp.getsockname()[1])

    def install(self, child: ChildSa, other: "End") -> None:
        child.path = Path(self.at, other.at, encapsulated=True)
        self.engine.install(child)

    def came(self) -> list[bytes]:
        """Take what waits on the network, and return the packets that the host gets."""
        while wait(self.udp, 0.05):
            self.carrier.on_udp(self.udp, self.at[1])
        packets: list[bytes] = []
        while wait(self.host, 0):
            octets = self.host.recv(70_000)
            parts = [octets[: VNET.size], octets[VNET.size :]]
            packets += cut_apart([*parts]) if self.vnet else [octets]
        return packets


@contextmanager
def two(way: Descriptors) -> Iterator[tuple[End, End]]:
    with ExitStack() as stack:
        moon, sun = End(stack, way), End(stack, way)
        ours, theirs = child_pair()
        moon.install(ours, sun)
        sun.install(theirs, moon)
        yield moon, sun


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["tcp4", "tcp6", "udp4", "udp6"])
def test_what_goes_in_comes_out_in_its_order(way: str, kind: str) -> None:
    with two(WAYS[way]) as (moon, sun):
        flow = stream(kind)
        reads = [single(flow.packet(bytes(100))) for _ in range(3)]
        if moon.vnet:
            reads.append(super_packet(flow, bytes(30_000), 1000))
        reads += [single(flow.packet(bytes((n,)) * 800)) for n in range(20)]
        for read in reads:
            moon.host.send((read.header if moon.vnet else b"") + read.octets)
        moon.carrier.on_tun()
        expected = [packet for read in reads for packet in read.packets]
        came = sun.came()
        assert [packet[-100:] for packet in came] == [packet[-100:] for packet in expected]
        assert len(came) == len(expected)
        assert sun.counters.counts["packets_in"] == len(expected)


def test_ike_and_keepalives_are_told_from_esp() -> None:
    with two(WAYS["all"]) as (moon, sun):
        for data in (b"\0\0\0\0ike", b"\xff", b"", b"\0\0\0\0ike two", b"short"):
            moon.udp.sendto(data, sun.at)
        assert wait(sun.udp)
        received = sun.carrier.on_udp(sun.udp, sun.at[1])
        path = Path(sun.at, moon.at, encapsulated=True)
        assert received.ike == [(path, b"ike"), (path, b"ike two")]
        assert sun.counters.counts["keepalives"] == 1
        assert sun.counters.counts["malformed"] == 2


def test_a_socket_with_nothing_to_receive_says_so() -> None:
    with two(WAYS["all"]) as (_, sun):
        assert sun.carrier.on_udp(sun.udp, sun.at[1]).has_errors


def test_a_path_without_a_socket_is_counted() -> None:
    with two(WAYS["all"]) as (moon, sun):
        (child,) = moon.engine.children.values()
        child.path = Path((HOST, 1), sun.at, encapsulated=False)  # no raw socket here
        moon.carrier.seal([stream().packet(bytes(10))] * 3)
        assert moon.counters.counts["no_socket"] == 3


def test_packets_that_the_device_does_not_take_are_counted() -> None:
    with two(WAYS["all"]) as (_, sun):
        sun.carrier.attach(replace(WAYS["all"], udp={HOST: sun.udp}))
        sun.carrier.write(stream().packet(bytes(10)))
        assert sun.counters.counts["tun_full"] == 1


def test_jumbo_frames_of_a_raw_socket_are_never_cut_off() -> None:
    """More of them wait than the room for a batch holds."""
    header = bytes.fromhex("4500001400000000403200007f0000017f000001")  # as a raw socket brings it
    with two(WAYS["all"]) as (moon, sun):
        (child,) = moon.engine.children.values()
        flow = stream("udp4")
        sun.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        for _ in range(40):
            moon.udp.sendto(header + child.outbound.protect(flow.packet(bytes(8900)), 4), sun.at)
        while wait(sun.udp, 0.05):
            sun.carrier.on_raw(sun.udp)
        assert sun.counters.counts["packets_in"] == 40


def test_a_host_that_sends_tiny_segments_leaves_others_their_turn() -> None:
    """A hundred super-packets of them would be over a second."""
    with two(WAYS["all"]) as (moon, _):
        flow = stream("tcp4")
        moon.host.send(b"".join((bytes(10), flow.packet(b""))))
        reads = [super_packet(flow, bytes(60_000), 48) for _ in range(10)]
        for read in reads:
            moon.host.send(read.header + read.octets)
        turns = []
        while wait(moon.tun, 0):
            before = moon.counters.counts["packets_out"]
            moon.carrier.on_tun()
            turns.append(moon.counters.counts["packets_out"] - before)
        assert sum(turns) == 1 + sum(len(read.packets) for read in reads)
        assert max(turns) < 10_000
