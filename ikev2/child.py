"""One CHILD_SA in its IKE SA's books: what it is for, and where it stands (RFC 7296 2.8, 2.25).

LIVE ──rekeyed by the peer──► REKEYED ──its Delete──► RETIRED ── 5 s ──► gone
│ └──rekeyed by us, or closed──► DELETING ──answered──► RETIRED or gone
└──closed by the peer──► gone
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from ikecore.actions import Action
from ikecore.holder import LINGER, BookedChild

NEVER: Final = float("inf")


class ChildState(Enum):
    """Where a child stands."""

    LIVE = "installed"
    REKEYED = "replaced; the peer will delete it"
    DELETING = "our Delete of it is under way"
    RETIRED = "deleted; late packets are still taken"


@dataclass(slots=True)
class Child(BookedChild):
    """A child and its clocks.

    ``heir`` is the inbound SPI of the child that has its traffic now, 0 for none.
    """

    state: ChildState = ChildState.LIVE
    heir: int = 0
    rekey_at: float = NEVER
    ends_at: float = NEVER
    is_told: bool = True  # the outside knows of it
    news: tuple[Action, ...] = ()  # what it will hear, once it is decided that the child stays

    @property
    def is_live(self) -> bool:
        """Return whether it carries packets and nothing replaces it."""
        return self.state is ChildState.LIVE


def tell(child: Child) -> list[Action]:
    """Let the outside know of a child that was made while we made the same one ourselves."""
    news, child.news = child.news, ()
    child.is_told = child.is_told or bool(news)
    return list(news)


def retire(child: Child, now: float) -> None:
    """Keep the inbound half for what is still on its way."""
    child.state = ChildState.RETIRED
    child.rekey_at = NEVER
    child.ends_at = now + LINGER
