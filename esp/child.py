"""One CHILD_SA in the packet path: a pair of SAs and what their packets are checked against."""

from collections.abc import Callable, Sequence
from typing import Final, NoReturn, TypeAlias

from esp.limit import NO_LIMIT, Limit
from esp.outer import tfc_padded
from esp.sa import Drop, InboundHalf, InboundSa, OutboundHalf, OutboundSa
from esp.transport import Transport
from policy.flow import OPAQUE, Flow, flow_of
from policy.path import Path
from policy.selectors import TrafficSelector
from policy.treatment import PLAIN, Treatment

_MEMORY_LIMIT: Final = 4096
_DUMMY: Final = 59
_DUMMY_SIZE: Final = 64  # octets
_Selectors: TypeAlias = Sequence[TrafficSelector]


class ChildSa:
    """A pair of SAs with its selectors, its path and the largest inner packet (RFC 4301 4.4.2).

    ``admitted`` holds the flow keys that :meth:`admits` found inside before, for who asks often.
    ``local`` and ``remote`` are what was negotiated, seen from here.  ``source`` is where the
    peer's datagrams are known to come from, None where that is not followed: only peers behind
    UDP encapsulation may move (RFC 7296 section 2.23).

    ``seal`` and ``open`` are what happens to a packet: (packet, next header) to datagram, and
    datagram to (next header, packet); both raise :exc:`~esp.sa.Drop`.  ``soft`` and ``hard`` are
    the limits of each direction.  With ``transport`` only the payload of packets between the ends
    of the path is protected; ``original`` is for a NAT there: see :class:`esp.transport.Transport`.
    Raises ValueError where the path has no addresses for it.  ``later_fragments`` is whether
    fragments that show no ports count as having those the selectors name (RFC 4301 section 7).

    ``rows_out`` and ``rows_in`` are the halves where many packets may be protected or unprotected
    at once, None where each needs more than that: AH, transport mode, padding beyond the packet.
    ``drops`` counts what was discarded, by reason.
    """

    __slots__ = (
        "_has_ended",
        "_later_fragments",
        "_original",
        "_path",
        "_transport",
        "admitted",
        "drops",
        "hard",
        "inbound",
        "local",
        "mtu",
        "open",
        "outbound",
        "remote",
        "rows_in",
        "rows_out",
        "seal",
        "soft",
        "source",
        "treatment",
        "tunnel",
    )

    def __init__(
        self,
        tunnel: str,
        outbound: OutboundHalf,
        inbound: InboundHalf,
        path: Path,
        local: tuple[TrafficSelector, ...],
        remote: tuple[TrafficSelector, ...],
        mtu: int,
        *,
        soft: Limit = NO_LIMIT,
        hard: Limit = NO_LIMIT,
        transport: bool = False,
        original: tuple[str, str] = ("", ""),
        later_fragments: bool = False,
        treatment: Treatment = PLAIN,
    ) -> None:
        self.tunnel = tunnel
        self.outbound = outbound
        self.inbound = inbound
        self.soft = soft
        self.hard = hard
        self.seal: Callable[[bytes, int], bytes] = outbound.protect
        self.open: Callable[[bytes], tuple[int, bytes]] = inbound.unprotect
        self._transport = transport
        self._original = original
        self.treatment = treatment
        self.drops: dict[str, int] = {}
        self.rows_out: OutboundSa | None = None
        self.rows_in: InboundSa | None = None
        if not transport:
            if isinstance(outbound, OutboundSa):
                if treatment.tfc:
                    self.seal = self._seal_padded
                else:
                    self.rows_out = outbound
            if isinstance(inbound, InboundSa):
                self.rows_in = inbound
        self._has_ended = False
        self._later_fragments = later_fragments
        self.local = local
        self.remote = remote
        self.mtu = mtu
        self.admitted: set[bytes] = set()
        self.path = path

    @property
    def is_transport(self) -> bool:
        """Return whether the packet's own IP header is the outer one."""
        return self._transport

    @property
    def path(self) -> Path:
        """Return where datagrams go; setting it moves ``source`` and transport mode's ends."""
        return self._path

    @path.setter
    def path(self, path: Path) -> None:
        self.outbound.follow(path)
        if self._transport and not self._has_ended:
            ends = Transport(self.outbound, self.inbound, path, self._original)
            self.seal, self.open = ends.seal, ends.open
        self._path = path
        self.source: object = path.remote if path.esp_in_udp else None

    def dummy(self) -> bytes:
        """Return a packet that holds nothing, for the peer to drop (RFC 4303 section 2.6).

        Raises :exc:`~esp.sa.Drop`.
        """
        if self._has_ended:
            _ended()
        cover = tfc_padded(bytes(_DUMMY_SIZE), self.treatment.tfc, self.mtu)
        return self.outbound.protect(cover, _DUMMY)

    def _seal_padded(self, packet: bytes, next_header: int) -> bytes:
        padded = tfc_padded(packet, self.treatment.tfc, self.mtu)
        return self.outbound.protect(padded, next_header)

    def end(self) -> None:
        """Let nothing through any more, in either direction: a hard limit was reached."""
        self._has_ended = True
        self.seal, self.open = _ended, _ended
        self.rows_out = self.rows_in = None
        self.soft = self.hard = NO_LIMIT

    def drop(self, reason: str, count: int = 1) -> None:
        """Count packets that were discarded."""
        self.drops[reason] = self.drops.get(reason, 0) + count

    def carries(self, flow: Flow) -> bool:
        """Tell whether an outgoing flow is inside the selectors (source local)."""
        return self._is_inside(flow, self.local, self.remote)

    def admits(self, key: bytes, packet: bytes) -> bool:
        """Tell whether an inner packet may come in: source remote, target local.

        ``key`` is the packet's flow key; admitted flows are remembered, a bounded number of them.
        Raises :exc:`~policy.flow.MalformedPacket`.
        """
        if key in self.admitted:
            return True
        is_inside = self._is_inside(flow_of(packet), self.remote, self.local)
        if is_inside:
            if len(self.admitted) >= _MEMORY_LIMIT:
                self.admitted.clear()
            self.admitted.add(key)
        return is_inside

    def _is_inside(self, flow: Flow, sources: _Selectors, targets: _Selectors) -> bool:
        version, protocol = flow.version, flow.protocol
        if self._later_fragments and flow.source_port == OPAQUE:
            return _one_fits(sources, version, flow.source, protocol) and _one_fits(
                targets, version, flow.target, protocol
            )
        return _one_matches(
            sources, version, flow.source, protocol, flow.source_port
        ) and _one_matches(targets, version, flow.target, protocol, flow.target_port)


def _ended(*_packet: object) -> NoReturn:
    raise Drop("no_key")


def _one_fits(selectors: _Selectors, version: int, address: int, protocol: int) -> bool:
    return any(
        one.version == version and one.matches_fragment(address, protocol) for one in selectors
    )


def _one_matches(
    selectors: _Selectors, version: int, address: int, protocol: int, port: int
) -> bool:
    return any(one.version == version and one.matches(address, protocol, port) for one in selectors)
