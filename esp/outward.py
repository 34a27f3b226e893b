"""The way out: what was read from the TUN device leaves as ESP packets, many at once.

    super-packet of a known flow    cut into rows and sealed         esp.vector.segmenter
    alike single packets            sealed as the rows they are      esp.vector.singles
    everything else                 one by one                       Engine.seal_batch

Whichever way, the packets of a flow leave in their order, through one
:class:`~esp.sendbuffer.SendBuffer`.  Without numpy super-packets are cut in plain Python and
sealed one by one.
"""

from itertools import pairwise
from typing import Final

from esp import lanes
from esp.arena import LARGEST, SLOT, SLOTS, START, Arena
from esp.batch import Batch
from esp.child import ChildSa
from esp.engine import Engine
from esp.outer import outer_header
from esp.sa import Drop
from esp.segments import TCP, UDP, finish_checksum, segments
from esp.sendbuffer import Send, SendBuffer
from esp.vnet import GSO_ECN, GSO_UDP, NEEDS_CSUM, VNET
from policy.flow import MalformedPacket

_SEEN: Final = 64  # octets of a packet in which its headers lie, if they are plain
_LEAST_FLOW: Final = 28
_SYN: Final = 2


class Outward:
    """Read packets into :attr:`arena`, say so with :meth:`take`, and :meth:`finish`.

    ``send`` is called with what is ready; ``vnet`` is whether each packet has a virtio header
    before it, ``vectors`` whether numpy is to be used if it is there.
    """

    def __init__(self, engine: Engine, send: Send, *, vnet: bool, vectors: bool = True) -> None:
        self._engine = engine
        self._header = VNET.size if vnet else 0
        self.arena = Arena(self._header)
        self._ready = SendBuffer(send)
        found = lanes.outward(self.arena, self._ready) if vectors else None
        self._segmenter = found[0] if found is not None else None
        self._singles = found[1] if found is not None else None
        self._lengths: list[int] = []  # of the packets in the slots, from the first on
        self._touched: dict[ChildSa, None] = {}
        self._batch = Batch()

    def take(self, slot: int, got: int) -> int:
        """Take ``got`` octets that were read into a slot; return the slot to read into next."""
        length = got - self._header
        if self._header:
            at = slot * SLOT + START - VNET.size
            if self.arena.octets[at + 1]:  # gso_type
                _flags, kind, _size, mss, l4, _offset = VNET.unpack_from(self.arena.octets, at)
                self._take_singles()
                self._super_packet(self.arena.packets[slot][: max(length, 0)], l4, kind, mss)
                return 0
        self._lengths.append(length)
        if length > LARGEST or slot + 1 == SLOTS:
            self._take_singles()
            return 0
        return slot + 1

    def seal(self, packets: list[bytes]) -> None:
        """Take whole packets that were read before."""
        self._one_by_one(packets)

    def finish(self) -> Batch:
        """Send what is left; return what became of all since the last time, but what was sent."""
        self._take_singles()
        self._ready.flush()
        batch, self._batch = self._batch, Batch()
        if self._touched:
            for child in self._touched:
                batch.limits += self._engine.check_outbound(child)
            self._touched.clear()
        return batch

    # -- singles --------------------------------------------------------------------------------
    def _take_singles(self) -> None:
        lengths, self._lengths = self._lengths, []
        if not lengths:
            return
        if self._singles is None or len(lengths) < lanes.LEAST or lengths[-1] > LARGEST:
            self._slots(0, len(lengths), lengths)
        else:
            left = 0  # slots before this one are done
            for begin, end in pairwise(self._singles.runs(lengths)):
                length = lengths[begin]
                if end - begin < lanes.LEAST or not self._singles.is_plain(begin, length):
                    continue
                self._slots(left, begin, lengths)  # before: they may make the flow known
                left = begin
                child = self._known(self.arena.packets[begin], length)
                if child is None or child.rows_out is None or length > child.mtu:
                    continue
                try:
                    if not self._singles.seal(child, child.rows_out, begin, end, length):
                        continue
                except Drop:
                    continue  # one by one some may still go
                self._count(child, end - begin, (end - begin) * length)
                left = end
            self._slots(left, len(lengths), lengths)

    def _slots(self, begin: int, end: int, lengths: list[int]) -> None:
        """Seal the packets in these slots one by one."""
        packets: list[bytes] = []
        for slot in range(begin, end):
            length = lengths[slot]
            packet = self.arena.packets[slot]
            if self._header:
                flags, _kind, _size, _mss, start, offset = VNET.unpack_from(
                    self.arena.octets, slot * SLOT + START - VNET.size
                )
                if flags & NEEDS_CSUM:
                    try:
                        finish_checksum(packet, start, offset, length)
                    except MalformedPacket:
                        self._malformed()
                        continue
            packets.append(bytes(packet[: max(length, 0)]))
        if packets:
            self._one_by_one(packets)

    # -- super-packets --------------------------------------------------------------------------
    def _super_packet(self, packet: memoryview, l4: int, kind: int, mss: int) -> None:
        try:
            child = self._known(packet, len(packet))
            if child is None or child.rows_out is None or _is_syn(packet, l4, kind):
                parts = segments(packet, l4, kind, mss)
                self._one_by_one([b"".join(one) for one in parts])
                return
            done = 0
            if self._segmenter is not None:
                try:
                    sealed = self._segmenter.seal(child, child.rows_out, packet, l4, kind, mss)
                except Drop:
                    sealed = None  # one by one some may still go
                if sealed is not None:
                    self._count(child, sealed.count, sealed.count * sealed.length)
                    if sealed.is_all:
                        return
                    done = sealed.count * mss
            self._segments(child, packet, l4, kind, mss, done)
        except MalformedPacket:
            self._malformed()

    def _segments(
        self, child: ChildSa, packet: memoryview, l4: int, kind: int, mss: int, done: int
    ) -> None:
        """Seal what follows the first ``done`` octets of payload one by one."""
        parts = segments(packet, l4, kind, mss, done)
        seal, put, mtu = child.seal, self._ready.put, child.mtu
        next_header = 4 if packet[0] >> 4 == 4 else 41
        outer = -1
        count = octets = 0
        for head, part in parts:
            inner = b"".join((head, part))
            if outer < 0:
                if len(inner) > mtu:
                    self._one_by_one([inner, *(b"".join(one) for one in parts)])
                    break
                outer = outer_header(inner, child.treatment, mtu)
            try:
                put(child, seal(inner, next_header), outer)
            except Drop as drop:
                self._engine.dropped(drop.reason, child)
                continue
            count += 1
            octets += len(inner)
        self._count(child, count, octets)

    # -- what they share ------------------------------------------------------------------------
    def _known(self, packet: memoryview, length: int) -> ChildSa | None:
        if length < _LEAST_FLOW:
            return None
        if packet[0] >> 4 == 6 and packet[6] not in (TCP, UDP):
            return None  # the ports may lie behind what is seen here: that would be another flow
        try:
            return self._engine.known(bytes(packet[: min(length, _SEEN)]))
        except MalformedPacket:
            return None

    def _one_by_one(self, packets: list[bytes]) -> None:
        batch = self._engine.seal_batch(packets)
        put = self._ready.put
        for child, packet, outer in batch.sealed:
            put(child, packet, outer)
        self._batch.add(batch)

    def _count(self, child: ChildSa, packets: int, octets: int) -> None:
        self._touched[child] = None
        counts = self._engine.counters.counts
        counts["packets_out"] += packets
        counts["octets_out"] += octets

    def _malformed(self) -> None:
        self._engine.counters.count("malformed")


def _is_syn(packet: memoryview, l4: int, kind: int) -> bool:
    """Tell whether the segment size in a super-packet may have to be clamped; Linux makes none."""
    if kind & ~GSO_ECN == GSO_UDP or len(packet) < l4 + 14:
        return False
    return bool(packet[l4 + 13] & _SYN)
