"""One random life of a tunnel: what is asked of both ends, and what the wire does to each message.

A plan is data, so that a failing one can be made smaller until only what matters is left.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ikecore.actions import ChildClosed, Reason
from ikecore.events import ChildExpired, CloseWanted, ProbeWanted, RekeyIkeWanted, RekeyWanted
from ikecore.profile import ChildProfile

from .hosts import NETS, selectors
from .scene import Network, assert_sound, child_of, close_child, want
from .traffic import Packet
from .wire import OTHER, Letter, Twist

ENDS = ("moon", "sun")
RENEWING = ("rekey", "rekey", "rekey", "rekey", "rekey IKE", "rekey IKE", "rekey IKE", "probe")
ENDING = ("delete", "delete", "delete", "create", "create", "expire", "close")
BEGIN, END = 1.0, 9.0  # seconds between which everything is asked
REST = 45.0  # seconds after which everything has come to rest, by default
GRACE = 2.0  # seconds around a wish to end something in which packets may be lost
MESSAGES = 60  # of each end that the wire may do something to
ON_PURPOSE = {Reason.DELETED, Reason.PEER_DELETED, Reason.LIFETIME}


@dataclass(frozen=True, slots=True)
class Wish:
    """Something asked of one end at some time."""

    at: float
    name: str
    kind: str
    which: int = 0  # of the children

    def __str__(self) -> str:
        return f"{self.at:.3f} {self.name} is asked: {self.kind} {self.which or ''}".rstrip()


@dataclass(frozen=True, slots=True)
class Mischief:
    """What the wire does to an end's IKE datagram of this number: the delays of its copies."""

    name: str
    number: int
    delays: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole life; with ``pfs`` every rekeying has a key exchange of its own."""

    seed: int
    initiator: str
    pfs: bool
    window: int
    wishes: tuple[Wish, ...]
    mischief: tuple[Mischief, ...]
    jitter: float = 0.0  # of ESP packets, in seconds; then some are lost, too
    senders: tuple[str, ...] = ENDS  # of packets
    children: int = 1

    @property
    def probes(self) -> dict[str, object]:
        """Return the fields of a profile that let an end find out what a lost farewell meant.

        It may be lost as often as it is said: then only probes tell the other end.
        """
        return {"dpd": "close" in {wish.kind for wish in self.wishes}, "dpd_timeout": 25.0}

    @property
    def keeps_children(self) -> bool:
        """Tell whether nobody asks for anything to end."""
        return not any(wish.kind in ENDING for wish in self.wishes)


Make = Callable[[Plan], Network]
"""Make the two ends that live through a plan."""


def draw(seed: int) -> Plan:
    """Return the plan of a seed."""
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    kinds = RENEWING if dice.random() < 0.5 else (*RENEWING, *ENDING)
    children = dice.choice((1, 1, 2))
    near = dice.random() < 0.6  # at the same moment, or nearly, is where the races are
    moments = [dice.uniform(BEGIN, END) for _ in range(3)]
    wishes = []
    for _ in range(dice.randrange(2, 9)):
        at = dice.choice(moments) + dice.choice((0, 0, 0.005, 0.01, 0.02, 0.03))
        at = at if near else dice.uniform(BEGIN, END)
        which = dice.randrange(children)
        wishes.append(Wish(round(at, 3), dice.choice(ENDS), dice.choice(kinds), which))
    badness = dice.choice((0.0, 0.1, 0.3, 0.5))
    return Plan(
        seed,
        dice.choice(ENDS),
        dice.random() < 0.1,
        dice.choice((1, 1, 1, 5)),
        tuple(sorted(wishes, key=lambda wish: wish.at)),
        tuple(_mischief(dice, badness)),
        dice.choice((0.0, 0.05, 0.5)),
        dice.choice((ENDS, ENDS, ENDS[:1], ENDS[1:])),
        children,
    )


def _mischief(dice: random.Random, badness: float) -> Iterator[Mischief]:
    for name in ENDS:
        lost = 0
        for number in range(MESSAGES):
            if dice.random() >= badness:
                lost = 0
                continue
            delays = [round(dice.choice((0.01, 0.03, 0.1, 0.7, 2.0)) * dice.random(), 3)]
            match dice.randrange(3):
                case 0 if lost < 3:  # a peer that hears nothing for long is dead, and may be
                    lost += 1
                    delays = []
                case 1:
                    delays.append(round(dice.random() * 2, 3))
                case _:
                    pass
            yield Mischief(name, number, tuple(delays))


# -- a life ---------------------------------------------------------------------------------------
def live(plan: Plan, net: Network, rest: float = REST) -> None:
    """Let two ends live through a plan, and then come to rest for so many seconds."""
    net.initiate(plan.initiator)
    net.assert_connected()
    for child in wanted(plan.initiator, plan)[1:]:
        want(net, plan.initiator, child)
        net.settle()
    assert len(net.hosts["moon"].children) == plan.children
    net.twists.append(_twist(plan))
    jitter = random.Random(plan.seed)  # noqa: S311 - repeatable on purpose

    def delays(_: Packet) -> list[float]:
        lost = bool(plan.jitter) and jitter.random() < 0.1
        return [] if lost else [0.01 + jitter.random() * plan.jitter]

    net.packet_delays = delays
    for x in range(plan.children):
        net.stream(0.1, f"10.1.{x}.9", f"10.2.{x}.9", plan.senders)
    for wish in plan.wishes:
        net.sleep(wish.at - net.now)
        _ask(net, wish)
    net.sleep(END + 12 - net.now)
    net.twists.clear()
    for stream in net.traffic.streams:
        stream.every = 1.0
    net.sleep(rest)
    net.traffic.streams.clear()
    net.sleep(2)


def _twist(plan: Plan) -> Twist:
    deeds = {(deed.name, deed.number): deed.delays for deed in plan.mischief}
    numbers = dict.fromkeys(ENDS, 0)

    def twist(letter: Letter, delays: list[float]) -> list[float]:
        number = numbers[letter.sender]
        numbers[letter.sender] += 1
        deed = deeds.get((letter.sender, number))
        return delays if deed is None else list(deed)

    return twist


def wanted(name: str, plan: Plan) -> tuple[ChildProfile, ...]:
    """Return the children of a plan as one end sees them: 10.1.x.0/24 === 10.2.x.0/24."""
    local, remote = (NETS[end].split(".")[1] for end in (name, OTHER[name]))
    return tuple(
        ChildProfile(selectors(f"10.{local}.{x}.0/24"), selectors(f"10.{remote}.{x}.0/24"))
        for x in range(plan.children)
    )


def _ask(net: Network, wish: Wish) -> None:
    """Ask it of what there is; of nothing nothing can be asked."""
    child = net.hosts[wish.name].profile.children[wish.which]
    up, spi = net.up(wish.name), child_of(net, wish.name, child)
    match wish.kind:
        case "rekey" if spi:
            net.tell(wish.name, RekeyWanted(spi, "time"))
        case "rekey IKE" if up:
            net.tell(wish.name, RekeyIkeWanted(up[-1], "time"))
        case "delete" if spi:
            close_child(net, wish.name, spi)
        case "expire" if spi:
            net.tell(wish.name, ChildExpired(spi))
        case "create" if up and not spi:
            want(net, wish.name, child)
        case "probe" if up:
            net.tell(wish.name, ProbeWanted(up[-1]))
        case "close" if up:
            net.tell(wish.name, CloseWanted(up[-1]))
        case _:
            pass


# -- what must hold -------------------------------------------------------------------------------
def judge(plan: Plan, net: Network) -> None:
    """Raise AssertionError unless all that must hold of a life's end does."""
    assert_sound(net, ike=len(net.up("moon")))
    assert len(net.up("moon")) <= 1
    if plan.keeps_children:
        assert len(net.up("moon")) == 1, "the IKE SA is gone, and nobody wanted that"
        held = len(net.hosts["moon"].children)
        assert held == plan.children, "a child is gone, and nobody wanted that"
        assert len(net.traffic.blocked) == 0, "packets found no child"
        assert net.codes("moon") == net.codes("sun") == []
    lost = [packet for packet in net.traffic.lost if not _is_excused(plan, net, packet)]
    assert len(lost) == 0, "packets found no SPI"
    for sa in net.up("moon"):
        net.tell("moon", CloseWanted(sa))
    net.sleep(20)
    net.assert_gone()


def _is_excused(plan: Plan, net: Network, packet: Packet) -> bool:
    """Tell whether a packet was lost because somebody ended its child, or all, on purpose.

    After that the next child may be used before its initiator has the answer that brings it: who
    answered cannot know when that is lost, and has no other child to send on.
    """
    spis = (packet.child.inbound_spi, packet.child.outbound_spi)
    closed = (one for name in ENDS for one in net.seen(ChildClosed, name))
    return (
        any(wish.kind in ENDING and abs(wish.at - packet.sent_at) < GRACE for wish in plan.wishes)
        or any(one.inbound_spi in spis and one.reason in ON_PURPOSE for one in closed)
        or (not plan.keeps_children and not packet.is_late)
    )


def failure(plan: Plan, make: Make, rest: float = REST) -> tuple[str, Network | None]:
    """Return why a plan's life ends badly, "" if it does not, and what there was on the wire."""
    try:
        net = make(plan)
        live(plan, net, rest)
    except Exception as error:
        return f"{type(error).__name__}: {error}", None
    try:
        judge(plan, net)
    except AssertionError as error:
        return str(error) or "an invariant does not hold", net
    return "", net
