"""The kernel's filters and ours agree about every frame."""

import socket
import struct
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ikebana.demo.capture import ESP, ESP_UDP, REST, Capture, program
from ikebana.demo.wire import Kind, classify_frame
from tests.ikebana.demo.frames import (
    ARP,
    IPV4,
    IPV6,
    MARKER,
    SPI,
    fragment,
    ike,
    packet,
    six,
    udp,
)
from tests.lab.needs import require
from tundev.namespaces import Namespaces

BODY = SPI + bytes(60)
ESP_FRAME = IPV4 + packet(50, BODY)
ESP_UDP_FRAME = IPV4 + packet(17, udp(4500, 4500, BODY))
REST_FRAMES = (
    ARP,
    IPV4 + packet(17, udp(500, 500, ike())),
    IPV4 + packet(50, SPI + bytes(6)),
    IPV4 + packet(17, udp(4500, 4500, MARKER + ike())),
    IPV4 + packet(17, udp(4500, 4500, b"\xff")),
    IPV4 + packet(17, udp(4500, 4501, BODY)),
    IPV4 + fragment(packet(17, udp(4500, 4500, BODY)), 0, more=True),
    IPV4 + packet(1, b"\x08" + bytes(63)),
    IPV4 + packet(6, bytes(60)),
    IPV6 + six(50, BODY),
)


def passes(octets: bytes, frame: bytes) -> bool:
    """Run a filter as the kernel does: what reads beyond the frame lets nothing through."""
    rows = list(struct.iter_unpack("=HBBI", octets))
    at = a = x = 0
    while True:
        operation, yes, no, k = rows[at]
        at += 1
        match operation:
            case 0x06:
                return bool(k)
            case 0x80:
                a = len(frame)
            case 0x15:
                at += yes if a == k else no
            case 0x35:
                at += yes if a >= k else no
            case 0x45:
                at += yes if a & k else no
            case _:
                size, start = {
                    0x28: (2, k),
                    0x30: (1, k),
                    0x40: (4, x + k),
                    0x48: (2, x + k),
                    0xB1: (1, k),
                }[operation]
                if start + size > len(frame):
                    return False
                value = int.from_bytes(frame[start : start + size], "big")
                if operation == 0xB1:
                    x = (value & 15) * 4
                else:
                    a = value


def ends(frame: bytes) -> list[int]:
    return [end for end in (REST, ESP, ESP_UDP) if passes(program(end), frame)]


def test_each_frame_goes_to_one_socket() -> None:
    assert ends(ESP_FRAME) == [ESP]
    assert ends(ESP_UDP_FRAME) == [ESP_UDP]
    for frame in REST_FRAMES:
        assert ends(frame) == [REST]


@given(
    st.sampled_from((ESP_FRAME, ESP_UDP_FRAME, *REST_FRAMES)),
    st.integers(0, 60),
    st.integers(0, 255),
)
def test_what_the_kernel_counts_as_esp_is_esp(frame: bytes, at: int, value: int) -> None:
    twisted = bytearray(frame)
    if at < len(twisted):
        twisted[at] = value
    found = ends(bytes(twisted))
    assert len(found) == 1
    expected = {ESP: Kind.ESP, ESP_UDP: Kind.ESP_UDP}
    headers_lie = at in (14, 38, 39)  # version and header length, UDP length
    if found[0] in expected and not headers_lie:
        assert classify_frame(bytes(twisted)) is expected[found[0]]


@given(st.sampled_from((ESP_FRAME, ESP_UDP_FRAME, *REST_FRAMES)), st.integers(0, 100))
def test_a_short_frame_is_not_lost_to_all_of_them(frame: bytes, size: int) -> None:
    assert len(ends(frame[:size])) == 1


@pytest.fixture
def wire() -> Iterator[tuple[socket.socket, Capture]]:
    require()
    with Namespaces(f"cap{uuid.uuid4().hex[:6]}") as spaces:
        a, b = spaces.add("a"), spaces.add("b")
        for key in ("all", "default"):
            a.sysctl(f"net.ipv6.conf.{key}.disable_ipv6", 1)
            b.sysctl(f"net.ipv6.conf.{key}.disable_ipv6", 1)
        a.veth("left", b, "right")
        with b.enter():
            capture = Capture("right")
        with a.enter():
            sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            sender.bind(("left", 0))
        with capture, sender:
            yield sender, capture


@pytest.mark.lab
def test_every_frame_on_a_device_is_counted(wire: tuple[socket.socket, Capture]) -> None:
    sender, capture = wire
    for _ in range(3000):
        sender.send(ESP_FRAME + bytes(1300))
    for _ in range(5):
        sender.send(ESP_UDP_FRAME)
    for frame in REST_FRAMES:
        sender.send(frame)
    tally = capture.stop()
    assert tally.missed == 0
    assert tally.counts[Kind.ESP] == 3000 + 2  # and the short one, and the one in IPv6
    assert tally.counts[Kind.ESP_UDP] == 5 + 1  # and the one between other ports
    assert tally.counts[Kind.OTHER] == 3
    assert tally.counts[Kind.IKE] == tally.counts[Kind.IKE_NAT] == 1
    assert tally.counts[Kind.KEEPALIVE] == tally.counts[Kind.LINK] == 1


def test_a_device_that_is_not_there_is_an_error() -> None:
    require()
    with pytest.raises(OSError, match="No such device"):
        Capture("nowhere0")
