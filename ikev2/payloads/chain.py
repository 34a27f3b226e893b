"""Chains of IKEv2's payloads (RFC 7296 section 3.2)."""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from ikecore.chain import GENERIC, link, walk
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

_CRITICAL: Final = 0x80
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
    for kind, flags, inside in walk(first, body):
        if kind in _ENCRYPTED:
            raise Malformed(f"{_ENCRYPTED[kind]} payload within a chain", inside.at - GENERIC.size)
        parse = _PARSERS.get(kind)
        if parse is None:
            found.append(Unknown.parse(kind, bool(flags & _CRITICAL), inside))
        else:
            found.append(parse(inside))
    if body:
        raise Malformed("octets after the last payload", body.at)
    return tuple(found)


def build_chain(payloads: Sequence[Payload]) -> tuple[int, bytes]:
    """Return the first payload's type and the encoded chain; ``(0, b"")`` for no payload."""
    return link((int(payload.TYPE), _flags(payload), payload.body()) for payload in payloads)


def _flags(payload: Payload) -> int:
    return _CRITICAL if isinstance(payload, Unknown) and payload.critical else 0
