"""The system calls of the packet path: TUN and ESP sockets on one side, batches on the other.

    TUN ──readv──► Outward ──► UDP_SEGMENT sends on 4500, or raw ESP and AH ──► peer
    UDP 4500, UDP_GRO ──► non-ESP marker? IKE : 0xFF? keepalive : Inward ──writev──► TUN
    protocol 50, 51 ─────────────────────────────────────────────► Inward ──writev──► TUN

Nothing here waits, and nothing waits for a batch to fill: a batch is what was there.  Of each side
a bounded part is taken at a time, so that the other and the daemon's messages get their turn.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from itertools import groupby
from operator import itemgetter
from socket import AF_INET6, socket
from typing import Final

from esp.ah import keyed
from esp.arena import SLOTS
from esp.batch import Batch, Moved
from esp.checksum import Octets
from esp.child import ChildSa
from esp.coalesce import MOST_UDP
from esp.counters import Counters
from esp.engine import Engine
from esp.header import ipv6
from esp.inward import ROOM, Inward
from esp.lanes import has_vectors
from esp.outer import DF, outer_header, with_header
from esp.outward import Outward
from esp.sa import Drop
from esp.sendbuffer import ROWS
from ikebana.worker.messages import MEANS
from policy.path import Path
from tundev import raw, udp
from tundev.sockets import enable_tos, set_df

READS: Final = SLOTS
"""Reads of one side before the other gets its turn."""
_TURN: Final = 8192
"""Packets out before others get their turn: super-packets of tiny segments are over a thousand."""
_ENOUGH: Final = ROOM - (1 << 16)  # octets received before they are opened: a read needs the rest
_MANY: Final = ROWS - 128  # datagrams: one read brings 64 more at most, newer kernels 128
_RAW_ROOM: Final = 1 << 18
_MARKER: Final = bytes(4)  # RFC 3948 section 2.2
_KEEPALIVE: Final = b"\xff"
_TOS: Final = 0xFF
_NOTHING: Final = b"\x45" + bytes(19)  # the header of no particular packet


@dataclass(slots=True)
class Received:
    """What came in beside packets for the TUN device."""

    ike: list[tuple[Path, bytes]] = field(default_factory=list)
    """Datagrams with a non-ESP marker, without it."""
    moved: list[Moved] = field(default_factory=list)
    """Children whose peers were heard from elsewhere."""
    has_errors: bool = False
    """The socket has errors to tell, or may have: nothing else was there.

    Who leaves them there loses datagrams: they take the room that those need.
    """

    def note_errors(self) -> None:
        """Remember that there are some."""
        self.has_errors = True


@dataclass(frozen=True, slots=True)
class Descriptors:
    """What the worker reads and writes.  Sockets are by address, raw ones by IP version."""

    tun: int
    udp: Mapping[str, socket]
    esp: Mapping[int, socket] = field(default_factory=dict)
    ah: Mapping[int, socket] = field(default_factory=dict)
    vnet: bool = False
    """Whether each packet of the TUN device has a virtio header before it."""
    uso: bool = False
    """Whether the kernel takes UDP super-packets (Linux 6.2)."""
    offload: bool = True
    """Whether one call may send and receive many datagrams."""
    vectors: bool = True
    """Whether numpy may be used if it is there."""


class Carrier:
    """Moves packets between descriptors by way of an engine."""

    def __init__(self, engine: Engine, counters: Counters) -> None:
        self._engine = engine
        self._counters = counters
        self._raw_room = memoryview(bytearray(_RAW_ROOM))
        self.attach(Descriptors(-1, {}, vectors=False))

    def attach(self, descriptors: Descriptors) -> None:
        """Use these from now on."""
        self._to = descriptors
        self._header = 10 if descriptors.vnet else 0
        can_batch = bool(descriptors.udp) and descriptors.offload and udp.has_udp_gso()
        self._most = udp.MAX_SEGMENTS if can_batch else 1
        self._raw = {raw.ESP: descriptors.esp, raw.AH: descriptors.ah}
        self._outward = Outward(
            self._engine, self._send, vnet=descriptors.vnet, vectors=descriptors.vectors
        )
        self._places = [(place,) for place in self._outward.arena.places]
        self._inward = Inward(
            self._engine,
            self._write,
            vectors=descriptors.vectors,
            merge=descriptors.vnet,
            most_udp=MOST_UDP if descriptors.uso else 1,
        )
        self._room = memoryview(self._inward.received)
        for sock in self.sockets:
            enable_tos(sock)
        batched = [udp.enable_gro(sock) for sock in descriptors.udp.values() if descriptors.offload]
        found = {
            "vnet": descriptors.vnet,
            "uso": descriptors.uso,
            "gso": can_batch,
            "gro": any(batched),
            "numpy": descriptors.vectors and has_vectors(),
        }
        self.means = tuple(name for name in MEANS if found[name])
        """How packets are moved; see :data:`ikebana.worker.messages.MEANS`."""

    @property
    def sockets(self) -> list[socket]:
        """Return all sockets."""
        to = self._to
        return [*to.udp.values(), *to.esp.values(), *to.ah.values()]

    # -- from the inside ------------------------------------------------------------------------
    def on_tun(self) -> Batch:
        """Seal and send what waits in the TUN device."""
        tun, places, take, readv = self._to.tun, self._places, self._outward.take, os.readv
        counts = self._counters.counts
        enough = counts["packets_out"] + _TURN
        slot = 0
        for _ in range(READS):
            try:
                got = readv(tun, places[slot])
            except OSError:
                break
            slot = take(slot, got)
            if counts["packets_out"] > enough:
                break
        return self._outward.finish()

    def seal(self, packets: list[bytes]) -> Batch:
        """Seal and send packets that were read before."""
        self._outward.seal(packets)
        return self._outward.finish()

    def send_dummy(self, child: ChildSa) -> None:
        """Send a packet that holds nothing."""
        try:
            packet = child.dummy()
        except Drop as drop:
            self._engine.dropped(drop.reason, child)
            return
        outer = outer_header(_NOTHING, child.treatment, child.mtu)
        self._send(child, memoryview(packet), len(packet), outer)

    def _send(self, child: ChildSa, rows: memoryview, size: int, outer: int) -> None:
        path = child.path
        local, remote = path.local[0], path.remote
        count = -(-len(rows) // size)
        protocol = child.outbound.protocol
        if path.esp_in_udp:
            sock = self._to.udp.get(local) or self._to.udp.get(_any(local))
        else:
            sock = self._raw.get(protocol, {}).get(_version(local))
        if sock is None:
            self._counters.count("no_socket", count)
            return
        tos, ttl = outer & _TOS, child.treatment.ttl
        toggles = outer & DF and protocol != raw.AH  # which has it in a header of its own
        if toggles:
            set_df(sock, True)
        if path.esp_in_udp:
            taken = udp.send_rows(sock, rows, size, local, remote, tos, ttl=ttl, most=self._most)
        elif protocol == raw.AH:
            parts = [bytes(rows[at : at + size]) for at in range(0, len(rows), size)]
            if sock.family != AF_INET6:  # the header is there already, and the ICV without these
                parts = [with_header(one, tos, ttl, df=bool(outer & DF)) for one in parts]
            taken = sum(raw.send_ah(sock, one, local, remote[0], tos, ttl=ttl) for one in parts)
        else:
            taken = raw.send_rows(sock, rows, size, local, remote[0], tos, ttl=ttl)
        if toggles:
            set_df(sock, False)
        if taken != count:
            self._counters.count("queue_full", count - taken)
            child.drop("queue_full", count - taken)

    # -- from the outside -----------------------------------------------------------------------
    def on_udp(self, sock: socket, port: int) -> Received:
        """Take what waits on a 4500 socket, whose port that is."""
        found = Received()
        room, receive = self._room, udp.receive_into
        rows = stride = used = 0
        who: tuple[tuple[str, int], str, int] = (("", 0), "", 0)
        for read in range(READS):
            got = receive(sock, room[used:], found.note_errors)
            if got is None:
                found.has_errors |= not read
                break
            octets, size, remote, local, tos = got
            if size != stride or who != (remote, local, tos):
                if rows:
                    self._rows(found, rows, stride, who, port)
                    room[:octets] = room[used : used + octets]
                rows = used = 0
                stride, who = size, (remote, local, tos)
            if not octets:
                self._counters.count("malformed")
                continue
            whole = octets // size
            rows += whole
            used += whole * size
            if whole * size < octets:  # a shorter last one ends the batch
                self._rows(found, rows, stride, who, port)
                self._sort(found, [bytes(room[used : used + octets - whole * size])], who, port)
                rows = used = 0
            elif used > _ENOUGH or rows > _MANY:
                self._rows(found, rows, stride, who, port)
                rows = used = 0
        if rows:
            self._rows(found, rows, stride, who, port)
        found.moved += self._inward.finish()
        return found

    def _rows(
        self,
        found: Received,
        rows: int,
        size: int,
        who: tuple[tuple[str, int], str, int],
        port: int,
    ) -> None:
        room = self._room

        def singly(begin: int, end: int) -> None:
            octets = [bytes(room[at * size : (at + 1) * size]) for at in range(begin, end)]
            self._sort(found, octets, who, port)

        self._inward.take_rows(rows, size, who[0], who[2], singly)

    def _sort(
        self,
        found: Received,
        datagrams: Sequence[bytes],
        who: tuple[tuple[str, int], str, int],
        port: int,
    ) -> None:
        """Tell IKE and keepalives from ESP (RFC 3948 sections 2.2, 2.3)."""
        remote, local, tos = who
        packets: list[tuple[bytes, object]] = []
        for data in datagrams:
            if data[:4] == _MARKER:
                path = Path((local, port), remote, encapsulated=True)
                found.ike.append((path, data[4:]))
            elif data == _KEEPALIVE:
                self._counters.count("keepalives")
            else:
                packets.append((data, remote))
        if packets:
            self._inward.take(packets, tos)

    def on_raw(self, sock: socket) -> Received:
        """Open what waits on a raw ESP socket."""
        found = Received()
        packets = raw.receive_packets(sock, self._raw_room, READS, has_errors=found.note_errors)
        return self._take(found, [(bytes(data), remote, tos) for data, remote, _, tos in packets])

    def on_ah(self, sock: socket) -> Received:
        """Check what waits on a raw AH socket: whole packets, of IPv6 made anew."""
        found = Received()
        packets: list[tuple[bytes, str, int]] = []
        received = raw.receive_packets(
            sock, self._raw_room, READS, header=True, has_errors=found.note_errors
        )
        for view, remote, local, tos in received:
            data = bytes(view)
            if sock.family == AF_INET6 and local:
                data = ipv6(_packed(remote) + _packed(local), raw.AH, data)
            packets.append((keyed(data), remote, tos))
        return self._take(found, packets)

    def _take(self, found: Received, packets: Sequence[tuple[bytes, str, int]]) -> Received:
        for tos, some in groupby(packets, key=itemgetter(2)):
            self._inward.take([(data, (remote, 0)) for data, remote, _ in some], tos)
        found.moved = self._inward.finish()
        found.has_errors |= not packets
        return found

    # -- the TUN device -------------------------------------------------------------------------
    def write(self, packet: bytes) -> None:
        """Write one packet."""
        self._write([bytes(10), packet])

    def _write(self, parts: list[Octets]) -> None:
        try:
            os.writev(self._to.tun, parts if self._header else parts[1:])
        except OSError:
            self._counters.count("tun_full")


@lru_cache(maxsize=1024)
def _packed(address: str) -> bytes:
    return ip_address(address).packed


def _version(address: str) -> int:
    return 6 if ":" in address else 4


def _any(address: str) -> str:
    return "::" if ":" in address else "0.0.0.0"  # noqa: S104 - the socket bound to all addresses
