"""Chains of IKEv1's payloads (RFC 2408 section 3.2)."""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from ikecore.chain import link, walk
from ikecore.wire import Reader
from ikev1.payloads.attrs import ConfigAttributes
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
from ikev1.payloads.unknown import Unknown
from ikev1.payloads.vendor import VendorId

Payload: TypeAlias = (
    SecurityAssociation
    | KeyExchangeData
    | Identification
    | Hash
    | Nonce
    | Notify
    | Delete
    | VendorId
    | ConfigAttributes
    | NatDetection
    | DraftNatDetection
    | OriginalAddress
    | DraftOriginalAddress
    | Fragment
    | Unknown
)

_PARSERS: Final[dict[int, Callable[[Reader], Payload]]] = {
    SecurityAssociation.TYPE: SecurityAssociation.parse,
    KeyExchangeData.TYPE: KeyExchangeData.parse,
    Identification.TYPE: Identification.parse,
    Hash.TYPE: Hash.parse,
    Nonce.TYPE: Nonce.parse,
    Notify.TYPE: Notify.parse,
    Delete.TYPE: Delete.parse,
    VendorId.TYPE: VendorId.parse,
    ConfigAttributes.TYPE: ConfigAttributes.parse,
    NatDetection.TYPE: NatDetection.parse,
    DraftNatDetection.TYPE: DraftNatDetection.parse,
    OriginalAddress.TYPE: OriginalAddress.parse,
    DraftOriginalAddress.TYPE: DraftOriginalAddress.parse,
    Fragment.TYPE: Fragment.parse,
}


def parse_chain(first: int, body: Reader) -> tuple[Payload, ...]:
    """Parse a chain whose first payload is of type ``first``; padding behind it stays in ``body``.

    Payloads without a codec come back as :class:`Unknown`.  Raises
    :exc:`~ikecore.wire.Malformed`.
    """
    found: list[Payload] = []
    for kind, _, inside in walk(first, body):
        parse = _PARSERS.get(kind)
        found.append(Unknown.parse(kind, inside) if parse is None else parse(inside))
    return tuple(found)


def build_chain(payloads: Sequence[Payload]) -> tuple[int, bytes]:
    """Return the first payload's type and the encoded chain; ``(0, b"")`` for no payload."""
    return link((int(payload.TYPE), 0, payload.body()) for payload in payloads)
