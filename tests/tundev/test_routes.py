"""Where packets go, asked of the kernel itself."""

import errno
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from tundev.namespaces import Namespace, Namespaces
from tundev.routes import RouteError, Routes, default_address, path_mtu
from tundev.sockets import SO_MARK
from tundev.tun import Tun

Wait = Callable[[socket.socket | int], bool]
TABLE, MARK = 4242, 0x1CEB


@pytest.fixture
def gateway(spaces: Namespaces) -> Namespace:
    """A host with a default route to ``wan``, where everybody has every address."""
    a, wan = spaces.add("a"), spaces.add("wan")
    a.veth("wan", wan, "a")
    for last, space, name in ((1, a, "wan"), (2, wan, "a")):
        space.address(name, f"10.99.0.{last}/24")
        space.address(name, f"fd99::{last}/64")
    a.route("default", via="10.99.0.2")
    a.route("::/0", via="fd99::2")
    wan.address("lo", "10.2.0.9/32")
    wan.address("lo", "fd02::9/128")
    return a


@pytest.fixture
def tun(gateway: Namespace) -> Iterator[Tun]:
    with gateway.enter(), Tun("ik0") as device:
        device.up()
        yield device


def target(prefix: str) -> str:
    return "fd02::9" if ":" in prefix else "10.2.0.9"


def way(remote: str, mark: int = 0) -> str:
    """Tell how a packet to ``remote`` fares: an error's name, or the MTU of where it goes."""
    family = socket.AF_INET6 if ":" in remote else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
        try:
            sock.connect((remote, 9))
        except OSError as error:
            return errno.errorcode[error.errno or 0]
    return str(path_mtu(remote, mark))


NETS = pytest.mark.parametrize("net", ["10.2.0.0/24", "fd02::/64", "0.0.0.0/0", "::/0"])


@NETS
@pytest.mark.usefixtures("tun")
def test_a_route_changes_its_kind_in_place(net: str) -> None:
    remote = target(net)
    with Routes("ik0", TABLE, MARK) as routes:
        assert way(remote) == "1500"
        for _ in range(2):
            routes.tunnel(net)
            assert way(remote) == "1400"
            routes.tunnel(net, mtu=1333)
            assert way(remote) == "1333"
            routes.unreachable(net)
            routes.unreachable(net)
            assert way(remote) in {"EHOSTUNREACH", "ENETUNREACH"}
            routes.throw(net)
            assert way(remote) == "1500"
        routes.remove(net)
        routes.remove(net)
        assert way(remote) == "1500"


@NETS
@pytest.mark.usefixtures("tun")
def test_our_own_packets_never_enter_the_tunnel(net: str) -> None:
    with Routes("ik0", TABLE, MARK) as routes:
        routes.tunnel(net)
        assert way("fd99::2" if ":" in net else "10.99.0.2", MARK) == "1500"
        routes.unreachable(net)
        assert way(target(net), MARK) == "1500"


@pytest.mark.usefixtures("tun")
def test_a_local_subnet_is_thrown_out_of_a_wider_tunnel() -> None:
    with Routes("ik0", TABLE, MARK) as routes:
        routes.tunnel("10.0.0.0/8")
        routes.throw("10.99.0.0/24")
        assert (way("10.99.0.2"), way("10.2.0.9")) == ("1500", "1400")


@pytest.mark.usefixtures("tun")
def test_the_source_address_can_be_given(gateway: Namespace) -> None:
    gateway.address("lo", "10.1.0.1/32")
    with Routes("ik0", TABLE, MARK) as routes:
        routes.tunnel("10.2.0.0/24", source="10.1.0.1")
        assert default_address("10.2.0.9") == "10.1.0.1"
        with pytest.raises(RouteError, match=r"10\.2\.0\.0/24"):
            routes.tunnel("10.2.0.0/24", source="192.0.2.1")


@pytest.mark.usefixtures("tun")
def test_host_bits_are_masked() -> None:
    with Routes("ik0", TABLE, MARK) as routes:
        routes.tunnel("10.2.0.77/24")
        assert way("10.2.0.9") == "1400"
        routes.remove("10.2.0.0/24")
        assert way("10.2.0.9") == "1500"


@pytest.mark.parametrize("net", ["10.2.0.0/24", "fd02::/64"])
@pytest.mark.usefixtures("tun")
def test_nothing_leaves_in_clear_while_a_route_changes(spaces: Namespaces, net: str) -> None:
    remote = target(net)
    family = socket.AF_INET6 if ":" in net else socket.AF_INET
    done = threading.Event()

    def shout(sock: socket.socket) -> None:
        while not done.is_set():
            try:
                sock.sendto(b"secret", (remote, 9))
            except OSError:
                continue

    with spaces["wan"].enter():
        listener = socket.socket(family, socket.SOCK_DGRAM)
        listener.bind((remote, 9))
    with listener, socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"before", (remote, 9))
        listener.settimeout(2)
        assert listener.recv(100) == b"before"  # so it would hear a leak
        with Routes("ik0", TABLE, MARK) as routes:
            routes.unreachable(net)
            shouting = threading.Thread(target=shout, args=(sock,))
            shouting.start()
            for _ in range(1500):
                routes.tunnel(net)
                routes.unreachable(net)
            done.set()
            shouting.join()
            listener.setblocking(False)
            with pytest.raises(BlockingIOError):
                listener.recv(100)


@pytest.mark.usefixtures("tun")
def test_a_predecessors_leftovers_are_removed() -> None:
    Routes("ik0", TABLE, 99).unreachable("10.2.0.0/24")  # and no close(): it crashed
    assert way("10.2.0.9") in {"EHOSTUNREACH", "ENETUNREACH"}
    with Routes("ik0", TABLE, MARK) as routes:
        assert way("10.2.0.9") == "1500"
        routes.unreachable("10.2.0.0/24")
        assert way("10.2.0.9", MARK) == "1500"  # the old mark's rule would refuse this
    assert way("10.2.0.9") == "1500"


@pytest.mark.usefixtures("tun")
def test_leftovers_can_be_kept_until_they_are_claimed() -> None:
    old = Routes("ik0", TABLE, MARK)
    for net in ("10.2.0.0/24", "fd02::/64", "0.0.0.0/0"):
        old.unreachable(net)
    with Routes("ik0", TABLE, MARK, adopt=True) as routes:
        assert routes.leftovers == {"10.2.0.0/24", "fd02::/64", "0.0.0.0/0"}
        routes.tunnel("10.2.0.0/24")
        routes.remove("fd02::/64")
        assert way("10.3.0.1") in {"EHOSTUNREACH", "ENETUNREACH"}
        routes.sweep()
        assert not routes.leftovers
        assert (way("10.2.0.9"), way("10.3.0.1")) == ("1400", "1500")
    assert way("10.2.0.9") == "1500"


@pytest.mark.usefixtures("tun")
def test_what_others_put_into_the_table_stays(gateway: Namespace) -> None:
    add = ["ip", "route", "add", "10.7.0.0/24", "dev", "ik0", "table", str(TABLE)]
    assert gateway.run(add).wait() == 0
    with Routes("ik0", TABLE, MARK) as routes:
        assert way("10.7.0.1") == "1400"
        assert not routes.leftovers
    assert gateway.run(["ip", "route", "del", *add[3:]]).wait() == 0


@pytest.mark.parametrize(("table", "mark"), [(254, 1), (0, 1), (4242, 0), (1 << 32, 1)])
@pytest.mark.usefixtures("tun")
def test_the_kernels_own_tables_are_refused(table: int, mark: int) -> None:
    with pytest.raises(RouteError, match="not for a tunnel"):
        Routes("ik0", table, mark)


@pytest.mark.usefixtures("inside")
def test_the_device_comes_first() -> None:
    with pytest.raises(RouteError, match="open the TUN first"):
        Routes("ik9", TABLE, MARK)
