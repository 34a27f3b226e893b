"""The daemon's hold on a real kernel, in a network namespace of the test's own."""

import os
import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyroute2 import IPRoute

from ikebana.config.compile import GatewayPlan, compile_config
from ikebana.daemon.kernel import Kernel
from ikebana.daemon.orders import RouteState
from ikebana.daemon.tunnels import make_tunnel
from ikebana.worker.messages import Chosen, Done, Message, Remove
from ikecore.lease import Lease
from ikecore.trace import KeysDerived
from policy.path import Path as TunnelPath
from suites.secret import Secret
from tests.ikebana.config.sample import KEY, config
from tests.ikebana.daemon.clock import Clock
from tests.ikebana.daemon.lives import IKE, Fixed
from tests.lab.needs import require
from tundev.namespaces import Namespace, Namespaces
from tundev.paths import default_address

pytestmark = pytest.mark.lab
HERE, THERE = "10.99.0.1", "10.99.0.2"
TEXT = f"""\
[gateway]
addresses = ["{HERE}"]
[[connection]]
name = "net"
peer = "{THERE}"
psk = "{KEY}"
local_subnets = ["10.1.0.0/24"]
remote_subnets = ["10.2.0.0/24"]
"""


@pytest.fixture
def space() -> Iterator[Namespace]:
    require()
    with Namespaces(f"kernel{os.getpid()}") as spaces:
        moon, sun = spaces.add("moon"), spaces.add("sun")
        moon.veth("wan", sun, "wan")
        moon.address("wan", f"{HERE}/24")
        sun.address("wan", f"{THERE}/24")
        with moon.enter():
            yield moon


class Daemon:
    """A kernel as the daemon holds it, and what it told."""

    def __init__(self, keylog: str = "") -> None:
        self.clock = Clock()
        self.complaints: list[str] = []
        self.heard: list[Message] = []
        self.datagrams: list[tuple[bytes, TunnelPath]] = []
        self.unreachable: list[str] = []
        self.restarted = 0
        self.changes = 0
        self.plan = compile_config(config(TEXT))
        self.kernel = Kernel(self.plan.gateway, keylog, lambda _, text: self._complain(text))
        self.kernel.watch(
            self.clock.loop,
            lambda data, path: self.datagrams.append((data, path)),
            lambda remote, _: self.unreachable.append(remote),
            self.heard.append,
            self._on_restarted,
            self._on_changes,
        )

    def _complain(self, text: str) -> None:
        self.complaints.append(text)

    def _on_restarted(self) -> None:
        self.restarted += 1

    def _on_changes(self) -> None:
        self.changes += 1

    def hear(self, message: Message) -> None:
        """Read until the worker has said this."""
        while message not in self.heard:
            self.wait()

    def wait(self) -> None:
        """Read what comes next, from whichever descriptor."""
        for descriptor in select.select(list(self.clock.readers), [], [], 30)[0]:
            self.clock.readers[descriptor]()


@pytest.fixture
def daemon(space: Namespace) -> Iterator[Daemon]:
    assert space is not None
    made = Daemon()
    yield made
    made.kernel.close()


KINDS = {1: "unicast", 7: "unreachable", 9: "throw"}


def routes() -> set[tuple[str, str]]:
    """Return the kernel's IPv4 routes of all tables: network and kind."""
    with IPRoute() as netlink:
        return {
            (f"{one.get_attr('RTA_DST')}/{one['dst_len']}", KINDS.get(one["type"], ""))
            for one in netlink.get_routes(family=socket.AF_INET)
        }


def mtu_of(name: str) -> int:
    with IPRoute() as netlink:
        return int(netlink.link("get", ifname=name)[0].get_attr("IFLA_MTU"))


def test_it_hears_that_an_address_came_and_knows_which_it_may_use(
    daemon: Daemon, space: Namespace
) -> None:
    assert daemon.kernel.usable() == {HERE}
    space.address("wan", "10.99.0.7/24")  # not one that is listened on
    for _ in range(10):
        if daemon.changes:
            break
        daemon.wait()
    assert daemon.changes
    assert daemon.kernel.usable() == {HERE}


def test_it_opens_everything_and_gives_everything_back(space: Namespace) -> None:
    assert space is not None
    before = routes()
    made = Daemon()
    name = made.plan.gateway.tun_name
    assert socket.if_nametoindex(name)
    assert made.kernel.listening == (f"{HERE}:500", f"{HERE}:4500")
    made.kernel.close()
    assert made.clock.readers == {}
    assert routes() == before
    with pytest.raises(OSError, match=r"No such device|no interface"):
        socket.if_nametoindex(name)


def test_what_cannot_be_opened_is_an_oserror_that_says_why(space: Namespace) -> None:
    assert space is not None
    plan = compile_config(config('[gateway]\naddresses = ["10.99.0.77"]\n')).gateway
    assert isinstance(plan, GatewayPlan)
    with pytest.raises(OSError, match=r"10\.99\.0\.77"):
        Kernel(plan, "", lambda *_: None)


def test_the_worker_answers_and_is_replaced_when_it_dies(daemon: Daemon) -> None:
    assert daemon.kernel.to_worker(Remove(7, 300))
    daemon.hear(Done(7))
    old = daemon.kernel.worker_pid
    os.kill(old, 9)
    daemon.wait()
    daemon.clock.sleep(1)
    assert (daemon.restarted, daemon.kernel.restarts) == (1, 1)
    assert daemon.kernel.worker_pid != old
    daemon.kernel.to_worker(Remove(8, 300))
    daemon.hear(Done(8))
    chosen = [one for one in daemon.heard if isinstance(one, Chosen)]
    assert len(chosen) == 2
    assert {"vnet", "gso", "gro"} <= set(chosen[1].means)


def test_routes_follow_the_tunnel(daemon: Daemon) -> None:
    tunnel = make_tunnel(daemon.plan.tunnels[0], Fixed())
    daemon.kernel.begin_routes(tunnel)
    daemon.kernel.started()
    assert {("10.2.0.0/24", "unreachable"), ("10.1.0.0/24", "throw")} <= routes()
    tunnel.routes = RouteState.ACTIVE
    daemon.kernel.set_routes(tunnel)
    assert ("10.2.0.0/24", "unicast") in routes()
    daemon.kernel.end_routes(tunnel)
    assert not any(net == "10.2.0.0/24" for net, _ in routes())
    assert daemon.complaints == []


def test_a_peer_that_nobody_answers_at_shows_as_unreachable(daemon: Daemon) -> None:
    path = TunnelPath((HERE, 500), (THERE, 500))
    assert daemon.kernel.send(b"hello", path)
    while not daemon.unreachable:
        daemon.wait()
    assert daemon.unreachable == [THERE]


def test_the_device_grows_with_the_largest_child_and_never_shrinks(daemon: Daemon) -> None:
    name = daemon.plan.gateway.tun_name
    for asked in (1438, 1280):
        daemon.kernel.fit_mtu(asked)
        assert mtu_of(name) == 1438


def test_keys_are_written_only_where_the_operator_asked(space: Namespace, tmp_path: Path) -> None:
    assert space is not None
    record = KeysDerived("net", b"1" * 8, b"2" * 8, IKE, (("SK_ei", Secret(bytes(20))),))
    for folder in ("", str(tmp_path / "keys")):
        daemon = Daemon(folder)
        daemon.kernel.keylog(record)
        daemon.kernel.close()
        assert daemon.complaints == []
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]
    assert any(b"31" * 8 in path.read_bytes() for path in (tmp_path / "keys").iterdir())


def test_an_inner_address_is_on_the_device_and_where_packets_come_from(daemon: Daemon) -> None:
    tunnel = make_tunnel(daemon.plan.tunnels[0], Fixed())
    daemon.kernel.begin_routes(tunnel)
    tunnel.lease = Lease("10.9.0.7")
    daemon.kernel.set_addresses(frozenset({"10.9.0.7"}))
    daemon.kernel.begin_routes(tunnel)
    tunnel.routes = RouteState.ACTIVE
    daemon.kernel.set_routes(tunnel)
    assert default_address("10.2.0.9") == "10.9.0.7"
    tunnel.lease = None
    daemon.kernel.begin_routes(tunnel)  # first: routes go with the address that they name
    daemon.kernel.set_addresses(frozenset())
    assert ("10.2.0.0/24", "unicast") in routes()
    assert default_address("10.2.0.9") != "10.9.0.7"
    assert daemon.complaints == []
