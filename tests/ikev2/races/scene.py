"""What every race begins and ends with: a tunnel that carries packets, and what must hold of it.

``US`` and ``PEER`` are the two ends; both are our own cores.  A peer of other habits is made by
changing what it says on the wire.
"""

from collections import Counter
from dataclasses import replace

from ikecore.actions import ChildClosed, ChildEstablished, Closed, Failed
from ikecore.child import ChildSpec
from ikecore.events import (
    ChildCloseWanted,
    ChildWanted,
    CloseWanted,
    ProbeWanted,
    RekeyIkeWanted,
    RekeyWanted,
)
from ikecore.profile import ChildProfile, Profile
from ikev2.message import Exchange, Message
from ikev2.payloads.chain import Payload
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.sa import SecurityAssociation
from tests.ikev2.eavesdropper import Change
from tests.ikev2.network import OTHER, Network, profile, selectors
from tests.ikev2.wire import Letter, Match
from tests.pair.worker_model import Use

US, PEER = "moon", "sun"
CREATE, INFORM = Exchange.CREATE_CHILD_SA, Exchange.INFORMATIONAL
LATE = 0.3  # later than any exchange takes, sooner than anything is sent again
LOW, MIDDLE, HIGH = (bytes((octet,)) * 32 for octet in (0, 0x80, 0xFF))


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


def second(name: str) -> ChildProfile:
    """Return another child of the connection as one end sees it."""
    nets = {"moon": selectors("10.1.7.0/24"), "sun": selectors("10.2.7.0/24")}
    return ChildProfile(nets[name], nets[OTHER[name]])


def connect_with_one_of_two(initiator: str) -> Network:
    """Return two ends that have one of their two children."""
    moon, sun = (
        quiet(name, children=(*profile(name).children, second(name))) for name in ("moon", "sun")
    )
    net = connect(initiator, moon, sun)
    assert len(net.hosts[US].children) == 1
    return net


# -- what the ends are asked for ------------------------------------------------------------------
def child(net: Network, name: str) -> int:
    """Return the inbound SPI of the only child of one end."""
    (spi,) = net.hosts[name].children
    return spi


def share_a_child(net: Network) -> bool:
    """Tell whether both ends have the same child installed."""
    theirs = {spec.outbound_spi for spec in net.hosts[PEER].children.values()}
    return bool(theirs & net.hosts[US].children.keys())


def child_of(net: Network, name: str, wanted: ChildProfile | None = None) -> int:
    """Return the inbound SPI of the child that one end made last, 0 if it has none.

    With ``wanted`` only that of the connection's children counts.
    """
    there = booked(net, name)
    made = (one for one in reversed(net.seen(ChildEstablished, name)) if one.inbound_spi in there)
    return next((one.inbound_spi for one in made if wanted in (None, one.child)), 0)


def rekey(net: Network, name: str, spi: int = 0) -> None:
    """Let one end rekey a child, by default its only one."""
    net.tell(name, RekeyWanted(spi or child(net, name), "time"))


def rekey_ike(net: Network, name: str) -> None:
    """Let one end rekey its only IKE SA."""
    (sa,) = net.up(name)
    net.tell(name, RekeyIkeWanted(sa, "time"))


def close_child(net: Network, name: str, spi: int = 0) -> None:
    """Let one end delete a child, by default its only one."""
    net.tell(name, ChildCloseWanted(spi or child(net, name)))


def close(net: Network, name: str) -> None:
    """Let one end delete its only IKE SA."""
    (sa,) = net.up(name)
    net.tell(name, CloseWanted(sa))


def want(net: Network, name: str, wanted: ChildProfile) -> None:
    """Let one end make a child under its newest IKE SA."""
    net.tell(name, ChildWanted(net.up(name)[-1], wanted))


def lowest_is(net: Network, loser: str) -> None:
    """Let the next request of ``loser`` have the lowest nonce of any."""
    net.hosts[loser].dice.nonces += [LOW, HIGH, HIGH]
    net.hosts[OTHER[loser]].dice.nonces += [HIGH, HIGH, HIGH]


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
def reasons(net: Network, name: str) -> list[str]:
    """Return why one end's children ended, in order."""
    return [closed.reason.name for closed in net.seen(ChildClosed, name)]


def rekeyed(net: Network, name: str) -> list[ChildEstablished]:
    """Return the children of one end that took another's place."""
    return [made for made in net.seen(ChildEstablished, name) if made.replaces]


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


# -- what must hold -------------------------------------------------------------------------------
def conclude(
    net: Network,
    *,
    gap: float | None = None,
    children: tuple[int, ...] = (1,),
    ike: int = 1,
    after: float = 15.0,
) -> None:
    """Let everything come to rest; then both ends agree, and no packet was lost on the way.

    With ``gap`` the packets of so many seconds may be lost, and there may be fewer ``children``.
    In the end both ends close: whatever a child hangs on is really there.
    """
    net.sleep(after)
    net.traffic.streams.clear()
    net.sleep(5)
    assert_sound(net, ike)
    assert len(net.hosts[US].children) in children
    if gap is None:
        assert net.traffic.blocked == []
        assert net.traffic.lost == []
    else:
        assert net.traffic.gap <= gap
        assert told(net)
    for sa in net.up(US):
        net.tell(US, CloseWanted(sa))
    net.sleep(15)
    net.assert_gone()


def assert_sound(net: Network, ike: int = 1) -> None:
    """Both ends hold the same SAs, whole, in books and worker; no key outlived its Delete."""
    assert net.pairs("moon") == net.pairs("sun")
    assert len(net.pairs("moon")) == ike
    net.assert_mirrored()
    for name, host in net.hosts.items():
        assert host.children.keys() == booked(net, name)
        assert set(host.worker.uses.values()) <= {Use.ACTIVE}, "half an SA is left"
        sides: Counter[str] = Counter(map(sides_of, host.children.values()))
        assert set(sides.values()) <= {1}, "two children for the same selectors"
    assert net.deletes.misuse == []


def booked(net: Network, name: str) -> set[int]:
    """Return the children that one end said are up, and did not say are gone."""
    gone = {closed.inbound_spi for closed in net.seen(ChildClosed, name)}
    return {made.inbound_spi for made in net.seen(ChildEstablished, name)} - gone


def sides_of(spec: ChildSpec) -> str:
    """Return the selectors of a child."""
    return f"{spec.local_ts} === {spec.remote_ts}"


def told(net: Network) -> bool:
    """Tell whether somebody said that something ended or failed."""
    return any(
        isinstance(action, ChildClosed | Failed | Closed)
        for host in net.hosts.values()
        for action in host.log
    )
