"""The device, seen from both of its sides."""

import errno
import fcntl
import os
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tundev.namespaces import Namespace
from tundev.routes import Routes
from tundev.tun import Tun, TunError, hint

Wait = Callable[[socket.socket | int], bool]


@pytest.fixture(params=[True, False], ids=["offload", "plain"])
def tun(inside: Namespace, request: pytest.FixtureRequest) -> Iterator[Tun]:
    with inside.enter(), Tun("ik0", mtu=1380, offload=request.param) as device:
        device.up()
        yield device


def test_it_is_up_with_its_mtu_and_queue(tun: Tun) -> None:
    state = Path("/proc/thread-self/net/dev").read_text()
    assert "ik0:" in state
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        assert sock.fileno() != tun.fileno()
    tun.set_mtu(1300)
    assert tun.name == "ik0"


def test_it_says_nothing_by_itself(tun: Tun) -> None:
    with pytest.raises(BlockingIOError):
        tun.read()


@pytest.mark.parametrize("target", ["10.2.0.9", "fd02::9"])
def test_packets_go_out_and_come_in(
    tun: Tun, inside: Namespace, target: str, readable: Wait
) -> None:
    six = ":" in target
    source = "fd01::1" if six else "10.1.0.1"
    inside.address("lo", f"{source}/128" if six else f"{source}/32")
    family = socket.AF_INET6 if six else socket.AF_INET
    with (
        Routes("ik0", 4242, 7) as routes,
        socket.socket(family, socket.SOCK_DGRAM) as sock,
    ):
        routes.tunnel(f"{target}/128" if six else f"{target}/32", source=source)
        sock.sendto(b"question", (target, 7))
        assert readable(tun.fileno())
        packet = tun.read()
        assert packet[0] >> 4 == (6 if six else 4)
        assert packet.endswith(b"question")
        assert _udp_sum(packet, 40 if six else 20) == 0xFFFF
        answer = _answer(packet, 40 if six else 20)
        # the kernel takes packets for an IPv6 address only a moment after it was added
        assert any(tun.write(answer) and readable(sock) for _ in range(3))
        assert sock.recvfrom(100)[:2][0] == b"question"


def _udp_sum(packet: bytes, header: int) -> int:
    """Return the sum over datagram and pseudo header: 0xFFFF when its checksum is right."""
    ends = packet[8:40] if header == 40 else packet[12:20]
    covered = ends + b"\0\x11" + len(packet[header:]).to_bytes(2, "big") + packet[header:]
    total = int.from_bytes(covered + bytes(len(covered) % 2), "big")
    return total % 0xFFFF or 0xFFFF


def _answer(packet: bytes, header: int) -> bytes:
    """Swap addresses and ports; every checksum stays right."""
    at, size = (8, 16) if header == 40 else (12, 4)
    head, source, target = packet[:at], packet[at : at + size], packet[at + size : header]
    ports = packet[header : header + 4]
    return head + target + source + ports[2:] + ports[:2] + packet[header + 4 :]


@pytest.mark.parametrize("octets", [b"", b"\x00", b"\x10 is no version of IP"])
def test_what_is_no_packet_is_refused(tun: Tun, octets: bytes) -> None:
    assert not tun.write(octets)


@pytest.mark.usefixtures("inside")
def test_a_device_that_is_down_takes_nothing() -> None:
    with Tun("ik1") as tun:
        assert not tun.write(b"\x45" + bytes(27))


@pytest.mark.usefixtures("tun")
def test_one_name_has_one_owner() -> None:
    with pytest.raises(TunError, match="another process") as caught:
        Tun("ik0")
    assert caught.value.errno == errno.EBUSY


@pytest.mark.usefixtures("inside")
def test_another_kind_of_device_is_not_taken() -> None:
    with pytest.raises(TunError, match="no TUN device"):
        Tun("lo")


@pytest.mark.parametrize("name", ["", "x" * 16])
def test_a_name_has_1_to_15_octets(name: str) -> None:
    with pytest.raises(TunError, match="1 to 15"):
        Tun(name)


@pytest.mark.usefixtures("inside")
def test_it_goes_with_its_descriptor_unless_it_persists() -> None:
    def there() -> bool:
        return "ik2:" in Path("/proc/thread-self/net/dev").read_text()

    with Tun("ik2") as tun:
        tun.persist(persistent=True)
    assert there()
    with Tun("ik2") as tun:
        tun.persist(persistent=False)
    assert not there()


def _send(source: str, target: str, data: bytes, segment: int = 0) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        sock.setsockopt(socket.IPPROTO_UDP, 103, segment)
        sock.sendto(data, (target, 7))


def test_this_kernel_leaves_all_work_to_us(inside: Namespace) -> None:
    inside.address("lo", "10.1.0.1/32")
    with Tun("ik0") as tun, Routes("ik0", 4242, 7) as routes:
        assert (tun.vnet, tun.offloads >= {"csum", "tso4", "tso6", "ecn"}) == (True, True)
        if not tun.offloads >= {"uso4", "uso6"}:
            pytest.skip("UDP segmentation before the TUN needs Linux 6.2")
        tun.up()
        routes.tunnel("10.2.0.9/32", source="10.1.0.1")
        _send("10.1.0.1", "10.2.0.9", b"x" * 2500, segment=1000)
        data = os.read(tun.fileno(), 70000)
        assert len(data) == 10 + 20 + 8 + 2500
        assert struct.unpack("=BBHHHH", data[:10]) == (1, 5, 28, 1000, 20, 6)


def test_without_offload_there_is_no_header(inside: Namespace) -> None:
    inside.address("lo", "10.1.0.1/32")
    with Tun("ik0", offload=False) as tun, Routes("ik0", 4242, 7) as routes:
        assert (tun.vnet, tun.offloads) == (False, frozenset())
        tun.up()
        routes.tunnel("10.2.0.9/32", source="10.1.0.1")
        _send("10.1.0.1", "10.2.0.9", b"x" * 2500, segment=1000)
        sizes = [len(os.read(tun.fileno(), 70000)) for _ in range(3)]
        assert sizes == [1028, 1028, 528]


@pytest.mark.usefixtures("inside")
def test_a_persistent_device_forgets_what_its_last_owner_wanted() -> None:
    with Tun("ik2") as tun:
        tun.persist(persistent=True)
        fcntl.ioctl(tun.fileno(), 0x400454D8, struct.pack("=i", 12))  # a longer header
    with Tun("ik2", offload=False) as tun:
        assert not tun.offloads
    with Tun("ik2") as tun:
        tun.persist(persistent=False)
        size = bytearray(4)
        fcntl.ioctl(tun.fileno(), 0x800454D7, size)
        assert (tun.vnet, int.from_bytes(size, "little")) == (True, 10)


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOENT, "--device /dev/net/tun"),
        (errno.EPERM, "CAP_NET_ADMIN"),
        (errno.EBUSY, "another process"),
        (errno.ENODEV, "modprobe tun"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_every_failure_has_its_advice(number: int, advice: str) -> None:
    assert advice in hint(number)
