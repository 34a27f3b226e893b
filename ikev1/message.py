"""IKEv1 messages: the header (RFC 2408 section 3.1), in the clear or encrypted.

An encrypted message carries no integrity check of its own: what :func:`open_message` returns
anybody may have made, until a HASH payload in it has been verified.  Only then does
:meth:`Message.authenticated` mark it, and handlers of protected exchanges take no other.

RFC 2409 section 5: a HASH covers octets as they stand in the message, so a ``Message`` keeps them.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Final, Self

from ikecore.chain import GENERIC, walk
from ikecore.parcel import Parcel
from ikecore.wire import Malformed, Reader
from ikev1.payloads.chain import Payload, build_chain, parse_chain
from ikev1.payloads.hash import Hash
from ikev1.payloads.notify import Notify
from ikev1.payloads.types import PayloadType
from suites.chaining import Chained

HEADER: Final = struct.Struct("!8s8sBBBBII")
LONGEST_MESSAGE: Final = 16384
VERSION: Final = 0x10
MOST_PADDING: Final = 256
"""Octets behind the last payload: some peers add random ones, and one that counts them."""
_ENCRYPTED: Final = 0x01
_COMMIT: Final = 0x02
_AUTH_ONLY: Final = 0x04


class Exchange(IntEnum):
    """Exchange types (RFC 2408 section 3.1, RFC 2409 section 6, draft-dukes-ike-mode-cfg-02)."""

    MAIN = 2
    """Identity Protection."""
    AGGRESSIVE = 4
    INFORMATIONAL = 5
    TRANSACTION = 6
    QUICK = 32


@dataclass(frozen=True, slots=True)
class Header:
    """The fixed header.

    ```
    |                          Initiator                            |
    |                            Cookie                             |
    |                          Responder                            |
    |                            Cookie                             |
    |  Next Payload | MjVer | MnVer | Exchange Type |0 0 0 0 0 A C E|
    |                          Message ID                           |
    |                            Length                             |
    ```

    ``first`` is the first payload's type.  Encoders set it and ``encrypted`` themselves.
    """

    initiator_cookie: bytes
    responder_cookie: bytes
    exchange: int
    message_id: int
    encrypted: bool
    commit: bool = False
    auth_only: bool = False
    first: int = PayloadType.NONE
    version: int = VERSION


class WrongVersion(Malformed):
    """The message is not IKEv1's.  ``header`` is what an answer needs."""

    def __init__(self, major: int, header: Header) -> None:
        super().__init__(f"major version {major}", 17)
        self.major = major
        self.header = header


class Undecryptable(Malformed):
    """What was decrypted is no chain of payloads: most often the key is not the peer's."""


@dataclass(frozen=True, slots=True)
class Message(Parcel):
    """One parsed message.

    ``content`` are the payloads' octets as they came, decrypted and without padding.  ``raw`` are
    the datagram's, for the trace; of a message in fragments, what they made together.
    ``protected`` tells that a HASH over the content was verified.
    """

    header: Header
    payloads: tuple[Payload, ...]
    content: bytes = field(repr=False)
    raw: bytes
    protected: bool = False

    def notify(self, kind: int) -> Notify | None:
        """Return the first notify of a type."""
        return next((one for one in self.notifies() if one.type == kind), None)

    def notifies(self) -> tuple[Notify, ...]:
        """Return all notifies, in order."""
        return self.all(Notify)

    @property
    def after_first(self) -> bytes:
        """Return the content behind the first payload: what HASH(1) and HASH(2) cover."""
        if not self.payloads:
            return b""
        body = Reader(self.content)
        _, _, length = body.unpack(GENERIC)
        body.take(length - GENERIC.size)
        return body.rest()

    def bodies_of(self, kind: type[Payload]) -> tuple[bytes, ...]:
        """Return the bodies of the payloads of a class, as they came, in order."""
        bodies = (inside.rest() for _, _, inside in walk(self.header.first, Reader(self.content)))
        pairs = zip(self.payloads, bodies, strict=True)
        return tuple(body for payload, body in pairs if isinstance(payload, kind))

    def body_of(self, kind: type[Payload]) -> bytes:
        """Return the body of the first payload of a class, as it came: SAi_b, IDii_b.

        The generic header is not part of it.  No octets when there is no such payload.
        """
        return next(iter(self.bodies_of(kind)), b"")

    def authenticated(self) -> Self:
        """Return the message marked as its peer's; only who verified its HASH may ask for it."""
        return replace(self, protected=True)


def parse_header(datagram: bytes) -> Header:
    """Read and check the fixed header; the body stays untouched.

    Minor version and reserved flags are ignored.  Raises :exc:`WrongVersion` or :exc:`Malformed`.
    """
    initiator, responder, first, version, exchange, flags, message_id, length = Reader(
        datagram
    ).unpack(HEADER)
    header = Header(
        initiator, responder, exchange, message_id, bool(flags & _ENCRYPTED),
        bool(flags & _COMMIT), bool(flags & _AUTH_ONLY), first, version,
    )  # fmt: skip
    if version >> 4 != VERSION >> 4:
        raise WrongVersion(version >> 4, header)
    if length != len(datagram) or length > LONGEST_MESSAGE:
        raise Malformed(f"length {length} of a {len(datagram)}-octet datagram", 24)
    return header


def parse_clear(datagram: bytes, header: Header) -> Message:
    """Read a message that is not encrypted; raise :exc:`Malformed`, also for one that is."""
    if header.encrypted:
        raise Malformed("encrypted message", 19)
    body = Reader(datagram, HEADER.size)
    payloads = parse_chain(header.first, body)
    if body:
        raise Malformed("octets after the last payload", body.at)
    return Message(header, payloads, datagram[HEADER.size :], datagram)


def open_message(
    datagram: bytes, header: Header, cipher: Chained, iv: bytes
) -> tuple[Message, bytes]:
    """Decrypt and parse a message; return it and the IV of the one that follows.

    Whoever made it is not known yet: the caller verifies the HASH payload in it.  What stands
    behind the last payload is padding and may be any octets, :data:`MOST_PADDING` at most.
    Raises :exc:`Malformed` for the frame, and :exc:`Undecryptable` for what is inside.
    """
    if not header.encrypted:
        raise Malformed("message in the clear", 19)
    sealed = datagram[HEADER.size :]
    if not sealed or len(sealed) % cipher.block:
        raise Malformed(f"{len(sealed)} octets are not whole blocks", HEADER.size)
    plain = cipher.decrypt(iv, sealed)
    body = Reader(plain)
    try:
        payloads = parse_chain(header.first, body)
    except Malformed as why:
        raise Undecryptable(f"decrypted payloads: {why.what}", why.at) from why
    if not payloads or len(body) > MOST_PADDING:
        raise Undecryptable(f"{len(payloads)} payloads before {len(body)} octets", body.at)
    message = Message(header, payloads, plain[: body.at], datagram)
    return message, sealed[-cipher.block :]


def build_clear(header: Header, payloads: Sequence[Payload]) -> bytes:
    """Encode a message that is not encrypted."""
    first, chain = build_chain(payloads)
    return pack_header(header, first, HEADER.size + len(chain), encrypted=False) + chain


def seal_message(
    header: Header, payloads: Sequence[Payload], cipher: Chained, iv: bytes
) -> tuple[bytes, bytes]:
    """Encode and encrypt a message; return it and the IV of the one that follows.

    Zeroes fill the last block; none are added to whole blocks.
    """
    return _seal(header, *build_chain(payloads), cipher, iv)


def seal_hashed(
    header: Header,
    make_hash: Callable[[bytes], bytes],
    payloads: Sequence[Payload],
    cipher: Chained,
    iv: bytes,
) -> tuple[bytes, bytes]:
    """Do the same with a HASH payload in front, whose data ``make_hash`` makes of the others.

    It is given their octets with their generic headers: what :attr:`Message.after_first` is at
    the other end.
    """
    first, rest = build_chain(payloads)
    digest = Hash(make_hash(rest)).body()
    start = GENERIC.pack(first, 0, GENERIC.size + len(digest)) + digest
    return _seal(header, PayloadType.HASH, start + rest, cipher, iv)


def _seal(
    header: Header, first: int, chain: bytes, cipher: Chained, iv: bytes
) -> tuple[bytes, bytes]:
    plain = chain + bytes(-len(chain) % cipher.block)
    sealed = cipher.encrypt(iv, plain)
    start = pack_header(header, first, HEADER.size + len(sealed), encrypted=True)
    return start + sealed, sealed[-cipher.block :]


def pack_header(header: Header, first: int, length: int, *, encrypted: bool) -> bytes:
    """Encode the fixed header of a message of ``length`` octets."""
    flags = encrypted | header.commit << 1 | header.auth_only << 2
    return HEADER.pack(
        header.initiator_cookie, header.responder_cookie, first, header.version, header.exchange,
        flags, header.message_id, length,
    )  # fmt: skip
