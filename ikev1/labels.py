"""Short names of payloads for ladders and logs: ``HASH SA No IDci IDcr``."""

from typing import Final

from ikev1.payloads.attrs import ConfigAttributes, ConfigType
from ikev1.payloads.chain import Payload
from ikev1.payloads.delete import Delete
from ikev1.payloads.fragment import Fragment
from ikev1.payloads.hash import Hash
from ikev1.payloads.ident import Identification
from ikev1.payloads.ke import KeyExchangeData
from ikev1.payloads.natd import DraftNatDetection, NatDetection
from ikev1.payloads.natoa import DraftOriginalAddress, OriginalAddress
from ikev1.payloads.nonce import Nonce
from ikev1.payloads.notify import Notify
from ikev1.payloads.sa import SecurityAssociation
from ikev1.payloads.types import NotifyType, PayloadType, ProtocolId
from ikev1.payloads.vendor import VendorId

_PLAIN: Final[dict[type[object], str]] = {
    SecurityAssociation: "SA",
    KeyExchangeData: "KE",
    Nonce: "No",
    Hash: "HASH",
    Identification: "ID",
    VendorId: "V",
    NatDetection: "NAT-D",
    DraftNatDetection: "NAT-D",
    OriginalAddress: "NAT-OA",
    DraftOriginalAddress: "NAT-OA",
}
_KNOWN_TYPES: Final = {int(kind): kind.name for kind in PayloadType}
_CLIENTS: Final = ("IDci", "IDcr")


def label(payload: Payload) -> str:
    """Return the short name of one payload, of notifies with their type's name."""
    plain = _PLAIN.get(type(payload))
    if plain is not None:
        return plain
    match payload:
        case Notify():
            return f"N({notify_name(payload.type)})"
        case Delete():
            is_isakmp = payload.protocol == ProtocolId.ISAKMP
            return "D(ISAKMP)" if is_isakmp else f"D({len(payload.spis)})"
        case ConfigAttributes():
            return f"ATTR({config_name(payload.type)})"
        case Fragment():
            return f"FRAG({payload.number}{', last' if payload.last else ''})"
    return _KNOWN_TYPES.get(int(payload.TYPE), f"payload {int(payload.TYPE)}")


def labels(payloads: tuple[Payload, ...]) -> tuple[str, ...]:
    """Return the short names of a whole message; two IDs are quick mode's clients."""
    names = list(map(label, payloads))
    if names.count("ID") == len(_CLIENTS):
        for name in _CLIENTS:
            names[names.index("ID")] = name
    return tuple(names)


def notify_name(kind: int) -> str:
    """Return a notify type's name, or its number."""
    try:
        return NotifyType(kind).name
    except ValueError:
        return str(kind)


def config_name(kind: int) -> str:
    """Return the name of what is said with attributes, or its number."""
    try:
        return ConfigType(kind).name
    except ValueError:
        return str(kind)
