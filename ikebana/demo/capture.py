"""Watch a device and count its frames by kind, whatever their rate (packet(7)).

Three sockets with filters that complement each other, so that every frame is at exactly one:

* one gets IPv4 packets of protocol 50, one gets those that are plainly ESP in UDP.  The kernel
  counts them; Python reads of them what fits into the socket's buffer, the others are only counted.
* the last gets everything else.  Python reads every one of these.

So the proof costs the throughput next to nothing, and holds for every frame.
"""

import ctypes
import socket
import struct
from typing import Final, Self

from ikebana.demo.tally import Tally
from ikebana.demo.wire import Kind

_ALL: Final = 0x0003  # ETH_P_ALL
_SOL_PACKET: Final = 263
_STATISTICS: Final = 6
_ATTACH_FILTER: Final = 26
_RCVBUFFORCE: Final = 33
_BUFFER: Final = 8 << 20
_ROOM: Final = 65535
_WHOLE: Final = 0x40000

_LDH, _LDB, _LD_X, _LDH_X, _LDX_IHL, _LEN = 0x28, 0x30, 0x40, 0x48, 0xB1, 0x80
_JEQ, _JGE, _JSET, _RET = 0x15, 0x35, 0x45, 0x06
REST, ESP, ESP_UDP = -1, -2, -3  # what the three sockets take
_SORTER: Final = (  # operation, operand, and of a comparison the rows to go to if so and if not
    (_LEN, 0),
    # what is read beyond a frame's end is lost to every filter; see the last load, at most 60 + 26
    (_JGE, 86, 2, REST),
    (_LDH, 12),  # ethertype
    (_JEQ, 0x0800, 4, REST),
    (_LDB, 23),  # protocol
    (_JEQ, 50, ESP, 6),
    (_JEQ, 17, 7, REST),
    (_LDH, 20),  # flags and fragment offset: no part of a UDP datagram is plainly ESP
    (_JSET, 0x3FFF, REST, 9),
    (_LDX_IHL, 14),
    (_LDH_X, 14),  # both UDP ports
    (_JEQ, 4500, 12, REST),
    (_LDH_X, 16),
    (_JEQ, 4500, 14, REST),
    (_LDH_X, 18),  # UDP length: more than a keepalive
    (_JGE, 8 + 10, 16, REST),
    (_LD_X, 22),  # the SPI, or the non-ESP marker
    (_JEQ, 0, REST, ESP_UDP),
)
_ENDS: Final = {REST: len(_SORTER), ESP: len(_SORTER) + 1, ESP_UDP: len(_SORTER) + 2}
_COUNTED: Final = {ESP: Kind.ESP, ESP_UDP: Kind.ESP_UDP}


class Capture:
    """Count a device's frames, both ways, from construction to :meth:`stop`.

    Open it in the device's network namespace; where it is stopped does not matter.  Needs
    CAP_NET_RAW; raises OSError.
    """

    def __init__(self, ifname: str) -> None:
        self._sockets: dict[int, socket.socket] = {}
        try:
            for end in _ENDS:
                self._sockets[end] = _open(ifname, end)
        except OSError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stop(self) -> Tally:
        """Return what went by."""
        tally = Tally()
        seen = {end: _statistics(sock) for end, sock in self._sockets.items()}
        tally.missed = seen[REST][1]
        for end, kind in _COUNTED.items():
            tally.counts[kind] += seen[end][0]
        for end, sock in self._sockets.items():
            _drain(sock, tally, counted=end == REST)
        self.close()
        return tally

    def close(self) -> None:
        """Watch no longer."""
        for sock in self._sockets.values():
            sock.close()


def _open(ifname: str, wanted: int) -> socket.socket:
    # without a protocol it receives nothing yet: no frame comes in before the filter is there
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, _BUFFER)
        octets = program(wanted)
        buffer = ctypes.create_string_buffer(octets, len(octets))
        fprog = struct.pack("@HP", len(octets) // 8, ctypes.addressof(buffer))
        sock.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, fprog)
        sock.bind((ifname, _ALL))
    except OSError:
        sock.close()
        raise
    return sock


def program(wanted: int) -> bytes:
    """Return the filter (classic BPF) that lets through what ends at ``wanted``."""
    rows = []
    for at, (operation, operand, *ways) in enumerate(_SORTER):
        yes, no = ((_ENDS.get(way, way) - at - 1) for way in ways) if ways else (0, 0)
        rows.append(struct.pack("=HBBI", operation, yes, no, operand))
    rows += [struct.pack("=HBBI", _RET, 0, 0, _WHOLE * (end == wanted)) for end in _ENDS]
    return b"".join(rows)


def _statistics(sock: socket.socket) -> tuple[int, int]:
    """Return how many frames passed the filter, and how many of them found the buffer full."""
    packets, drops = struct.unpack("=II", sock.getsockopt(_SOL_PACKET, _STATISTICS, 8))
    return packets, drops


def _drain(sock: socket.socket, tally: Tally, *, counted: bool) -> None:
    while True:
        try:
            frame = sock.recv(_ROOM)
        except BlockingIOError:
            return
        tally.frame(frame, counted=counted)
