"""What the kernel says of itself."""

import os
import socket
from pathlib import Path

import pytest

from tundev.namespaces import Namespace
from tundev.probe import (
    NEEDED,
    capabilities,
    has_aes,
    has_udp_gro,
    has_udp_gso,
    port_holder,
    strict_links,
    sysctl,
    tun_offloads,
)


@pytest.mark.usefixtures("inside")
def test_a_tun_device_is_asked_and_gone_again() -> None:
    offloads = tun_offloads()
    assert offloads is not None
    assert offloads >= {"csum", "tso4", "tso6", "ecn"}
    assert "ikebana" not in Path("/proc/thread-self/net/dev").read_text()


def test_this_kernel_sends_and_receives_runs() -> None:
    assert has_udp_gso()
    assert has_udp_gro()


@pytest.mark.usefixtures("inside")
def test_without_loopback_the_kernel_is_believed(inside: Namespace) -> None:
    assert inside.run(["ip", "link", "set", "lo", "down"]).wait() == 0
    assert has_udp_gro()


def test_capabilities_are_those_that_are_needed() -> None:
    assert capabilities() <= set(NEEDED)
    if not os.geteuid():
        assert "CAP_NET_RAW" in capabilities()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_ports_holder_has_a_name(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        port = int(sock.getsockname()[1])
        assert str(os.getpid()) in port_holder(port)
    assert port_holder(port) == ""


def test_settings_are_numbers_or_nothing(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net/some").write_text("17\n")
    (tmp_path / "net/text").write_text("cubic\n")
    assert sysctl("net.some", tmp_path) == 17
    assert sysctl("net.text", tmp_path) is None
    assert sysctl("net.none", tmp_path) is None
    assert sysctl("net.core.rmem_max")


@pytest.mark.parametrize(
    ("everywhere", "strict"), [("0", ("wan",)), ("1", ("lan", "wan")), ("2", ())]
)
def test_a_link_is_as_strict_as_the_stricter_setting(
    tmp_path: Path, everywhere: str, strict: tuple[str, ...]
) -> None:
    settings = {"all": everywhere, "default": "1", "lo": "1", "wan": "1", "lan": "0", "dmz": "2"}
    for link, value in settings.items():
        (tmp_path / "net/ipv4/conf" / link).mkdir(parents=True)
        (tmp_path / "net/ipv4/conf" / link / "rp_filter").write_text(value)
    (tmp_path / "net/ipv4/conf/odd").mkdir()
    assert strict_links(tmp_path) == strict
    assert strict_links(tmp_path / "nowhere") == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("model name : x\nflags\t\t: fpu aes avx\n", True),
        ("Features\t: fp asimd aes pmull\n", True),
        ("flags : fpu vaes\nmodel name : aes\n", False),
    ],
)
def test_the_processor_tells_of_aes(tmp_path: Path, text: str, found: bool) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert has_aes(tmp_path / "cpuinfo") is found
    assert not has_aes(tmp_path / "nothing")
