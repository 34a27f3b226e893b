"""The TUN device: the kernel's packets in, ours out.

With offloads the kernel puts a ``struct virtio_net_hdr`` before each packet (virtio 1.2 section
5.1.6): checksums may then be left to us, and one read may bring a super-packet of up to 64 KiB that
we cut into segments.  The other way a super-packet is written as one.
"""

import errno
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path
from typing import Final, Self

import pytun

_SIOCSIFTXQLEN: Final = 0x8943
_TUNSETOFFLOAD: Final = 0x400454D0
_TUNSETVNETHDRSZ: Final = 0x400454D8
_CSUM, _TSO4, _TSO6, _ECN, _USO4, _USO6 = 0x01, 0x02, 0x04, 0x08, 0x20, 0x40  # TUN_F_
_NAMES: Final = {
    _CSUM: "csum",
    _TSO4: "tso4",
    _TSO6: "tso6",
    _ECN: "ecn",
    _USO4: "uso4",
    _USO6: "uso6",
}
_TCP: Final = _CSUM | _TSO4 | _TSO6 | _ECN
_PROBES: Final = (_TCP | _USO4 | _USO6, _TCP, 0)  # USO is there since Linux 6.2
_VNET: Final = struct.Struct("=BBHHHH")  # flags, type, header length, size, start, offset
_NO_VNET: Final = bytes(_VNET.size)
_NEEDS_CSUM: Final = 1
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
    """One TUN device, open and non-blocking.

    ``vnet`` is whether the descriptor has a virtio header of 10 octets before each packet, both
    ways; ``offloads`` is what the kernel leaves to us, of csum, tso4, tso6, ecn, uso4 and uso6.
    With ``offload`` false there is neither.  :meth:`read` and :meth:`write` hide the header.
    The device goes away with the last descriptor, and with it every route into it.
    """

    def __init__(
        self,
        name: str = "ikebana0",
        mtu: int = 1400,
        queue: int = 1000,
        *,
        offload: bool = True,
    ) -> None:
        if not 0 < len(name.encode()) <= _NAME_MAX:
            raise TunError(errno.EINVAL, f"{name!r}: a device name has 1 to {_NAME_MAX} octets")
        try:
            self._device, self.vnet = _open(name, vnet=offload)
        except OSError as error:
            number = error.errno or errno.EIO
            raise TunError(number, f"cannot open TUN device {name}: {hint(number)}") from error
        self.offloads: frozenset[str] = frozenset()
        self.name: str = self._device.name
        self._fd: int = self._device.fileno()
        try:
            os.set_blocking(self._fd, False)
            self._offload()
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
        """Return the next packet; raises :exc:`BlockingIOError` when there is none.

        Its checksum is finished.  A super-packet comes as it is: whoever wants its segments reads
        the descriptor and the header.
        """
        if not self.vnet:
            return os.read(self._fd, _ROOM)
        data = os.read(self._fd, _VNET.size + _ROOM)
        flags, _type, _length, _size, start, offset = _VNET.unpack_from(data)
        packet = data[_VNET.size :]
        return _finished(packet, start, start + offset) if flags & _NEEDS_CSUM else packet

    def write(self, packet: bytes) -> bool:
        """Hand one IP packet to the kernel; tell whether it was taken.

        False: the queue is full, the device is down, or these are not an IP packet's octets.
        """
        try:
            return os.writev(self._fd, (_NO_VNET, packet) if self.vnet else (packet,)) > 0
        except OSError:
            return False

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

    def _offload(self) -> None:
        # a persistent device keeps what its last owner asked for
        for offloads in _PROBES if self.vnet else (0,):
            try:
                fcntl.ioctl(self._fd, _TUNSETOFFLOAD, offloads)
            except OSError:
                continue
            self.offloads = frozenset(name for bit, name in _NAMES.items() if offloads & bit)
            return

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


def _open(name: str, *, vnet: bool) -> tuple[pytun.TunTapDevice, bool]:
    """Return the device, and whether it has virtio headers."""
    flags = pytun.IFF_TUN | pytun.IFF_NO_PI
    if vnet:
        try:
            device = pytun.TunTapDevice(name=name, flags=flags | pytun.IFF_VNET_HDR)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
        else:
            try:
                size = _VNET.size.to_bytes(4, sys.byteorder)
                fcntl.ioctl(device.fileno(), _TUNSETVNETHDRSZ, size)
            except OSError:  # a device whose header has an unknown size is none for us
                device.close()
            else:
                return device, True
    return pytun.TunTapDevice(name=name, flags=flags), False


def _finished(packet: bytes, start: int, place: int) -> bytes:
    """Return ``packet`` with the checksum at ``place`` made over all from ``start`` (RFC 1071)."""
    if not start < place <= len(packet) - 2:
        return packet
    covered = packet[start:]
    total = int.from_bytes(covered + bytes(len(covered) % 2), "big") % 0xFFFF
    # never zero, which over UDP would mean that there is none
    checksum = (0xFFFF - total).to_bytes(2, "big")
    return b"".join((packet[:place], checksum, packet[place + 2 :]))
