"""Frames for the demonstration's wire."""

from ikebana.demo.ping import ipv4

IPV4 = bytes(12) + b"\x08\x00"
IPV6 = bytes(12) + b"\x86\xdd"
ARP = bytes(12) + b"\x08\x06" + bytes(28)
MARKER = bytes(4)
SPI = b"\xc0\xff\xee\x01"


def ike(size: int = 60) -> bytes:
    return bytes(16) + b"\x21\x20\x22\x08" + bytes(4) + size.to_bytes(4, "big") + bytes(size - 28)


def udp(source: int, target: int, payload: bytes) -> bytes:
    words = (source, target, 8 + len(payload), 0)
    return b"".join(word.to_bytes(2, "big") for word in words) + payload


def packet(protocol: int, body: bytes) -> bytes:
    return ipv4("10.99.0.1", "10.99.0.2", protocol, body)


def six(next_header: int, body: bytes) -> bytes:
    head = b"\x60\0\0\0" + len(body).to_bytes(2, "big") + bytes((next_header, 255))
    return head + bytes(15) + b"\x01" + bytes(15) + b"\x02" + body


def fragment(whole: bytes, offset: int, *, more: bool) -> bytes:
    word = offset // 8 | 0x2000 * more
    return whole[:6] + word.to_bytes(2, "big") + whole[8:]
