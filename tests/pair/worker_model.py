"""What one end's packet worker does with its children, without packets.

The newest active child whose selectors carry the flow seals.  A child on standby becomes active
with the first packet that comes in on it; a retired one only opens.
"""

from dataclasses import dataclass, replace
from enum import Enum

from ikecore.actions import Action, InstallChild, MoveChild, RemoveChild, RetireChild, UseChild
from ikecore.child import ChildSpec


class Use(Enum):
    """What the outbound half of a child does."""

    STANDBY = "standby"
    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Flow:
    """One flow as one end sees it."""

    local: int
    remote: int
    protocol: int = 17
    local_port: int = 4000
    remote_port: int = 4000


class WorkerModel:
    """Give it the actions that speak to the worker; ask it which child a flow takes."""

    def __init__(self) -> None:
        self.children: dict[int, ChildSpec] = {}  # by our inbound SPI, oldest first
        self.uses: dict[int, Use] = {}
        self.former: set[int] = set()  # inbound SPIs of children that were removed
        self.heard: set[int] = set()  # inbound SPIs that packets came in under, not told yet

    def carry_out(self, action: Action) -> None:
        """Do what concerns a worker; KeyError for a child that is not there."""
        match action:
            case InstallChild(spec):
                if spec.inbound_spi in self.children:
                    raise KeyError(f"child {spec.inbound_spi:08x} is installed twice")
                self.children[spec.inbound_spi] = spec
                self.uses[spec.inbound_spi] = Use.STANDBY if spec.standby else Use.ACTIVE
            case UseChild(spi):
                self._turn(spi, Use.ACTIVE)
            case RetireChild(spi):
                self._turn(spi, Use.RETIRED)
            case MoveChild():
                moved = replace(self.children[action.spi], path=action.path)
                self.children[action.spi] = moved
            case RemoveChild(spi):
                del self.children[spi], self.uses[spi]
                self.former.add(spi)
            case _:
                pass

    def seal(self, flow: Flow) -> ChildSpec | None:
        """Return the child a packet of this flow goes out on; None: there is none to take it."""
        for spi, spec in reversed(self.children.items()):
            if self.uses[spi] is Use.ACTIVE and carries(spec, flow):
                return spec
        return None

    def open(self, spi: int) -> bool:
        """Take an authentic packet that came in under ``spi``; False if nobody knows the SPI."""
        use = self.uses.get(spi)
        if use is Use.STANDBY:
            self.uses[spi] = Use.ACTIVE
        return use is not None

    def _turn(self, spi: int, use: Use) -> None:
        if spi not in self.uses:
            raise KeyError(f"no child {spi:08x} is installed")
        self.uses[spi] = use


def carries(spec: ChildSpec, flow: Flow) -> bool:
    """Tell whether a flow is inside the selectors of a child."""
    return any(
        ts.matches(flow.local, flow.protocol, flow.local_port) for ts in spec.local_ts
    ) and any(ts.matches(flow.remote, flow.protocol, flow.remote_port) for ts in spec.remote_ts)
