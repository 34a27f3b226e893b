"""The Identification payload (RFC 2408 section 3.8, RFC 2407 section 4.6.2)."""

import struct
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from ikecore.identities import LONGEST, Identity, IdType
from ikecore.wire import Malformed, Reader
from ikev1.payloads.types import PayloadType
from policy.selectors import TrafficSelector

IPV4_SUBNET: Final = 4
IPV6_SUBNET: Final = 6
IPV4_RANGE: Final = 7
IPV6_RANGE: Final = 8
_ID: Final = struct.Struct("!BBH")
_WIDTHS: Final = {4: 4, 6: 16}
_ADDRESS: Final = {4: int(IdType.IPV4_ADDR), 6: int(IdType.IPV6_ADDR)}
_SUBNET: Final = {4: IPV4_SUBNET, 6: IPV6_SUBNET}
_RANGE: Final = {4: IPV4_RANGE, 6: IPV6_RANGE}
_VERSIONS: Final = {
    kind: version for form in (_ADDRESS, _SUBNET, _RANGE) for version, kind in form.items()
}
_ANY_PORT: Final = (0, 65535)


@dataclass(frozen=True, slots=True)
class Identification:
    """Name one end: in phase 1 who it is, in quick mode which of its traffic is meant.

    ```
    |   ID Type     |  Protocol ID  |             Port              |
    ~                     Identification Data                       ~
    ```

    Protocol and port 0 are any.  Unknown types survive; what the data says is read by
    :meth:`identity` or :meth:`selector`.
    """

    TYPE: ClassVar = PayloadType.ID
    type: int
    protocol: int
    port: int
    data: bytes

    @classmethod
    def of_identity(cls, identity: Identity) -> Self:
        """Return the payload for phase 1, without protocol and port."""
        return cls(identity.type, 0, 0, identity.data)

    @classmethod
    def of_selector(cls, selector: TrafficSelector) -> Self:
        """Return the payload for quick mode: an address, a subnet or a range.

        Raises ValueError for several ports that are not all, which IKEv1 has no words for.
        """
        width = _WIDTHS[selector.version]
        size = selector.end - selector.start + 1
        if size == 1:
            kind, numbers = _ADDRESS[selector.version], [selector.start]
        elif size & (size - 1) == 0 and selector.start % size == 0:
            full = (1 << 8 * width) - 1
            kind, numbers = _SUBNET[selector.version], [selector.start, full ^ (size - 1)]
        else:
            kind, numbers = _RANGE[selector.version], [selector.start, selector.end]
        data = b"".join(number.to_bytes(width, "big") for number in numbers)
        return cls(kind, selector.protocol, _port(selector), data)

    @classmethod
    def parse(cls, body: Reader) -> Self:
        """Read the payload's body; raise :exc:`Malformed` also for an identity that is too long."""
        kind, protocol, port = body.unpack(_ID)
        if len(body) > LONGEST:
            raise Malformed(f"identity of {len(body)} octets", body.at)
        return cls(kind, protocol, port, body.rest())

    def body(self) -> bytes:
        """Return the payload without its generic header: IDii_b of RFC 2409 section 5."""
        return _ID.pack(self.type, self.protocol, self.port) + self.data

    def identity(self) -> Identity:
        """Return who is named."""
        return Identity(self.type, self.data)

    def selector(self) -> TrafficSelector:
        """Return the traffic that is meant; raise :exc:`Malformed` when that is nonsense.

        Host bits of a subnet's address mean nothing and are taken off.
        """
        version = _VERSIONS.get(self.type)
        if version is None:
            raise Malformed(f"traffic of identification type {self.type}", 0)
        start, end = self._span(version)
        if self.port and not self.protocol:
            raise Malformed(f"port {self.port} of any protocol", 2)
        ports = (self.port, self.port) if self.port else _ANY_PORT
        try:
            return TrafficSelector(version, start, end, self.protocol, *ports)
        except ValueError as why:
            raise Malformed(f"identification: {why}", _ID.size) from None

    def _span(self, version: int) -> tuple[int, int]:
        """Return the first and the last address."""
        body, width = Reader(self.data), _WIDTHS[version]
        first = int.from_bytes(body.take(width), "big")
        second = first
        if self.type != _ADDRESS[version]:
            second = int.from_bytes(body.take(width), "big")
        if body:
            raise Malformed(f"{len(self.data)} octets of identification type {self.type}", _ID.size)
        if self.type != _SUBNET[version]:
            return first, second
        hosts = second ^ ((1 << 8 * width) - 1)
        if hosts & (hosts + 1):
            raise Malformed(f"netmask {second:x} with holes", _ID.size + width)
        return first & second, first & second | hosts


def _port(selector: TrafficSelector) -> int:
    if selector.is_any_port:
        return 0
    if selector.start_port != selector.end_port or not selector.start_port:
        raise ValueError(f"{selector}: IKEv1 has one port or all of them")
    return selector.start_port
