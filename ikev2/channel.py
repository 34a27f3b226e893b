"""How an IKE SA's messages are put on the wire: in clear at first, then under its keys.

Handlers can only be given a :class:`~ikev2.message.Message`, and only a channel makes one: once
the keys are there, only after the integrity check.
"""

from typing import Protocol

from ikev2.keys import IkeKeys
from ikev2.message import (
    Header,
    Message,
    build_init,
    open_message,
    parse_init,
    seal_message,
)
from ikev2.payloads.chain import Payload


class Channel(Protocol):
    """Both directions of one IKE SA."""

    def seal(self, header: Header, payloads: tuple[Payload, ...]) -> bytes:
        """Return the datagram."""
        ...

    def open(self, datagram: bytes, header: Header) -> Message:
        """Return the message; raise Malformed or IntegrityError."""
        ...


class ClearChannel:
    """IKE_SA_INIT, before there are keys (RFC 7296 section 1.2)."""

    def seal(self, header: Header, payloads: tuple[Payload, ...]) -> bytes:
        """Encode in clear."""
        return build_init(header, payloads)

    def open(self, datagram: bytes, header: Header) -> Message:
        """Parse in clear; nothing but IKE_SA_INIT passes."""
        return parse_init(datagram, header)


class SealedChannel:
    """Everything after IKE_SA_INIT: one SK payload (section 3.14)."""

    def __init__(self, keys: IkeKeys) -> None:
        self._keys = keys
        self._sealed = 0

    def seal(self, header: Header, payloads: tuple[Payload, ...]) -> bytes:
        """Encode and encrypt; each message under a counter of its own."""
        self._sealed += 1
        return seal_message(header, payloads, self._keys.outbound, self._sealed)

    def open(self, datagram: bytes, header: Header) -> Message:
        """Check integrity, then decrypt and parse."""
        return open_message(datagram, header, self._keys.inbound)
