"""What a connection's life asks of the gateway, to be done in order."""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from ikecore.diagnosis import Diagnosis
from ikecore.profile import ChildProfile


class RouteState(Enum):
    """What the routes to the remote networks do; nothing leaves in clear in any of them."""

    ACTIVE = "active"  # into the tunnel
    TRAP = "trap"  # into the tunnel device, where the first packet starts the connection
    BLOCKED = "blocked"  # unreachable


@dataclass(frozen=True, slots=True)
class Try:
    """Resolve the peer and negotiate a new IKE SA, with this child first."""

    first: ChildProfile


@dataclass(frozen=True, slots=True)
class MakeChild:
    """Make this child on an IKE SA that is up."""

    sa: bytes
    child: ChildProfile


@dataclass(frozen=True, slots=True)
class RekeyChild:
    """Replace the child with this inbound SPI."""

    spi: int
    why: str


@dataclass(frozen=True, slots=True)
class RekeyIke:
    """Replace the keys of this IKE SA; its children stay."""

    sa: bytes
    why: str


@dataclass(frozen=True, slots=True)
class CloseSa:
    """Delete this IKE SA."""

    sa: bytes


@dataclass(frozen=True, slots=True)
class CloseAll:
    """Delete all IKE SAs of this connection, and end its attempts."""


@dataclass(frozen=True, slots=True)
class SetRoutes:
    """Let the routes do this from now on."""

    state: RouteState


@dataclass(frozen=True, slots=True)
class Note:
    """Write a line into the connection's log."""

    level: str
    text: tuple[str, ...]
    code: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """The first try of everything wanted is over: whoever waits for ``up`` is answered."""

    ok: bool
    diagnosis: Diagnosis | None = None


Order: TypeAlias = (
    Try | MakeChild | RekeyChild | RekeyIke | CloseSa | CloseAll | SetRoutes | Note | Ended
)
