"""Short names of payloads for ladders and logs: ``SA KE No N(COOKIE)``."""

from typing import Final

from ikev2.payloads.auth import Authentication
from ikev2.payloads.chain import Payload
from ikev2.payloads.delete import Delete
from ikev2.payloads.ident import IdInitiator, IdResponder
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from ikev2.payloads.types import NotifyType, PayloadType
from ikev2.payloads.vendor import VendorId

_PLAIN: Final[dict[type[object], str]] = {
    SecurityAssociation: "SA",
    KeyExchangeData: "KE",
    Nonce: "No",
    IdInitiator: "IDi",
    IdResponder: "IDr",
    Authentication: "AUTH",
    SelectorsInitiator: "TSi",
    SelectorsResponder: "TSr",
    VendorId: "V",
}
_KNOWN_TYPES: Final = {int(kind): kind.name for kind in PayloadType}


def label(payload: Payload) -> str:
    """Return RFC 7296's short name of one payload, notifies with their type's name."""
    plain = _PLAIN.get(type(payload))
    if plain is not None:
        return plain
    if isinstance(payload, Notify):
        return f"N({notify_name(payload.type)})"
    if isinstance(payload, Delete):
        return "D(IKE)" if not payload.spis else f"D({len(payload.spis)})"
    return _KNOWN_TYPES.get(int(payload.TYPE), f"payload {int(payload.TYPE)}")


def labels(payloads: tuple[Payload, ...]) -> tuple[str, ...]:
    """Return the short names of a whole message."""
    return tuple(map(label, payloads))


def notify_name(kind: int) -> str:
    """Return a notify type's IANA name, or its number."""
    try:
        return NotifyType(kind).name
    except ValueError:
        return str(kind)
