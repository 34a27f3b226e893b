"""Conversations whose packets are built by hand: nothing of the product makes or checks them."""

import random
import struct
from dataclasses import dataclass, field, replace
from typing import Any

from esp.checksum import Octets
from esp.segments import segments
from esp.vnet import GSO_TCP4, GSO_TCP6, GSO_UDP, VNET

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))
TCP, UDP = 6, 17
TIMESTAMPS = bytes.fromhex("0101080a0011223344556677")


def internet_checksum(octets: bytes) -> int:
    """Add 16-bit words one by one, as RFC 1071 section 4.1 does."""
    words = octets + bytes(len(octets) & 1)
    total: int = sum(struct.unpack(f"!{len(words) // 2}H", words))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


@dataclass
class Stream:
    """One direction of a TCP connection or a stream of UDP datagrams."""

    source: bytes = b"\x0a\x01\x00\x01"
    target: bytes = b"\x0a\x02\x00\x01"
    protocol: int = TCP
    ports: tuple[int, int] = (40000, 5201)
    sequence: int = 1000
    acknowledged: int = 77
    window: int = 500
    options: bytes = b""
    ident: int = 5
    fragment: int = 0x4000
    """IPv4's flags and fragment offset: DF."""
    tos: int = 0
    ttl: int = 63
    ip_options: bytes = b""

    @property
    def is_v6(self) -> bool:
        return len(self.source) == 16

    @property
    def next_header(self) -> int:
        return 41 if self.is_v6 else 4

    @property
    def l4(self) -> int:
        return 40 if self.is_v6 else 20 + len(self.ip_options)

    @property
    def head_len(self) -> int:
        return self.l4 + (8 if self.protocol == UDP else 20 + len(self.options))

    @property
    def kind(self) -> int:
        """How a super-packet of this stream is called in the virtio header."""
        if self.protocol == UDP:
            return GSO_UDP
        return GSO_TCP6 if self.is_v6 else GSO_TCP4

    def copy(self) -> "Stream":
        return replace(self)

    def packet(self, payload: bytes, flags: int = ACK, *, checksum: bool = True) -> bytes:
        """Build the next packet of the stream; UDP without a checksum if so wanted."""
        if self.protocol == UDP:
            l4 = struct.pack("!HHHH", *self.ports, 8 + len(payload), 0) + payload
        else:
            offset = (20 + len(self.options)) << 2
            fields = self.sequence, self.acknowledged, offset, flags, self.window, 0, 0
            l4 = struct.pack("!HHIIBBHHH", *self.ports, *fields) + self.options + payload
            self.sequence = self.sequence + len(payload) & 0xFFFFFFFF
        if checksum:
            at = 6 if self.protocol == UDP else 16
            pseudo = self.source + self.target + struct.pack("!II", len(l4), self.protocol)
            value = internet_checksum(pseudo + l4)
            if self.protocol == UDP:
                value = value or 0xFFFF
            l4 = l4[:at] + value.to_bytes(2, "big") + l4[at + 2 :]
        return self._header(len(l4)) + l4

    def _header(self, size: int) -> bytes:
        ends = self.source + self.target
        if self.is_v6:
            first = 6 << 28 | self.tos << 20
            return struct.pack("!IHBB", first, size, self.protocol, self.ttl) + ends
        first = 0x45 + len(self.ip_options) // 4
        length = 20 + len(self.ip_options) + size
        fields = self.tos, length, self.ident, self.fragment, self.ttl, self.protocol, 0
        self.ident = self.ident + 1 & 0xFFFF
        header = struct.pack("!BBHHHBBH", first, *fields) + ends + self.ip_options
        return header[:10] + internet_checksum(header).to_bytes(2, "big") + header[12:]


def v6(**fields: Any) -> Stream:
    """Make a stream over IPv6."""
    source, target = (
        bytes.fromhex("fd01" + "00" * 13 + "01"),
        bytes.fromhex("fd02" + "00" * 13 + "01"),
    )
    return replace(Stream(source, target), **fields)


def seeded(number: int) -> random.Random:
    """Return numbers that are the same in each run."""
    return random.Random(number)  # noqa: S311 - not for secrets


def any_stream(rng: random.Random) -> Stream:
    """Draw a stream from moon's networks to sun's (see tunnel.py)."""
    host, other = rng.randrange(1, 200), rng.randrange(1, 200)
    stream = v6() if rng.random() < 0.4 else Stream()
    return replace(
        stream,
        source=stream.source[:-1] + bytes((host,)),
        target=stream.target[:-1] + bytes((other,)),
        protocol=UDP if rng.random() < 0.3 else TCP,
        ports=(rng.randrange(1, 65536), 5201),
        sequence=rng.choice([rng.randrange(1 << 32), 0xFFFFFF00]),
        acknowledged=rng.randrange(1 << 32),
        ident=rng.choice([5, 0xFFF0]),
        options=rng.choice([b"", TIMESTAMPS, b"\x01\x01\x08\x0a" + rng.randbytes(8)]),
        fragment=rng.choice([0x4000] * 4 + [0]),
        tos=rng.choice([0, 0, 2, 0xB8]),
    )


def cut_apart(buffers: list[Octets]) -> list[bytes]:
    """Return what the kernel makes of one write to the TUN: a packet, or a super-packet's."""
    header, *rest = (bytes(buffer) for buffer in buffers)
    _flags, kind, _head_len, mss, start, _offset = VNET.unpack(header)
    whole = bytearray(b"".join(rest))
    assert len(whole) <= 65535 + 40
    if not kind:
        return [bytes(whole)]
    return [bytes(head) + part for head, part in segments(memoryview(whole), start, kind, mss)]


def blurred(packet: bytes) -> bytes:
    """Forget an IPv4 packet's identification, and so its header checksum, where it means nothing.

    It does where fragments are forbidden (RFC 6864 section 4.1).
    """
    if packet[:1] != b"\x45" or packet[6:8] != b"\x40\0":
        return packet
    return packet[:4] + b"\0\0" + packet[6:10] + b"\0\0" + packet[12:]


KINDS = {
    "tcp4": Stream(),
    "tcp4 with timestamps": Stream(options=TIMESTAMPS),
    "tcp6": v6(),
    "udp4": Stream(protocol=UDP),
    "udp6": v6(protocol=UDP),
}


def stream(name: str = "tcp4") -> Stream:
    return KINDS[name].copy()


@dataclass
class Device:
    """A TUN device that remembers its writes."""

    writes: list[list[bytes]] = field(default_factory=list)

    def write(self, buffers: list[Octets]) -> None:
        self.writes.append([bytes(buffer) for buffer in buffers])

    @property
    def counts(self) -> list[int]:
        """How many packets each write carried."""
        return [max(len(write) - 2, 1) for write in self.writes]

    @property
    def packets(self) -> list[bytes]:
        return [packet for write in self.writes for packet in cut_apart(list(write))]
