"""One end without the other: an SA nobody answers, its keys, a negotiation that takes notes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ikecore.actions import Action, Dropped
from ikecore.keywords import parse_proposal
from ikecore.profile import Limits
from ikecore.proposals import Protocol, Suite, choose
from ikecore.spipool import SpiPool
from ikev1.channel import SealedChannel
from ikev1.exchange import MakeHash, Negotiation
from ikev1.flight import Flight
from ikev1.keys import Keys1, derive, informational_hash, phase2_iv
from ikev1.message import Exchange, Header, Message, seal_hashed
from ikev1.payloads.chain import Payload
from ikev1.rules import Place
from ikev1.sa import IkeSa, Resources
from ikev1.state import State
from policy.path import Path
from suites.secret import Secret
from tests.pair.hosts import MOON, SUN, Dice

from .hosts import profile

COOKIES = (b"initcook", b"respcook")
PATH = Path((MOON, 500), (SUN, 500))
LAST = b"last block of p1"
PUBLICS = (b"\xa1" * 256, b"\xb2" * 256)


@dataclass
class Scripted:
    """A negotiation that notes what happens to it."""

    kind: Exchange = Exchange.MAIN
    place: Place = Place.MM2
    answers_repeats: bool = False
    happened: list[str] = field(default_factory=list)

    def begin(self, _sa: IkeSa, _flight: Flight, _now: float) -> list[Action]:
        self.happened.append("begins")
        return []

    def expected_hash(self, sa: IkeSa, message: Message) -> bytes:
        return informational_hash(sa.keys, message.header.message_id, message.after_first)

    def on_message(self, sa: IkeSa, flight: Flight, message: Message, now: float) -> list[Action]:
        self.happened.append("gets a message under a HASH" if message.protected else "gets one")
        if flight.message_id == 0:
            flight.take()
        else:
            sa.end(flight, now)
        return []

    def on_silence(self, _sa: IkeSa, _flight: Flight, _now: float) -> list[Action]:
        self.happened.append("waits in vain")
        return []

    def on_unreadable(self, _sa: IkeSa) -> list[Action]:
        self.happened.append("gets what cannot be read")
        return [Dropped("unreadable")]


def suite(keywords: str = "aes128-sha256-modp2048") -> Suite:
    """Return a suite of phase 1."""
    proposal = parse_proposal(keywords, Protocol.IKE)
    found = choose((proposal,), (proposal,))
    assert found is not None
    return found[0]


def some_keys(keywords: str = "aes128-sha256-modp2048", psk: bytes = b"psk") -> Keys1:
    """Return the keys of an SA between two ends with this PSK."""
    nonces = (b"Ni" * 8, b"Nr" * 8)
    return derive(suite(keywords), Secret(psk), nonces, bytes(256), COOKIES, PUBLICS)


def lone(changes: Mapping[str, object] | None = None, *, initiator: bool = True) -> IkeSa:
    """Return an SA in the middle of phase 1."""
    dice = Dice(1)
    handlers: dict[tuple[State, int], Callable[[IkeSa], Negotiation]] = {
        (State.ESTABLISHED, Exchange.INFORMATIONAL): lambda _: Scripted(
            Exchange.INFORMATIONAL, Place.INFORMATIONAL
        ),
        (State.ESTABLISHED, Exchange.QUICK): lambda _: Scripted(
            Exchange.QUICK, Place.QM3, answers_repeats=True
        ),
    }
    resources = Resources(dice, SpiPool(dice), Limits(), handlers, lambda _: [])
    mine = replace(profile("moon"), **(changes or {}))  # type: ignore[arg-type]  # fields by name
    return IkeSa(resources, COOKIES, PATH, mine, 0.0, initiator=initiator)


def established(changes: Mapping[str, object] | None = None) -> IkeSa:
    """Return an SA whose phase 1 is over."""
    sa = lone(changes)
    sa.keys = some_keys()
    sa.suite = sa.keys.suite
    sa.channel = SealedChannel(sa.keys)
    sa.last_block = LAST
    sa.connection = sa.profile.name
    sa.become(State.ESTABLISHED, "a test wants it")
    return sa


def sealed(
    *payloads: Payload,
    message_id: int = 7,
    exchange: Exchange = Exchange.INFORMATIONAL,
    keys: Keys1 | None = None,
    make_hash: MakeHash | None = None,
) -> tuple[Header, bytes]:
    """Return what the peer of :func:`established` says first in an exchange."""
    known = keys or some_keys()
    header = Header(*COOKIES, exchange, message_id, encrypted=True)
    iv = phase2_iv(known, LAST, message_id)
    make = make_hash or (lambda rest: informational_hash(known, message_id, rest))
    return header, seal_hashed(header, make, payloads, known.cipher, iv)[0]
