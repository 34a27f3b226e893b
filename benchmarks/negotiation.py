"""Two IKEv2 endpoints and what both sides know, for the handshake benchmarks."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ikecore.actions import (
    Action,
    Authorize,
    Broken,
    Closed,
    Failed,
    InstallChild,
    RemoveChild,
    Send,
)
from ikecore.child import ChildSpec
from ikecore.events import Authorized, CloseWanted, Configured, DatagramReceived, Event, Initiate
from ikecore.identities import Identity
from ikecore.keywords import parse_proposal
from ikecore.profile import ChildProfile, Profile
from ikecore.proposals import Protocol
from ikecore.spipool import SpiPool
from ikev2.endpoint import Endpoint
from policy.path import Path
from policy.selectors import TrafficSelector
from suites.secret import Secret

MOON: Final = "127.0.0.1"
SUN: Final = "127.0.0.2"
_PSK: Final = Secret(b"a shared secret of the lab")
_NETS: Final = {"moon": "10.1.0.0/24", "sun": "10.2.0.0/24"}


class System:
    """The operating system's entropy, as the daemon uses it."""

    def octets(self, count: int) -> bytes:
        """Return ``count`` unpredictable octets."""
        return os.urandom(count)


def profile(me: str, peer: str, ike: str, esp: str, name: str = "net") -> Profile:
    """Return connection ``name`` as ``me`` ("moon" or "sun") sees it."""
    return Profile(
        name=name,
        local_id=Identity.parse(f"{name}.{me}.lab"),
        remote_id=Identity.parse(f"{name}.{peer}.lab"),
        ike_proposals=(parse_proposal(ike, Protocol.IKE),),
        esp_proposals=(parse_proposal(esp, Protocol.ESP),),
        children=(
            ChildProfile(
                (TrafficSelector.from_cidr(_NETS[me]),), (TrafficSelector.from_cidr(_NETS[peer]),)
            ),
        ),
        remote=frozenset((MOON if peer == "moon" else SUN,)),
        dpd=False,
    )


@dataclass
class Side:
    """One endpoint whose actions are carried out as a daemon would, without a worker."""

    profiles: Sequence[Profile]
    children: dict[int, ChildSpec] = field(default_factory=dict)
    closed: int = 0

    def __post_init__(self) -> None:
        entropy = System()
        self.endpoint = Endpoint(entropy, SpiPool(entropy))
        self.endpoint.handle(Configured(tuple(self.profiles)), 0.0)

    def initiate(self, profile: Profile, path: Path, now: float) -> list[Send]:
        """Start a connection; return what to send."""
        return self.handle(Initiate(profile, path), now)

    def receive(self, data: bytes, path: Path, now: float) -> list[Send]:
        """Take a datagram; return what to send."""
        return self.handle(DatagramReceived(data, path), now)

    def close(self, sa: bytes, now: float) -> list[Send]:
        """Delete an IKE SA and its child; return what to send."""
        return self.handle(CloseWanted(sa), now)

    def handle(self, event: Event, now: float) -> list[Send]:
        """Give the endpoint an event and do all it wants but sending."""
        return self.carry_out(self.endpoint.handle(event, now), now)

    def carry_out(self, actions: list[Action], now: float) -> list[Send]:
        """Do what the endpoint wants; return what to send."""
        sends: list[Send] = []
        for action in actions:
            match action:
                case Send():
                    sends.append(action)
                case Authorize():
                    sends += self.handle(Authorized(action.sa, _PSK), now)
                case InstallChild():
                    self.children[action.spec.inbound_spi] = action.spec
                case RemoveChild():
                    del self.children[action.spi]
                case Closed():
                    self.closed += 1
                case Broken():
                    raise RuntimeError(action.traceback)
                case Failed():
                    raise RuntimeError(f"the negotiation failed: {action.diagnosis}")
                case _:
                    pass
        return sends
