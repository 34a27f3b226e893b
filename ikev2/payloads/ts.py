"""The Traffic Selector payloads (RFC 7296 section 3.13)."""

import struct
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from ikecore.wire import Malformed, Reader
from ikev2.payloads.types import PayloadType
from policy.selectors import TrafficSelector

_COUNT: Final = struct.Struct("!B3x")
_SELECTOR: Final = struct.Struct("!BBH")
_PORTS: Final = struct.Struct("!HH")
_VERSIONS: Final = {7: (4, 4), 8: (6, 16)}  # TS type: IP version, octets of an address
_TYPES: Final = {4: (7, 4), 6: (8, 16)}


@dataclass(frozen=True, slots=True)
class _Selectors:
    """List the addresses, protocols and ports of one side of a CHILD_SA.

    ```
    | Number of TSs |                 RESERVED                      |
    selector:
    |   TS Type     |IP Protocol ID*|       Selector Length         |
    |           Start Port*         |           End Port*           |
    ~                         Starting Address*                     ~
    ~                         Ending Address*                       ~
    ```

    Selectors of other types than the two IP ranges are left out when read, as section 3.13.1
    asks; ``selectors`` is empty if there were only such.
    """

    selectors: tuple[TrafficSelector, ...]

    @classmethod
    def parse(cls, body: Reader) -> Self:
        """Read the payload's body; raise :exc:`Malformed` also for a range that ends too early."""
        at = body.at
        (count,) = body.unpack(_COUNT)
        if not count:
            raise Malformed("no traffic selector", at)
        found = (_parse_selector(body) for _ in range(count))
        return cls(tuple(one for one in found if one is not None))

    def body(self) -> bytes:
        """Return the payload without its generic header."""
        return _COUNT.pack(len(self.selectors)) + b"".join(map(_selector, self.selectors))


@dataclass(frozen=True, slots=True)
class SelectorsInitiator(_Selectors):
    """TSi: the side of the exchange's initiator."""

    TYPE: ClassVar = PayloadType.TSI


@dataclass(frozen=True, slots=True)
class SelectorsResponder(_Selectors):
    """TSr: the side of the exchange's responder."""

    TYPE: ClassVar = PayloadType.TSR


def _parse_selector(body: Reader) -> TrafficSelector | None:
    at = body.at
    kind, protocol, length = body.unpack(_SELECTOR)
    inside = body.sub(length - _SELECTOR.size)
    if kind not in _VERSIONS:
        inside.rest()
        return None
    version, width = _VERSIONS[kind]
    start_port, end_port = inside.unpack(_PORTS)
    start = int.from_bytes(inside.take(width), "big")
    end = int.from_bytes(inside.take(width), "big")
    if inside:
        raise Malformed(f"traffic selector of {length} octets", at)
    try:
        return TrafficSelector(version, start, end, protocol, start_port, end_port)
    except ValueError as why:
        raise Malformed(f"traffic selector: {why}", at) from None


def _selector(one: TrafficSelector) -> bytes:
    kind, width = _TYPES[one.version]
    length = _SELECTOR.size + _PORTS.size + 2 * width
    return b"".join(
        (
            _SELECTOR.pack(kind, one.protocol, length),
            _PORTS.pack(one.start_port, one.end_port),
            one.start.to_bytes(width, "big"),
            one.end.to_bytes(width, "big"),
        )
    )
