"""Why a port cannot be listened on, and who holds it."""

import errno
import os
import re
from pathlib import Path
from typing import Final

_INODE_FIELD: Final = 9


class CannotListen(OSError):
    """A UDP socket could not be bound; the text says what to do."""


class PortInUse(CannotListen):
    """Another socket has ``address`` and ``port``; ``by`` names its process ("" if unknown)."""

    def __init__(self, address: str, port: int, by: str) -> None:
        owner = by or "another process"
        super().__init__(
            errno.EADDRINUSE,
            f"UDP port {port} of {address} is taken by {owner}: stop it, or listen elsewhere",
        )
        self.address = address
        self.port = port
        self.by = by


def cannot_listen(error: OSError, address: str, port: int) -> CannotListen:
    """Return the error to raise for a failed bind."""
    if error.errno == errno.EADDRINUSE:
        return PortInUse(address, port, holder(port))
    why = {
        errno.EACCES: "needs root or CAP_NET_BIND_SERVICE",
        errno.EADDRNOTAVAIL: "the address is not on this host",
        errno.EAFNOSUPPORT: "this host has no IPv6",
    }.get(error.errno or 0, error.strerror or str(error))
    return CannotListen(error.errno, f"cannot listen on {address} port {port}: {why}")


def holder(port: int) -> str:
    """Return "name (pid N)" of the process with a UDP socket on ``port``, or "" if unknown.

    Only the caller's own network namespace is looked at, and only processes it may inspect.
    """
    inodes = set()
    for table in ("udp", "udp6"):
        try:
            lines = Path("/proc/thread-self/net", table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if len(fields) > _INODE_FIELD and fields[1].endswith(f":{port:04X}"):
                inodes.add(f"socket:[{fields[_INODE_FIELD]}]")
    if not inodes:
        return ""
    for pid in filter(re.compile(r"\d+").fullmatch, os.listdir("/proc")):
        try:
            descriptors = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue
        for descriptor in descriptors:
            try:
                if os.readlink(f"/proc/{pid}/fd/{descriptor}") in inodes:
                    return f"{Path('/proc', pid, 'comm').read_text().strip()} (pid {pid})"
            except OSError:
                continue
    return ""
