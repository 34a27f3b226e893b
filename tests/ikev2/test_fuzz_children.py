"""CREATE_CHILD_SA damaged under good keys, wherever one can come: a peer that is mad, not forged.

Nothing raises; a request gets one answer at most; and when the SA is closed afterwards, nothing is
left: no child in the worker, no SPI that the pool is owed.  A failure names its seed.
"""

import random
from collections.abc import Callable

import pytest

from ikecore.actions import ChildEstablished, Established
from ikecore.events import ChildCloseWanted, ChildWanted, CloseAllWanted, RekeyIkeWanted
from ikev2.message import Exchange
from ikev2.payloads.chain import Payload, build_chain
from ikev2.payloads.delete import Delete
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from ikev2.payloads.types import NotifyType

from .asking import child_request, ike_request, instead, key
from .forger import Forger
from .mutate import Mutator
from .network import OTHER, Network, profile, selectors
from .races.scene import child, quiet, rekey, second

CREATE, INFORM = Exchange.CREATE_CHILD_SA, Exchange.INFORMATIONAL
ESP = ("aes128gcm16-x25519-ecp256", "aes128gcm16")
RESPONSE = 0x20
State = Callable[[Network, str], None]


def network(seed: int) -> Network:
    """Return a tunnel that moon began, and a second child that both ends may make."""
    mine = {name: (*profile(name).children, second(name)) for name in OTHER}
    net = Network(
        quiet("moon", esp=ESP, children=mine["moon"]),
        quiet("sun", esp=ESP, children=mine["sun"]),
        seed=seed,
    )
    net.initiate("moon")
    return net


# -- where the listener may be --------------------------------------------------------------------
def idle(_net: Network, _name: str) -> None:
    """Have nothing under way."""


def creating(net: Network, name: str) -> None:
    net.tell(name, ChildWanted(net.up(name)[0], second(name)))


def renewing(net: Network, name: str) -> None:
    rekey(net, name)


def renewing_ike(net: Network, name: str) -> None:
    net.tell(name, RekeyIkeWanted(net.up(name)[0], "fuzz"))


def deleting(net: Network, name: str) -> None:
    net.tell(name, ChildCloseWanted(child(net, name)))


def renewed(net: Network, name: str) -> None:
    """Have a child that the peer has renewed and not deleted yet."""
    net.lose = lambda send: send.data[18] == INFORM
    rekey(net, OTHER[name])
    net.settle()


def renewed_ike(net: Network, name: str) -> None:
    """Have an old IKE SA that the peer has renewed and not deleted yet."""
    net.lose = lambda send: send.data[18] == INFORM
    net.tell(OTHER[name], RekeyIkeWanted(net.up(OTHER[name])[0], "fuzz"))
    net.settle()


STATES: dict[str, State] = {
    state.__name__: state
    for state in (idle, creating, renewing, renewing_ike, deleting, renewed, renewed_ike)
}
ASKING = {"creating": creating, "renewing": renewing, "renewing_ike": renewing_ike}
BOTH = pytest.mark.parametrize("name", ["moon", "sun"])


class Scene:
    """One listener in one state, and a peer that has the keys of its first IKE SA."""

    def __init__(self, seed: int, state: State, name: str) -> None:
        self.net = network(seed)
        self.name = name
        peer = OTHER[name]
        self.peer = Forger(self.net, peer, initiator=peer == "moon")
        (spec,) = self.net.hosts[name].children.values()
        self.spi = spec.outbound_spi.to_bytes(4, "big")
        self.first = {"moon": 2, "sun": 0}
        self.net.lose = lambda _: True
        state(self.net, name)
        self.net.lose = lambda _: True
        seen = [m for m in self.net.messages(name) if not m.response and not m.sent]
        taken = [m.message_id + 1 for m in seen if m.sa in self.peer.spis]
        self.number = max([*taken, self.first[peer]])  # of the peer's next request
        self.asks, self.answers = self._requests(), self._responses()

    def hear(self, data: bytes) -> None:
        """Let the listener take a datagram; it answers once at most."""
        before = len(self.net.wire)
        self.net.inject(self.name, data)
        sent = self.net.wire[before:]
        answers = {(send.data[:16], send.data[20:24]) for send in sent if send.data[19] & RESPONSE}
        assert len(answers) <= 1  # whatever the number of its fragments
        assert len({send.data[20:24] for send in sent}) <= 3
        assert len(self.net.hosts[self.name].children) <= 6

    def end(self) -> None:
        """Close what there is: nothing may stay behind."""
        self.net.tell(self.name, CloseAllWanted("net"))
        self.net.sleep(40)
        host = self.net.hosts[self.name]
        assert self.net.up(self.name) == []
        assert host.children == {}
        assert host.spis.owed == set()

    def _requests(self) -> list[tuple[Payload, ...]]:
        """Return good requests that the listener may be asked."""
        name = OTHER[self.name]
        old = Notify(NotifyType.REKEY_SA, b"", 3, self.spi)
        new = (
            SelectorsInitiator(second(name).local_ts),
            SelectorsResponder(second(name).remote_ts),
        )
        plain = child_request(name=name, esp=ESP, key=key("x25519"))
        return [
            plain,
            instead(plain, *new),
            child_request(old, name=name, esp=ESP, key=key("x25519")),
            child_request(old, name=name, esp=ESP, key=key("ecp256"), nonce=b"\xff" * 32),
            child_request(old, name=name, esp=("aes128gcm16",)),
            ike_request(nonce=b"\xff" * 32),
            ike_request(),
            (Delete(3, (int.from_bytes(self.spi, "big"),)),),
        ]

    def _responses(self) -> list[tuple[Payload, ...]]:
        """Return answers that the listener may get to what it asks."""
        name = self.name  # TSi are those of who asked
        two = second(name)
        new = (SelectorsInitiator(two.local_ts), SelectorsResponder(two.remote_ts))
        whole = child_request(name=name, esp=("aes128gcm16-x25519",), key=key("x25519"))
        return [
            instead(whole, *new),
            whole,
            ike_request(),
            ike_request(nonce=b"\xff" * 32),
            child_request(name=name, esp=("aes128gcm16",)),
            *((Notify(kind),) for kind in REFUSALS),
            (Notify(NotifyType.INVALID_KE_PAYLOAD, b"\0\x13"),),
        ]


REFUSALS = (
    NotifyType.TEMPORARY_FAILURE,
    NotifyType.CHILD_SA_NOT_FOUND,
    NotifyType.NO_ADDITIONAL_SAS,
    NotifyType.SINGLE_PAIR_REQUIRED,
    NotifyType.TS_UNACCEPTABLE,
    NotifyType.NO_PROPOSAL_CHOSEN,
    NotifyType.INVALID_KE_PAYLOAD,
    12345,
)


def offers() -> list[Payload]:
    """Return offers of every kind; one of them may be what fits."""
    made = []
    for esp in (("aes128gcm16",), ESP, ("aes128gcm16-ecp256",), ("aes256gcm16",), ("aes128-sha1",)):
        made += [child_request(esp=esp, spi=spi)[0] for spi in (0, 255, 256, 0xC0000001)]
    ike = ("aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-x25519-ecp256")
    made += [ike_request(ike[:n], spi)[0] for n in (1, 2) for spi in (b"", b"newspi!!")]
    return made


OFFERS = offers()
NETS = [
    selectors("10.1.0.0/24"),
    selectors("10.2.0.0/24"),
    selectors("10.0.0.0/8"),
    selectors("10.1.0.7/32"),
    selectors("0.0.0.0/0", "::/0"),
    selectors("fd01::/64"),
    selectors("10.1.7.0/24", "10.2.7.0/24"),
    selectors(*(f"10.1.0.{n}/32" for n in range(200))),
]
KEYS = [
    (31, bytes(32)),
    (31, b"\1" + bytes(31)),
    (31, b"\x2a" * 32),
    (19, b"\1" * 64),
    (14, bytes(256)),
    (0, b""),
    (65535, b"x"),
]
WORDS: list[Payload] = [
    Notify(NotifyType.REKEY_SA, b"", 0, b""),
    Notify(NotifyType.REKEY_SA, b"", 1, bytes(8)),
    Notify(NotifyType.REKEY_SA, b"", 3, b"\xee" * 4),
    Notify(NotifyType.USE_TRANSPORT_MODE),
    Notify(NotifyType.NON_FIRST_FRAGMENTS_ALSO),
    Notify(NotifyType.ESP_TFC_PADDING_NOT_SUPPORTED),
    Notify(NotifyType.IPCOMP_SUPPORTED, b"\1"),
    Notify(NotifyType.TEMPORARY_FAILURE),
    Notify(NotifyType.AUTHENTICATION_FAILED),
    Notify(12345),
]


def another(dice: random.Random, payload: Payload) -> Payload:
    """Return another payload of the same type."""
    match payload:
        case SecurityAssociation():
            return dice.choice(OFFERS)
        case Nonce():
            return Nonce(dice.choice((b"\0", b"\xff")) * dice.choice((16, 32, 256)))
        case KeyExchangeData():
            return KeyExchangeData(*dice.choice(KEYS))
        case SelectorsInitiator():
            return SelectorsInitiator(dice.choice(NETS))
        case SelectorsResponder():
            return SelectorsResponder(dice.choice(NETS))
        case Notify():
            return dice.choice(WORDS)
        case _:
            return payload


def scrambled(dice: random.Random, pool: list[tuple[Payload, ...]]) -> tuple[Payload, ...]:
    """Return a good message with other values, more words, or a payload less."""
    base = list(dice.choice(pool))
    for _ in range(dice.choice((0, 1, 1, 2, 3))):
        at = dice.randrange(len(base)) if base else 0
        match dice.choice("vvvvwd"):
            case "v" if base:
                base[at] = another(dice, base[at])
            case "w":
                base[at:at] = [dice.choice(WORDS)]
            case _:
                base[at : at + 1] = []
    return tuple(base)


def said(
    scene: Scene, dice: random.Random, pool: list[tuple[Payload, ...]], number: int, *, answer: bool
) -> bytes:
    """Return a message of the peer, damaged in its values or in its octets."""
    if dice.random() < 0.8:
        return scene.peer.say(number, *scrambled(dice, pool), exchange=CREATE, response=answer)
    first, plain = build_chain(dice.choice(pool))
    damaged = Mutator(dice.randrange(1 << 30), [plain]).damaged(plain)
    return scene.peer.say_octets(CREATE, number, first, damaged, response=answer)


@pytest.mark.parametrize("state", STATES)
@BOTH
def test_requests_of_a_mad_peer(name: str, state: str) -> None:
    for seed in range(40):
        scene = Scene(seed, STATES[state], name)
        dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
        for turn in range(4):
            scene.hear(said(scene, dice, scene.asks, scene.number + turn, answer=False))
        scene.end()


@pytest.mark.parametrize("state", ASKING)
@BOTH
def test_answers_of_a_mad_peer(name: str, state: str) -> None:
    for seed in range(60):
        scene = Scene(seed, ASKING[state], name)
        dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
        for turn in range(3):  # one answer may lead to another request
            number = scene.first[name] + turn
            scene.hear(said(scene, dice, scene.answers, number, answer=True))
        scene.end()


@pytest.mark.parametrize("state", ASKING)
@BOTH
def test_collisions_with_a_mad_peer(name: str, state: str) -> None:
    """First its request while ours is under way, then its answer to ours, then both once more."""
    for seed in range(40):
        scene = Scene(seed, ASKING[state], name)
        dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
        for turn in range(2):
            scene.hear(said(scene, dice, scene.asks, scene.number + turn, answer=False))
            scene.hear(said(scene, dice, scene.answers, scene.first[name] + turn, answer=True))
        scene.end()


def test_the_good_ones_are_taken() -> None:
    """What is damaged above would do something if it were whole."""
    taken: list[bool] = []
    for index in range(8):
        scene = Scene(1, idle, "sun")
        scene.hear(scene.peer.say(scene.number, *scene.asks[index], exchange=CREATE))
        taken.append("SA" in scene.net.messages("sun")[-1].labels)
        scene.end()
    assert taken == [True] * 7 + [False]


@pytest.mark.parametrize("state", ASKING)
def test_good_answers_are_taken(state: str) -> None:
    scene = Scene(1, ASKING[state], "moon")
    answer = scene.answers[list(ASKING).index(state)]
    data = scene.peer.say(scene.first["moon"], *answer, exchange=CREATE, response=True)
    count = len(scene.net.seen(ChildEstablished, "moon")) + len(scene.net.seen(Established, "moon"))
    scene.hear(data)
    made = len(scene.net.seen(ChildEstablished, "moon")) + len(scene.net.seen(Established, "moon"))
    assert made == count + 1
    scene.end()
