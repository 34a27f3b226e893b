"""What every race begins and ends with: a tunnel that carries packets, and what must hold of it.

``US`` and ``PEER`` are the two ends; both are our own cores.  A peer of other habits is made by
changing what it says on the wire.
"""

from dataclasses import replace

from ikecore.events import ProbeWanted
from ikecore.profile import Profile
from ikev2.message import Exchange, Message
from ikev2.payloads.chain import Payload
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.sa import SecurityAssociation
from tests.ikev2.eavesdropper import Change
from tests.ikev2.network import Network, profile
from tests.ikev2.wire import Letter, Match
from tests.pair.scene import (
    HIGH,
    LOW,
    MIDDLE,
    PEER,
    US,
    assert_sound,
    booked,
    child,
    child_of,
    close,
    close_child,
    conclude,
    lowest_is,
    reasons,
    rekey,
    rekey_ike,
    rekeyed,
    second,
    share_a_child,
    sides_of,
    told,
    want,
)

__all__ = [
    "CREATE",
    "HIGH",
    "INFORM",
    "LATE",
    "LOW",
    "MIDDLE",
    "PEER",
    "US",
    "answer_instead",
    "ask",
    "assert_sound",
    "booked",
    "child",
    "child_of",
    "close",
    "close_child",
    "conclude",
    "connect",
    "connect_with_one_of_two",
    "groups_asked_with",
    "lowest_is",
    "made_by",
    "proposed",
    "quiet",
    "reasons",
    "rekey",
    "rekey_ike",
    "rekeyed",
    "said",
    "second",
    "share_a_child",
    "sides_of",
    "told",
    "want",
    "with_payload",
]

CREATE, INFORM = Exchange.CREATE_CHILD_SA, Exchange.INFORMATIONAL
LATE = 0.3  # later than any exchange takes, sooner than anything is sent again


def quiet(name: str, **changes: object) -> Profile:
    """Return a profile in which nothing happens by itself."""
    calm: dict[str, object] = {"dpd": False, "ike_lifetime": 0.0, "child_lifetime": 0.0}
    return profile(name, **{**calm, **changes})  # type: ignore[arg-type]  # fields by name


def connect(
    initiator: str, moon: Profile | None = None, sun: Profile | None = None, every: float = 0.02
) -> Network:
    """Return two ends with a tunnel, and packets that cross it both ways."""
    net = Network(moon or quiet("moon"), sun or quiet("sun"))
    net.initiate(initiator)
    net.assert_connected()
    if every:
        net.stream(every)
    net.sleep(0.1)
    return net


def connect_with_one_of_two(initiator: str) -> Network:
    """Return two ends that have one of their two children."""
    moon, sun = (
        quiet(name, children=(*profile(name).children, second(name))) for name in ("moon", "sun")
    )
    net = connect(initiator, moon, sun)
    assert len(net.hosts[US].children) == 1
    return net


# -- a peer of other habits -----------------------------------------------------------------------
def answer_instead(net: Network, match: Match, *payloads: Payload) -> None:
    """Let these requests never reach the other end's core; these are its answer."""
    asked: set[tuple[tuple[bytes, bytes], int, bool]] = set()

    def probe(message: Message) -> Message:
        spis = (message.header.initiator_spi, message.header.responder_spi)
        asked.add((spis, message.header.message_id, not message.header.from_initiator))
        return replace(message, header=replace(message.header, exchange=INFORM), payloads=())

    def is_answer(letter: Letter) -> bool:
        from_initiator = bool(letter.data[19] & 0x08)
        return letter.response and (letter.spis, letter.message_id, from_initiator) in asked

    def answer(message: Message) -> Message:
        return replace(message, header=replace(message.header, exchange=CREATE), payloads=payloads)

    net.change_when(match, probe)
    net.change_when(is_answer, answer)


def ask(net: Network, name: str, exchange: Exchange, *payloads: Payload) -> tuple[Payload, ...]:
    """Let an end say this request out of turn; return what the other end answers.

    The end's own core believes that it has sent a probe.
    """
    start = len(net.letters)
    asked: list[int] = []

    def is_question(letter: Letter) -> bool:
        first = letter.sender == name and not letter.response and letter.exchange == INFORM
        if first and not asked:
            asked.append(letter.message_id)
        return first and letter.message_id in asked

    def is_answer(letter: Letter) -> bool:
        return letter.sender != name and letter.response and letter.message_id in asked

    heard: list[tuple[Payload, ...]] = []

    def question(message: Message) -> Message:
        header = replace(message.header, exchange=exchange)
        return replace(message, header=header, payloads=payloads)

    def answer(message: Message) -> Message:
        heard.append(message.payloads)
        header = replace(message.header, exchange=INFORM)
        return replace(message, header=header, payloads=())

    net.change_when(is_question, question)
    net.change_when(is_answer, answer)
    net.tell(name, ProbeWanted(net.up(name)[-1]))
    net.sleep(0.1)
    assert len(net.letters) - start >= 2
    return heard[0]


def with_payload(old: type[Payload], new: Payload) -> Change:
    """Return the change that puts one payload in the place of those of a class."""
    return lambda message: replace(
        message, payloads=tuple(new if isinstance(p, old) else p for p in message.payloads)
    )


# -- what is looked at ----------------------------------------------------------------------------


def said(net: Network, name: str, exchange: Exchange) -> list[str]:
    """Return what one end said in an exchange, as labels: ``> SA No TSi TSr`` is a request."""
    return [
        f"{'<' if m.response else '>'} {' '.join(m.labels)}".rstrip()
        for m in net.messages(name)
        if m.sent and m.exchange == exchange.name
    ]


def proposed(net: Network, name: str) -> set[int]:
    """Return the ESP SPIs that one end put into requests of its own."""
    found: set[int] = set()
    for letter, _ in net.letters:
        if letter.sender == name and letter.exchange == CREATE and not letter.response:
            message = net.ear.read(letter.data)
            offer = message.one(SecurityAssociation) if message is not None else None
            for proposal in offer.proposals if offer is not None else ():
                found.add(int.from_bytes(proposal.spi, "big"))
    return found


def groups_asked_with(net: Network, name: str) -> list[int]:
    """Return the groups of the KE payloads in one end's CREATE_CHILD_SA requests, 0 for none."""
    found = []
    for letter, _ in net.letters:
        if (letter.sender, letter.exchange, letter.response) == (name, CREATE, False):
            message = net.ear.read(letter.data)
            key = message.one(KeyExchangeData) if message is not None else None
            found.append(key.group if key is not None else 0)
    return found


def made_by(net: Network, name: str) -> bool:
    """Tell whether the only child that is left is of a request of this end."""
    return child(net, name) in proposed(net, name)
