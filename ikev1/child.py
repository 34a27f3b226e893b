"""One child (a pair of IPsec SAs) in its ISAKMP SA's books: what it is for, and where it stands.

PENDING ──QM3 or a packet──► LIVE ──replaced──► RETIRED ──5 s, our Delete──► DELETED ──2 s──► gone
                              ▲──────────the peer deletes the heir──┘
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from ikecore.holder import BookedChild
from ikecore.profile import ChildProfile
from ikecore.timetable import NEVER

OVERDUE: Final = 60.0  # the same, when it is the peer that has to delete the child
AFTERWARDS: Final = 2.0  # seconds in which what crosses our Delete is still taken


class ChildState(Enum):
    """Where a child stands."""

    PENDING = "installed; the peer has yet to confirm it"
    LIVE = "installed"
    RETIRED = "replaced; late packets are still taken"
    DELETED = "our Delete was sent; what crosses it is still taken"


@dataclass(slots=True)
class Child(BookedChild):
    """A child and its clocks.

    ``message_id`` is its quick mode's; ``why`` tells people what it was made for.  ``lifetime`` is
    in seconds, as agreed, 0 for no limit; after ``soft_lifetime`` it is renewed.
    """

    message_id: int
    began_at: float
    lifetime: float = 0.0
    soft_lifetime: float = 0.0
    why: str = ""
    state: ChildState = ChildState.LIVE
    settled_at: float = NEVER  # what begins later is no rival, but renews this one
    heard_at: float = -NEVER  # when packets came in on it last, as far as we were told
    retired_at: float = NEVER
    heir: int = 0  # inbound SPI of the child that has its traffic, or will once it is confirmed
    use_at: float = NEVER  # when we send on it whatever the peer does
    rekey_at: float = NEVER
    ends_at: float = NEVER
    is_told: bool = False  # the outside knows of it

    @property
    def is_live(self) -> bool:
        """Return whether the peer has it, too, and nothing has replaced it."""
        return self.state is ChildState.LIVE

    def start_clocks(self, now: float) -> None:
        """Let its lifetime begin."""
        self.rekey_at = now + self.soft_lifetime if self.lifetime else NEVER
        self.ends_at = now + self.lifetime if self.lifetime else NEVER

    def carries(self, traffic: ChildProfile) -> bool:
        """Tell whether its selectors are just these."""
        return (self.spec.local_ts, self.spec.remote_ts) == (traffic.local_ts, traffic.remote_ts)
