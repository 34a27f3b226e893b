"""What lies between the two ends: it loses, doubles, delays, reorders, and can be told of whom.

net.lose_when(response("sun", Exchange.CREATE_CHILD_SA, 1))              # once
net.delay_when(request("moon", Exchange.INFORMATIONAL, 2), 0.3)          # every copy of it

What an IKE version looks like from outside, and under its keys, its :class:`Ear` knows.
"""

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Generic, Protocol, TypeVar

from ikecore.actions import Send
from ikecore.events import DatagramReceived
from ikecore.trace import KeysDerived
from ikecore.wire import Malformed
from policy.path import Path

from .traffic import Packet

OTHER = {"moon": "sun", "sun": "moon"}
DELAY = 0.01
NEVER = float("inf")
M = TypeVar("M")  # a version's message


@dataclass(frozen=True, slots=True)
class Outside:
    """What a datagram shows to who has no keys; IKEv1 never tells a ``response``."""

    exchange: int
    response: bool
    message_id: int
    spis: tuple[bytes, bytes]


class Ear(Protocol[M]):
    """Who reads along, with the keys from the traces."""

    def outside(self, datagram: bytes) -> Outside:
        """Return what a datagram shows as it leaves; raise :exc:`Malformed`."""
        ...

    def learn(self, record: KeysDerived) -> None:
        """Take the keys of an IKE SA."""
        ...

    def read(self, datagram: bytes) -> M | None:
        """Return what a datagram says under keys; None for a fragment and for what has none."""
        ...

    def changed(self, datagram: bytes, change: Callable[[M], M]) -> bytes:
        """Return the datagram with other contents."""
        ...


@dataclass(frozen=True, slots=True)
class Letter:
    """An IKE datagram as it leaves its sender; a test tells one from another by its outside.

    ``number`` counts its sender's different messages of this exchange and direction from 1 on;
    ``copy`` is 0 for the first time it leaves, 1 for its first repeat.
    """

    at: float
    sender: str
    exchange: int
    response: bool
    message_id: int
    number: int
    copy: int
    spis: tuple[bytes, bytes]
    data: bytes


Match = Callable[[Letter], bool]
Twist = Callable[[Letter, list[float]], list[float]]
"""Make of a letter's delays others: none is a loss, two are a duplicate."""

Kind = Callable[[str, int, int], Match]


def request(sender: str, exchange: int, number: int = 0, *, copy: int | None = None) -> Match:
    """Return what knows this request of one end; without a number all of the exchange."""
    return _kind(sender, exchange, number, copy, response=False)


def response(sender: str, exchange: int, number: int = 0, *, copy: int | None = None) -> Match:
    """Return what knows this response of one end; without a number all of the exchange."""
    return _kind(sender, exchange, number, copy, response=True)


def _kind(sender: str, exchange: int, number: int, copy: int | None, *, response: bool) -> Match:
    def matches(letter: Letter) -> bool:
        return (
            (letter.sender, letter.exchange, letter.response) == (sender, exchange, response)
            and number in (0, letter.number)
            and copy in (None, letter.copy)
        )

    return matches


@dataclass
class Nat:
    """A router in front of one end that gives its packets another address and other ports."""

    outside: str
    ports: dict[int, int] = field(default_factory=lambda: {500: 40500, 4500: 44500})

    def outwards(self, inside: tuple[str, int]) -> tuple[str, int]:
        return self.outside, self.ports[inside[1]]

    def inwards(self, outside: tuple[str, int], inside: str) -> tuple[str, int] | None:
        back = {out: port for port, out in self.ports.items()}
        if outside[0] != self.outside or outside[1] not in back:
            return None
        return inside, back[outside[1]]


@dataclass(order=True, slots=True)
class Arrival:
    """Something on its way: when it comes, and to whom."""

    at: float
    order: int
    name: str = field(compare=False)
    what: DatagramReceived | Packet = field(compare=False)


class Wire(Generic[M]):
    """Everything that flies, and what is to happen to it."""

    def __init__(self, ear: Ear[M]) -> None:
        self.now = 0.0
        self.lose: Callable[[Send], bool] = lambda _: False
        self.copies: Callable[[Send], int] = lambda _: 1
        self.delay: Callable[[Send], float] = lambda _: DELAY
        self.packet_delays: Callable[[Packet], list[float]] = lambda _: [DELAY]
        self.twists: list[Twist] = []
        self.nats: dict[str, Nat] = {}
        self.wire: list[Send] = []
        self.letters: list[tuple[Letter, list[float]]] = []  # with when each copy arrives
        self.ear = ear
        self._changes: list[tuple[Match, Callable[[M], M]]] = []
        self._numbers: Counter[tuple[str, int, bool]] = Counter()
        self._copies: dict[tuple[str, bytes], tuple[int, int]] = {}  # number, copies so far
        self._order = count()
        self._flying: list[Arrival] = []

    # -- what a test asks for -------------------------------------------------------------------
    def lose_when(self, match: Match, times: int = 1) -> None:
        """Lose the first letters that match."""
        left = [times]

        def twist(letter: Letter, delays: list[float]) -> list[float]:
            if left[0] == 0 or not match(letter):
                return delays
            left[0] -= 1
            return []

        self.twists.append(twist)

    def delay_when(self, match: Match, seconds: float) -> None:
        """Let every letter that matches fly so much longer."""
        self.twists.append(lambda letter, d: [t + seconds for t in d] if match(letter) else d)

    def double_when(self, match: Match, later: float = 0.05) -> None:
        """Let every letter that matches arrive twice."""
        self.twists.append(lambda letter, d: d + [t + later for t in d] if match(letter) else d)

    def change_when(self, match: Match, change: Callable[[M], M]) -> None:
        """Let the end that sends it say something else: a peer with other habits than ours."""
        self._changes.append((match, change))

    # -- letters --------------------------------------------------------------------------------
    def post(self, name: str, send: Send) -> Letter | None:
        """Put a datagram on the wire; return it as a letter unless it is no IKE message."""
        letter = self._letter(name, send.data)
        if letter is not None:
            for match, change in self._changes:
                if match(letter):
                    send = Send(self.ear.changed(send.data, change), send.path)
            letter = replace(letter, data=send.data)
        self.wire.append(send)
        delays = self._delays(letter, send)
        if letter is not None:
            self.letters.append((letter, [self.now + delay for delay in delays]))
        arrived = self.translate(name, send.path)
        if arrived is not None:
            for delay in delays:
                self._fly(OTHER[name], delay, DatagramReceived(send.data, arrived))
        return letter

    def _delays(self, letter: Letter | None, send: Send) -> list[float]:
        if self.lose(send):
            return []
        delays = [self.delay(send) for _ in range(self.copies(send))]
        if letter is not None:
            for twist in self.twists:
                delays = twist(letter, delays)
        return delays

    def _letter(self, name: str, data: bytes) -> Letter | None:
        try:
            outside = self.ear.outside(data)
        except Malformed:
            return None
        number, copy = self._copies.get((name, data), (0, -1))
        if not number:
            kind = (name, outside.exchange, outside.response)
            self._numbers[kind] += 1
            number = self._numbers[kind]
        self._copies[name, data] = (number, copy + 1)
        return Letter(
            self.now,
            name,
            outside.exchange,
            outside.response,
            outside.message_id,
            number,
            copy + 1,
            outside.spis,
            data,
        )

    # -- packets --------------------------------------------------------------------------------
    def throw(self, packet: Packet) -> bool:
        """Let an ESP packet fly; return False if the wire loses it."""
        delays = self.packet_delays(packet)
        if self.translate(packet.sender, packet.child.path) is None:
            return False
        for delay in delays:
            self._fly(OTHER[packet.sender], delay, packet)
        return bool(delays)

    def _fly(self, name: str, delay: float, what: DatagramReceived | Packet) -> None:
        heapq.heappush(self._flying, Arrival(self.now + delay, next(self._order), name, what))

    # -- ways -----------------------------------------------------------------------------------
    @property
    def next_arrival(self) -> float:
        """Return when the next thing arrives, or ``NEVER``."""
        return self._flying[0].at if self._flying else NEVER

    def take(self) -> Arrival:
        """Return what arrives next; the clock goes there."""
        arrival = heapq.heappop(self._flying)
        self.now = max(self.now, arrival.at)
        return arrival

    def translate(self, name: str, path: Path) -> Path | None:
        """Return how the other end sees what comes from ``name``, or None: it gets nowhere."""
        source, target = path.local, path.remote
        if name in self.nats:
            source = self.nats[name].outwards(source)
        other = OTHER[name]
        inside = self.address_of(other)
        if other in self.nats:
            found = self.nats[other].inwards(target, inside)
            return None if found is None else Path(found, source, path.encapsulated)
        return Path(target, source, path.encapsulated) if target[0] == inside else None

    def address_of(self, name: str) -> str:
        """Return an end's own address."""
        raise NotImplementedError

    def seen_at(self, name: str) -> str:
        """Return the address under which the others know an end."""
        nat = self.nats.get(name)
        return self.address_of(name) if nat is None else nat.outside
