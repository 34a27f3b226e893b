"""The children a connection wants: which are up, which one is being made, when each is due again.

They are made one after another, in the order of the configuration, and each is tried again by
itself.  Whether a child may be made at all is the connection's to say: it plans, this remembers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ikebana.config.compile import Tries
from ikebana.daemon.tries import AT_ONCE, Attempts
from ikecore.actions import ChildEstablished
from ikecore.entropy import Entropy
from ikecore.profile import ChildProfile
from ikecore.timetable import NEVER
from policy.flow import Flow
from policy.selectors import TrafficSelector


class Wish:
    """One child that is wanted, and the inbound SPIs of those that fulfil it.

    ``is_new``: nobody has heard yet how its first try ended.
    """

    __slots__ = ("child", "is_new", "spis", "tries")

    def __init__(self, child: ChildProfile, tries: Attempts) -> None:
        self.child = child
        self.tries = tries
        self.is_new = False
        self.spis: set[int] = set()

    def covers(self, child: ChildProfile) -> bool:
        """Tell whether another child is part of this one: the peer took single pairs, say."""
        return _inside(child.local_ts, self.child.local_ts) and _inside(
            child.remote_ts, self.child.remote_ts
        )

    def carries(self, flow: Flow) -> bool:
        """Tell whether an outgoing flow is this child's."""
        local, remote = self.child.local_ts, self.child.remote_ts
        return any(
            one.matches(flow.source, flow.protocol, flow.source_port)
            for one in local
            if one.version == flow.version
        ) and any(
            one.matches(flow.target, flow.protocol, flow.target_port)
            for one in remote
            if one.version == flow.version
        )


class Children:
    """All children of one connection."""

    def __init__(self, wanted: Sequence[ChildProfile], plan: Tries, entropy: Entropy) -> None:
        self.wishes = tuple(Wish(child, Attempts(plan, entropy)) for child in wanted)
        self._up: dict[int, ChildEstablished] = {}
        self._asked: dict[Wish, float] = {}  # at most one, and until when to wait for it

    # -- what is there --------------------------------------------------------------------------
    @property
    def up(self) -> tuple[ChildEstablished, ...]:
        """Return those that are up, oldest first."""
        return tuple(self._up.values())

    @property
    def any_up(self) -> bool:
        """Return whether there is one at all."""
        return bool(self._up)

    @property
    def all_up(self) -> bool:
        """Return whether every wish is fulfilled."""
        return all(wish.spis for wish in self.wishes)

    @property
    def count_up(self) -> int:
        """Return how many wishes are fulfilled."""
        return sum(bool(wish.spis) for wish in self.wishes)

    def has(self, spi: int) -> bool:
        """Return whether the child with this inbound SPI is up."""
        return spi in self._up

    def any_on(self, sa: bytes) -> bool:
        """Return whether an IKE SA has children."""
        return any(child.sa == sa for child in self._up.values())

    def is_on(self, wish: Wish, sa: bytes) -> bool:
        """Return whether a wish is fulfilled on this IKE SA; b"": on any."""
        return any(not sa or self._up[spi].sa == sa for spi in wish.spis)

    def wish_of(self, child: ChildProfile) -> Wish:
        """Return whose wish a child fulfils: the same one, else one that covers it."""
        same = (wish for wish in self.wishes if wish.child == child)
        wider = (wish for wish in self.wishes if wish.covers(child))
        return next(same, None) or next(wider, self.wishes[0])

    def wish_for(self, flow: Flow) -> Wish:
        """Return the wish that carries a flow, or the first: the policies let no other through."""
        return next((wish for wish in self.wishes if wish.carries(flow)), self.wishes[0])

    # -- what happens to them -------------------------------------------------------------------
    def add(self, child: ChildEstablished) -> Wish:
        """Take one that came up, in the place of the one it replaces."""
        wish = self.wish_of(child.child)
        self._up.pop(child.replaces, None)
        for other in self.wishes if child.replaces else ():
            other.spis.discard(child.replaces)
        self._up[child.inbound_spi] = child
        wish.spis.add(child.inbound_spi)
        wish.tries.forget()
        self._asked.pop(wish, None)
        return wish

    def remove(self, spi: int) -> Wish | None:
        """Take it that one is gone; return its wish if nothing fulfils that any more."""
        child = self._up.pop(spi, None)
        if child is None:
            return None
        wish = next((one for one in self.wishes if spi in one.spis), self.wishes[0])
        wish.spis.discard(spi)
        return None if wish.spis else wish

    def remove_all(self, sa: bytes) -> None:
        """Take it that an IKE SA took its children along."""
        for spi in [spi for spi, child in self._up.items() if child.sa == sa]:
            self.remove(spi)

    def move(self, old: bytes, new: bytes) -> None:
        """Give the children of one IKE SA to the one that replaces it."""
        for spi, child in self._up.items():
            if child.sa == old:
                self._up[spi] = replace(child, sa=new)

    def clear(self) -> None:
        """Forget those that are up, and everything planned."""
        self._up.clear()
        for wish in self.wishes:
            wish.spis.clear()
        self.rest()

    # -- what is planned ------------------------------------------------------------------------
    @property
    def is_asked(self) -> bool:
        """Return whether one is being made."""
        return bool(self._asked)

    def is_making(self, wish: Wish) -> bool:
        """Return whether this one is being made."""
        return wish in self._asked

    @property
    def asked_until(self) -> float:
        """Return until when the one being made is waited for."""
        return next(iter(self._asked.values()), NEVER)

    @property
    def is_planned(self) -> bool:
        """Return whether one is being made or will be tried."""
        return bool(self._asked) or any(wish.tries.is_planned for wish in self.wishes)

    @property
    def has_failed(self) -> bool:
        """Return whether what is tried still is past its first tries."""
        tried = [one for one in self.wishes if one.tries.is_planned or one in self._asked]
        return bool(tried) and all(one.tries.has_failed for one in tried)

    @property
    def failures(self) -> int:
        """Return how often the one that failed most did."""
        return max((wish.tries.failures for wish in self.wishes), default=0)

    def missing(self, sa: bytes = b"") -> Iterator[Wish]:
        """Return the wishes that nothing fulfils, or nothing on this IKE SA."""
        return (wish for wish in self.wishes if not self.is_on(wish, sa))

    def call(self, at: float, sa: bytes = b"") -> None:
        """Plan what is missing, on this IKE SA if one is given, for ``at``."""
        for wish in self.missing(sa):
            if wish not in self._asked:
                wish.tries.at = at

    def postpone(self, until: float) -> None:
        """Let nothing planned come before ``until``: the peer may be quicker."""
        for wish in self.wishes:
            if wish.tries.is_planned:
                wish.tries.at = max(wish.tries.at, until)

    def ask(self, wish: Wish, until: float) -> None:
        """Take it that one is being made."""
        self._asked = {wish: until}
        wish.tries.at = AT_ONCE  # should nobody ever answer

    def give_up(self) -> None:
        """Wait no longer for the one being made: it is due again."""
        self._asked.clear()

    def fail(self, wish: Wish, now: float) -> None:
        """Take it that one could not be made, and plan when to try it again."""
        self._asked.pop(wish, None)
        wish.tries.fail(now)

    def first(self) -> Wish:
        """Return the one to begin with."""
        planned = (wish for wish in self.wishes if wish.tries.is_planned)
        return min(planned, key=lambda wish: wish.tries.at, default=self.wishes[0])

    def next_due(self, now: float, sa: bytes = b"") -> Wish | None:
        """Return the next one to be made now; None while one is."""
        if self._asked:
            return None
        return next((wish for wish in self.missing(sa) if wish.tries.at <= now), None)

    def next_at(self, sa: bytes = b"") -> float:
        """Return when the next one that is missing, on this IKE SA if one is given, is due."""
        return min((wish.tries.at for wish in self.missing(sa)), default=NEVER)

    def rest(self) -> None:
        """Plan nothing, and wait for nothing."""
        self._asked.clear()
        for wish in self.wishes:
            wish.tries.rest()

    def forget_failures(self) -> None:
        """Count the tries anew."""
        for wish in self.wishes:
            wish.tries.failures = 0

    # -- who waits to hear of the first tries ---------------------------------------------------
    @property
    def is_awaited(self) -> bool:
        """Return whether the first try of one is not over yet."""
        return any(wish.is_new for wish in self.wishes)

    def await_planned(self) -> None:
        """Let somebody wait for the first try of whatever is planned or being made."""
        for wish in self.wishes:
            wish.is_new = wish.tries.is_planned or wish in self._asked

    def await_none(self) -> None:
        """Take it that nobody waits any more."""
        for wish in self.wishes:
            wish.is_new = False


def _inside(part: Sequence[TrafficSelector], whole: Sequence[TrafficSelector]) -> bool:
    return all(any(one.contains(other) for one in whole) for other in part)
