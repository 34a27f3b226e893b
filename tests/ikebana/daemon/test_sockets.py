import socket
from collections.abc import Iterator

import pytest

from ikebana.daemon.sockets import Sockets
from policy.path import Path
from tests.ikebana.daemon.ports import free_ports
from tundev.raw import RawError
from tundev.udp import CannotListen

HERE, THERE = "127.0.0.1", "127.0.0.2"


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    opened = Sockets((HERE,), 0, *free_ports(), with_esp=False)
    yield opened
    opened.close()


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((THERE, 0))
        other.settimeout(10)
        yield other


def ports(sockets: Sockets) -> tuple[int, int]:
    return sockets.ike[HERE].getsockname()[1], sockets.nat[HERE].getsockname()[1]


def test_it_says_where_it_listens(sockets: Sockets) -> None:
    ike, nat = ports(sockets)
    assert sockets.listening == (f"{HERE}:{ike}", f"{HERE}:{nat}")


def test_what_comes_in_tells_both_ends(sockets: Sockets, peer: socket.socket) -> None:
    ike, _ = ports(sockets)
    peer.sendto(b"hello", (HERE, ike))
    found = list(sockets.receive(sockets.ike[HERE]))
    assert found == [(b"hello", Path((HERE, ike), (THERE, peer.getsockname()[1])))]
    assert list(sockets.receive(sockets.ike[HERE])) == []


def test_ike_leaves_as_it_is_from_its_own_port(sockets: Sockets, peer: socket.socket) -> None:
    ike, _ = ports(sockets)
    assert sockets.send(b"ike", Path((HERE, ike), peer.getsockname()))
    assert peer.recvfrom(100) == (b"ike", (HERE, ike))


def test_encapsulated_ike_leaves_behind_a_marker_from_the_other_port(
    sockets: Sockets, peer: socket.socket
) -> None:
    _, nat = ports(sockets)
    assert sockets.send(b"ike", Path((HERE, nat), peer.getsockname(), encapsulated=True))
    assert peer.recvfrom(100) == (b"\0\0\0\0ike", (HERE, nat))


def test_a_keepalive_is_one_octet(sockets: Sockets, peer: socket.socket) -> None:
    _, nat = ports(sockets)
    sockets.send_keepalive(Path((HERE, nat), peer.getsockname(), encapsulated=True))
    assert peer.recvfrom(100) == (b"\xff", (HERE, nat))


def test_nothing_leaves_from_an_address_that_is_not_listened_on(sockets: Sockets) -> None:
    path = Path(("192.0.2.1", 500), (THERE, 500))
    assert not sockets.send(b"ike", path)
    sockets.send_keepalive(path)


def test_a_port_in_use_leaves_nothing_open(sockets: Sockets) -> None:
    taken, nat = ports(sockets)
    with pytest.raises(CannotListen):
        Sockets((HERE,), 0, nat, taken, with_esp=False)


def test_esp_and_ah_without_udp_have_raw_sockets_by_version() -> None:
    try:
        opened = Sockets((HERE,), 0, *free_ports())
    except RawError as error:
        pytest.skip(str(error))
    assert {version: sock.proto for version, sock in opened.esp.items()} == {4: 50}
    assert {version: sock.proto for version, sock in opened.ah.items()} == {4: 51}
    opened.close()
    assert [sock.fileno() for sock in (*opened.esp.values(), *opened.ah.values())] == [-1, -1]
