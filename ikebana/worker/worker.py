"""The packet worker's work: TUN and ESP sockets in, TUN and ESP sockets out.

    TUN ──read a batch──► Engine.seal_batch ──► send_segments (UDP 4500) or raw ESP ──► peer
    UDP 4500 ──► non-ESP marker? daemon : 0xFF? dropped : Engine.open_batch ──► TUN
    protocol 50, 51 ──────────────────────────────────────► Engine.open_batch ──► TUN

Nothing here waits: every call does what is there and returns.  The same object runs in its own
process and, in tests, beside the test.
"""

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address
from socket import AF_INET6, socket
from types import MappingProxyType
from typing import Final

from esp.ah import keyed
from esp.batch import Reached
from esp.child import ChildSa
from esp.counters import Counters
from esp.engine import Engine
from esp.header import ipv6
from ikebana.rate import Rate
from ikebana.worker.children import NEAR_END, child_of, overhead_of
from ikebana.worker.held import Held
from ikebana.worker.messages import (
    Acquired,
    Arm,
    Done,
    Ike,
    Install,
    Limit,
    Message,
    Move,
    Moved,
    Network,
    Policies,
    Remove,
    Report,
    Retire,
    Traffic,
    Use,
)
from policy.mtu import Overhead
from policy.path import Path
from policy.spd import SelectorPair, Spd
from tundev import raw, udp

BATCH: Final = 64
_ROOM: Final = 65535
_MARKER: Final = bytes(4)  # RFC 3948 section 2.2
_KEEPALIVE: Final = b"\xff"
_IKE_RATE: Final = 2000.0  # datagrams a second that the daemon is given, of peers and of strangers
_IKE_BURST: Final = 500.0
_ROWS: Final = 1024  # children in one Traffic: more would not fit into a message
_KEPT: Final = 1024
DROPS: Final = ("ike_rate", "no_socket", "tun_full", "odd_message")
"""Counters of what this module drops, beside those of :mod:`esp.counters`."""


class Worker:
    """Give it sockets and messages; it gives messages back.

    ``near_end`` is after how many packets a child is told to be near the end of its numbers.
    """

    def __init__(self, near_end: int = NEAR_END) -> None:
        self._near_end = near_end
        self._counters = Counters()
        self._engine = Engine(Spd(()), self._counters)
        self._tun = -1
        self._udp: dict[str, socket] = {}
        self._raw: dict[int, dict[int, socket]] = {}  # by IP protocol and version
        self._held = Held()
        self._told: dict[int, tuple[int, int, int, int]] = {}
        self._told_counts: dict[str, int] = {}
        self._coming: list[Policies] = []  # parts of an SPD whose last one is not here yet
        self._overheads: dict[int, Overhead] = {}
        self._moved: dict[int, object] = {}  # where a child's peer was last told to be
        self._now = 0.0
        self._peers: set[str] = set()  # addresses of peers that have a child here
        self._peers_rate = Rate(_IKE_RATE, _IKE_BURST)
        self._strangers_rate = Rate(_IKE_RATE, _IKE_BURST)
        self.outbox: list[Message] = []

    @property
    def counts(self) -> dict[str, int]:
        """Return all counters."""
        return self._counters.snapshot()

    def attach(
        self,
        tun: int,
        sockets: dict[str, socket],
        raws: dict[int, socket],
        ah: Mapping[int, socket] = MappingProxyType({}),
    ) -> None:
        """Take the TUN's descriptor, the 4500 sockets by address, the raw ones by version."""
        self._tun, self._udp = tun, sockets
        self._raw = {raw.ESP: raws, raw.AH: dict(ah)}

    # -- messages -------------------------------------------------------------------------------
    def handle(self, message: Message) -> None:
        """Do what the daemon says."""
        match message:
            case Policies():
                self._coming.append(message)
                if not message.more:
                    self._replace()
            case Arm():
                self._arm(message.tunnel, armed=message.armed)
            case Install():
                self._install(message)
            case Remove():
                self._engine.remove(message.inbound_spi)
                self._told.pop(message.inbound_spi, None)
                self._moved.pop(message.inbound_spi, None)
                self._overheads.pop(message.inbound_spi, None)
                self.outbox.append(Done(message.token))
            case Move():
                self._move(message)
            case Use():
                self._engine.use(message.inbound_spi)
            case Retire():
                self._engine.retire(message.inbound_spi)
            case Report():
                self.report(changed_only=False)
            case _:
                self._counters.count("odd_message")

    def _replace(self) -> None:
        parts, self._coming = self._coming, []
        policies = tuple(policy for part in parts for policy in part.policies)
        armed = {tunnel for part in parts for tunnel in part.armed}
        self._engine.spd.replace(policies)
        for tunnel in {policy.tunnel for policy in policies} | self._held.tunnels:
            self._arm(tunnel, armed=tunnel in armed)

    def _arm(self, tunnel: str, *, armed: bool) -> None:
        if armed:
            self._engine.arm(tunnel)
            return
        self._engine.disarm(tunnel)
        self._counters.count("no_sa", len(self._held.take(tunnel)))
        self._held.settle(tunnel, frozenset())

    def _install(self, message: Install) -> None:
        try:
            child = child_of(message, self._near_end)
        except (KeyError, ValueError):
            self.outbox.append(Done(message.token, ok=False))
            return
        self._engine.install(child, standby=message.standby)
        self._overheads[message.inbound_spi] = overhead_of(message)
        self._peers.add(child.path.remote[0])
        self.outbox.append(Done(message.token, mtu=child.mtu))
        held = self._held.take(message.tunnel)
        still = self._seal(held) if held else frozenset[SelectorPair]()
        self._held.settle(message.tunnel, still)

    def _move(self, message: Move) -> None:
        child = self._engine.children.get(message.inbound_spi)
        if child is None:
            return
        overhead = self._overheads[message.inbound_spi]
        try:
            if overhead.is_ah and message.path.esp_in_udp:
                raise ValueError("no NAT lets AH pass")
            child.path = message.path
        except ValueError:  # transport mode and AH cannot go everywhere
            self._counters.count("odd_message")
            return
        self._peers.add(message.path.remote[0])
        if message.path_mtu:
            version = _version(message.path.local[0])
            child.mtu = overhead.largest(message.path_mtu, version, message.path.esp_in_udp)

    def report(self, *, changed_only: bool = True) -> None:
        """Tell the counters; with ``changed_only`` only of children that had traffic.

        Nothing is told when nothing changed.
        """
        self._peers = {child.path.remote[0] for child in self._engine.children.values()}
        counts = self._counters.snapshot()
        is_due = not changed_only or counts != self._told_counts
        rows = []
        for spi, child in self._engine.children.items():
            now = (
                child.inbound.packets,
                child.inbound.octets,
                child.outbound.packets,
                child.outbound.octets,
            )
            if not changed_only or self._told.get(spi, _SILENT) != now:
                self._told[spi] = now
                rows.append((spi, *now))
                self._tell_limits(self._engine.check_inbound(child))
        if rows or is_due:
            self._told_counts = counts
            for start in range(0, len(rows) or 1, _ROWS):
                self.outbox.append(Traffic(counts, tuple(rows[start : start + _ROWS])))

    def shed(self) -> None:
        """Drop from the outbox what can be spared, for a daemon that does not keep up.

        Datagrams come again and counts add up; what is said once stays, a bounded number of it.
        """
        kept = [one for one in self.outbox if not isinstance(one, Ike | Network | Traffic)]
        lost = sum(isinstance(one, Ike) for one in self.outbox) + max(0, len(kept) - _KEPT)
        self._lost(lost)
        self.outbox[:] = kept[:_KEPT]

    # -- from the inside ------------------------------------------------------------------------
    def on_tun(self, now: float) -> None:
        """Seal what waits in the TUN device."""
        self._now = now
        packets: list[bytes] = []
        for _ in range(BATCH):
            try:
                packets.append(os.read(self._tun, _ROOM))
            except OSError:
                break
        if packets:
            self._seal(packets)

    def _seal(self, packets: list[bytes]) -> frozenset[SelectorPair]:
        """Send what can be sealed; return the policy selectors of what has to wait."""
        batch = self._engine.seal_batch(packets)
        run: list[bytes] = []
        last: ChildSa | None = None
        for child, packet in batch.sealed:
            if child is not last and last is not None:
                self._send(last, run)
                run = []
            last = child
            run.append(packet)
        if last is not None:
            self._send(last, run)
        for packet in batch.inward:
            self._write(packet)
        for acquire in batch.acquires:
            if self._held.wants_telling(acquire, self._now):
                self.outbox.append(Acquired(acquire.tunnel, acquire.flow))
            if not self._held.hold(acquire):
                self._counters.count("queue_full")
        self._tell_limits(batch.limits)
        return frozenset(acquire.pair for acquire in batch.acquires)

    def _tell_limits(self, reached: Sequence[Reached]) -> None:
        for one in reached:
            self.outbox.append(Limit(one.child.inbound.spi, one.hard))

    def _send(self, child: ChildSa, packets: list[bytes]) -> None:
        path = child.path
        if path.esp_in_udp:
            sock = self._udp.get(path.local[0]) or self._udp.get(_any(path.local[0]))
            if sock is not None:
                sent = udp.send_segments(sock, packets, path.local[0], path.remote)
                self._lost(len(packets) - sent)
                return
        else:
            protocol = child.outbound.protocol
            sock = self._raw.get(protocol, {}).get(_version(path.local[0]))
            if sock is not None:
                send = raw.send_ah if protocol == raw.AH else raw.send_esp
                local, remote = path.local[0], path.remote[0]
                self._lost(sum(not send(sock, one, local, remote) for one in packets))
                return
        self._counters.count("no_socket", len(packets))

    def _lost(self, count: int) -> None:
        if count:
            self._counters.count("queue_full", count)

    # -- from the outside -----------------------------------------------------------------------
    def on_udp(self, sock: socket, now: float) -> None:
        """Sort what waits on a 4500 socket: IKE to the daemon, ESP through the engine."""
        received = udp.receive_batch(sock, BATCH)
        if not received:
            for error in dict.fromkeys(udp.read_errors(sock)):
                self.outbox.append(Network(error.remote[0], error.kind.value, error.mtu))
            return
        port = sock.getsockname()[1]
        packets: list[tuple[bytes, object]] = []
        for data, remote, local in received:
            if data[:4] == _MARKER:
                self._to_daemon(Ike(Path((local, port), remote, encapsulated=True), data[4:]), now)
            elif data == _KEEPALIVE:
                self._counters.count("keepalives")
            else:
                packets.append((data, remote))
        self._open(packets)

    def on_raw(self, sock: socket) -> None:
        """Open what waits on a raw ESP socket."""
        received = raw.receive_esp_batch(sock, BATCH)
        self._open([(data, (remote, 0)) for data, remote, _ in received])

    def on_ah(self, sock: socket) -> None:
        """Check what waits on a raw AH socket: whole packets, of IPv6 made anew."""
        packets: list[tuple[bytes, object]] = []
        for data, remote, local in raw.receive_ah_batch(sock, BATCH):
            if sock.family == AF_INET6 and local:
                data = ipv6(_packed(remote) + _packed(local), raw.AH, data)
            packets.append((keyed(data), (remote, 0)))
        self._open(packets)

    def _open(self, packets: Sequence[tuple[bytes, object]]) -> None:
        if not packets:
            return
        opened = self._engine.open_batch(packets)
        for packet in opened.inner:
            self._write(packet)
        for child, source in opened.moved:
            # port 0: it came as protocol 50, which a peer behind UDP may send (RFC 7296 section
            # 2.23) and anybody on the way may make of its UDP: nothing that could be followed
            spi = child.inbound.spi
            if isinstance(source, tuple) and source[1] and self._moved.get(spi) != source:
                self._moved[spi] = source  # once: the daemon may have reason not to follow
                self.outbox.append(Moved(spi, str(source[0]), int(source[1])))

    def _write(self, packet: bytes) -> None:
        try:
            os.write(self._tun, packet)
        except OSError:
            self._counters.count("tun_full")

    def _to_daemon(self, message: Ike, now: float) -> None:
        """Hand an IKE datagram on, at a bounded rate: a flood must not drown the daemon.

        Peers that have a child here have a rate of their own, which strangers cannot use up.
        """
        known = message.path.remote[0] in self._peers
        if (self._peers_rate if known else self._strangers_rate).takes(now):
            self.outbox.append(message)
        else:
            self._counters.count("ike_rate")


@lru_cache(maxsize=1024)
def _packed(address: str) -> bytes:
    return ip_address(address).packed


_SILENT: Final = (0, 0, 0, 0)


def _version(address: str) -> int:
    return 6 if ":" in address else 4


def _any(address: str) -> str:
    return "::" if ":" in address else "0.0.0.0"  # noqa: S104 - the socket bound to all addresses
