"""The two ends of a :class:`~tests.pair.network.Network`: who they are and what they draw on."""

import random
from collections import deque
from dataclasses import dataclass, field

from ikecore.actions import Action, AskCredentials, AskLease, Authorize, CheckUser
from ikecore.child import ChildSpec
from ikecore.endpoint import VersionEndpoint
from ikecore.events import Authorized, Credentials, Event, Leased, Refused, UserAccepted
from ikecore.lease import Lease
from ikecore.profile import Profile
from ikecore.spipool import SpiPool
from policy.selectors import TrafficSelector
from suites.secret import Secret

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


def selectors(*cidrs: str) -> tuple[TrafficSelector, ...]:
    return tuple(map(TrafficSelector.from_cidr, cidrs))


@dataclass
class Host:
    """One end: its endpoint, what it answers when that asks, and its worker.

    ``user`` and ``password`` are its own; ``users`` those it lets in.  ``lease`` is what it gives
    to whoever asks; without one it refuses.
    """

    dice: Dice
    spis: WatchedPool
    endpoint: VersionEndpoint
    profile: Profile
    address: str
    psk: bytes = b"a shared secret of the lab"
    psks: dict[str, bytes] = field(default_factory=dict)  # where a connection has another one
    answers_authorize: bool = True
    answers_users: bool = True  # what is asked of users and addresses
    has_key: bool = True
    user: str = "alice"
    password: bytes = b"a password of the lab"
    users: dict[str, bytes] = field(default_factory=lambda: {"alice": b"a password of the lab"})
    lease: Lease | None = None
    worker: WorkerModel = field(default_factory=WorkerModel)
    log: list[Action] = field(default_factory=list)

    @property
    def children(self) -> dict[int, ChildSpec]:
        """Return what the worker holds, by our inbound SPI."""
        return self.worker.children

    def answer(self, question: Authorize | AskCredentials | CheckUser | AskLease) -> Event:
        """Return what this end's daemon answers its endpoint."""
        match question:
            case Authorize(sa, name) if self.has_key:
                return Authorized(sa, Secret(self.psks.get(name, self.psk)))
            case AskCredentials(sa) if self.user:
                return Credentials(sa, self.user, Secret(self.password))
            case CheckUser(sa, _, user, password) if self.users.get(user) == password.reveal():
                return UserAccepted(sa)
            case AskLease(sa) if self.lease is not None:
                return Leased(sa, self.lease)
            case _:
                return Refused(question.sa)
