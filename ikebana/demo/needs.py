"""Whether the demonstration can have namespaces and TUN devices here, and if not, why."""

import os
from pathlib import Path
from typing import Final

_DEVICE: Final = Path("/dev/net/tun")
_CAPABILITIES: Final = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_ADMIN": 21}


def lacking() -> str:
    """Return what is missing and how to get it, in one line; empty when all is there.

    Ends with a try: in a container capabilities may be there and the calls forbidden all the same.
    """
    absent = absent_capabilities(Path("/proc/self/status").read_text())
    if os.geteuid() and absent:
        return "not root: sudo make demo"
    if absent:
        return f"no {', '.join(absent)}: give the container --privileged"
    if not _DEVICE.exists():
        return f"no {_DEVICE}: mkdir -p /dev/net; mknod {_DEVICE} c 10 200"
    return _refused()


def absent_capabilities(status: str) -> list[str]:
    """Return which of the needed capabilities a /proc/PID/status does not show as effective."""
    granted = 0
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            granted = int(line.split()[1], 16)
    return [name for name, bit in _CAPABILITIES.items() if not granted >> bit & 1]


def _refused() -> str:
    from tundev.namespaces import Namespaces
    from tundev.tun import Tun

    try:
        with Namespaces(f"ikebana-try-{os.getpid()}") as spaces:
            space = spaces.add("tun")
            with space.enter(), Tun("try0"):
                return ""
    except OSError as error:
        return f"{error.strerror or error}"
