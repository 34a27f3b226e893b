"""Carries out what an endpoint wants, in order.

The actions of one list wait for each other: what follows an InstallChild or RemoveChild is done
when the worker has acknowledged it, and later lists of the same SA queue up behind.  Other SAs do
not wait.  What comes of an action (a key that is fetched, a report that makes a connection start)
is done after the list it stands in.  A bug on the outside costs one action, and not what follows.
"""

import contextlib
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

from ikebana.daemon.worker_process import Acknowledgements
from ikebana.worker.messages import Done, Install, Ipsec, Message, Move, Remove, Retire, Use
from ikecore import proposals
from ikecore.actions import (
    Action,
    AskCredentials,
    AskLease,
    Assigned,
    Authorize,
    Broken,
    CheckUser,
    ChildClosed,
    ChildEstablished,
    Closed,
    Dropped,
    Established,
    Failed,
    InstallChild,
    Keepalive,
    MoveChild,
    Moved,
    Noted,
    ReauthWanted,
    RemoveChild,
    RetireChild,
    Send,
    Traced,
    UseChild,
)
from ikecore.child import ChildSpec, Mode
from ikecore.endpoint import Endpoint
from ikecore.events import (
    Authorized,
    Credentials,
    Event,
    InstallFailed,
    Leased,
    Refused,
    UserAccepted,
)
from ikecore.trace import Record
from policy.path import Path
from policy.treatment import Treatment
from suites.secret import Secret

_LEAST_MTU: Final = 1280  # octets; what IPv6 promises of every path (RFC 8200 section 5)
Report = (
    Established | ChildEstablished | ChildClosed | Failed | Closed | Moved | Noted | ReauthWanted
)


Asked = AskCredentials | CheckUser | AskLease
Answer = Credentials | UserAccepted | Leased | Refused


class Outside(Protocol):
    """What the runner acts on."""

    def send(self, data: bytes, path: Path) -> bool:
        """Send an IKE datagram."""
        ...

    def send_keepalive(self, path: Path) -> None:
        """Send a NAT keepalive."""
        ...

    def to_worker(self, message: Message) -> bool:
        """Say something to the packet worker."""
        ...

    def key_of(self, connection: str) -> Secret | None:
        """Return a connection's pre-shared key."""
        ...

    def answer(self, asked: Asked) -> Answer:
        """Answer what is asked of users, passwords and inner addresses."""
        ...

    def assigned(self, assigned: Assigned) -> None:
        """Take the inner address that a peer gave us."""
        ...

    def path_mtu(self, path: Path) -> int:
        """Return the MTU towards a peer."""
        ...

    def treatment_of(self, connection: str) -> Treatment:
        """Return how a connection's packets are wrapped."""
        ...

    def installed(self, spec: ChildSpec, mtu: int) -> None:
        """Take note that a child is in the worker; ``mtu`` is the largest inner packet."""
        ...

    def report(self, report: Report) -> None:
        """Tell the connection what happened to its SA."""
        ...

    def trace(self, record: Record) -> None:
        """Show a record to whoever looks."""
        ...

    def count(self, reason: str) -> None:
        """Count a dropped IKE datagram."""
        ...

    def broken(self, broken: Broken) -> None:
        """Write a bug's traceback into the log."""
        ...


class Runner:
    """Give it events; it lets the endpoint handle them and does what comes of it."""

    def __init__(self, endpoint: Endpoint, outside: Outside, clock: Callable[[], float]) -> None:
        self._endpoint = endpoint
        self._outside = outside
        self._clock = clock
        self._waiting: dict[bytes, deque[list[Action]]] = {}
        self._todo: deque[Callable[[], None]] = deque()
        self._busy = False
        self.acknowledgements = Acknowledgements()

    def handle(self, event: Event) -> None:
        """Let the endpoint take an event."""
        self._take(self._endpoint.handle(event, self._clock()))

    def handle_timeout(self) -> None:
        """Do what is due."""
        now = self._clock()
        self.acknowledgements.handle_timeout(now)
        for actions in _by_owner(self._endpoint.handle_timeout(now)):
            self._take(actions)

    def next_timeout(self) -> float | None:
        """Return when :meth:`handle_timeout` wants to be called."""
        times = (self._endpoint.next_timeout(), self.acknowledgements.next_timeout())
        return min((at for at in times if at is not None), default=None)

    def _take(self, actions: list[Action]) -> None:
        if actions:
            self._soon(partial(self._begin, actions))

    def _soon(self, step: Callable[[], None]) -> None:
        """Do a step now, or after the one under way."""
        self._todo.append(step)
        if self._busy:
            return
        self._busy = True
        try:
            while self._todo:
                self._todo.popleft()()
        finally:
            self._busy = False

    def _begin(self, actions: list[Action]) -> None:
        sa = next((found for action in actions if (found := _owner(action))), b"")
        queue = self._waiting.get(sa)
        if queue is not None:
            queue.append(actions)
            return
        self._run(sa, actions)

    def _run(self, sa: bytes, actions: list[Action]) -> None:
        """Do a list up to its first wait; the rest goes on from there."""
        for at, action in enumerate(actions):
            match action:
                case InstallChild():
                    self._wait(sa, actions[at + 1 :], self._install(sa, action.spec))
                    return
                case RemoveChild():
                    self._wait(sa, actions[at + 1 :], self._remove(sa, action.spi))
                    return
                case _:
                    self._guarded(partial(self._do, action))

    def _guarded(self, step: Callable[[], object]) -> None:
        """Do something with the outside; what escapes it is written down."""
        try:
            step()
        except Exception:
            with contextlib.suppress(Exception):
                self._outside.broken(Broken(b"", "", traceback.format_exc()))

    def _wait(self, sa: bytes, rest: list[Action], message: Message) -> None:
        self._waiting.setdefault(sa, deque()).appendleft(rest)
        self._guarded(partial(self._outside.to_worker, message))

    def _go_on(self, sa: bytes) -> None:
        queue = self._waiting.pop(sa)
        while queue:
            self._run(sa, queue.popleft())
            again = self._waiting.get(sa)
            if again is not None:  # it waits once more: what is left queues up behind
                again.extend(queue)
                return

    def _install(self, sa: bytes, spec: ChildSpec) -> Message:
        def then(done: Done | None) -> None:
            if done is None or not done.ok:
                first = self._waiting[sa][0]
                first[:] = [a for a in first if not _announces(a, spec.inbound_spi)]
                self._soon(partial(self._go_on, sa))
                self.handle(InstallFailed(spec.inbound_spi))
                return
            self._guarded(partial(self._outside.installed, spec, done.mtu))
            self._soon(partial(self._go_on, sa))

        path_mtu = _LEAST_MTU
        with contextlib.suppress(OSError):
            path_mtu = self._outside.path_mtu(spec.path)
        token = self.acknowledgements.expect(self._clock(), then)
        treatment = self._outside.treatment_of(spec.connection)
        return _install_message(token, spec, path_mtu, treatment)

    def _remove(self, sa: bytes, spi: int) -> Message:
        def then(_done: Done | None) -> None:
            # without an answer the worker is gone, and its SAs with it: nothing to wait for
            self._soon(partial(self._go_on, sa))

        return Remove(self.acknowledgements.expect(self._clock(), then), spi)

    def _do(self, action: Action) -> None:
        outside = self._outside
        match action:  # the most frequent first
            case Traced():
                outside.trace(action.record)
            case Send():
                outside.send(action.data, action.path)
            case Keepalive():
                outside.send_keepalive(action.path)
            case MoveChild():
                outside.to_worker(Move(action.spi, action.path, outside.path_mtu(action.path)))
            case Authorize():
                key = outside.key_of(action.connection)
                answer = Refused(action.sa) if key is None else Authorized(action.sa, key)
                self.handle(answer)
            case AskCredentials() | CheckUser() | AskLease():
                self.handle(outside.answer(action))
            case Assigned():
                outside.assigned(action)
            case Dropped():
                outside.count(action.reason)
            case Broken():
                outside.broken(action)
            case (
                Established()
                | ChildEstablished()
                | ChildClosed()
                | Failed()
                | Closed()
                | Moved()
                | Noted()
                | ReauthWanted()
            ):
                outside.report(action)
            case UseChild():
                outside.to_worker(Use(action.spi))
            case RetireChild():
                outside.to_worker(Retire(action.spi))
            case InstallChild() | RemoveChild():
                raise AssertionError("these wait: see _run")


def _owner(action: Action) -> bytes:
    """Return the IKE SPI of the SA an action belongs to, if it tells."""
    match action:
        case InstallChild():
            return action.spec.sa
        case Traced():
            record = action.record
            return getattr(record, "sa", b"")
        case (
            Send()
            | Keepalive()
            | RemoveChild()
            | UseChild()
            | RetireChild()
            | MoveChild()
            | Dropped()
        ):
            return b""
        case _:
            return action.sa


def _by_owner(actions: list[Action]) -> Iterator[list[Action]]:
    """Split what several SAs wanted at the same time; who does not tell goes with the next."""
    part: list[Action] = []
    untold: list[Action] = []
    whose = b""
    for action in actions:
        untold.append(action)
        owner = _owner(action)
        if not owner:
            continue
        if part and owner != whose:
            yield part
            part = []
        part += untold
        untold.clear()
        whose = owner
    yield part + untold


def _announces(action: Action, spi: int) -> bool:
    return isinstance(action, ChildEstablished) and action.inbound_spi == spi


def _install_message(token: int, spec: ChildSpec, path_mtu: int, treatment: Treatment) -> Install:
    if not spec.tfc or spec.mode is Mode.TRANSPORT:  # RFC 7296 section 1.3.1
        treatment = replace(treatment, tfc=0)
    integ, limits = spec.suite.integ, spec.limits
    is_ah = spec.suite.protocol == proposals.Protocol.AH
    return Install(
        token,
        spec.connection,
        spec.inbound_spi,
        spec.outbound_spi,
        "" if is_ah else spec.suite.encr.name,
        integ.name if integ is not None else "",
        spec.suite.esn,
        spec.inbound.encr.reveal(),
        spec.inbound.integ.reveal(),
        spec.outbound.encr.reveal(),
        spec.outbound.integ.reveal(),
        spec.local_ts,
        spec.remote_ts,
        spec.path,
        path_mtu,
        spec.standby,
        limits.soft_octets,
        limits.hard_octets,
        limits.soft_packets,
        limits.hard_packets,
        spec.mode,
        spec.original,
        Ipsec.AH if is_ah else Ipsec.ESP,
        spec.later_fragments,
        treatment,
    )
