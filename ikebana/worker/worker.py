"""The packet worker's work: TUN and ESP sockets in, TUN and ESP sockets out.

    TUN ──read a batch──► Engine.seal_batch ──► send_segments (UDP 4500) or raw ESP ──► peer
    UDP 4500 ──► non-ESP marker? daemon : 0xFF? dropped : Engine.open_batch ──► TUN
    protocol 50 ──────────────────────────────────────────► Engine.open_batch ──► TUN

Nothing here waits: every call does what is there and returns.  The same object runs in its own
process and, in tests, beside the test.
"""

import os
from collections.abc import Sequence
from socket import socket
from typing import Final

from esp.child import ChildSa
from esp.counters import Counters
from esp.engine import Engine
from esp.sa import InboundSa, OutboundSa
from ikebana.rate import Rate
from ikebana.worker.messages import (
    Acquired,
    Done,
    Ike,
    Install,
    Message,
    Move,
    Moved,
    Network,
    Policies,
    Remove,
    Report,
    SoftLimit,
    Traffic,
)
from policy.mtu import tunnel_mtu
from policy.path import Path
from policy.spd import Spd
from suites.encr import ENCR_BY_NAME, sealer
from suites.integ import INTEG_BY_NAME
from suites.sealers import Sealer
from tundev import raw, udp

BATCH: Final = 64
_ROOM: Final = 65535
_MARKER: Final = bytes(4)  # RFC 3948 section 2.2
_KEEPALIVE: Final = b"\xff"
_HELD_PER_TUNNEL: Final = 64
_HELD_TUNNELS: Final = 256
_TELL_AGAIN: Final = 5.0  # seconds: what a packet started may have failed, and nobody says so here
_IKE_RATE: Final = 2000.0  # datagrams a second that the daemon is given, of peers and of strangers
_IKE_BURST: Final = 500.0
_NEAR_END: Final = (1 << 32) - (1 << 24)
_ROWS: Final = 1024  # children in one Traffic: more would not fit into a message
_KEPT: Final = 1024
DROPS: Final = ("ike_rate", "no_socket", "tun_full", "odd_message")
"""Counters of what this module drops, beside those of :mod:`esp.counters`."""


class Worker:
    """Give it sockets and messages; it gives messages back.

    ``soft_packets`` is after how many packets a child is told to be near its end.
    """

    def __init__(self, soft_packets: int = _NEAR_END) -> None:
        self._soft_packets = soft_packets
        self._counters = Counters()
        self._engine = Engine(Spd(()), self._counters)
        self._tun = -1
        self._udp: dict[str, socket] = {}
        self._raw: dict[int, socket] = {}
        self._held: dict[str, list[bytes]] = {}
        self._acquired_at: dict[str, float] = {}
        self._told: dict[int, tuple[int, int, int, int]] = {}
        self._told_counts: dict[str, int] = {}
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

    def attach(self, tun: int, sockets: dict[str, socket], raws: dict[int, socket]) -> None:
        """Take the TUN's descriptor, the 4500 sockets by address, the raw ones by version."""
        self._tun, self._udp, self._raw = tun, sockets, raws

    # -- messages -------------------------------------------------------------------------------
    def handle(self, message: Message) -> None:
        """Do what the daemon says."""
        match message:
            case Policies():
                self._replace(message)
            case Install():
                self._install(message)
            case Remove():
                self._engine.remove(message.inbound_spi)
                self._told.pop(message.inbound_spi, None)
                self._moved.pop(message.inbound_spi, None)
                self.outbox.append(Done(message.token))
            case Move():
                child = self._engine.children.get(message.inbound_spi)
                if child is not None:
                    child.path = message.path
                    self._peers.add(message.path.remote[0])
            case Report():
                self.report(changed_only=False)
            case _:
                self._counters.count("odd_message")

    def _replace(self, message: Policies) -> None:
        self._engine.spd.replace(message.policies)
        armed = set(message.armed)
        for policy in message.policies:
            if policy.tunnel in armed:
                self._engine.arm(policy.tunnel)
            else:
                self._engine.disarm(policy.tunnel)
        for tunnel in self._acquired_at.keys() - armed:
            self._counters.count("no_sa", len(self._let_go(tunnel)))

    def _install(self, message: Install) -> None:
        try:
            child = child_of(message)
        except (KeyError, ValueError):
            self.outbox.append(Done(message.token, ok=False))
            return
        child.outbound.soft_packets = self._soft_packets
        self._engine.install(child)
        self._peers.add(child.path.remote[0])
        self.outbox.append(Done(message.token, mtu=child.mtu))
        held = self._let_go(message.tunnel)
        if held:
            self._seal(held)

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

    def _seal(self, packets: list[bytes]) -> None:
        batch = self._engine.seal_batch(packets)
        run: list[bytes] = []
        last: ChildSa | None = None
        for child, packet in batch.sealed:
            if child is not last and last is not None:
                self._send(last.path, run)
                run = []
            last = child
            run.append(packet)
        if last is not None:
            self._send(last.path, run)
        for packet in batch.inward:
            self._write(packet)
        for acquire in batch.acquires:
            self._hold(acquire.tunnel, acquire.packet)
        for child in batch.limits:
            self.outbox.append(SoftLimit(child.inbound.spi))

    def _send(self, path: Path, packets: list[bytes]) -> None:
        if path.encapsulated:
            sock = self._udp.get(path.local[0]) or self._udp.get(_any(path.local[0]))
            if sock is not None:
                sent = udp.send_segments(sock, packets, path.local[0], path.remote)
                self._lost(len(packets) - sent)
                return
        else:
            sock = self._raw.get(_version(path.local[0]))
            if sock is not None:
                local, remote = path.local[0], path.remote[0]
                self._lost(sum(not raw.send_esp(sock, one, local, remote) for one in packets))
                return
        self._counters.count("no_socket", len(packets))

    def _lost(self, count: int) -> None:
        if count:
            self._counters.count("queue_full", count)

    def _hold(self, tunnel: str, packet: bytes) -> None:
        """Keep the packets that start a tunnel until it is up: the first one is not lost."""
        if self._now - self._acquired_at.get(tunnel, -_TELL_AGAIN) >= _TELL_AGAIN:
            self._acquired_at[tunnel] = self._now
            self.outbox.append(Acquired(tunnel))
        held = self._held.get(tunnel)
        if held is None and len(self._held) < _HELD_TUNNELS:
            held = self._held[tunnel] = []
        if held is None or len(held) >= _HELD_PER_TUNNEL:
            self._counters.count("queue_full")
            return
        held.append(packet)

    def _let_go(self, tunnel: str) -> list[bytes]:
        self._acquired_at.pop(tunnel, None)
        return self._held.pop(tunnel, [])

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


def child_of(message: Install) -> ChildSa:
    """Return the SAs that a message describes; raise KeyError or ValueError if it cannot be."""
    encr = ENCR_BY_NAME[message.encr]
    integ = INTEG_BY_NAME[message.integ] if message.integ else None
    if not (0 < message.inbound_spi < 1 << 32 and 0 < message.outbound_spi < 1 << 32):
        raise ValueError("an SPI has four octets and is not 0")  # RFC 4303 section 2.1

    def make(key: bytes, mac: bytes) -> Sealer:
        return sealer(encr, key, integ, mac)

    inbound = InboundSa(
        message.inbound_spi, make(message.inbound_encr, message.inbound_integ), esn=message.esn
    )
    outbound = OutboundSa(
        message.outbound_spi, make(message.outbound_encr, message.outbound_integ), esn=message.esn
    )
    icv = integ.icv if integ is not None else encr.icv
    mtu = tunnel_mtu(
        message.path_mtu,
        _version(message.path.local[0]),
        message.path.encapsulated,
        encr.iv,
        icv,
        encr.block,
    )
    return ChildSa(
        message.tunnel, outbound, inbound, message.path, message.local_ts, message.remote_ts, mtu
    )


_SILENT: Final = (0, 0, 0, 0)


def _version(address: str) -> int:
    return 6 if ":" in address else 4


def _any(address: str) -> str:
    return "::" if ":" in address else "0.0.0.0"  # noqa: S104 - the socket bound to all addresses
