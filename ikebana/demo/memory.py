"""The demonstration without root: the same two gateways in one process, devices that are lists."""

import secrets
import time
from collections.abc import Iterator
from typing import Final

from ikebana.config.compile import compile_config
from ikebana.config.load import parse
from ikebana.demo.config import MOON, PICTURE, SUN, Side, toml
from ikebana.demo.inmemory import MemoryGateway
from ikebana.demo.ping import ICMP, PAYLOAD, Echo, answer, ipv4, is_reply, request
from ikebana.demo.report import show_pings, show_proof, show_sas, show_speed
from ikebana.demo.show import WIDTH, Screen
from ikebana.demo.speed import Interval
from ikebana.demo.tally import PHRASE, Tally
from ikebana.render.ladder import ladder

_PINGS: Final = 5
_PERIOD: Final = 1.0
_BATCH: Final = 64
_INNER: Final = 1400  # octets of an inner packet
_TEST: Final = 253  # RFC 3692: a protocol for experiments
_ROUNDS: Final = 1000  # of deliveries, until a negotiation counts as endless


def demonstrate(screen: Screen, seconds: float) -> bool:
    """Run it all and tell whether all of it worked; ``seconds`` of throughput."""
    screen.heading("Two gateways in one process, a host behind each")
    screen.lines(PICTURE)
    net = MemoryNet()
    worked = _is_closed(screen, net) and _connect(screen, net)
    if not worked:
        return False
    for side in (MOON, SUN):
        show_sas(screen, side.name, net.gateways[side].view())
    screen.heading("Pings through the tunnel, both ways")
    for origin, target in ((MOON, SUN), (SUN, MOON)):
        worked = show_pings(screen, origin.host_name, net.pings(origin, target)) and worked
    screen.heading(f"{seconds:g} s of packets of {_INNER} octets, sealed, carried and opened")
    rate = show_speed(screen, net.stream(MOON, SUN, seconds))
    if rate:
        screen.good(f"mean {rate:.0f} Mbit/s: {rate * 125 / _INNER:.1f} thousand packets a second")
    screen.heading("What the wire between the gateways carried")
    return show_proof(screen, net.tally) and worked and bool(rate)


class MemoryNet:
    """Moon and sun, a host behind each, and the wire: what is on it is counted."""

    def __init__(self) -> None:
        psk = secrets.token_hex(32)
        self.tally = Tally()
        self.gateways = {here: _gateway(here, there, psk) for here, there in _BOTH}

    def deliver(self) -> None:
        """Carry packets both ways until the wire is quiet."""
        for _ in range(_ROUNDS):
            acknowledged = [gateway.acknowledge() for gateway in self.gateways.values()]
            carried = [self.carry(here, there) for here, there in _BOTH]
            if not any((*acknowledged, *carried)):
                return

    def carry(self, here: Side, there: Side) -> bool:
        """Carry what one gateway put on the wire to the other; tell whether there was some."""
        sender = self.gateways[here]
        packets, sender.outbox = sender.outbox, []
        for packet in packets:
            self.tally.packet(packet)
        self.gateways[there].from_wire(packets)
        return bool(packets)

    def pings(self, origin: Side, target: Side, count: int = _PINGS) -> Iterator[Echo]:
        """Yield the fate of echo requests from one host to the other."""
        for seq in range(1, count + 1):
            began = time.perf_counter()
            packet = ipv4(origin.host, target.host, ICMP, request(1, seq, PAYLOAD))
            self.gateways[origin].from_tun([packet])
            self.deliver()
            replies = [one for arrived in self._arrived(target) if (one := answer(arrived))]
            self.gateways[target].from_tun(replies)
            self.deliver()
            found = any(is_reply(one, 1, seq) for one in self._arrived(origin))
            yield Echo(target.host, seq, (time.perf_counter() - began) * 1000 if found else None)

    def stream(self, origin: Side, target: Side, seconds: float) -> Iterator[Interval]:
        """Send packets in batches for so long; yield what the other host got each second."""
        body = (PHRASE * (_INNER // len(PHRASE) + 1))[: _INNER - 20]
        batch = [ipv4(origin.host, target.host, _TEST, body)] * _BATCH
        began = now = time.perf_counter()
        until, octets = began + seconds, 0
        while now < until:
            self.gateways[origin].from_tun(batch)
            self.carry(origin, target)
            octets += sum(map(len, self._arrived(target)))
            now = time.perf_counter()
            if now - began >= _PERIOD or now >= until:
                yield Interval(octets, now - began)
                began, octets = now, 0

    def _arrived(self, side: Side) -> list[bytes]:
        gateway = self.gateways[side]
        packets, gateway.tun = gateway.tun, []
        return packets


_BOTH: Final = ((MOON, SUN), (SUN, MOON))


def _gateway(here: Side, there: Side, psk: str) -> MemoryGateway:
    plan = compile_config(parse(toml(here, there, psk).encode()))
    return MemoryGateway(plan, here.outside, there.outside, time.monotonic)


def _is_closed(screen: Screen, net: MemoryNet) -> bool:
    """Show that without the tunnel nothing passes, not even in clear."""
    screen.heading("Before the tunnel is up")
    (echo,) = net.pings(MOON, SUN, 1)
    if echo.ms is not None:
        screen.bad(f"{MOON.host_name} reached {SUN.host} without a tunnel")
        return False
    screen.good(f"{MOON.host_name} does not reach {SUN.host}: nothing leaves in clear")
    return True


def _connect(screen: Screen, net: MemoryNet) -> bool:
    screen.heading("The IKE exchange")
    moon = net.gateways[MOON]
    began = time.perf_counter()
    moon.up()
    net.deliver()
    ms = (time.perf_counter() - began) * 1000
    screen.lines(ladder(moon.records, MOON.name, SUN.name, WIDTH - 2))
    if all(gateway.view().state.is_up for gateway in net.gateways.values()):
        view = moon.view()
        screen.good(f"connected after {ms:.1f} ms: {view.ike}, {view.esp}")
        return True
    for side, gateway in net.gateways.items():
        for line in gateway.failures:
            screen.bad(f"{side.name}: {line}")
    screen.bad("not connected")
    return False
