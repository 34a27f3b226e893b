"""The two ends of a :class:`~tests.ikev2.network.Network`: who they are and what they draw on."""

import random
from collections import deque
from dataclasses import dataclass, field, replace

from ikecore.actions import Action
from ikecore.child import ChildSpec
from ikecore.identities import Identity
from ikecore.keywords import parse_proposal
from ikecore.profile import ChildProfile, Profile
from ikecore.proposals import Protocol
from ikecore.spipool import SpiPool
from ikev2.endpoint import Endpoint
from policy.selectors import TrafficSelector

from .wire import OTHER
from .worker_model import WorkerModel

MOON, SUN = "192.0.2.1", "192.0.2.2"
ADDRESS = {"moon": MOON, "sun": SUN}
NETS = {"moon": "10.1.0.0/24", "sun": "10.2.0.0/24"}
_NONCE = 32


class Dice:
    """Entropy that gives the same octets in every run; ``nonces`` are what comes next as nonces."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self.nonces: deque[bytes] = deque()

    def octets(self, count: int) -> bytes:
        if count == _NONCE and self.nonces:
            return self.nonces.popleft()
        return self._random.randbytes(count)


class WatchedPool(SpiPool):
    """An SPI pool whose debts can be seen: what an SA takes it gives back."""

    def __init__(self, entropy: Dice) -> None:
        super().__init__(entropy)
        self.owed: set[int] = set()

    def take(self, now: float) -> int:
        spi = super().take(now)
        self.owed.add(spi)
        return spi

    def free(self, spi: int, now: float) -> None:
        self.owed.discard(spi)
        super().free(spi, now)


def profile(
    local: str = "moon",
    ike: tuple[str, ...] = ("aes128gcm16-prfsha256-x25519",),
    esp: tuple[str, ...] = ("aes128gcm16",),
    **changes: object,
) -> Profile:
    """Return the connection between moon's and sun's networks as ``local`` sees it."""
    remote = OTHER[local]
    made = Profile(
        name="net",
        local_id=Identity.parse(f"{local}.lab"),
        remote_id=Identity.parse(f"{remote}.lab"),
        ike_proposals=tuple(parse_proposal(p, Protocol.IKE) for p in ike),
        esp_proposals=tuple(parse_proposal(p, Protocol.ESP) for p in esp),
        children=(ChildProfile(selectors(NETS[local]), selectors(NETS[remote])),),
        remote=frozenset((ADDRESS[remote],)),
    )
    if "local_ts" in changes or "remote_ts" in changes:  # of the one child
        one = {key: changes.pop(key) for key in ("local_ts", "remote_ts") if key in changes}
        changes["children"] = (replace(made.children[0], **one),)  # type: ignore[arg-type]
    return replace(made, **changes)  # type: ignore[arg-type]  # a test names the fields


def selectors(*cidrs: str) -> tuple[TrafficSelector, ...]:
    return tuple(map(TrafficSelector.from_cidr, cidrs))


@dataclass
class Host:
    """One end: its endpoint, its key, and its worker."""

    dice: Dice
    spis: WatchedPool
    endpoint: Endpoint
    profile: Profile
    address: str
    psk: bytes = b"a shared secret of the lab"
    answers_authorize: bool = True
    has_key: bool = True
    worker: WorkerModel = field(default_factory=WorkerModel)
    log: list[Action] = field(default_factory=list)

    @property
    def children(self) -> dict[int, ChildSpec]:
        """Return what the worker holds, by our inbound SPI."""
        return self.worker.children
