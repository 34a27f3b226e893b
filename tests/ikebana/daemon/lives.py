"""A connection on a clock that only moves when told, and the reports an endpoint would give."""

from itertools import count
from typing import TypeVar

from ikebana.config.compile import Tries
from ikebana.config.connection import CloseAction, DpdAction, Initiation
from ikebana.daemon.connection import Connection
from ikebana.daemon.course import Terms
from ikebana.daemon.orders import Ended, MakeChild, Note, Order, RouteState, SetRoutes, Try
from ikecore.actions import ChildClosed, ChildEstablished, Closed, Established, Failed, Reason
from ikecore.diagnosis import Code, Diagnosis, diagnose
from ikecore.identities import Identity
from ikecore.keywords import parse_proposal
from ikecore.profile import ChildProfile
from ikecore.proposals import Protocol, Suite, choose
from policy.flow import Flow
from policy.path import Path
from policy.selectors import TrafficSelector

Kind = TypeVar("Kind", bound=Order)
PATH = Path(("192.0.2.1", 500), ("192.0.2.2", 500))
PEER = Identity.parse("sun.lab")
LOCAL = (TrafficSelector.from_cidr("10.1.0.0/24"),)
REMOTE = (TrafficSelector.from_cidr("10.2.0.0/24"),)
CHILD = ChildProfile(LOCAL, REMOTE)
FLOW = Flow(4, 17, REMOTE[0].start - (1 << 16) + 1, REMOTE[0].start + 1, 9, 9)
SILENT = diagnose(1, Code.PEER_NO_RESPONSE)
NO_CHILD = diagnose(2, Code.TS_MISMATCH)
DEAD = diagnose(1, Code.DPD_TIMEOUT)


def suite(keywords: str, protocol: Protocol) -> Suite:
    wanted = (parse_proposal(keywords, protocol),)
    chosen = choose(wanted, wanted)
    assert chosen is not None
    return chosen[0]


IKE = suite("aes128gcm16-prfsha256-x25519", Protocol.IKE)
ESP = suite("aes128gcm16", Protocol.ESP)


class Fixed:
    """Entropy of one octet over and over: jitter is then known."""

    def __init__(self, octet: int = 128) -> None:
        self.octet = octet

    def octets(self, count: int) -> bytes:
        return bytes((self.octet,)) * count


class Life:
    """One connection, its clock, and all it ordered."""

    def __init__(
        self,
        initiation: Initiation = Initiation.ACTIVE,
        dpd: DpdAction = DpdAction.RESTART,
        *,
        enabled: bool = True,
        octet: int = 128,
        tries: Tries | None = None,
        close: CloseAction = CloseAction.RESTART,
        children: tuple[ChildProfile, ...] = (CHILD,),
        childless: bool = False,
    ) -> None:
        terms = Terms(initiation, dpd, close, tries or Tries(), children, childless)
        self.core = Connection("net", terms, Fixed(octet), enabled=enabled)
        self.now = 100.0
        self.orders: list[Order] = []
        self.routes = RouteState.BLOCKED
        self.tried_at: list[float] = []
        self._numbers = count(1)
        self.take(self.core.start())

    def take(self, orders: list[Order]) -> list[Order]:
        for order in orders:
            if isinstance(order, SetRoutes):
                self.routes = order.state
            if isinstance(order, Try):
                self.tried_at.append(self.now)
        self.orders += orders
        return orders

    def seen(self, kind: type[Kind]) -> list[Kind]:
        return [order for order in self.orders if isinstance(order, kind)]

    def forget(self) -> None:
        self.orders.clear()
        self.tried_at.clear()

    @property
    def asked(self) -> list[ChildProfile]:
        """The children asked for, oldest first."""
        return [order.child for order in self.seen(MakeChild)]

    @property
    def notes(self) -> int:
        return len(self.seen(Note))

    @property
    def ends(self) -> list[bool]:
        return [ended.ok for ended in self.seen(Ended)]

    # -- what happens ---------------------------------------------------------------------------
    def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        while (at := self.core.next_timeout()) <= until:
            self.now = max(self.now, at)
            self.take(self.core.handle_timeout(self.now))
            if self.core.next_timeout() <= self.now:
                raise AssertionError("it wants to be called again at once")
        self.now = until

    def fail(
        self,
        why: Diagnosis = SILENT,
        sa: bytes = b"attempt.",
        child: ChildProfile | None = None,
        *,
        ours: bool = True,
    ) -> list[Order]:
        return self.take(self.core.handle(Failed("net", sa, ours, why, child), self.now))

    def authenticate(self, *, ours: bool = True, replaces: bytes = b"") -> bytes:
        sa = next(self._numbers).to_bytes(8, "big")
        spis = (sa, b"theirspi")
        up = Established(
            sa, "net", ours, *spis, PEER, IKE, PATH, False, False, 0.0, replaces=replaces
        )
        self.take(self.core.handle(up, self.now))
        return sa

    def child(self, sa: bytes, child: ChildProfile = CHILD, replaces: int = 0) -> int:
        spi = 0xC000_0000 + next(self._numbers)
        up = ChildEstablished(
            sa, "net", spi, 0xD000_0001, ESP, child.local_ts, child.remote_ts, False, 0.0,
            child=child, replaces=replaces,
        )  # fmt: skip
        self.take(self.core.handle(up, self.now))
        return spi

    def lose(self, sa: bytes, spi: int, reason: Reason = Reason.PEER_DELETED) -> list[Order]:
        """One child goes, the IKE SA stays."""
        return self.take(self.core.handle(ChildClosed(sa, "net", spi, reason), self.now))

    def connect(self, *, ours: bool = True) -> tuple[bytes, int]:
        sa = self.authenticate(ours=ours)
        return sa, self.child(sa)

    def close(self, sa: bytes, spi: int, reason: Reason, *, ours: bool = True) -> None:
        self.take(self.core.handle(ChildClosed(sa, "net", spi), self.now))
        self.end(sa, reason, ours=ours)

    def end(self, sa: bytes, reason: Reason, *, ours: bool = True) -> list[Order]:
        return self.take(self.core.handle(Closed(sa, "net", ours, reason), self.now))

    def die(self, sa: bytes, spi: int) -> None:
        """The peer stopped answering: what the endpoint then says, in order."""
        self.fail(DEAD, sa)
        self.close(sa, spi, Reason.DPD_TIMEOUT)
