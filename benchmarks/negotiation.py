"""Two endpoints and what both sides know, for the handshake benchmarks."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

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
from ikecore.endpoint import Endpoint
from ikecore.entropy import Entropy
from ikecore.events import Authorized, CloseWanted, Configured, DatagramReceived, Event, Initiate
from ikecore.identities import Identity
from ikecore.keywords import parse_proposal
from ikecore.profile import ChildProfile, IkeVersion, LegacyTerms, Phase1Mode, Profile
from ikecore.proposals import Protocol
from ikecore.spipool import SpiPool
from ikev2.endpoint import Endpoint as Ikev2
from policy.path import Path
from policy.selectors import TrafficSelector
from suites.secret import Secret

MOON: Final = "127.0.0.1"
SUN: Final = "127.0.0.2"
_PSK: Final = Secret(b"a shared secret of the lab")
Version: TypeAlias = Callable[[Entropy, SpiPool], Endpoint]
"""What makes an endpoint of one IKE version."""
_ENOUGH: Final = 0.5  # seconds of CPU a sample takes
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


def legacy(one: Profile, mode: Phase1Mode) -> Profile:
    """Return the same connection in IKEv1."""
    terms = LegacyTerms(mode, allow_aggressive_psk=True)
    return replace(one, version=IkeVersion.IKEV1, legacy=terms)


@dataclass
class Side:
    """One endpoint whose actions are carried out as a daemon would, without a worker."""

    profiles: Sequence[Profile]
    version: Version = Ikev2
    children: dict[int, ChildSpec] = field(default_factory=dict)
    closed: int = 0

    def __post_init__(self) -> None:
        entropy = System()
        self.endpoint = self.version(entropy, SpiPool(entropy))
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


def talk(moon: Side, sun: Side, sends: list[Send], now: float) -> None:
    """Carry datagrams between the two until both are silent, moon's first."""
    receiver, other = sun, moon
    while sends:
        back: list[Send] = []
        for send in sends:
            back += receiver.receive(send.data, send.path.reversed, now)
        sends, receiver, other = back, other, receiver


def handshakes(ours: Profile, theirs: Profile, version: Version = Ikev2) -> float:
    """Return handshakes per second of CPU time of both sides: IKE SA, child and its keys."""
    moon, sun = Side((ours,), version), Side((theirs,), version)
    path = Path((MOON, 500), (SUN, 500))
    now, spent, count = 0.0, 0, 0
    while spent < _ENOUGH * 1e9:
        began = time.process_time_ns()
        talk(moon, sun, moon.initiate(ours, path, now), now)
        took = time.process_time_ns() - began
        if len(moon.children) != 1 or len(sun.children) != 1:
            raise RuntimeError(f"{ours.ike_proposals}: no child was agreed on")
        spent += took
        count += 1
        (spec,) = moon.children.values()
        talk(moon, sun, moon.close(spec.sa, now), now)
        now += 100.0  # closed SAs are kept a while for repeats of the peer's request
        for side in (moon, sun):
            side.carry_out(side.endpoint.handle_timeout(now), now)
    return count / (spent / 1e9)
