"""Echo requests through some of the many tunnels, from behind the peers to behind the gateway."""

import struct
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from benchmarks.many_lab import INNER, inner
from esp.child import ChildSa
from esp.counters import Counters
from esp.engine import Engine
from esp.sa import InboundSa, OutboundSa
from ikecore.child import ChildSpec
from policy.path import Path
from policy.spd import Action, Policy, SelectorPair, Spd
from suites.encr import sealer

_MTU: Final = 1400
_ICMP: Final = 1
_REQUEST: Final = 8
_REPLY: Final = 0
_IP: Final = struct.Struct("!BBHHHBBH4s4s")
_ECHO: Final = struct.Struct("!BBHHH")
_AT: Final = slice(20, 28)


class Streams:
    """The packet path of the peers that send; what it returns has to be sent.

    ``sent`` and ``answered`` hold (peer, number of its request).
    """

    def __init__(self, peers: int) -> None:
        self._engine = Engine(Spd(), Counters())
        self._policies: dict[str, Policy] = {}
        self._peers = peers
        self._sources = [IPv4Network(inner(n))[1].packed for n in range(peers)]
        self._number = 0
        self.sent: set[tuple[int, int]] = set()
        self.answered: set[tuple[int, int]] = set()

    def install(self, spec: ChildSpec) -> None:
        """Carry packets on a child from now on."""
        name, row, esn = spec.connection, spec.suite.encr, spec.suite.esn
        (ours,), (theirs,) = spec.local_ts, spec.remote_ts
        child = ChildSa(
            name,
            OutboundSa(spec.outbound_spi, sealer(row, spec.outbound.encr.reveal()), esn=esn),
            InboundSa(spec.inbound_spi, sealer(row, spec.inbound.encr.reveal()), esn=esn),
            spec.path,
            spec.local_ts,
            spec.remote_ts,
            _MTU,
        )
        self._engine.install(child, standby=spec.standby)
        self._policies[name] = Policy(name, Action.PROTECT, (SelectorPair(ours, theirs),), name)
        self._engine.spd.replace(tuple(self._policies.values()))

    def use(self, spi: int) -> None:
        """Seal on this child from now on."""
        self._engine.use(spi)

    def retire(self, spi: int) -> None:
        """Seal nothing on this child any more."""
        self._engine.retire(spi)

    def remove(self, spi: int) -> None:
        """Forget a child."""
        self._engine.remove(spi)

    def reset(self) -> None:
        """Count from nothing."""
        self.sent.clear()
        self.answered.clear()

    @property
    def lost(self) -> int:
        """Return how many requests have no answer."""
        return len(self.sent - self.answered)

    def next_request(self) -> list[tuple[bytes, Path]]:
        """Return the next peer's next request, sealed; nothing while it has no child."""
        number, peer = divmod(self._number, self._peers)
        self._number += 1
        packet = _request(self._sources[peer], peer, number & 0xFFFF)
        sealed = self._engine.seal_batch([packet]).sealed
        self.sent.add((peer, number & 0xFFFF))
        return [(data, child.path) for child, data, _ in sealed]

    def take(self, datagram: bytes, source: tuple[str, int]) -> None:
        """Take an ESP packet, an answer perhaps."""
        for packet in self._engine.open_batch([(datagram, source)]).inner:
            if packet[9] == _ICMP and packet[20] == _REPLY:
                _, _, _, peer, number = _ECHO.unpack(packet[_AT])
                self.answered.add((peer, number))


def _request(source: bytes, identifier: int, number: int) -> bytes:
    echo = _ECHO.pack(_REQUEST, 0, 0, identifier, number) + bytes(56)
    echo = _ECHO.pack(_REQUEST, 0, _checksum(echo), identifier, number) + echo[8:]
    fields = (0x45, 0, _IP.size + len(echo), 0, 0, 64, _ICMP)
    ends = (source, IPv4Address(INNER).packed)
    return _IP.pack(*fields, _checksum(_IP.pack(*fields, 0, *ends)), *ends) + echo


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
