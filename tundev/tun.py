"""The TUN device: the kernel's packets in, ours out."""

import errno
import fcntl
import os
import socket
import struct
from pathlib import Path
from typing import Final, Self

import pytun

_SIOCSIFTXQLEN: Final = 0x8943
_ROOM: Final = 65535
_IFREQ: Final = struct.Struct("16si20x")
_NAME_MAX: Final = 15


class TunError(OSError):
    """The TUN device could not be opened or set up; the text says what to do."""


_HINTS: Final = {
    errno.ENOENT: "/dev/net/tun is missing: `mkdir -p /dev/net; mknod /dev/net/tun c 10 200`, "
    "or give the container `--device /dev/net/tun`",
    errno.ENODEV: "the kernel has no TUN driver: `modprobe tun`",
    errno.ENXIO: "the kernel has no TUN driver: `modprobe tun`",
    errno.EPERM: "needs root or CAP_NET_ADMIN",
    errno.EACCES: "needs root or CAP_NET_ADMIN, and access to /dev/net/tun",
    errno.EINVAL: "a device of this name exists and is no TUN device: choose another name",
    errno.EBUSY: "another process has this device open: stop it, or choose another name",
}


def hint(number: int) -> str:
    """Return what to do about error ``number`` of opening a TUN device."""
    return _HINTS.get(number, os.strerror(number))


class Tun:
    """One TUN device, open and non-blocking; packets are whole IP packets without a prefix.

    The device goes away with the last descriptor, and with it every route into it.
    """

    def __init__(self, name: str = "ikebana0", mtu: int = 1400, queue: int = 1000) -> None:
        if not 0 < len(name.encode()) <= _NAME_MAX:
            raise TunError(errno.EINVAL, f"{name!r}: a device name has 1 to {_NAME_MAX} octets")
        try:
            self._device = pytun.TunTapDevice(name=name, flags=pytun.IFF_TUN | pytun.IFF_NO_PI)
        except OSError as error:
            number = error.errno or errno.EIO
            raise TunError(number, f"cannot open TUN device {name}: {hint(number)}") from error
        self.name: str = self._device.name
        self._fd: int = self._device.fileno()
        try:
            os.set_blocking(self._fd, False)
            self._quiet()
            self.set_mtu(mtu)
            self._set_queue(queue)
        except OSError as error:
            self._device.close()
            number = error.errno or errno.EIO
            raise TunError(number, f"cannot set up TUN device {name}: {hint(number)}") from error

    def fileno(self) -> int:
        """Return the descriptor, for a selector or for SCM_RIGHTS."""
        return self._fd

    def read(self) -> bytes:
        """Return the next packet; raises :exc:`BlockingIOError` when there is none."""
        return os.read(self._fd, _ROOM)

    def write(self, packet: bytes) -> bool:
        """Hand one IP packet to the kernel; tell whether it was taken.

        False: the queue is full, the device is down, or these are not an IP packet's octets.
        """
        try:
            os.write(self._fd, packet)
        except OSError:
            return False
        return True

    def set_mtu(self, mtu: int) -> None:
        """Set the MTU in octets (68 at least; IPv6 leaves the device below 1280)."""
        self._device.mtu = mtu

    def up(self) -> None:
        """Bring the device up."""
        try:
            self._device.up()
        except OSError as error:
            number = error.errno or errno.EIO
            raise TunError(number, f"cannot bring {self.name} up: {hint(number)}") from error

    def persist(self, *, persistent: bool) -> None:
        """Let the device outlive its descriptor, or no longer."""
        self._device.persist(persistent)

    def close(self) -> None:
        """Close the descriptor; a device that is not persistent goes away."""
        self._device.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _quiet(self) -> None:
        """Let IPv6 in if the host has it, but without the kernel's own packets on the device.

        A link-local address would send router solicitations and reports into the tunnel.
        """
        everywhere = Path("/proc/sys/net/ipv6/conf/all/disable_ipv6")
        try:
            usable = everywhere.read_text().strip() == "0"
        except OSError:
            return
        settings = {"disable_ipv6": "0" if usable else "1", "addr_gen_mode": "1", "accept_ra": "0"}
        for key, value in settings.items():
            try:
                Path("/proc/sys/net/ipv6/conf", self.name, key).write_text(value)
            except OSError:  # read-only /proc/sys in some containers: only noise is lost
                continue

    def _set_queue(self, packets: int) -> None:
        request = _IFREQ.pack(self.name.encode(), packets)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            fcntl.ioctl(control, _SIOCSIFTXQLEN, request)
