"""Addresses and ways, as the kernel tells them."""

import resource

import pytest

from tundev.namespaces import Namespace, Namespaces
from tundev.paths import default_address, local_addresses, path_mtu


def test_every_local_address_is_told(inside: Namespace) -> None:
    inside.address("lo", "10.1.0.1/32")
    inside.address("lo", "fd01::1/128")
    assert local_addresses() == {"127.0.0.1", "::1", "10.1.0.1", "fd01::1"}


def test_the_way_to_a_peer(spaces: Namespaces) -> None:
    a, b = spaces.add("a"), spaces.add("b")
    a.veth("w", b, "w")
    a.up("w", 1280)
    a.address("w", "10.0.0.1/24")
    a.address("w", "fd00::1/64")
    with a.enter():
        assert (path_mtu("10.0.0.2"), path_mtu("fd00::2", 7)) == (1280, 1280)
        assert default_address("10.0.0.2") == "10.0.0.1"
        assert default_address("fd00::2") == "fd00::1"


def test_the_mtu_of_a_route_is_a_bound(spaces: Namespaces) -> None:
    a, b = spaces.add("a"), spaces.add("b")
    a.veth("w", b, "w")
    a.address("w", "10.0.0.1/24")
    spaces.run("a", ["ip", "route", "add", "10.1.0.0/24", "via", "10.0.0.2", "mtu", "1400"]).wait()
    with a.enter():
        assert [path_mtu("10.1.0.2", mark) for mark in (0, 7)] == [1400, 1400]
        a.up("w", 1300)
        assert path_mtu("10.1.0.2") == 1300


@pytest.mark.usefixtures("inside")
def test_without_a_route_there_is_no_address_and_a_usual_mtu() -> None:
    assert default_address("10.0.0.2") is None
    assert path_mtu("10.0.0.2") == 1500


def test_without_descriptors_nothing_is_known_and_nothing_raised() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        assert path_mtu("127.0.0.1") == 1500
        assert default_address("127.0.0.1") is None
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
