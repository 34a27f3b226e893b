"""IKE fragmentation as Cisco and Microsoft have it ([MS-IKEE] sections 2.2.3.1, 3.2.5 and 3.3.6).

A message too large for the path, header and all, already encrypted, is cut into parts that each
travel in the clear behind a header of their own:

    datagram ─► too large for the room? ─ no ─► as it is
                    └─ yes ─► cut ─► header, Fragment 1 … header, Fragment n (last)
    Fragment ─► form ─► Reassembly ─► all there? ─► datagram

Nobody's word stands behind a part: whoever knows the cookies can send one, and what it spoils is
found out when the whole is decrypted.  So an SA gathers one message at a time, bounded in parts,
octets and time, and the peer's repeats are what mends it.
"""

from typing import Final

from ikecore.chain import GENERIC
from ikecore.wire import Malformed, Reader
from ikev1.message import (
    HEADER,
    LONGEST_MESSAGE,
    Exchange,
    Header,
    build_clear,
    parse_header,
)
from ikev1.payloads.chain import parse_chain
from ikev1.payloads.fragment import Fragment
from ikev1.payloads.types import PayloadType

MOST_FRAGMENTS: Final = 64
"""Of one message: 16 KiB in datagrams of 576 octets are 33."""
PATIENCE: Final = 10.0
"""Seconds that an unfinished message is kept; the peer repeats it sooner."""
LEAST_ROOM: Final = 200
"""Octets of IKE without which no fragment is worth its headers."""
_FIELDS: Final = 4
_OVERHEAD: Final = HEADER.size + GENERIC.size + _FIELDS
_COOKIES: Final = 16


def cut(
    datagram: bytes, room: int, identifier: int, exchange: Exchange = Exchange.MAIN
) -> tuple[bytes, ...]:
    """Return a message in datagrams of at most ``room`` octets; the message itself if it fits.

    ``identifier`` (16 bits) is another one for each message.  ``exchange`` is the SA's phase 1
    mode: strongSwan puts it and message ID 0 into the header of each part, whatever the message
    is, and takes no other.  Raises ValueError when ``room`` is below :data:`LEAST_ROOM` or
    :data:`MOST_FRAGMENTS` are not enough.
    """
    if len(datagram) <= room:
        return (datagram,)
    if room < LEAST_ROOM:
        raise ValueError(f"room of {room} octets, {LEAST_ROOM} at least")
    size = room - _OVERHEAD
    total = -(-len(datagram) // size)
    if total > MOST_FRAGMENTS:
        raise ValueError(f"{len(datagram)} octets in {total} fragments")
    header = Header(datagram[:8], datagram[8:_COOKIES], exchange, 0, encrypted=False)
    parts = (datagram[at : at + size] for at in range(0, len(datagram), size))
    return tuple(
        build_clear(header, (Fragment(identifier, number, number == total, part),))
        for number, part in enumerate(parts, 1)
    )


class Reassembly:
    """What one SA's peer has not finished saying."""

    __slots__ = ("_key", "_last", "_parts", "_started")

    def __init__(self) -> None:
        self._key = (0, 0, 0)
        self._parts: dict[int, bytes] = {}
        self._last = 0  # the number of the last part, when that is here
        self._started = 0.0

    def __len__(self) -> int:
        return len(self._parts)

    @property
    def octets(self) -> int:
        """Return how many octets wait."""
        return sum(map(len, self._parts.values()))

    def add(self, header: Header, datagram: bytes, now: float) -> bytes | None:
        """Return the whole message's octets when this was its last missing part.

        A part of another message takes the place of what is there: a peer sends one after the
        other.  A number that is there already changes nothing.  Raises :exc:`Malformed` when the
        datagram is no fragment, and when it belies what is there, which is forgotten then; also
        when the whole is there, but is no message between these two.
        """
        self.expire(now)
        part = _fragment(header, datagram)
        key = (part.id, header.exchange, header.message_id)
        if key != self._key or not self._parts:
            self.forget()
            self._key, self._started = key, now
        if part.number in self._parts:
            return None
        self._check(part)
        self._parts[part.number] = part.data
        if part.last:
            self._last = part.number
        if len(self._parts) != self._last:
            return None
        whole = b"".join(self._parts[number] for number in range(1, self._last + 1))
        self.forget()
        return _checked(whole, datagram)

    def expire(self, now: float) -> None:
        """Forget what was begun :data:`PATIENCE` seconds ago and is not finished."""
        if self._parts and now - self._started >= PATIENCE:
            self.forget()

    def forget(self) -> None:
        """Forget what is there."""
        self._parts = {}
        self._last = 0

    def _check(self, part: Fragment) -> None:
        """Forget all and raise :exc:`Malformed` when a part and what is here do not fit."""
        highest = max(self._parts, default=0)
        why = ""
        if self._last and (part.last or part.number > self._last):
            why = f"fragment {part.number} beside the last one, {self._last}"
        elif part.last and part.number < highest:
            why = f"fragment {part.number} is the last one, but {highest} is there"
        elif self.octets + len(part.data) > LONGEST_MESSAGE:
            why = f"fragments of more than {LONGEST_MESSAGE} octets"
        if why:
            self.forget()
            raise Malformed(why, _OVERHEAD - 2)


def _fragment(header: Header, datagram: bytes) -> Fragment:
    """Read a datagram that must consist of one Fragment payload."""
    if header.first != PayloadType.FRAGMENT:
        raise Malformed(f"message begins with payload {header.first}", 16)
    body = Reader(datagram, HEADER.size)
    found = parse_chain(header.first, body)
    if body or len(found) != 1 or not isinstance(found[0], Fragment):
        raise Malformed("Fragment payload is not the message's only one", HEADER.size)
    part = found[0]
    if not 1 <= part.number <= MOST_FRAGMENTS:
        raise Malformed(f"fragment {part.number}", _OVERHEAD - 2)
    if not part.data:
        raise Malformed("fragment without octets", _OVERHEAD)
    return part


def _checked(whole: bytes, datagram: bytes) -> bytes:
    """Return a whole message; its exchange and message ID are its own, the cookies are not."""
    inner = parse_header(whole)
    if whole[:_COOKIES] != datagram[:_COOKIES]:
        raise Malformed("fragments of another SA's message", 0)
    if inner.first == PayloadType.FRAGMENT:
        raise Malformed("a fragment in fragments", 16)
    return whole
