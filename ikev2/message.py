"""IKEv2 messages: the header (RFC 7296 section 3.1) and the SK payload (section 3.14).

There are three ways from octets to a :class:`Message`, and no fourth.  :func:`parse_init` reads an
IKE_SA_INIT message, which is in the clear; :func:`open_message` reads everything else that came in
one datagram, and :mod:`ikev2.fragments` what came in several.  These two parse nothing before the
integrity check.  A handler is only ever given a ``Message``.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from ikecore.chain import GENERIC
from ikecore.parcel import Parcel
from ikecore.wire import Malformed, Reader
from ikev2.payloads.chain import Payload, build_chain, parse_chain
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import PayloadType
from suites.sealers import Sealer

HEADER: Final = struct.Struct("!8s8sBBBBII")
LONGEST_MESSAGE: Final = 16384
VERSION: Final = 0x20
_INITIATOR: Final = 0x08
_RESPONSE: Final = 0x20
_SK: Final = int(PayloadType.SK)


class Exchange(IntEnum):
    """Exchange types (section 3.1)."""

    IKE_SA_INIT = 34
    IKE_AUTH = 35
    CREATE_CHILD_SA = 36
    INFORMATIONAL = 37


@dataclass(frozen=True, slots=True)
class Header:
    """The fixed header.

    ```
    |                       IKE SA Initiator's SPI                  |
    |                                                               |
    |                       IKE SA Responder's SPI                  |
    |                                                               |
    |  Next Payload | MjVer | MnVer | Exchange Type |X X R V I X X X|
    |                          Message ID                           |
    |                            Length                             |
    ```

    ``from_initiator`` is the I flag: sent by who initiated the IKE SA, whatever the exchange.
    ``first`` is the first payload's type; encoders set it themselves.
    """

    initiator_spi: bytes
    responder_spi: bytes
    exchange: int
    message_id: int
    from_initiator: bool
    response: bool
    first: int = PayloadType.NONE
    version: int = VERSION


class WrongVersion(Malformed):
    """The message is not IKEv2's.  ``header`` is what an INVALID_MAJOR_VERSION answers."""

    def __init__(self, major: int, header: Header) -> None:
        super().__init__(f"major version {major}", 17)
        self.major = major
        self.header = header


class MalformedInside(Malformed):
    """What an authenticated peer sent does not follow the format: INVALID_SYNTAX is its due."""


@dataclass(frozen=True, slots=True)
class Message(Parcel):
    """One parsed message.  ``raw`` are the octets that came, for AUTH and for the trace.

    ``protected`` tells that its payloads passed the integrity check.  ``fragments`` are all its
    datagrams in the order of their numbers, ``raw`` the first of them; empty when it came in one.
    """

    header: Header
    payloads: tuple[Payload, ...]
    protected: bool
    raw: bytes
    fragments: tuple[bytes, ...] = ()

    def notify(self, kind: int) -> Notify | None:
        """Return the first notify of a type."""
        for payload in self.payloads:
            if isinstance(payload, Notify) and payload.type == kind:
                return payload
        return None

    def notifies(self) -> tuple[Notify, ...]:
        """Return all notifies, in order."""
        return self.all(Notify)


def parse_header(datagram: bytes) -> Header:
    """Read and check the fixed header; the body stays untouched.

    Minor version and reserved flags are ignored (section 3.1).  Raises :exc:`WrongVersion` or
    :exc:`Malformed`.
    """
    spi_i, spi_r, first, version, exchange, flags, message_id, length = Reader(datagram).unpack(
        HEADER
    )
    is_response, is_initiator = bool(flags & _RESPONSE), bool(flags & _INITIATOR)
    header = Header(
        spi_i, spi_r, exchange, message_id, is_initiator, is_response, first, version
    )  # fmt: skip
    if version >> 4 != VERSION >> 4:
        raise WrongVersion(version >> 4, header)
    if length != len(datagram) or length > LONGEST_MESSAGE:
        raise Malformed(f"length {length} of a {len(datagram)}-octet datagram", 24)
    return header


def parse_init(datagram: bytes, header: Header) -> Message:
    """Read an IKE_SA_INIT message: the only one whose payloads are taken from the clear.

    Raises :exc:`Malformed`, also for any other exchange and for an SK payload.
    """
    if header.exchange != Exchange.IKE_SA_INIT:
        raise Malformed(f"exchange {header.exchange} in the clear", 18)
    payloads = parse_chain(header.first, Reader(datagram, HEADER.size))
    return Message(header, payloads, protected=False, raw=datagram)


def open_message(datagram: bytes, header: Header, sealer: Sealer) -> Message:
    """Decrypt and parse a message that must consist of one SK payload.

    ```
    | Next Payload  |C|  RESERVED   |         Payload Length        |
    |                     Initialization Vector                     |
    ~                    Encrypted IKE Payloads                     ~
    +               +-----------------------------------------------+
    |               |             Padding (0-255 octets)            |
    +-----------------------------------------------+---------------+
    |                                               |  Pad Length   |
    ~                    Integrity Checksum Data                    ~
    ```

    Raises :exc:`Malformed` (the frame, unauthenticated), :exc:`~suites.sealers.IntegrityError`, or
    :exc:`MalformedInside` (the peer's own doing).  Nothing of what is returned was sent by anyone
    but the peer.
    """
    body = Reader(datagram, HEADER.size)
    if header.first != _SK or header.exchange == Exchange.IKE_SA_INIT:
        raise Malformed(f"exchange {header.exchange} begins with payload {header.first}", 16)
    first, _flags, length = body.unpack(GENERIC)
    if length != len(datagram) - HEADER.size:
        raise Malformed(f"SK payload of {length} octets is not the message's only one", 30)
    chain = open_content(datagram, body.at, sealer)
    return Message(header, parse_inside(first, chain), protected=True, raw=datagram)


def open_content(datagram: bytes, at: int, sealer: Sealer) -> bytes:
    """Return what is encrypted from octet ``at`` to the end, without its padding.

    Raises :exc:`~suites.sealers.IntegrityError`, or :exc:`MalformedInside` for the pad length.
    """
    plain = sealer.open(datagram[:at], datagram[at:])
    if not plain or plain[-1] >= len(plain):
        raise MalformedInside("pad length", len(datagram))
    return plain[: len(plain) - 1 - plain[-1]]


def parse_inside(first: int, chain: bytes) -> tuple[Payload, ...]:
    """Parse decrypted payloads; raise :exc:`MalformedInside`."""
    try:
        return parse_chain(first, Reader(chain))
    except Malformed as why:
        raise MalformedInside(f"decrypted payloads: {why.what}", why.at) from why


def build_init(header: Header, payloads: Sequence[Payload]) -> bytes:
    """Encode a message in the clear: IKE_SA_INIT, or an answer outside of any IKE SA."""
    first, chain = build_chain(payloads)
    return pack_header(header, first, HEADER.size + len(chain)) + chain


def seal_message(
    header: Header, payloads: Sequence[Payload], sealer: Sealer, counter: int
) -> bytes:
    """Encode and encrypt a message of one SK payload.

    ``counter`` is 0 to 2**64-1 and never comes twice with the same sealer.
    """
    return seal_chain(header, *build_chain(payloads), sealer, counter)


def seal_chain(header: Header, first: int, chain: bytes, sealer: Sealer, counter: int) -> bytes:
    """Do the same with payloads already encoded, the first of type ``first``."""
    plain = padded(chain, sealer)
    length = GENERIC.size + len(plain) + sealer.overhead
    start = pack_header(header, _SK, HEADER.size + length) + GENERIC.pack(first, 0, length)
    return start + sealer.seal(start, plain, counter)


def padded(content: bytes, sealer: Sealer) -> bytes:
    """Return what is to be encrypted with its trailer: zeroes as padding, and their number."""
    pad = -(len(content) + 1) % sealer.block
    return b"".join((content, bytes(pad), bytes((pad,))))


def pack_header(header: Header, first: int, length: int) -> bytes:
    """Encode the fixed header of a message of ``length`` octets."""
    flags = header.from_initiator << 3 | header.response << 5
    return HEADER.pack(
        header.initiator_spi, header.responder_spi, first, header.version, header.exchange, flags,
        header.message_id, length,
    )  # fmt: skip
