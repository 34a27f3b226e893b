"""What this host's kernel can do for a gateway, asked for and not read out of a version number.

Nothing stays behind: the TUN device that is opened for the question goes away with the answer.
"""

import errno
import socket
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tundev.tun import Tun
from tundev.udp import (
    CannotListen,
    PortInUse,
    enable_gro,
    has_udp_gso,
    open_udp,
    receive_into,
    send_rows,
)

__all__ = [
    "capabilities",
    "has_aes",
    "has_udp_gro",
    "has_udp_gso",
    "port_holder",
    "strict_links",
    "sysctl",
    "tun_offloads",
]

NEEDED: Final[Mapping[str, int]] = MappingProxyType(
    {"CAP_NET_BIND_SERVICE": 10, "CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13}
)
"""The capabilities(7) that a gateway needs, and their bits."""

_PROBE: Final = "ikebana-ask%d"  # the kernel puts a number for %d
_SYSCTLS: Final = Path("/proc/sys")
_STRICT: Final = 1


def tun_offloads() -> frozenset[str] | None:
    """Return what a TUN device would leave to us; None when it has no virtio header at all.

    Raises :exc:`~tundev.tun.TunError` when there can be no TUN device.
    """
    with Tun(_PROBE) as tun:
        return tun.offloads if tun.vnet else None


def has_udp_gro() -> bool:
    """Ask the kernel, over loopback, whether UDP_GRO brings a run of datagrams in one read.

    Where loopback is down, or cannot send a run, the kernel is believed when it knows the option.
    """
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        if not enable_gro(other):
            return False
        try:
            other.bind(("127.0.0.1", 0))
            other.settimeout(0.5)
            if send_rows(one, memoryview(bytes(30)), 10, "", other.getsockname()) != 3:
                return True
            got = receive_into(other, memoryview(bytearray(100)))
        except OSError:
            return True
    return got is None or got[0] == 30 or not has_udp_gso()


def capabilities() -> frozenset[str]:
    """Return which of :data:`NEEDED` this process has."""
    granted = 0
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            granted = int(line.split()[1], 16)
    return frozenset(name for name, bit in NEEDED.items() if granted >> bit & 1)


def port_holder(port: int) -> str:
    """Return who listens on a UDP port; "" when it is free.  Raises :exc:`CannotListen`.

    The error tells that it cannot be known without privileges.
    """
    for address in ("0.0.0.0", "::"):  # noqa: S104 - asked about and closed at once
        try:
            open_udp(address, port, 0).close()
        except PortInUse as error:
            return error.by or "another process"
        except CannotListen as error:
            if error.errno == errno.EACCES:
                raise
    return ""


def sysctl(name: str, root: Path = _SYSCTLS) -> int | None:
    """Return a number among the kernel's settings (net.core.rmem_max); None when there is none."""
    try:
        return int((root / name.replace(".", "/")).read_text())
    except (OSError, ValueError):
        return None


def strict_links(root: Path = _SYSCTLS) -> tuple[str, ...]:
    """Return the links that drop packets whose answer would leave by another one (RFC 3704 2.2)."""
    folder = root / "net/ipv4/conf"
    everywhere = sysctl("net.ipv4.conf.all.rp_filter", root) or 0
    found = []
    for link in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            own = int((link / "rp_filter").read_text())
        except (OSError, ValueError):
            continue
        if link.name not in ("all", "default", "lo") and max(everywhere, own) == _STRICT:
            found.append(link.name)
    return tuple(found)


def has_aes(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Tell whether the processor has instructions for AES (x86 flags, Arm features)."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return False
    return any(
        line.lower().startswith(("flags", "features")) and "aes" in line.split() for line in lines
    )
