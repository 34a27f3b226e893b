"""Join consecutive packets of one flow into a super-packet for the TUN device.

What Linux does in ``tcp_gro_receive`` and ``udp_gro_receive`` (net/ipv4/tcp_offload.c and
udp_offload.c), with less that may be joined, because merging launders: the kernel makes fresh
checksums for what it cuts apart again, so nobody later sees what went wrong before.  Hence:

* each packet's checksum is verified by itself: over all of a run two bit errors can cancel;
* only what cutting apart gives back octet for octet, but for an IPv4 identification that means
  nothing (DF is set: RFC 6864 section 4.1): no fragments, no IP options, no flags but ACK, PSH and
  ECE, the same TCP options and acknowledgement, consecutive, of one size but for the last;
* order never changes: what does not continue the pending run is written after it.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from esp.checksum import Octets, ones_sum, pseudo_sum
from esp.segments import ACK, LONG, LONGEST, PSH, SHORT, TCP, UDP
from esp.vnet import GSO_TCP4, GSO_TCP6, GSO_UDP, NEEDS_CSUM, VNET, VNET_NONE

NO_MERGE: Final = 0xA7
"""FIN, SYN, RST, URG, CWR: a segment with one of these is passed on by itself."""

MOST: Final = 64
MOST_UDP: Final = 32
"""A default socket of 208 KiB counts a datagram's whole buffer: 64 datagrams at once fill half."""

_V4: Final = 20
_V6: Final = 40

Write = Callable[[list[Octets]], None]


class Run(NamedTuple):
    """Packets of one flow that follow each other, their checksums found to be right."""

    head: bytes
    """IP, and TCP or UDP header of the first."""
    l4: int
    """Where TCP or UDP begins."""
    protocol: int
    raw: list[memoryview]
    """The packets."""
    parts: list[memoryview]
    """Their payloads, all of ``mss`` octets."""
    mss: int
    following: int
    """The sequence number after the last; 0 for UDP."""
    flags: int
    """The last one's; 0 for UDP.  PSH is set in none but the last."""


def run_key(head: bytes, l4: int, protocol: int, head_len: int) -> tuple[bytes, ...]:
    """Return what packets have in common that are joined.

    That is all of the headers but lengths, checksums, identification, PSH and sequence number.
    ``head`` holds IP header (20 or 40 octets: ``l4``) and TCP or UDP header, to ``head_len``.
    """
    is_v4 = l4 == _V4
    network = head[:2] + head[6:10] + head[12:24] if is_v4 else head[:4] + head[6:44]
    if protocol == UDP:
        return (network,)
    return (
        network,
        head[l4 + 8 : l4 + 13] + head[l4 + 14 : l4 + 16] + head[l4 + 18 : head_len],
        bytes((head[l4 + 13] & ~PSH,)),
    )


class Coalescer:
    """Takes packets in their order and writes them, joined where that is safe.

    ``write`` is given the buffers of one write to the TUN device, the virtio header first; they
    are no longer theirs after it returns.  A run is of at most ``most`` packets, of UDP
    ``most_udp``: 1 where the kernel takes no datagrams to be cut apart (USO, before Linux 6.2).
    With ``merge`` False every packet is written by itself, as it came.
    """

    __slots__ = ("_flags", "_head", "_is_open", "_key", "_l4", "_merge", "_most", "_mss", "_next",
                 "_parts", "_protocol", "_raw", "_size", "_unverified", "_write",
                 "bad", "held", "merged", "runs", "singles")  # fmt: skip

    def __init__(
        self, write: Write, *, merge: bool = True, most: int = MOST, most_udp: int = MOST_UDP
    ) -> None:
        self._write = write
        self._merge = merge
        self._most = {TCP: most, UDP: min(most, most_udp)}
        self._key: tuple[bytes, ...] = ()
        self._head = b""
        self._parts: list[Octets] = []
        self._raw: list[Octets] = []  # whole packets, to fall back on
        self._unverified: list[bytes] = []
        self._l4 = self._protocol = self._mss = self._next = self._size = self._flags = 0
        self._is_open = False  # may take one more
        self.held: object = None
        """The oldest buffer in which packets of the pending run lie, None if it owns them all."""
        self.merged = 0
        """Packets that were joined, into ``runs`` super-packets; the others are ``singles``."""
        self.runs = 0
        self.singles = 0
        self.bad = 0
        """Runs with a wrong checksum in them: their packets were written as they came."""

    def add(self, packet: bytes) -> None:
        """Take one IP packet, whatever it is."""
        l4, protocol, head_len = _headers(packet) if self._merge else (0, 0, 0)
        if not protocol:
            self.flush()
            self.singles += 1
            self._write([VNET_NONE, packet])
            return
        sequence = flags = 0
        if protocol == TCP:
            sequence = LONG.unpack_from(packet, l4 + 4)[0]
            flags = packet[l4 + 13]
        size = len(packet) - head_len
        key = run_key(packet, l4, protocol, head_len)
        if not (
            self._is_open
            and key == self._key
            and size <= self._mss
            and self._size + size <= LONGEST
            and (protocol == UDP or sequence == self._next)
            and len(self._parts) < self._most[protocol]
        ):
            self._begin(key, packet[:head_len], l4, protocol, size)
        self._parts.append(packet[head_len:])
        self._raw.append(packet)
        self._unverified.append(packet)
        self._size += size
        self._next = sequence + size & 0xFFFFFFFF
        self._flags = flags
        self._is_open = size == self._mss and not flags & PSH

    def add_run(self, run: Run) -> None:
        """Take packets that may be joined, in which everything has been verified.

        Their buffers must stay as they are until :meth:`flush`, or until :attr:`held` is no longer
        theirs.
        """
        head, _, protocol, raw, parts, mss, following, flags = run
        count = len(parts)
        most = min(self._most[protocol], (LONGEST - len(head)) // mss) if mss > 0 else 0
        if not self._merge or most < 2:
            self.flush()
            self._write_each(raw)
        elif count <= most:
            self._join(run)
        else:
            for begin in range(0, count, most):
                end = min(begin + most, count)
                self._join(
                    run._replace(
                        head=bytes(raw[begin][: len(head)]),
                        raw=raw[begin:end],
                        parts=parts[begin:end],
                        following=following - (count - end) * mss & 0xFFFFFFFF,
                        flags=flags if end == count else flags & ~PSH,
                    )
                )

    def _join(self, run: Run) -> None:
        head, l4, protocol, raw, parts, mss, following, flags = run
        key = run_key(head, l4, protocol, len(head))
        octets = len(parts) * mss
        if not (
            self._is_open
            and key == self._key
            and mss == self._mss
            and self._size + octets <= LONGEST
            and (protocol == UDP or following - octets & 0xFFFFFFFF == self._next)
            and len(self._parts) + len(parts) <= self._most[protocol]
        ):
            self._begin(key, head, l4, protocol, mss)
        if self.held is None:  # also when the run began with packets taken one by one
            self.held = raw[0].obj
        self._raw += raw
        self._parts += parts
        self._size += octets
        self._next, self._flags = following, flags
        self._is_open = not flags & PSH

    def _begin(self, key: tuple[bytes, ...], head: bytes, l4: int, protocol: int, mss: int) -> None:
        self.flush()
        self._key, self._head, self._l4, self._protocol, self._mss = key, head, l4, protocol, mss
        self._size = len(head)

    def flush(self) -> None:
        """Write what is pending."""
        count = len(self._parts)
        if not count:
            return
        if count == 1:
            self._write_each(self._raw)
        elif self._unverified and not self._is_verified():
            self.bad += 1
            self._write_each(self._raw)
        else:
            self.merged += count
            self.runs += 1
            self._write(self._super_packet())
        self._parts.clear()
        self._raw.clear()
        self._unverified.clear()
        self._is_open = False
        self.held = None

    def _write_each(self, packets: list[Octets] | list[memoryview]) -> None:
        self.singles += len(packets)
        for packet in packets:
            self._write([VNET_NONE, packet])

    def _is_verified(self) -> bool:
        """Tell whether the checksum is right in each packet that was taken by itself."""
        l4 = self._l4
        pseudo = pseudo_sum(self._head, self._protocol, 0) - l4
        return all(
            (ones_sum(packet[l4:]) + len(packet) + pseudo) % 0xFFFF == 0
            for packet in self._unverified
        )

    def _super_packet(self) -> list[Octets]:
        head, l4, protocol, length = bytearray(self._head), self._l4, self._protocol, self._size
        if l4 == _V4:
            SHORT.pack_into(head, 2, length)
            SHORT.pack_into(head, 10, 0)
            SHORT.pack_into(head, 10, -int.from_bytes(head[:_V4], "big") % 0xFFFF)
        else:
            SHORT.pack_into(head, 4, length - _V6)
        if protocol == TCP:
            head[l4 + 13] |= self._flags & PSH
            kind, offset = GSO_TCP4 if l4 == _V4 else GSO_TCP6, 16
        else:
            SHORT.pack_into(head, l4 + 4, length - l4)
            kind, offset = GSO_UDP, 6
        # the kernel adds the rest; 0xFFFF is the same sum, and no "there is none" to UDP
        SHORT.pack_into(head, l4 + offset, pseudo_sum(head, protocol, length - l4) or 0xFFFF)
        header = VNET.pack(NEEDS_CSUM, kind, len(head), self._mss, l4, offset)
        return [header, head, *self._parts]


def _headers(packet: bytes) -> tuple[int, int, int]:
    """Return where TCP or UDP begins, which of them it is, and where its payload begins.

    The protocol is 0 for what must not be joined: also if its headers and its octets differ.
    """
    length = len(packet)
    if length > 40 and packet[0] == 0x45:
        l4, protocol = _V4, packet[9]
        # DF and no fragment, the whole packet and nothing after it, a right header checksum
        if (
            packet[6] != 0x40
            or packet[7]
            or packet[2] << 8 | packet[3] != length
            or int.from_bytes(packet[:_V4], "big") % 0xFFFF
        ):
            return 0, 0, 0
    elif length > 60 and packet[0] >> 4 == 6:
        l4, protocol = _V6, packet[6]
        if packet[4] << 8 | packet[5] != length - _V6:
            return 0, 0, 0
    else:
        return 0, 0, 0
    if protocol == TCP:
        head_len = l4 + (packet[l4 + 12] >> 4) * 4
        is_plain = packet[l4 + 13] & (NO_MERGE | ACK) == ACK
        if is_plain and l4 + 20 <= head_len < length:
            return l4, TCP, head_len
    elif protocol == UDP:
        has_checksum = packet[l4 + 6] or packet[l4 + 7]
        if has_checksum and packet[l4 + 4] << 8 | packet[l4 + 5] == length - l4:
            return l4, UDP, l4 + 8
    return 0, 0, 0
