"""What a connection's life asks of the gateway, to be done in order."""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from ikecore.diagnosis import Diagnosis


class RouteState(Enum):
    """What the routes to the remote networks do; nothing leaves in clear in any of them."""

    ACTIVE = "active"  # into the tunnel
    TRAP = "trap"  # into the tunnel device, where the first packet starts the connection
    BLOCKED = "blocked"  # unreachable


@dataclass(frozen=True, slots=True)
class Try:
    """Resolve the peer and negotiate."""


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
    """A try is over: whoever waits for ``up`` is answered."""

    ok: bool
    diagnosis: Diagnosis | None = None


Order: TypeAlias = Try | CloseAll | SetRoutes | Note | Ended
