"""Echo requests and replies (RFC 792), made and read by ourselves: no program is needed."""

import select
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ikebana.demo.tally import PHRASE

ICMP: Final = 1
_REQUEST: Final = 8
_REPLY: Final = 0
_ICMP_HEAD: Final = struct.Struct("!BBHHH")
_IPV4: Final = struct.Struct("!BBHHHBBH4s4s")
_TTL: Final = 64
_DONT_FRAGMENT: Final = 0x4000
PAYLOAD: Final = (PHRASE * 3)[:56]


@dataclass(frozen=True, slots=True)
class Echo:
    """What came of one request; ``ms`` is None without an answer."""

    target: str
    seq: int
    ms: float | None

    def __str__(self) -> str:
        told = "no answer" if self.ms is None else f"{self.ms:.2f} ms"
        return f"{self.target}: seq {self.seq}, {told}"


def ping(
    sock: socket.socket, target: str, count: int, interval: float = 0.1, patience: float = 1.0
) -> Iterator[Echo]:
    """Yield the fate of ``count`` requests through a raw ICMP socket; times in seconds."""
    ident = sock.fileno() & 0xFFFF
    for seq in range(1, count + 1):
        began = time.perf_counter()
        try:
            sock.sendto(request(ident, seq), (target, 0))
            ms = _await(sock, ident, seq, began, patience)
        except OSError:  # no route: as lost as any
            ms = None
        yield Echo(target, seq, ms)
        if seq < count:
            time.sleep(max(0.0, began + interval - time.perf_counter()))


def open_ping() -> socket.socket:
    """Open a raw ICMP socket in this thread's network namespace."""
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


def _await(
    sock: socket.socket, ident: int, seq: int, began: float, patience: float
) -> float | None:
    while (left := began + patience - time.perf_counter()) > 0:
        if select.select([sock], [], [], left)[0] and is_reply(sock.recv(65535), ident, seq):
            return (time.perf_counter() - began) * 1000
    return None


def request(ident: int, seq: int, payload: bytes = PAYLOAD) -> bytes:
    """Return an echo request without an IP header."""
    return _icmp(_REQUEST, ident, seq, payload)


def is_reply(packet: bytes, ident: int, seq: int) -> bool:
    """Tell whether an IPv4 packet is the intact echo reply to this request."""
    start = (packet[0] & 15) * 4 if packet else 0
    body = packet[start:]
    if len(body) < _ICMP_HEAD.size or checksum(body):
        return False
    kind, code, _, ident_back, seq_back = _ICMP_HEAD.unpack_from(body)
    return (kind, code, ident_back, seq_back) == (_REPLY, 0, ident, seq)


def answer(packet: bytes) -> bytes | None:
    """Return a host's reply to an IPv4 echo request without options; None to anything else."""
    body = packet[20:]
    if len(body) < _ICMP_HEAD.size or packet[0] != 0x45 or packet[9] != ICMP or checksum(body):
        return None
    kind, code, _, ident, seq = _ICMP_HEAD.unpack_from(body)
    if (kind, code) != (_REQUEST, 0):
        return None
    source, target = socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20])
    return ipv4(target, source, ICMP, _icmp(_REPLY, ident, seq, body[_ICMP_HEAD.size :]))


def ipv4(source: str, target: str, protocol: int, body: bytes) -> bytes:
    """Return an IPv4 packet."""
    ends = socket.inet_aton(source), socket.inet_aton(target)
    size = _IPV4.size + len(body)
    head = _IPV4.pack(0x45, 0, size, 0, _DONT_FRAGMENT, _TTL, protocol, 0, *ends)
    return head[:10] + checksum(head).to_bytes(2, "big") + head[12:] + body


def checksum(octets: bytes) -> int:
    """Return the Internet checksum (RFC 1071); 0 over octets that hold their own."""
    total = int.from_bytes(octets + b"\0" * (len(octets) & 1), "big")
    return 0xFFFF - (total % 0xFFFF or (0xFFFF if total else 0))


def _icmp(kind: int, ident: int, seq: int, payload: bytes) -> bytes:
    head = _ICMP_HEAD.pack(kind, 0, 0, ident, seq)
    return _ICMP_HEAD.pack(kind, 0, checksum(head + payload), ident, seq) + payload
