"""What a test of the kernel's side needs, told in one line when it is not there."""

import shutil
from pathlib import Path
from typing import Final

import pytest

_CAPABILITIES: Final = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_ADMIN": 21}
_PACKAGES: Final = {
    "charon-systemd": "charon-systemd",
    "swanctl": "strongswan-swanctl",
    "nft": "nftables",
    "tcpdump": "tcpdump",
    "ping": "iputils-ping",
    "iperf3": "iperf3",
    "tshark": "tshark",
    "ethtool": "ethtool",
    "ip": "iproute2",
    "linux.uml": "user-mode-linux",
    "modprobe": "kmod",
}


def missing(*programs: str) -> str:
    """Return what is missing to make namespaces and TUN devices and to run ``programs``."""
    lacks = []
    granted = _effective()
    absent = [name for name, bit in _CAPABILITIES.items() if not granted >> bit & 1]
    if absent:
        lacks.append(f"root with {', '.join(absent)}")
    if not Path("/dev/net/tun").exists():
        lacks.append("/dev/net/tun (mknod /dev/net/tun c 10 200)")
    wanted = [name for name in programs if find(name) is None]
    if wanted:
        lacks.append("apt-get install " + " ".join(_PACKAGES.get(name, name) for name in wanted))
    return "; ".join(lacks)


def find(program: str) -> str | None:
    """Return a program's path, also where only root's PATH leads."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/local/sbin")


def require(*programs: str) -> None:
    """Skip the test that asks, unless all is there."""
    lacks = missing(*programs)
    if lacks:
        pytest.skip(f"needs {lacks}")


def _effective() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0
