"""The packet path between the TUN device and the ESP sockets: lists in, lists out, no I/O.

    seal_batch   packet -> remembered flow? or SPD, then the tunnel's SA -> too big? -> MSS -> seal
    open_batch   length -> SPI -> replay -> ICV -> accept -> padding -> inner header sane -> inside
                 the SA's selectors -> MSS -> TUN

One bad packet never costs the others: it raises its counter and the loop goes on.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from esp.batch import Acquire, Batch, Opened, Reached
from esp.child import ChildSa
from esp.counters import Counters
from esp.inner import carried_as, clamp_mss, fragmentation_needed, is_oversized, unreachable
from esp.limit import NO_LIMIT, Half
from esp.outer import decapsulate, outer_header, with_tos
from esp.sa import Drop
from policy.flow import Flow, MalformedPacket, flow_key, flow_of
from policy.spd import Action, Spd

_MEMORY_LIMIT: Final = 8192
_INWARD_LIMIT: Final = 32  # ICMP errors per batch: they are hints, not to be amplified
_IPV4: Final = 4  # next header (and IP protocol) of an IPv4 packet inside
_IPV6: Final = 41
_DUMMY: Final = 59  # RFC 4303 section 2.6
_UNKNOWN_LEAST: Final = 10  # SPI, sequence number, pad length, next header: no shorter ESP packet


class Engine:
    """The security associations in force, and the way of packets through them (RFC 4301 5).

    ``children`` maps inbound SPIs.  Within a tunnel the child taken into use last whose selectors
    contain the flow seals.  What an outgoing flow was found to use is remembered until the SAs or
    the policies change.

    A rekey (RFC 7296 section 2.8) installs the new child on standby: it opens, and the old one
    goes on sealing.  The peer's first authenticated packet on the new one shows that the peer has
    it and puts it into use; so does :meth:`use`.  :meth:`retire` ends the old one's sealing.
    """

    __slots__ = ("_armed", "_by_spi", "_children", "_generation", "_known", "_standby", "_tunnels",
                 "counters", "spd")  # fmt: skip

    def __init__(self, spd: Spd, counters: Counters) -> None:
        self.spd = spd
        self.counters = counters
        self._children: dict[int, ChildSa] = {}
        self._by_spi: dict[bytes, ChildSa] = {}  # keyed as it stands on the wire
        self._tunnels: dict[str, list[ChildSa]] = {}  # that seal, the last put into use first
        self._standby: dict[ChildSa, None] = {}
        self._armed: set[str] = set()
        self._known: dict[bytes, ChildSa] = {}
        self._generation = spd.generation

    @property
    def children(self) -> Mapping[int, ChildSa]:
        """Return a live view of the children by inbound SPI."""
        return MappingProxyType(self._children)

    @property
    def sealing(self) -> list[ChildSa]:
        """Return the children that seal."""
        return [child for children in self._tunnels.values() for child in children]

    def install(self, child: ChildSa, *, standby: bool = False) -> None:
        """Open on a child from now on, in place of one with the same inbound SPI.

        It seals, too, unless it is on ``standby``.
        """
        spi = child.inbound.spi
        if spi in self._children:
            self.remove(spi)
        self._children[spi] = child
        self._by_spi[spi.to_bytes(4, "big")] = child
        if standby:
            self._standby[child] = None
        else:
            self._begin(child)

    def use(self, inbound_spi: int) -> None:
        """Seal on this child from now on, before its siblings; no change if it does already."""
        child = self._children.get(inbound_spi)
        if child is not None and child not in self._tunnels.get(child.tunnel, ()):
            self._begin(child)

    def retire(self, inbound_spi: int) -> None:
        """Seal nothing on this child any more; what the peer sealed on it is still opened."""
        child = self._children.get(inbound_spi)
        if child is not None:
            self._end(child)

    def _begin(self, child: ChildSa) -> None:
        self._standby.pop(child, None)
        self._tunnels.setdefault(child.tunnel, []).insert(0, child)
        self._known.clear()

    def _end(self, child: ChildSa) -> None:
        self._standby.pop(child, None)
        siblings = self._tunnels.get(child.tunnel, [])
        if child in siblings:
            siblings.remove(child)
            if not siblings:
                del self._tunnels[child.tunnel]
            self._known.clear()

    def remove(self, inbound_spi: int) -> ChildSa | None:
        """Forget a child; return it, None if there was none."""
        child = self._children.pop(inbound_spi, None)
        if child is None:
            return None
        del self._by_spi[inbound_spi.to_bytes(4, "big")]
        self._end(child)
        return child

    def arm(self, tunnel: str) -> None:
        """Hand packets that no SA of this tunnel seals back as :class:`Acquire` from now on."""
        self._armed.add(tunnel)

    def disarm(self, tunnel: str) -> None:
        """Drop packets that no SA of this tunnel seals from now on."""
        self._armed.discard(tunnel)

    def known(self, packet: bytes) -> ChildSa | None:
        """Return the child that an outgoing flow is known to use, None where nobody knows yet.

        The headers of a packet are enough.  Raises :exc:`~policy.flow.MalformedPacket`.
        """
        if self._generation != self.spd.generation:
            self._generation = self.spd.generation
            self._known.clear()
        return self._known.get(flow_key(packet))

    def opens(self, spi: bytes) -> ChildSa | None:
        """Return the child in use that has this inbound SPI as it stands on the wire."""
        child = self._by_spi.get(spi)
        return None if child in self._standby else child

    def seal_batch(self, packets: Sequence[bytes]) -> Batch:
        """Decide about packets from the TUN device and seal what a tunnel protects."""
        batch = Batch()
        if self._generation != self.spd.generation:
            self._generation = self.spd.generation
            self._known.clear()
        counts, known, sealed = self.counters.counts, self._known, batch.sealed
        touched: dict[ChildSa, None] = {}
        last: ChildSa | None = None
        octets = 0
        child: ChildSa | None = None
        for packet in packets:
            try:
                child = None
                key = flow_key(packet)
                child = known.get(key)
                if child is None:
                    child = self._route(key, packet, batch)
                    if child is None:
                        continue
                if len(packet) > child.mtu:
                    self._check_size(packet, child, batch)
                if child is not last:
                    touched[child] = None
                    last = child
                ready = clamp_mss(packet, child.mtu)
                if ready is not packet:
                    counts["mss_clamped"] += 1
                next_header = _IPV4 if packet[0] < 0x60 else _IPV6
                sealed.append(
                    (
                        child,
                        child.seal(ready, next_header),
                        outer_header(ready, child.treatment, child.mtu),
                    )
                )
                octets += len(packet)
            except Drop as drop:
                self.dropped(drop.reason, child)
            except MalformedPacket:
                counts["malformed"] += 1
        counts["packets_out"] += len(sealed)
        counts["octets_out"] += octets
        for one in touched:
            batch.limits += self.check_outbound(one)
        return batch

    def open_batch(self, datagrams: Sequence[tuple[bytes, object]], tos: int = 0) -> Opened:
        """Open ESP packets, each with where it came from, and check what was inside.

        The source is anything comparable to :attr:`ChildSa.source`: (address, UDP port).  ``tos``
        is the type of service or traffic class of the outer headers.
        """
        opened = Opened()
        counts, by_spi, inner = self.counters.counts, self._by_spi, opened.inner
        moved: dict[ChildSa, object] = {}
        octets = 0
        for datagram, source in datagrams:
            child = by_spi.get(datagram[:4])
            if child is None:
                is_short = len(datagram) < _UNKNOWN_LEAST
                counts["malformed" if is_short else "no_sa"] += 1
                continue
            try:
                if not moved and (source == child.source or child.source is None):
                    next_header, packet = child.open(datagram)
                else:
                    top = child.inbound.replay.top
                    next_header, packet = child.open(datagram)
                    if child.inbound.replay.top > top and child.source is not None:
                        moved[child] = source
                ready = self.inspect(child, next_header, packet, tos)
                inner.append(ready)
                octets += len(packet)
            except Drop as drop:
                self.dropped(drop.reason, child)
        counts["packets_in"] += len(inner)
        counts["octets_in"] += octets
        if self._standby:
            for child in [one for one in self._standby if one.inbound.replay.top]:
                self._begin(child)  # the peer seals on it: it has both halves
        if moved:
            opened.moved.extend(move for move in moved.items() if move[1] != move[0].source)
            counts["moved"] += len(opened.moved)
        return opened

    def inspect(self, child: ChildSa, next_header: int, packet: bytes, tos: int) -> bytes:
        """Return what was inside as it may go on; raise :exc:`~esp.sa.Drop`."""
        if carried_as(packet) != next_header:
            raise Drop("dummy" if next_header == _DUMMY else "inner")
        try:
            key = flow_key(packet)
            if key not in child.admitted and not child.admits(key, packet):
                raise Drop("selectors")
        except MalformedPacket:
            raise Drop("malformed") from None
        if child.is_transport:
            packet = with_tos(packet, tos) if tos else packet  # its header was the outer one
        elif tos & 1:  # of the other outer values none changes anything (RFC 6040 figure 4)
            packet = decapsulate(packet, tos)
        ready = clamp_mss(packet, child.mtu)
        if ready is not packet:
            self.counters.counts["mss_clamped"] += 1
        return ready

    def accept(self, child: ChildSa, next_header: int, packet: bytes, tos: int = 0) -> bytes | None:
        """Return and count what was inside a packet that somebody else opened; None if dropped."""
        try:
            ready = self.inspect(child, next_header, packet, tos)
        except Drop as drop:
            self.dropped(drop.reason, child)
            return None
        self.counters.counts["packets_in"] += 1
        self.counters.counts["octets_in"] += len(packet)
        return ready

    def check_inbound(self, child: ChildSa) -> list[Reached]:
        """Return the limit that a child came to on the way in, if there is one.

        To be asked now and then: there is no word of it per batch, which would cost every packet.
        """
        return self._check(child, child.inbound)

    def check_outbound(self, child: ChildSa) -> list[Reached]:
        """Return the limit that a child came to on the way out, if there is one."""
        return self._check(child, child.outbound)

    def dropped(self, reason: str, child: ChildSa | None) -> None:
        """Count a packet that was discarded, also with the child that it belonged to."""
        self.counters.count(reason)
        if child is not None:
            child.drop(reason)

    def _route(self, key: bytes, packet: bytes, batch: Batch) -> ChildSa | None:
        """Find the child for a flow not seen before; raise :exc:`Drop` when it gets none."""
        policy = self.spd.lookup(packet)
        if policy.action is not Action.PROTECT:
            raise Drop("bypass" if policy.action is Action.BYPASS else "policy")
        flow = flow_of(packet)
        child = self._sealing(policy.tunnel, flow)
        if child is not None:
            if len(self._known) >= _MEMORY_LIMIT:
                self._known.clear()
            self._known[key] = child
            return child
        pair = policy.pair_of(flow)
        if policy.tunnel in self._armed and pair is not None:
            batch.acquires.append(Acquire(policy.tunnel, flow, pair, packet))
            self.counters.count("acquires")
            return None
        if policy.tunnel in self._tunnels:
            raise Drop("selectors")
        self._answer(unreachable(packet), batch)
        raise Drop("no_sa")

    def _sealing(self, tunnel: str, flow: Flow) -> ChildSa | None:
        """Return the child of a tunnel that seals a flow."""
        for child in self._tunnels.get(tunnel, ()):
            if child.carries(flow):
                return child
        for child in self._standby:
            if child.tunnel == tunnel and child.carries(flow):
                # waiting is for those beside a child that seals: the old one ended too early, and
                # what the peer may not be able to open yet is better than what is not sent
                self._begin(child)
                return child
        return None

    def _check_size(self, packet: bytes, child: ChildSa, batch: Batch) -> None:
        # a datagram of this host itself, whole: the kernel cuts what carries it, IPv6 too
        is_whole = child.is_transport and packet[0] >> 4 == 6
        if is_oversized(packet, child.mtu) and not is_whole:
            self._answer(fragmentation_needed(packet, child.mtu), batch)
            raise Drop("too_big")
        self.counters.count("fragments")

    def _answer(self, error: bytes | None, batch: Batch) -> None:
        if error is not None and len(batch.inward) < _INWARD_LIMIT:
            batch.inward.append(error)

    def _check(self, child: ChildSa, half: Half) -> list[Reached]:
        if child.hard.is_reached(half):
            child.end()
            if any(one.tunnel == child.tunnel for one in self._standby):
                self._end(child)  # what waits beside it steps in
            self.counters.count("hard_limits")
            return [Reached(child, hard=True)]
        if child.soft.is_reached(half):
            child.soft = NO_LIMIT
            self.counters.count("soft_limits")
            return [Reached(child, hard=False)]
        return []
