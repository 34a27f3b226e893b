"""ESP without UDP, through a veth."""

import socket
from collections.abc import Callable
from typing import Literal

import pytest

from tundev.namespaces import Namespace, Namespaces
from tundev.raw import RawError, open_esp, receive_esp, receive_esp_batch, send_esp

Wait = Callable[[socket.socket | int], bool]


@pytest.fixture
def ends(spaces: Namespaces) -> tuple[Namespace, Namespace]:
    a, b = spaces.add("a"), spaces.add("b")
    a.veth("w", b, "w")
    for space, last in ((a, 1), (b, 2)):
        space.address("w", f"10.0.0.{last}/24")
        space.address("w", f"10.0.0.{last + 10}/24")
        space.address("w", f"fd00::{last}/64")
    return a, b


@pytest.mark.parametrize(
    ("version", "local", "remote"), [(4, "10.0.0.11", "10.0.0.2"), (6, "fd00::1", "fd00::2")]
)
@pytest.mark.parametrize("size", [8, 1400, 9000], ids=["small", "full", "fragmented"])
def test_a_packet_arrives_without_its_ip_header(
    ends: tuple[Namespace, Namespace],
    version: Literal[4, 6],
    local: str,
    remote: str,
    size: int,
    readable: Wait,
) -> None:
    packet = bytes(range(256)) * 40
    with ends[0].enter(), open_esp(version, 7) as a, ends[1].enter(), open_esp(version, 7) as b:
        assert send_esp(a, packet[:size], local, remote)
        assert readable(b)
        assert receive_esp(b) == (packet[:size], local, remote)
        assert receive_esp(b) is None


def test_a_bound_socket_hears_only_its_address(
    ends: tuple[Namespace, Namespace], readable: Wait
) -> None:
    with ends[0].enter(), open_esp(4, 0) as a, ends[1].enter(), open_esp(4, 0, "10.0.0.12") as b:
        for target in ("10.0.0.2", "10.0.0.12", "10.0.0.12"):
            assert send_esp(a, b"12345678", "", target)
        assert readable(b)
        assert [local for _, _, local in receive_esp_batch(b, 5)] == ["10.0.0.12"] * 2


@pytest.mark.usefixtures("inside")
def test_what_cannot_be_sent_is_told() -> None:
    with open_esp(4, 0) as sock:
        assert not send_esp(sock, b"12345678", "", "10.9.9.9")
        assert not send_esp(sock, b"12345678", "no address", "10.9.9.9")


@pytest.mark.usefixtures("inside")
def test_a_foreign_address_cannot_be_listened_on() -> None:
    with pytest.raises(RawError, match=r"192\.0\.2\.1"):
        open_esp(4, 0, "192.0.2.1")
