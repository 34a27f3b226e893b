"""What a peer with good keys does to an SA that is up: each test is named after what it does.

It may spoil its own tunnel.  It must not fill our memory, nor aim us at somebody else.
"""

from dataclasses import replace
from itertools import count

from ikecore.actions import Action, InstallChild, MoveChild, Send
from ikecore.profile import Childless, ChildProfile, Uniqueness
from ikecore.proposals import Protocol
from ikev2.exchanges.create_child import CreateChild
from ikev2.exchanges.informational_response import answer_informational
from ikev2.message import Exchange, Message, parse_header
from ikev2.payloads.chain import Payload
from ikev2.payloads.delete import Delete
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from policy.path import Path

from .asking import child_request, ike_request, tunnel
from .forger import Forger
from .movers import LTE, Pair
from .network import MOON, SUN, Network, only, selectors
from .races.scene import quiet, rekey_ike, second

CREATE, INFORM = Exchange.CREATE_CHILD_SA, Exchange.INFORMATIONAL
VICTIM = "203.0.113.66"
AT_HOME = Path((SUN, 4500), (MOON, 4500), encapsulated=True)
FORGED = Path((SUN, 4500), (VICTIM, 4500), encapsulated=True)


class Moon:
    """Moon's keys in bad hands; moon itself hears nothing any more."""

    def __init__(self, net: Network, first: int = 2) -> None:
        net.lose = lambda _: True
        self.net = net
        self.numbers = count(first)
        self.voice = Forger(net, "sun", initiator=True)

    def ask(
        self, *payloads: Payload, exchange: Exchange = CREATE, path: Path = AT_HOME
    ) -> list[Send]:
        """Let sun hear the next request; return what it sends."""
        data = self.voice.say(next(self.numbers), *payloads, exchange=exchange)
        return only(Send, self.net.inject("sun", data, path))

    def hear(self, sent: list[Send]) -> list[str]:
        """Return the notifies of sun's answer."""
        (answer,) = (send for send in sent if send.data[19] & 0x20)
        return [NotifyType(n.type).name for n in self.voice.hear(answer.data).notifies()]

    def become_heir(self) -> None:
        """Speak on the IKE SA that was made last."""
        self.voice, self.numbers = Forger(self.net, "sun", initiator=True), count()


def naming(spi: int) -> Notify:
    return Notify(NotifyType.REKEY_SA, b"", Protocol.ESP, spi.to_bytes(4, "big"))


# -- what would grow without end ------------------------------------------------------------------
def test_renews_a_child_in_a_loop_and_deletes_none() -> None:
    net = tunnel()
    moon = Moon(net)
    old = next(iter(net.hosts["moon"].children))
    for spi in range(0xC0000000, 0xC0000000 + 1100):
        said = moon.ask(*child_request(naming(old), spi=spi))
        if moon.hear(said):
            break
        old = spi
    assert moon.hear(said) == ["TEMPORARY_FAILURE"]
    assert len(net.hosts["sun"].children) == 1024
    net.sleep(65)
    assert len(net.hosts["sun"].children) == 1  # what it replaced and never deleted is gone


def test_renews_the_ike_sa_in_a_loop_and_deletes_none() -> None:
    net = tunnel()
    moon = Moon(net)
    for _ in range(50):
        said = moon.ask(*ike_request())
        if "TEMPORARY_FAILURE" in moon.hear(said):
            break
        moon.become_heir()
    assert moon.hear(said) == ["TEMPORARY_FAILURE"]
    assert len(net.up("sun")) <= 16
    net.sleep(60)
    assert len(net.up("sun")) == 1
    assert moon.hear(moon.ask(*ike_request())) == []  # and it may again


def test_renews_the_ike_sa_in_a_loop_while_we_wait_for_its_answer() -> None:
    net = tunnel()
    moon = Moon(net)
    rekey_ike(net, "sun")
    refused = [moon.hear(moon.ask(*ike_request(nonce=bytes(32)))) for _ in range(50)]
    assert refused.count([]) <= 16
    assert refused[-1] == ["TEMPORARY_FAILURE"]


def request(pair: Pair, number: int, *payloads: Payload) -> Message:
    header = pair.moon.header(INFORM, number, response=False)
    return Message(header, payloads, protected=True, raw=b"")


def test_names_new_spis_to_delete_while_we_wait_for_its_answer() -> None:
    pair = Pair()
    creation = CreateChild(second("sun"))
    pair.act("sun", lambda sa: sa.start(creation, pair.now))
    for start in range(0, 20_000, 1000):
        names = Delete(Protocol.ESP, tuple(range(start, start + 1000)))
        answer_informational(pair.sun, request(pair, start, names), pair.now)
    assert len(creation.deleted) <= 512


# -- whom we are aimed at -------------------------------------------------------------------------
UPDATE = Notify(NotifyType.UPDATE_SA_ADDRESSES)


def from_moon(
    pair: Pair, number: int, *payloads: Payload, exchange: Exchange = INFORM, path: Path = FORGED
) -> list[Action]:
    """Let sun hear a request of moon's from anywhere; return what it does."""
    said = pair.moon.header(exchange, number, response=False)
    (data,) = pair.moon.channel.seal(said, payloads)
    header = parse_header(data)
    return pair.act("sun", lambda sa: sa.handle_datagram(header, data, path, pair.now))


def test_moves_to_a_victim_and_makes_a_child_there() -> None:
    pair = Pair()
    from_moon(pair, 0, UPDATE)
    assert pair.sun.path.remote[0] == VICTIM
    made = from_moon(pair, 1, *child_request(), exchange=CREATE, path=AT_HOME)
    assert [action.spec.path.remote[0] for action in only(InstallChild, made)] == [MOON]


def test_names_a_victim_as_its_own_and_moves_there_when_we_look_for_it() -> None:
    pair = Pair()
    pair.sun.mobility.peers = (VICTIM,)
    pair.lose = lambda _name, _path: True
    pair.move("sun", LTE)
    while pair.sun.path.remote[0] != VICTIM:  # IKE alone asks for it there
        pair.sleep(0.1)
    path = replace(FORGED, local=(LTE, 4500))
    made = from_moon(pair, 0, *child_request(), exchange=CREATE, path=path)
    moved = from_moon(pair, 1, UPDATE, path=path)
    assert [action.spec.path.remote[0] for action in only(InstallChild, made)] == [MOON]
    assert only(MoveChild, moved) == []
    assert pair.sun.children[2].spec.path.remote[0] == MOON


def test_moves_to_a_victim_before_our_own_address_goes() -> None:
    pair = Pair()
    from_moon(pair, 0, UPDATE)
    pair.lose = lambda _name, _path: True
    pair.move("sun", LTE)
    pair.sleep(3)
    assert pair.sun.children[2].spec.path.remote[0] == MOON


def test_moves_to_a_victim_again_and_again() -> None:
    pair = Pair()
    pair.sun.requests.size = 16  # what it said that it takes
    for number in range(15):
        wanted = ChildProfile(selectors(f"10.2.{number}.0/24"), selectors("10.1.0.0/24"))
        pair.sun.start(CreateChild(wanted), pair.now)
    for number in range(200):
        from_moon(pair, number, UPDATE)
        pair.now += 0.01
    said = pair.moon.header(INFORM, 0, response=False)
    heard = 200 * sum(map(len, pair.moon.channel.seal(said, (UPDATE,))))
    sent = sum(len(send.data) for _, send in pair.wire if send.path.remote[0] == VICTIM)
    assert sent < 3 * heard


# -- what others would miss then ------------------------------------------------------------------
def test_authenticates_again_and_again_and_makes_no_child() -> None:
    greedy = quiet("moon", childless=Childless.PREFER, uniqueness=Uniqueness.NEVER)
    net = Network(greedy, quiet("sun"))
    for _ in range(40):
        net.initiate("moon")
    net.sleep(4)
    assert len(net.up("sun")) <= 8
    assert len(net.up("moon")) == len(net.up("sun"))  # it was told


def test_has_a_tunnel_and_authenticates_beside_it() -> None:
    net = tunnel()
    greedy = quiet("moon", childless=Childless.PREFER, uniqueness=Uniqueness.NEVER)
    net.configure("moon", greedy)
    for _ in range(40):
        net.initiate("moon")
    net.sleep(4)
    assert len(net.up("sun")) <= 8
    assert len(net.hosts["sun"].children) == 1  # the last to go is what carries packets


def test_loses_a_large_answer_of_one_that_takes_no_fragments() -> None:
    # the request once more has to be the request octet for octet: its answer is repeated
    nets = [f"10.2.{n}.0/24" for n in range(60)]
    wide = {"fragmentation": False, "remote_ts": selectors(*nets)}
    net = Network(quiet("moon", **wide), quiet("sun", fragmentation=False))
    net.lose = lambda send: send.data[18] == Exchange.IKE_AUTH and bool(send.data[19] & 0x20)
    net.initiate("moon")
    net.sleep(3)
    assert len({send.data for send in net.wire if send.data[18] == Exchange.IKE_AUTH}) == 2
    net.lose = lambda _: False
    net.sleep(5)
    assert len(net.up("moon")) == 1
