"""How an SA's messages are put on the wire: in clear at first, then enciphered (RFC 2409 5, B).

Enciphering is not authenticating: what :meth:`Channel.open` returns is only what somebody sent
until its HASH is checked, by :mod:`ikev1.sa` or, in phase 1, by the negotiation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from ikecore.wire import Malformed
from ikev1.exchange import MakeHash
from ikev1.keys import Keys1
from ikev1.message import (
    Header,
    Message,
    build_clear,
    open_message,
    parse_clear,
    seal_hashed,
    seal_message,
)
from ikev1.payloads.chain import Payload
from ikev1.payloads.hash import Hash


@dataclass(frozen=True, slots=True)
class Sealed:
    """A message ready to send, and the IV of the next one; b"" from the clear."""

    datagram: bytes
    iv: bytes


class Channel(Protocol):
    """Both directions of one SA; they share a chain of IVs in each exchange."""

    @property
    def is_sealed(self) -> bool:
        """Return whether messages are enciphered."""
        ...

    def open(self, header: Header, datagram: bytes, iv: bytes) -> tuple[Message, bytes]:
        """Return the message and the IV of the next one; raise :exc:`Malformed`."""
        ...

    def seal(
        self, header: Header, payloads: tuple[Payload, ...], iv: bytes, make_hash: MakeHash | None
    ) -> Sealed:
        """Encode, with a HASH payload in front if one is to be made."""
        ...


class ClearChannel:
    """Phase 1 until both ends have the keys."""

    is_sealed = False

    def open(self, header: Header, datagram: bytes, iv: bytes) -> tuple[Message, bytes]:
        """Parse in clear; the IV stays."""
        if header.encrypted:
            raise Malformed("enciphered, and there are no keys yet", 19)
        return parse_clear(datagram, header), iv

    def seal(
        self,
        header: Header,
        payloads: tuple[Payload, ...],
        iv: bytes,
        make_hash: MakeHash | None,
    ) -> Sealed:
        """Encode in clear."""
        if make_hash is not None:
            raise RuntimeError("a HASH needs keys")
        return Sealed(build_clear(header, payloads), iv)


class SealedChannel:
    """Everything under keys.  ``takes_clear``: an aggressive initiator may end in clear."""

    is_sealed = True

    def __init__(self, keys: Keys1, *, takes_clear: bool = False) -> None:
        self.keys = keys
        self._takes_clear = takes_clear

    def open(self, header: Header, datagram: bytes, iv: bytes) -> tuple[Message, bytes]:
        """Decipher and parse."""
        if not header.encrypted:
            if self._takes_clear:
                return parse_clear(datagram, header), iv
            raise Malformed("in clear, and there are keys", 19)
        return open_message(datagram, header, self.keys.cipher, iv)

    def seal(
        self, header: Header, payloads: tuple[Payload, ...], iv: bytes, make_hash: MakeHash | None
    ) -> Sealed:
        """Encode and encipher."""
        if make_hash is None:
            return Sealed(*seal_message(header, payloads, self.keys.cipher, iv))
        return Sealed(*seal_hashed(header, make_hash, payloads, self.keys.cipher, iv))


class UndecidedChannel:
    """A main-mode responder whose peer may be one of several, each with a PSK of its own.

    Addresses do not tell them apart, and the identity comes enciphered under the very key that it
    would select: so each is tried.  ``settle`` is told whose key it was, before anything else.
    """

    is_sealed = True

    def __init__(self, choices: tuple[Keys1, ...], settle: Callable[[Keys1], None]) -> None:
        self._choices = choices
        self._settle = settle

    def open(self, header: Header, datagram: bytes, iv: bytes) -> tuple[Message, bytes]:
        """Decipher with the first key that gives payloads, a HASH among them.

        Under another key a few octets of noise look like payloads now and then.
        """
        if not header.encrypted:
            raise Malformed("in clear, and there are keys", 19)
        for at, keys in enumerate(self._choices):
            try:
                opened = open_message(datagram, header, keys.cipher, iv)
                if opened[0].one(Hash) is None:
                    raise Malformed("no HASH", len(datagram))
            except Malformed:
                if at == len(self._choices) - 1:
                    raise
                continue
            self._settle(keys)
            return opened
        raise Malformed("there are no keys", 19)

    def seal(
        self,
        header: Header,
        payloads: tuple[Payload, ...],
        iv: bytes,
        make_hash: MakeHash | None,
    ) -> Sealed:
        """Seal with the first key: whose key it is comes before anything is said."""
        return SealedChannel(self._choices[0]).seal(header, payloads, iv, make_hash)


CLEAR: Final = ClearChannel()
