"""Workers on real descriptors: a datagram pair in place of the TUN, UDP sockets on loopback."""

import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from ikebana.worker.carrier import Descriptors
from ikebana.worker.messages import Acquired, Install, Message, Policies
from ikebana.worker.worker import Worker
from policy.flow import flow_of
from policy.path import Path
from policy.spd import Action, Policy, SelectorPair
from tests.esp.tunnel import MOON_NETS, SUN_NETS, site_policy
from tundev.udp import open_udp

HOST: Final = "127.0.0.1"
T = TypeVar("T")


def wait(thing: socket.socket | int, seconds: float = 5.0) -> bool:
    """Wait until there is something to read, or an error queued."""
    poll = select.poll()
    poll.register(thing, select.POLLIN | select.POLLERR)
    return bool(poll.poll(seconds * 1000))


@dataclass
class Side:
    """One worker; ``host`` is the far end of its TUN, what the host's IP stack would be."""

    worker: Worker
    host: socket.socket
    tun: socket.socket
    udp: socket.socket

    @property
    def at(self) -> tuple[str, int]:
        """Return the address and port of its 4500 socket."""
        return HOST, int(self.udp.getsockname()[1])

    def send(self, *packets: bytes, now: float = 0.0) -> None:
        """Let the host send IP packets into the tunnel."""
        for packet in packets:
            self.host.send(packet)
        self.worker.on_tun(now)

    def take(self, now: float = 0.0) -> None:
        """Wait for datagrams on the 4500 socket and take what is there."""
        assert wait(self.udp)
        self.worker.on_udp(self.udp, now)

    def got(self) -> list[bytes]:
        """Return the IP packets that came out of the tunnel."""
        packets = []
        while wait(self.host, 0):
            packets.append(self.host.recv(65535))
        return packets

    def said(self, kind: type[T]) -> list[T]:
        """Take what the worker says to the daemon: all of it, those of one kind returned."""
        told: list[Message] = self.worker.outbox[:]
        self.worker.outbox.clear()
        return [message for message in told if isinstance(message, kind)]

    def drops(self) -> dict[str, int]:
        """Return the counters that are not 0 and do not count traffic."""
        return {
            name: count
            for name, count in self.worker.counts.items()
            if count and not name.startswith(("packets", "octets"))
        }


@contextmanager
def side(worker: Worker | None = None) -> Iterator[Side]:
    """Make a worker that has its descriptors and nothing else."""
    host, tun = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    udp = open_udp(HOST, 0, 0)
    with host, tun, udp:
        for end in (host, tun):
            end.setblocking(False)
        one = Side(worker or Worker(), host, tun, udp)
        one.worker.attach(Descriptors(tun.fileno(), {HOST: udp}))
        yield one


@contextmanager
def two() -> Iterator[tuple[Side, Side]]:
    """Make moon's and sun's worker, with policies and a child between them."""
    with side() as moon, side() as sun:
        ours, theirs = installs(moon.at, sun.at)
        moon.worker.handle(policies())
        moon.worker.handle(ours)
        back = SelectorPair(SUN_NETS[0], MOON_NETS[0])
        sun.worker.handle(Policies((Policy("net", Action.PROTECT, (back,), "net"),), ()))
        sun.worker.handle(theirs)
        moon.worker.outbox.clear()
        sun.worker.outbox.clear()
        yield moon, sun


def policies(*armed: str) -> Policies:
    """Protect what goes from moon's networks to sun's."""
    return Policies((site_policy(),), armed)


def installs(
    moon: tuple[str, int],
    sun: tuple[str, int],
    spi: int = 0x1000,
    tunnel: str = "net",
    **changes: object,
) -> tuple[Install, Install]:
    """Return both ends' orders: moon receives on ``spi``, sun on ``spi + 1``."""
    # keys of their own: none is taken a second time
    there, back = (f"{way}{spi:x}".encode().ljust(20, b".") for way in ("there", "back"))
    path = Path(moon, sun, encapsulated=True)

    def order(**own: object) -> Install:
        fields: dict[str, object] = {
            "token": spi,
            "tunnel": tunnel,
            "encr": "aes128gcm16",
            "integ": "",
            "esn": False,
            "inbound_integ": b"",
            "outbound_integ": b"",
            "path_mtu": 1500,
            **own,
            **changes,
        }
        return Install(**fields)  # type: ignore[arg-type]  # one table for both ends

    return (
        order(
            inbound_spi=spi,
            outbound_spi=spi + 1,
            inbound_encr=back,
            outbound_encr=there,
            local_ts=MOON_NETS,
            remote_ts=SUN_NETS,
            path=path,
        ),
        order(
            inbound_spi=spi + 1,
            outbound_spi=spi,
            inbound_encr=there,
            outbound_encr=back,
            local_ts=SUN_NETS,
            remote_ts=MOON_NETS,
            path=path.reversed,
        ),
    )


def acquired(packet: bytes, tunnel: str = "net") -> Acquired:
    """Return what the worker says of a packet that has to wait."""
    return Acquired(tunnel, flow_of(packet))


def until(found: Callable[[], T | None], watched: socket.socket) -> T:
    """Ask again whenever ``watched`` has something, until there is an answer."""
    while (answer := found()) is None:
        assert wait(watched)
    return answer
