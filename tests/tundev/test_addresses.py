"""Inner addresses on a device, asked of the kernel itself."""

from collections.abc import Iterator

import pytest

from tundev.addresses import Addresses
from tundev.namespaces import Namespace, Namespaces
from tundev.paths import local_addresses
from tundev.routes import Routes, default_address
from tundev.tun import Tun


@pytest.fixture
def host(spaces: Namespaces) -> Iterator[Namespace]:
    space = spaces.add("a")
    with space.enter(), Tun("ik0") as device:
        device.up()
        yield space


@pytest.mark.usefixtures("host")
def test_the_device_has_those_that_are_wanted_and_no_others() -> None:
    addresses = Addresses("ik0")
    addresses.set(["10.9.0.7", "fd09::7"])
    assert {"10.9.0.7", "fd09::7"} <= local_addresses()
    addresses.set(["10.9.0.8"])
    found = local_addresses()
    assert "10.9.0.8" in found
    assert not {"10.9.0.7", "fd09::7"} & found
    addresses.set([])
    assert "10.9.0.8" not in local_addresses()


@pytest.mark.usefixtures("host")
def test_packets_into_the_tunnel_come_from_the_inner_address() -> None:
    addresses = Addresses("ik0")
    addresses.set(["10.9.0.7"])
    with Routes("ik0", 4242, 0x1CEB) as routes:
        routes.tunnel("10.1.0.0/16", 1400, "10.9.0.7")
        assert default_address("10.1.2.3") == "10.9.0.7"


def test_the_devices_other_routes_outlive_an_address_and_take_nothing_of_it(
    host: Namespace,
) -> None:
    host.address("lo", "10.7.0.1/32")
    addresses = Addresses("ik0")
    with Routes("ik0", 4242, 0x1CEB) as routes:
        routes.tunnel("10.2.0.0/16")
        assert default_address("10.2.3.4") == "10.7.0.1"
        addresses.set(["10.9.0.7"])
        assert default_address("10.2.3.4") == "10.7.0.1"
        addresses.set([])
        assert default_address("10.2.3.4") == "10.7.0.1"


def test_what_somebody_else_removed_is_no_matter(host: Namespace) -> None:
    addresses = Addresses("ik0")
    addresses.set(["10.9.0.7"])
    host.run(["ip", "address", "flush", "dev", "ik0"]).wait()
    addresses.set([])
    assert "10.9.0.7" not in local_addresses()


def test_a_device_that_is_gone_refuses_an_address(spaces: Namespaces) -> None:
    with spaces.add("a").enter():
        with Tun("ik0"):
            addresses = Addresses("ik0")
        with pytest.raises(OSError, match="Device not found"):
            addresses.set(["10.9.0.7"])
