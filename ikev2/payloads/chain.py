"""Chains of payloads and their generic header (RFC 7296 section 3.2).

```
| Next Payload  |C|  RESERVED   |         Payload Length        |
```
"""

import struct
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from ikecore.wire import Malformed, Reader
from ikev2.payloads.auth import Authentication
from ikev2.payloads.delete import Delete
from ikev2.payloads.ident import IdInitiator, IdResponder
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from ikev2.payloads.types import PayloadType
from ikev2.payloads.unknown import Unknown
from ikev2.payloads.vendor import VendorId

Payload: TypeAlias = (
    SecurityAssociation
    | KeyExchangeData
    | IdInitiator
    | IdResponder
    | Authentication
    | Nonce
    | Notify
    | Delete
    | VendorId
    | SelectorsInitiator
    | SelectorsResponder
    | Unknown
)

GENERIC: Final = struct.Struct("!BBH")
LONGEST_CHAIN: Final = 128
_CRITICAL: Final = 0x80
_NONE: Final = int(PayloadType.NONE)
_ENCRYPTED: Final = {int(kind): kind.name for kind in (PayloadType.SK, PayloadType.SKF)}
_PARSERS: Final[dict[int, Callable[[Reader], Payload]]] = {
    SecurityAssociation.TYPE: SecurityAssociation.parse,
    KeyExchangeData.TYPE: KeyExchangeData.parse,
    IdInitiator.TYPE: IdInitiator.parse,
    IdResponder.TYPE: IdResponder.parse,
    Authentication.TYPE: Authentication.parse,
    Nonce.TYPE: Nonce.parse,
    Notify.TYPE: Notify.parse,
    Delete.TYPE: Delete.parse,
    VendorId.TYPE: VendorId.parse,
    SelectorsInitiator.TYPE: SelectorsInitiator.parse,
    SelectorsResponder.TYPE: SelectorsResponder.parse,
}


def parse_chain(first: int, body: Reader) -> tuple[Payload, ...]:
    """Parse a chain whose first payload is of type ``first`` and that ends where ``body`` does.

    Payloads without a codec come back as :class:`Unknown`.  Raises :exc:`Malformed`, also for an
    SK or SKF payload: what it holds is only a channel's to read.
    """
    found: list[Payload] = []
    while first != _NONE:
        at = body.at
        if len(found) == LONGEST_CHAIN:
            raise Malformed(f"more than {LONGEST_CHAIN} payloads", at)
        if first in _ENCRYPTED:
            raise Malformed(f"{_ENCRYPTED[first]} payload within a chain", at)
        following, flags, length = body.unpack(GENERIC)
        if length < GENERIC.size:
            raise Malformed(f"payload length {length}", at)
        inside = body.sub(length - GENERIC.size)
        parse = _PARSERS.get(first)
        if parse is None:
            found.append(Unknown.parse(first, bool(flags & _CRITICAL), inside))
        else:
            found.append(parse(inside))
            if inside:
                raise Malformed("octets after the payload's last field", inside.at)
        first = following
    if body:
        raise Malformed("octets after the last payload", body.at)
    return tuple(found)


def build_chain(payloads: Sequence[Payload]) -> tuple[int, bytes]:
    """Return the first payload's type and the encoded chain; ``(0, b"")`` for no payload."""
    types = [int(payload.TYPE) for payload in payloads]
    types.append(_NONE)
    parts: list[bytes] = []
    for payload, following in zip(payloads, types[1:], strict=True):
        body = payload.body()
        critical = _CRITICAL if isinstance(payload, Unknown) and payload.critical else 0
        parts.append(GENERIC.pack(following, critical, GENERIC.size + len(body)))
        parts.append(body)
    return types[0], b"".join(parts)
