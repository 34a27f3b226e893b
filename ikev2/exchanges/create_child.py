"""CREATE_CHILD_SA for a new child, as its initiator (RFC 7296 section 1.3.1).

A peer that takes only one pair of networks a child says so (SINGLE_PAIR_REQUIRED), or refuses the
whole (TS_UNACCEPTABLE); then the child is split into one of each pair.
"""

from dataclasses import dataclass, field
from typing import Final

from ikecore.actions import Action, Noted
from ikecore.profile import ChildProfile
from ikev2.child import Child
from ikev2.exchanges.creation import Creation, failed
from ikev2.labels import notify_name
from ikev2.payloads.types import NotifyType
from ikev2.sa import IkeSa
from suites.kex import Group

SPLITS: Final = (NotifyType.SINGLE_PAIR_REQUIRED, NotifyType.TS_UNACCEPTABLE)


@dataclass(slots=True)
class Split:
    """The pairs of a child that are tried one by one, and what became of them."""

    left: list[ChildProfile] = field(default_factory=list)
    up: int = 0


class CreateChild(Creation):
    """Our request for a child that is not there yet; ``part`` is one pair of a split one."""

    def __init__(
        self,
        wanted: ChildProfile,
        why: str = "",
        group: Group | None = None,
        split: Split | None = None,
        part: ChildProfile | None = None,
    ) -> None:
        super().__init__(wanted, why, group)
        self._split = split
        self._part = part or wanted

    def is_moot(self, sa: IkeSa) -> bool:
        """Return whether the peer has made it meanwhile."""
        return self._split is None and has_child(sa, self.wanted)

    def asked(self, _sa: IkeSa) -> ChildProfile:
        """Return the selectors to ask for."""
        return self._part

    def again(self, group: Group | None) -> "CreateChild":
        """Return the same request anew."""
        return CreateChild(self.wanted, self.why, group, self._split, self._part)

    def made(self, sa: IkeSa, _child: Child, now: float) -> list[Action]:
        """Go on with the next pair, if it was split."""
        if self._split is None:
            return []
        self._split.up += 1
        return _next_part(sa, self.wanted, self._split, 0, now)

    def refused(self, sa: IkeSa, notify: int, now: float) -> list[Action]:
        """Try the pairs by themselves, or give up."""
        if self._split is None:
            return refused_child(sa, self.wanted, notify, now)
        name = notify_name(notify)
        told = Noted(sa.sa, sa.connection, f"the peer refused {self._part}: {name}")
        return [told, *_next_part(sa, self.wanted, self._split, notify, now)]


def has_child(sa: IkeSa, wanted: ChildProfile) -> bool:
    """Tell whether this child is up."""
    return any(child.is_live and child.wanted == wanted for child in sa.children.values())


def is_being_made(sa: IkeSa, wanted: ChildProfile) -> bool:
    """Tell whether this child is up, or asked for."""
    later = (exchange for _, exchange in sa.postponed)
    asked = (*sa.under_way(CreateChild), *sa.queue, *later)
    return has_child(sa, wanted) or any(
        isinstance(one, CreateChild) and one.wanted == wanted for one in asked
    )


def refused_child(sa: IkeSa, wanted: ChildProfile, notify: int, now: float) -> list[Action]:
    """Split a child that the peer refused as a whole; else say that there is none."""
    pairs = pairs_of(wanted)
    if notify not in SPLITS or len(pairs) < 2:
        return [failed(sa, wanted, notify)]
    text = f"the peer answered {notify_name(notify)}: asking for {len(pairs)} children, one a pair"
    told = Noted(sa.sa, sa.connection, text)
    return [told, *_next_part(sa, wanted, Split(list(pairs)), notify, now)]


def _next_part(
    sa: IkeSa, wanted: ChildProfile, split: Split, notify: int, now: float
) -> list[Action]:
    if split.left:
        part = split.left.pop(0)
        return sa.start(CreateChild(wanted, "one pair a child", None, split, part), now)
    return [] if split.up else [failed(sa, wanted, notify)]


def pairs_of(child: ChildProfile) -> tuple[ChildProfile, ...]:
    """Return a child's pairs of networks, each as a child of its own."""
    return tuple(
        ChildProfile((local,), (remote,))
        for local in child.local_ts
        for remote in child.remote_ts
        if local.version == remote.version
    )
