"""IKE fragmentation (RFC 7383): a message too large for the path goes as several SKF payloads.

Each fragment is a message of its own, encrypted and authenticated by itself, under the header of
the whole.  So a stranger's fragment never enters a queue, and what waits in one is the peer's.
The peer is not trusted either: what it may leave unfinished is bounded in octets, sets and time.

    chain of payloads ─► too large for the room? ─ no ─► one SK payload
                                   └─ yes ─► cut ─► SKF 1/n … SKF n/n
    SKF ─► form ─► ICV ─► Reassembly, by message ─► all there? ─► Message
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ikecore.chain import GENERIC
from ikecore.wire import Malformed, Reader
from ikev2.message import (
    HEADER,
    Exchange,
    Header,
    Message,
    open_content,
    pack_header,
    padded,
    parse_inside,
    seal_chain,
)
from ikev2.payloads.chain import Payload, build_chain
from ikev2.payloads.types import PayloadType
from suites.sealers import Sealer

DATAGRAM: Final = 1280
"""The largest IP datagram we send at first: every IPv6 path carries it (section 2.5.1)."""
FALLBACK_DATAGRAM: Final = 576
"""The largest on IPv4 after losses: every IPv4 host takes it."""
LEAST_ROOM: Final = 200
"""Octets of IKE without which no fragment is worth its headers."""
MOST_FRAGMENTS: Final = 256
"""Of one message: 64 KiB in datagrams of 576 octets are 140."""
LONGEST_WHOLE: Final = 65536
"""Octets of datagrams that wait for the rest of their messages, one SA's together.

It is so the bound of one message, too.  With what was decrypted, twice as much is held.
"""
MOST_SETS: Final = 4
"""Unfinished messages of one SA."""
PATIENCE: Final = 30.0
"""Seconds that an unfinished message is kept: beyond them the peer has given up on it."""

_SKF: Final = int(PayloadType.SKF)
_NUMBERS: Final = struct.Struct("!HH")
_IP: Final = {4: 20, 6: 40}
_UDP: Final = 8
_MARKER: Final = 4
_Key: TypeAlias = tuple[bool, int, int]


def room_for(ip_version: int, encapsulated: bool, datagram: int = DATAGRAM) -> int:
    """Return how many octets of IKE fit into an IP datagram of ``datagram`` octets.

    Headers of IP (without options) and UDP are counted, and the non-ESP marker when
    ``encapsulated``.  Raises ValueError when less than :data:`LEAST_ROOM` is left.
    """
    return _checked(datagram - _IP[ip_version] - _UDP - (_MARKER if encapsulated else 0))


def _checked(room: int) -> int:
    if room < LEAST_ROOM:
        raise ValueError(f"room of {room} octets, {LEAST_ROOM} at least")
    return room


@dataclass(frozen=True, slots=True)
class Fragment:
    """One authenticated part of a message.

    ``first`` is the type of the whole's first payload, told by fragment 1 only.  ``content`` is
    decrypted, ``raw`` the datagram.
    """

    header: Header
    number: int
    total: int
    first: int
    content: bytes
    raw: bytes


def seal_within(
    header: Header, payloads: Sequence[Payload], sealer: Sealer, counter: int, room: int
) -> tuple[bytes, ...]:
    """Encode and encrypt a message in datagrams of at most ``room`` octets.

    One SK payload if it fits, never a single fragment (section 2.5); else fragments, the first
    under ``counter`` and each further one under the next.  A message sent again in less room must
    have more fragments than before (section 2.5.2): from 1280 octets to 576 it always has.
    Raises ValueError when ``room`` is below :data:`LEAST_ROOM` or :data:`MOST_FRAGMENTS` are not
    enough.
    """
    first, chain = build_chain(payloads)
    if _capacity(_checked(room) - HEADER.size - GENERIC.size, sealer) >= len(chain):
        return (seal_chain(header, first, chain, sealer, counter),)
    size = _capacity(room - HEADER.size - GENERIC.size - _NUMBERS.size, sealer)
    total = -(-len(chain) // size)
    if total > MOST_FRAGMENTS:
        raise ValueError(f"{len(chain)} octets of payloads in {total} fragments")
    return tuple(
        seal_fragment(
            header,
            (number, total),
            first if number == 1 else PayloadType.NONE,
            chain[(number - 1) * size : number * size],
            sealer,
            counter + number - 1,
        )
        for number in range(1, total + 1)
    )


def _capacity(space: int, sealer: Sealer) -> int:
    """Return how many octets can be encrypted into ``space`` with IV, trailer and ICV."""
    left = space - sealer.overhead
    return left - left % sealer.block - 1


def seal_fragment(
    header: Header,
    place: tuple[int, int],
    first: int,
    content: bytes,
    sealer: Sealer,
    counter: int,
) -> bytes:
    """Encode and encrypt one fragment; ``place`` is its number and how many there are."""
    plain = padded(content, sealer)
    length = GENERIC.size + _NUMBERS.size + len(plain) + sealer.overhead
    start = b"".join(
        (
            pack_header(header, _SKF, HEADER.size + length),
            GENERIC.pack(first, 0, length),
            _NUMBERS.pack(*place),
        )
    )
    return start + sealer.seal(start, plain, counter)


def open_fragment(datagram: bytes, header: Header, sealer: Sealer) -> Fragment:
    """Check and decrypt a message that must consist of one SKF payload (section 2.5).

    ```
    | Next Payload  |C|  RESERVED   |         Payload Length        |
    |        Fragment Number        |        Total Fragments        |
    |                     Initialization Vector                     |
    ~                      Encrypted content                        ~
    +               +-----------------------------------------------+
    |               |             Padding (0-255 octets)            |
    +-----------------------------------------------+---------------+
    |                                               |  Pad Length   |
    ~                    Integrity Checksum Data                    ~
    ```

    Raises :exc:`Malformed` (the frame, unauthenticated), :exc:`~suites.sealers.IntegrityError`, or
    :exc:`~ikev2.message.MalformedInside` (the peer's own doing).
    """
    body = Reader(datagram, HEADER.size)
    if header.first != _SKF or header.exchange == Exchange.IKE_SA_INIT:
        raise Malformed(f"exchange {header.exchange} begins with payload {header.first}", 16)
    first, _flags, length = body.unpack(GENERIC)
    if length != len(datagram) - HEADER.size:
        raise Malformed(f"SKF payload of {length} octets is not the message's only one", 30)
    number, total = body.unpack(_NUMBERS)
    if not 1 <= number <= total:
        raise Malformed(f"fragment {number} of {total}", 32)
    if total > MOST_FRAGMENTS:
        raise Malformed(f"{total} fragments", 34)
    content = open_content(datagram, body.at, sealer)
    return Fragment(header, number, total, first, content, datagram)


@dataclass(slots=True)
class _Set:
    """The fragments of one message that are here, by number."""

    total: int
    started: float
    octets: int = 0
    parts: dict[int, Fragment] = field(default_factory=dict)


class Reassembly:
    """What one SA's peer has not finished saying (section 2.6).

    Give it authenticated fragments only, and only of messages that the window has room for: then
    the fragments of a message long answered start nothing.
    """

    __slots__ = ("_sets",)

    def __init__(self) -> None:
        self._sets: dict[_Key, _Set] = {}  # oldest first

    def __len__(self) -> int:
        return len(self._sets)

    @property
    def octets(self) -> int:
        """Return how many octets of datagrams wait."""
        return sum(gathered.octets for gathered in self._sets.values())

    def add(self, fragment: Fragment, now: float) -> Message | None:
        """Return the message when this was its last missing part.

        A larger total is the peer's new cut of the same message and replaces what is there; a
        smaller one is late, and a number that is there already a repeat: both change nothing.
        Raises :exc:`Malformed` when the message grows beyond :data:`LONGEST_WHOLE`, and
        :exc:`~ikev2.message.MalformedInside` when it is whole, but no message.
        """
        self.expire(now)
        header = fragment.header
        key = (header.response, header.message_id, header.exchange)
        gathered = self._sets.get(key)
        if gathered is None or fragment.total > gathered.total:
            self._sets.pop(key, None)
            gathered = self._sets[key] = _Set(fragment.total, now)
        elif fragment.total < gathered.total or fragment.number in gathered.parts:
            return None
        if gathered.octets + len(fragment.raw) > LONGEST_WHOLE:
            raise Malformed(f"fragments of more than {LONGEST_WHOLE} octets", 24)
        gathered.parts[fragment.number] = fragment
        gathered.octets += len(fragment.raw)
        if len(gathered.parts) == gathered.total:
            del self._sets[key]
            return _whole(gathered)
        self._crowd_out(key)
        return None

    def expire(self, now: float) -> None:
        """Forget what was begun :data:`PATIENCE` seconds ago and is not finished."""
        while self._sets:
            oldest = next(iter(self._sets))
            if now - self._sets[oldest].started < PATIENCE:
                return
            del self._sets[oldest]

    def _crowd_out(self, newest: _Key) -> None:
        """Forget the oldest sets while there are too many, or too much in them."""
        for key in [key for key in self._sets if key != newest]:
            if len(self._sets) <= MOST_SETS and self.octets <= LONGEST_WHOLE:
                return
            del self._sets[key]


def _whole(gathered: _Set) -> Message:
    parts = [gathered.parts[number] for number in range(1, gathered.total + 1)]
    payloads = parse_inside(parts[0].first, b"".join(part.content for part in parts))
    datagrams = tuple(part.raw for part in parts)
    return Message(parts[0].header, payloads, True, datagrams[0], datagrams)
