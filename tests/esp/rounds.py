"""Both lanes of the packet path, driven as the worker drives them, and what they are judged by."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from esp.checksum import Octets
from esp.child import ChildSa
from esp.counters import Counters
from esp.engine import Engine
from esp.inward import Inward
from esp.outward import Outward
from esp.sa import InboundSa, OutboundSa
from esp.vnet import GSO_ECN, GSO_NONE, NEEDS_CSUM, VNET, VNET_NONE
from policy.path import Path
from policy.spd import Action, Policy, SelectorPair, Spd
from policy.treatment import PLAIN, Treatment
from suites.encr import ENCR_BY_NAME, sealer
from suites.integ import INTEG_BY_NAME
from suites.sealers import Sealer
from tests.esp.flows import ACK, CWR, FIN, PSH, TCP, UDP, Stream, cut_apart
from tests.esp.tunnel import MOON, MOON_NETS, SUN, SUN_NETS, cidr

TRANSFORMS: Final = {
    "gcm": ("aes128gcm16", ""),
    "gcm8": ("aes256gcm8", ""),
    "ccm": ("aes128ccm12", ""),
    "chacha": ("chacha20poly1305", ""),
    "gmac": ("aes128gmac", ""),
    "cbc-sha1": ("aes128", "sha1"),
    "cbc-sha256": ("aes256", "sha256"),
    "3des-md5": ("3des", "md5"),
    "ctr": ("aes128ctr", "sha512"),
    "null": ("null", "sha1"),
}
IS_RANDOM: Final = frozenset(("cbc-sha1", "cbc-sha256", "3des-md5"))
"""Their IVs are: the same packet is never sealed to the same octets."""
MTU: Final = 1400
ERRORS: Final = 32
"""An engine makes no more ICMP errors than that for a batch, and a lane's burst may be several."""
SPIS: Final = {"net": 0x1001, "lab": 0x2001}
"""By which sun receives on two tunnels; moon's are one less."""
NETS: Final = {
    "net": (MOON_NETS, SUN_NETS),
    "lab": ((cidr("10.3.0.0/24"), cidr("fd03::/64")), SUN_NETS),
}
MARKER: Final = bytes(4)  # before IKE on port 4500 (RFC 3948 section 2.2)


def make_sealer(transform: str, number: int) -> Sealer:
    """Make one end's sealer of one direction: the same numbers make the same keys."""
    encr, integ = TRANSFORMS[transform]
    row, mac = ENCR_BY_NAME[encr], INTEG_BY_NAME.get(integ)
    key = bytes((number + at) & 0xFF for at in range(row.keymat))
    return sealer(row, key, mac, bytes(mac.key) if mac else b"")


def moon(transform: str, *, esn: bool = False, treatment: Treatment = PLAIN) -> Engine:
    """Make an engine that seals what its policies say, on two tunnels."""
    policies = tuple(
        Policy(name, Action.PROTECT, tuple(map(SelectorPair, *nets)), name)
        for name, nets in NETS.items()
    )
    engine = Engine(Spd(policies), Counters())
    path = Path(MOON, SUN, encapsulated=True)
    for name, spi in SPIS.items():
        outbound = OutboundSa(spi, make_sealer(transform, spi), esn=esn)
        inbound = InboundSa(spi - 1, make_sealer(transform, spi - 1), esn=esn)
        child = ChildSa(name, outbound, inbound, path, *NETS[name], MTU, treatment=treatment)
        engine.install(child)
    return engine


def sun(transform: str, *, esn: bool = False, window: int = 1024) -> Engine:
    """Make an engine that opens what :func:`moon` sealed."""
    engine = Engine(Spd(), Counters())
    path = Path(SUN, MOON, encapsulated=True)
    for name, spi in SPIS.items():
        outbound = OutboundSa(spi - 1, make_sealer(transform, spi - 1), esn=esn)
        inbound = InboundSa(spi, make_sealer(transform, spi), esn=esn, window=window)
        theirs, ours = NETS[name]
        engine.install(ChildSa(name, outbound, inbound, path, ours, theirs, MTU))
    return engine


def state(engine: Engine) -> dict[str, object]:
    """Return all that engines count and remember of their packets, but what memories are worth."""
    halves = {
        child.tunnel: (
            child.outbound.seq,
            child.outbound.octets,
            child.inbound.packets,
            child.inbound.octets,
            child.inbound.replay.top,
            [child.inbound.replay.is_fresh(child.inbound.replay.top - at) for at in range(200)],
            child.drops,
        )
        for child in engine.children.values()
    }
    counts = engine.counters.snapshot()
    del counts["moved"]  # once for each of some datagrams, however they were parted
    return {"counts": counts, **halves}


# -- the way out ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Read:
    """One read from the TUN device: what the kernel gives, and the packets that it stands for."""

    header: bytes
    octets: bytes
    packets: tuple[bytes, ...]


def single(packet: bytes) -> Read:
    """Give a packet that is complete."""
    return Read(VNET_NONE, packet, (packet,))


def left_to_us(stream: Stream, payload: bytes, flags: int = ACK) -> Read:
    """Give the next packet of a stream with its checksum left to us."""
    packet = stream.packet(payload, flags)
    offset = 6 if stream.protocol == UDP else 16
    header = VNET.pack(NEEDS_CSUM, GSO_NONE, 0, 0, stream.l4, offset)
    return Read(header, _unfinished(stream, packet), (packet,))


def super_packet(stream: Stream, payload: bytes, mss: int, flags: int = ACK) -> Read:
    """Give the next ``payload`` of a stream to be cut at ``mss`` octets."""
    whole = stream.copy().packet(payload, flags, checksum=False)
    begins = range(0, len(payload), mss)
    packets = []
    for begin in begins:
        own = flags
        if begin:
            own &= ~CWR
        if begin != begins[-1]:
            own &= ~(FIN | PSH)
        packets.append(stream.packet(payload[begin : begin + mss], own))
    offset = 6 if stream.protocol == UDP else 16
    kind = stream.kind | (GSO_ECN if flags & CWR and stream.protocol == TCP else 0)
    header = VNET.pack(NEEDS_CSUM, kind, stream.head_len, mss, stream.l4, offset)
    return Read(header, _unfinished(stream, whole), tuple(packets))


def _unfinished(stream: Stream, packet: bytes) -> bytes:
    """Leave in the checksum's field what the kernel does: the sum of the pseudo header."""
    at = stream.l4 + (6 if stream.protocol == UDP else 16)
    words = stream.source + stream.target
    length = len(packet) - stream.l4
    total = sum(words[::2]) * 256 + sum(words[1::2]) + stream.protocol + length
    return packet[:at] + (total % 0xFFFF).to_bytes(2, "big") + packet[at + 2 :]


@dataclass
class Sent:
    """What left: tunnel, ESP packet and outer header of each."""

    packets: list[tuple[str, bytes, int]] = field(default_factory=list)

    def send(self, _child: ChildSa, rows: memoryview, size: int, outer: int) -> None:
        names = {spi.to_bytes(4, "big"): name for name, spi in SPIS.items()}
        for begin in range(0, len(rows), size):  # of this child, and of others on its path
            packet = bytes(rows[begin : begin + size])
            self.packets.append((names[packet[:4]], packet, outer))


Told = tuple[list[tuple[str, bytes, int]], list[bytes]]
"""What left, and what is to be written to the TUN device."""


def one_by_one(engine: Engine, bursts: Sequence[Sequence[Read]]) -> Told:
    """Seal what the reads stand for: what both lanes are judged by."""
    sent, inward = Sent(), []
    for burst in bursts:
        batch = engine.seal_batch([packet for read in burst for packet in read.packets])
        sent.packets += [(child.tunnel, packet, outer) for child, packet, outer in batch.sealed]
        inward += batch.inward[:ERRORS]
    return sent.packets, inward


def lane_out(engine: Engine, bursts: Sequence[Sequence[Read]], *, vectors: bool) -> Told:
    """Let a lane take the reads as they are."""
    sent, inward = Sent(), []
    lane = Outward(engine, sent.send, vnet=True, vectors=vectors)
    for burst in bursts:
        slot = 0
        for read in burst:
            octets = read.header + read.octets
            lane.arena.places[slot][: len(octets)] = octets
            slot = lane.take(slot, len(octets))
        inward += lane.finish().inward[:ERRORS]
    return sent.packets, inward


def plaintexts(
    transform: str, sent: list[tuple[str, bytes, int]], *, begin: int, esn: bool
) -> list[object]:
    """Return the same with what is inside in place of what travels."""
    halves = {
        name: InboundSa(spi, make_sealer(transform, spi), esn=esn) for name, spi in SPIS.items()
    }
    for half in halves.values():
        half.replay.accept(begin)
    return [
        (name, packet[:8], *halves[name].unprotect(packet), len(packet), outer)
        for name, packet, outer in sent
    ]


# -- the way in -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Datagram:
    """What comes from the network: ESP, IKE, a keepalive, or anything."""

    octets: bytes
    inner: bytes | None = None
    """The packet that has to come out, if one has."""
    source: tuple[str, int] = MOON
    tos: int = 0

    @property
    def is_esp(self) -> bool:
        """Tell ESP from IKE and from keepalives (RFC 3948 section 2)."""
        return self.octets != b"\xff" and self.octets[:4] != MARKER


def sealed(
    half: OutboundSa, inner: bytes, next_header: int, more: int = 0, trailer: bytes = b""
) -> bytes:
    """Seal by hand, with ``more`` blocks of padding than needed, or another trailer."""
    block = max(4, half.sealer.block)
    pad = -(len(inner) + 2) % block + block * more
    end = trailer or bytes(range(1, pad + 1)) + bytes((pad, next_header))
    plain = inner + end
    plain += bytes(-len(plain) % block)
    seq = half.reserve(1, len(inner))
    header = half.spi.to_bytes(4, "big") + (seq & 0xFFFFFFFF).to_bytes(4, "big")
    high = (seq >> 32).to_bytes(4, "big") if half.esn else b""
    return header + half.sealer.seal(header, plain, seq, high)


def grouped(datagrams: Sequence[Datagram], most: int = 45) -> list[list[Datagram]]:
    """Put datagrams together as UDP_GRO does: equal ones, the last may be shorter."""
    groups: list[list[Datagram]] = []
    is_open = False
    for one in datagrams:
        size = len(one.octets)
        if is_open:
            first = groups[-1][0]
            is_open = (
                size <= len(first.octets)
                and len(groups[-1]) < most
                and (one.source, one.tos) == (first.source, first.tos)
            )
        if not is_open:
            groups.append([])
        groups[-1].append(one)
        is_open = size == len(groups[-1][0].octets)
    return groups


Came = tuple[list[bytes], list[bytes], list[tuple[str, object]]]
"""Packets that came out, IKE, and who was heard from elsewhere."""


def opened_singly(engine: Engine, bursts: Sequence[Sequence[Datagram]]) -> Came:
    """Open datagrams one by one: what both lanes are judged by."""
    packets: list[bytes] = []
    ike: list[bytes] = []
    moved: list[tuple[str, object]] = []
    for burst in bursts:
        last: dict[str, object] = {}
        for group in grouped(burst):
            ike += [one.octets for one in group if one.octets[:4] == MARKER]
            esp = [(one.octets, one.source) for one in group if one.is_esp]
            opened = engine.open_batch(esp, group[0].tos)
            packets += opened.inner
            last.update((child.tunnel, where) for child, where in opened.moved)
        moved += last.items()
    return packets, ike, moved


def lane_in(
    engine: Engine, bursts: Sequence[Sequence[Datagram]], *, vectors: bool, merge: bool = True
) -> tuple[Came, Inward]:
    """Let a lane take what came, each burst with one flush at its end."""
    written: list[bytes] = []
    ike: list[bytes] = []
    moved: list[tuple[str, object]] = []

    def write(buffers: list[Octets]) -> None:
        written.extend(cut_apart(buffers))

    lane = Inward(engine, write, vectors=vectors, merge=merge)
    for burst in bursts:
        for group in grouped(burst):
            first = group[0]
            size = len(first.octets)
            rows = sum(len(one.octets) == size for one in group)
            flat = b"".join(one.octets for one in group)
            lane.received[: len(flat)] = flat

            def singly(begin: int, end: int, group: list[Datagram] = group) -> None:
                some = group[begin:end]
                ike.extend(one.octets for one in some if one.octets[:4] == MARKER)
                esp = [(one.octets, one.source) for one in some if one.is_esp]
                lane.take(esp, group[0].tos)

            lane.take_rows(rows, size, first.source, first.tos, singly)
            singly(rows, len(group))
        moved += [(child.tunnel, where) for child, where in lane.finish()]
    return (written, ike, moved), lane
