"""The packet worker's work: what the daemon says, and what it is told of the packets' way.

:mod:`ikebana.worker.carrier` moves the packets.

Nothing here waits: every call does what is there and returns.  The same object runs in its own
process and, in tests, beside the test.
"""

from collections.abc import Sequence
from socket import socket
from typing import Final

from esp.batch import Batch, Reached
from esp.counters import Counters
from esp.engine import Engine
from ikebana.rate import Rate
from ikebana.worker.carrier import Carrier, Descriptors, Received
from ikebana.worker.children import NEAR_END, child_of, overhead_of
from ikebana.worker.cover import Cover
from ikebana.worker.held import Held
from ikebana.worker.messages import (
    Acquired,
    Arm,
    Chosen,
    Done,
    Ike,
    Install,
    Limit,
    Message,
    Move,
    Moved,
    Network,
    Policies,
    Remove,
    Report,
    Retire,
    Traffic,
    Use,
)
from ikebana.worker.path_mtu import PathMtu
from ikebana.worker.report import Reports
from ikebana.worker.spent import Spent
from policy.spd import SelectorPair, Spd
from tundev import raw
from tundev.icmp import IcmpKind, read_errors

_IKE_RATE: Final = 2000.0  # datagrams a second that the daemon is given, of peers and of strangers
_IKE_BURST: Final = 500.0
_WORD_RATE: Final = 200.0  # other words a second that somebody on the way could make us say
_WORD_BURST: Final = 500.0
_ERRORS: Final = 512  # ICMP errors taken at a time
_KEPT: Final = 1024


class Worker:
    """Give it sockets and messages; it gives messages back.

    ``near_end`` is after how many packets a child is told to be near the end of its numbers.
    """

    def __init__(self, near_end: int = NEAR_END) -> None:
        self._near_end = near_end
        self._counters = Counters()
        self._engine = Engine(Spd(()), self._counters)
        self._carrier = Carrier(self._engine, self._counters)
        self._held = Held()
        self._spent = Spent()
        self._reports = Reports()
        self._coming: list[Policies] = []  # parts of an SPD whose last one is not here yet
        self._paths = PathMtu()
        self._cover = Cover()
        self._moved: dict[int, object] = {}  # where a child's peer was last told to be
        self._now = 0.0
        self._peers: set[str] = set()  # addresses of peers that have a child here
        self._peers_rate = Rate(_IKE_RATE, _IKE_BURST)
        self._strangers_rate = Rate(_IKE_RATE, _IKE_BURST)
        self._errors_rate = Rate(_WORD_RATE, _WORD_BURST)
        self._moves_rate = Rate(_WORD_RATE, _WORD_BURST)
        self.outbox: list[Message] = []

    @property
    def counts(self) -> dict[str, int]:
        """Return all counters."""
        return self._counters.snapshot()

    def attach(self, descriptors: Descriptors) -> Chosen:
        """Take what there is to read and write; return how that will be done."""
        self._carrier.attach(descriptors)
        return Chosen(self._carrier.means)

    # -- messages -------------------------------------------------------------------------------
    def handle(self, message: Message) -> None:
        """Do what the daemon says."""
        match message:
            case Policies():
                self._coming.append(message)
                if not message.more:
                    self._replace()
            case Arm():
                self._arm(message.tunnel, armed=message.armed)
            case Install():
                self._install(message)
            case Remove():
                child = self._engine.remove(message.inbound_spi)
                if child is not None:
                    self.outbox.append(self._reports.last(child))
                self._paths.remove(message.inbound_spi)
                self._moved.pop(message.inbound_spi, None)
                self.outbox.append(Done(message.token))
            case Move():
                self._move(message)
            case Use():
                self._engine.use(message.inbound_spi)
            case Retire():
                self._engine.retire(message.inbound_spi)
            case Report():
                self.report(changed_only=False)
            case _:
                self._counters.count("odd_message")

    def _replace(self) -> None:
        parts, self._coming = self._coming, []
        policies = tuple(policy for part in parts for policy in part.policies)
        armed = {tunnel for part in parts for tunnel in part.armed}
        self._engine.spd.replace(policies)
        for tunnel in {policy.tunnel for policy in policies} | self._held.tunnels:
            self._arm(tunnel, armed=tunnel in armed)

    def _arm(self, tunnel: str, *, armed: bool) -> None:
        if armed:
            self._engine.arm(tunnel)
            return
        self._engine.disarm(tunnel)
        self._counters.count("no_sa", len(self._held.take(tunnel)))
        self._held.settle(tunnel, frozenset())

    def _install(self, message: Install) -> None:
        try:
            child = child_of(message, self._near_end)
            if not self._spent.is_new(message):
                raise ValueError("a key that was here before")
        except (KeyError, ValueError):
            self.outbox.append(Done(message.token, ok=False))
            return
        self._engine.install(child, standby=message.standby)
        self._paths.add(child, overhead_of(message), message.path_mtu, self._now)
        self._peers.add(child.path.remote[0])
        self.outbox.append(Done(message.token, mtu=child.mtu))
        held = self._held.take(message.tunnel, child.carries)
        still = self._tell(self._carrier.seal(held)) if held else frozenset[SelectorPair]()
        self._held.settle(message.tunnel, still)

    def _move(self, message: Move) -> None:
        child = self._engine.children.get(message.inbound_spi)
        if child is None:
            return
        try:
            if child.outbound.protocol == raw.AH and message.path.esp_in_udp:
                raise ValueError("no NAT lets AH pass")
            child.path = message.path
        except ValueError:  # transport mode and AH cannot go everywhere
            self._counters.count("odd_message")
            return
        self._peers.add(message.path.remote[0])
        self._paths.move(message.inbound_spi, message.path_mtu, self._now)

    def tick(self, now: float) -> None:
        """Do what time brings; to be called about once a second."""
        self._now = now
        self._counters.count("held_expired", self._held.expire(now))
        for sock in self._carrier.sockets:  # one that is never idle has errors to tell, too
            self._take_errors(sock, now)
        self._paths.handle_timeout(now)
        for child in self._cover.due(self._engine.sealing, now):
            self._carrier.send_dummy(child)

    def report(self, *, changed_only: bool = True) -> None:
        """Tell the counters; with ``changed_only`` only of children that had traffic.

        Nothing is told when nothing changed.
        """
        children = self._engine.children
        self._peers = {child.path.remote[0] for child in children.values()}
        counts = self._counters.snapshot()
        told, busy = self._reports.due(counts, children, changed_only=changed_only)
        for child in busy:
            self._tell_limits(self._engine.check_inbound(child))
        self.outbox += told

    def shed(self) -> None:
        """Drop from the outbox what can be spared, for a daemon that does not keep up.

        Datagrams come again and counts add up; what is said once stays, a bounded number of it.
        """
        kept = [one for one in self.outbox if not isinstance(one, Ike | Network | Traffic)]
        lost = sum(isinstance(one, Ike) for one in self.outbox) + max(0, len(kept) - _KEPT)
        if lost:
            self._counters.count("queue_full", lost)
        self.outbox[:] = kept[:_KEPT]

    # -- from the inside ------------------------------------------------------------------------
    def on_tun(self, now: float) -> None:
        """Seal what waits in the TUN device."""
        self._now = now
        self._tell(self._carrier.on_tun())

    def _tell(self, batch: Batch) -> frozenset[SelectorPair]:
        """Do what is left to do of a batch; return the policy selectors of what has to wait."""
        for packet in batch.inward:
            self._carrier.write(packet)
        for acquire in batch.acquires:
            if self._held.wants_telling(acquire, self._now):
                self.outbox.append(Acquired(acquire.tunnel, acquire.flow))
            if not self._held.hold(acquire, self._now):
                self._counters.count("queue_full")
        self._tell_limits(batch.limits)
        return frozenset(acquire.pair for acquire in batch.acquires)

    def _tell_limits(self, reached: Sequence[Reached]) -> None:
        for one in reached:
            self.outbox.append(Limit(one.child.inbound.spi, one.hard))

    # -- from the outside -----------------------------------------------------------------------
    def on_udp(self, sock: socket, now: float) -> None:
        """Sort what waits on a 4500 socket: IKE to the daemon, ESP through the engine."""
        received = self._carrier.on_udp(sock, sock.getsockname()[1])
        self._received(sock, received, now)

    def on_raw(self, sock: socket) -> None:
        """Open what waits on a raw ESP socket."""
        self._received(sock, self._carrier.on_raw(sock), self._now)

    def on_ah(self, sock: socket) -> None:
        """Check what waits on a raw AH socket."""
        self._received(sock, self._carrier.on_ah(sock), self._now)

    def _received(self, sock: socket, received: Received, now: float) -> None:
        if received.has_errors:
            self._take_errors(sock, now)
        for path, data in received.ike:
            self._to_daemon(Ike(path, data), now)
        for child, source in dict(received.moved).items():
            # port 0: it came as protocol 50, which a peer behind UDP may send (RFC 7296 section
            # 2.23) and anybody on the way may make of its UDP: nothing that could be followed
            spi = child.inbound.spi
            if (
                isinstance(source, tuple)
                and source[1]
                and self._moved.get(spi) != source
                and self._moves_rate.takes(now)  # else its next packet from there tells it
            ):
                self._moved[spi] = source  # once: the daemon may have reason not to follow
                self.outbox.append(Moved(spi, str(source[0]), int(source[1])))

    def _take_errors(self, sock: socket, now: float) -> None:
        """Take what ICMP, or our own kernel, says of what was sent."""
        errors = read_errors(sock)
        while len(errors) < _ERRORS and (more := read_errors(sock)):
            errors += more
        for error in errors:
            if error.kind is IcmpKind.TOO_BIG:
                self._paths.learn(now, error.remote, error.quote, error.mtu)
            elif error.mtu:
                self._paths.narrow(now, error.remote[0], error.mtu)
        if errors:
            self._counters.count("icmp_in", len(errors))
        for error in dict.fromkeys(errors):
            if self._errors_rate.takes(now):  # anybody can forge them, about any address
                self.outbox.append(Network(error.remote[0], error.kind.value, error.mtu))

    def _to_daemon(self, message: Ike, now: float) -> None:
        """Hand an IKE datagram on, at a bounded rate: a flood must not drown the daemon.

        Peers that have a child here have a rate of their own, which strangers cannot use up.
        """
        known = message.path.remote[0] in self._peers
        if (self._peers_rate if known else self._strangers_rate).takes(now):
            self.outbox.append(message)
        else:
            self._counters.count("ike_rate")
