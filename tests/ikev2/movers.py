"""Two IKE SAs that are up, a child each, on a wire whose addresses come and go.

pair = Pair()
pair.addresses["moon"] = {LTE}           # moon's old address is gone
pair.tell_addresses("moon", LTE)         # and its daemon has noticed
pair.sleep(5)
"""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TypeVar

from ikecore.actions import Action, Send
from ikecore.child import ChildSpec, Keys
from ikecore.events import AddressesChanged
from ikecore.keywords import parse_proposal
from ikecore.profile import Limits, Profile
from ikecore.proposals import Protocol, choose
from ikecore.spipool import SpiPool
from ikev2 import life
from ikev2.channel import SealedChannel
from ikev2.child import Child
from ikev2.exchanges.update_addresses_response import answer_mobile
from ikev2.handlers import HANDLERS
from ikev2.keys import derive_ike_keys
from ikev2.message import Exchange, parse_header
from ikev2.roaming import addresses_changed
from ikev2.sa import IkeSa, Resources, State
from policy.path import Path
from suites.secret import Secret

from .hosts import MOON, SUN, Dice, profile, selectors
from .wire import OTHER, Nat

__all__ = ["LTE", "MOON", "SUN", "WLAN", "Pair"]

LTE, WLAN = "198.51.100.7", "198.51.100.99"
SPIS = (b"initspi!", b"respspi!")
DELAY = 0.01
A = TypeVar("A", bound=Action)


@dataclass
class End:
    """One end: its SA, and the way to it."""

    sa: IkeSa
    addresses: set[str]
    log: list[Action] = field(default_factory=list)


class Pair:
    """Moon, who decides about addresses, and sun."""

    def __init__(self, nat: Nat | None = None, port: int = 4500, **changes: object) -> None:
        self.now = 100.0
        self.nats = {} if nat is None else {"moon": nat}
        self.lose: Callable[[str, Path], bool] = lambda _name, _path: False
        self.wire: list[tuple[str, Send]] = []
        self._order = count()
        self._flying: list[tuple[float, int, str, Path, bytes]] = []
        self.ends = {
            "moon": self._end("moon", MOON, SUN, port, changes),
            "sun": self._end("sun", SUN, MOON if nat is None else nat.outside, port, changes),
        }
        if nat is not None:
            moon, sun = self.ends["moon"].sa, self.ends["sun"].sa
            moon.nat_here = sun.nat_there = True
            sun.path = Path(sun.path.local, nat.outwards(moon.path.local), encapsulated=True)
            for sa in (moon, sun):
                sa.move(replace(sa.path, plain_esp=False))

    def _end(self, name: str, here: str, there: str, port: int, changes: dict[str, object]) -> End:
        dice = Dice(len(name))
        handlers = {**HANDLERS, (State.ESTABLISHED, Exchange.INFORMATIONAL): answer_mobile}
        resources = Resources(dice, SpiPool(dice), Limits(), handlers, lambda _: [])
        path = Path((here, port), (there, port), port == 4500, plain_esp=True)
        known: Profile = replace(profile(name), **changes)  # type: ignore[arg-type]
        sa = IkeSa(resources, SPIS, path, known, self.now, initiator=name == "moon")
        sa.connection, sa.state = known.name, State.ESTABLISHED
        (proposal,) = known.ike_proposals
        settled = choose((proposal,), (proposal,))
        assert settled is not None
        sa.suite = settled[0]
        nonces = (b"n" * 32, b"m" * 32)
        sa.keys = derive_ike_keys(sa.suite, b"s" * 32, nonces, SPIS, initiator=sa.initiator)
        sa.channel = SealedChannel(sa.keys)
        sa.mobility.ours = sa.mobility.theirs = known.mobike
        _add_child(sa)
        return End(sa, {here})

    # -- what a test does -----------------------------------------------------------------------
    @property
    def moon(self) -> IkeSa:
        return self.ends["moon"].sa

    @property
    def sun(self) -> IkeSa:
        return self.ends["sun"].sa

    def tell_addresses(self, name: str, *usable: str, **route: str) -> list[Action]:
        """Let one end know its addresses; all routes leave from the first, if not told."""
        end = self.ends[name]
        remotes = (end.sa.path.remote[0], *end.sa.mobility.peers)
        way = usable[0] if usable else ""
        event = AddressesChanged(frozenset(usable), {r: route.get("way", way) for r in remotes})
        return self.act(name, lambda sa: addresses_changed(sa, event, self.now))

    def move(self, name: str, *addresses: str) -> None:
        """Give one end other addresses, and let it know."""
        self.ends[name].addresses = set(addresses)
        self.tell_addresses(name, *addresses)

    def act(self, name: str, what: Callable[[IkeSa], list[Action]]) -> list[Action]:
        """Let one end do something, and put on the wire what it sends."""
        end = self.ends[name]
        actions = what(end.sa)
        end.log += actions
        for action in actions:
            if isinstance(action, Send):
                self._send(name, action)
        return actions

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        until = self.now + seconds
        while True:
            timers = ((life.next_timeout(end.sa), name) for name, end in self.ends.items())
            timer, name = min(timers)
            arrival = self._flying[0][0] if self._flying else float("inf")
            if min(timer, arrival) > until:
                break
            if arrival <= timer:
                self._deliver()
            else:
                self.now = max(self.now, timer)
                self.act(name, lambda sa: life.handle_timeout(sa, self.now))
        self.now = until

    def seen(self, kind: type[A], name: str) -> list[A]:
        """Return the actions of one kind that one end wanted."""
        return [action for action in self.ends[name].log if isinstance(action, kind)]

    def child_paths(self) -> tuple[Path, Path]:
        """Return where moon's and sun's children send."""
        return self.moon.children[1].spec.path, self.sun.children[2].spec.path

    def ends_of(self, name: str) -> list[tuple[str, str]]:
        """Return between which addresses one end's datagrams went, repeats in a row once."""
        found: list[tuple[str, str]] = []
        for sender, send in self.wire:
            pair = (send.path.local[0], send.path.remote[0])
            if sender == name and found[-1:] != [pair]:
                found.append(pair)
        return found

    # -- the wire -------------------------------------------------------------------------------
    def _send(self, name: str, send: Send) -> None:
        self.wire.append((name, send))
        path = send.path
        if path.local[0] not in self.ends[name].addresses or self.lose(name, path):
            return
        source, target = path.local, path.remote
        other = OTHER[name]
        if name in self.nats:
            source = self.nats[name].outwards(source)
        if other in self.nats:
            inside = next(iter(sorted(self.ends[other].addresses)))
            found = self.nats[other].inwards(target, inside)
            if found is None:
                return
            target = found
        if target[0] in self.ends[other].addresses:
            arrived = Path(target, source, path.encapsulated)
            entry = (self.now + DELAY, next(self._order), other, arrived, send.data)
            heapq.heappush(self._flying, entry)

    def _deliver(self) -> None:
        at, _, name, path, data = heapq.heappop(self._flying)
        self.now = max(self.now, at)
        header = parse_header(data)
        self.act(name, lambda sa: sa.handle_datagram(header, data, path, self.now))


def _add_child(sa: IkeSa) -> None:
    inbound, outbound = (1, 2) if sa.initiator else (2, 1)
    proposal = parse_proposal("aes128gcm16", Protocol.ESP)
    settled = choose((proposal,), (proposal,))
    assert settled is not None
    keys = Keys(Secret(bytes(20)), Secret(b""))
    spec = ChildSpec(
        sa.connection, sa.sa, inbound, outbound, settled[0], keys, keys,
        selectors("10.1.0.0/24"), selectors("10.2.0.0/24"), sa.path,
    )  # fmt: skip
    wanted = sa.profile.children[0]
    sa.children[inbound] = Child(spec, wanted, b"", initiator=sa.initiator)


def addresses(paths: Iterable[Path]) -> list[tuple[str, str]]:
    """Return the addresses of paths, without ports."""
    return [(path.local[0], path.remote[0]) for path in paths]
