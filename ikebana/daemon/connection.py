"""One connection's life: tries, states, what its routes do; without I/O.

    idle ─► connecting_phase1 ─► connecting_phase2 ─► connected ─► down ─► …
                 ▲   └─ refused or silent: 3 retries 2 s apart, then phaseN_failed
                 └──────────────────────────── and a try every 12 s, without end

It is told what happens to its IKE SAs and children, and says when to try, what to close, what the
routes do and whether packets may start it.  No SA's meaning is known here, only that it is there.
"""

from typing import Final, TypeAlias

from ikebana.config.compile import Tries
from ikebana.config.connection import DpdAction, Initiation
from ikebana.control.view import ConnectionState as State
from ikebana.daemon.orders import CloseAll, Ended, Note, Order, RouteState, SetRoutes, Try
from ikecore.actions import (
    ChildClosed,
    ChildEstablished,
    Closed,
    Established,
    Failed,
    Moved,
    Noted,
    Reason,
    ReauthWanted,
)
from ikecore.diagnosis import Code, Diagnosis, diagnose
from ikecore.entropy import Entropy

NEVER: Final = float("inf")
_JITTER: Final = 0.1
_PROOF: Final = 60.0  # seconds in which what our own try may only guess does not replace it
_NOTE_PAUSE: Final = 1.0  # seconds between two lines about peers' failures


Report: TypeAlias = (
    Established | ChildEstablished | ChildClosed | Failed | Closed | Moved | Noted | ReauthWanted
)


class Connection:
    """Tell it what happens; carry out what it orders, in order."""

    def __init__(
        self,
        name: str,
        initiation: Initiation,
        dpd_action: DpdAction,
        tries: Tries,
        entropy: Entropy,
        *,
        enabled: bool = True,
    ) -> None:
        self.name = name
        self.state = State.IDLE if enabled else State.DISABLED
        self.tries = 0  # failed since it was last connected
        self.next_try_at = NEVER
        self.reason: Diagnosis | None = None
        self.held = False  # taken down by the operator
        self._initiation = initiation
        self._dpd_action = dpd_action
        self._plan = tries
        self._entropy = entropy
        self._trying = False
        self._once = False  # a passive connection was asked to start: no retries
        self._live: dict[bytes, Established] = {}
        self._childless: set[bytes] = set()  # of them: their child was refused, and they end
        self._children: dict[int, ChildEstablished] = {}
        self._routes = RouteState.BLOCKED
        self._noted_at = -NEVER
        self._proved_at = -NEVER  # when the peer's own try last showed the true cause here

    # -- what can be asked ----------------------------------------------------------------------
    @property
    def sas(self) -> tuple[Established, ...]:
        """Return the IKE SAs that are up, oldest first."""
        return tuple(self._live.values())

    @property
    def children(self) -> tuple[ChildEstablished, ...]:
        """Return the children that are up, oldest first."""
        return tuple(self._children.values())

    @property
    def trying(self) -> bool:
        """Return whether a negotiation of ours is under way."""
        return self._trying

    @property
    def admits_peer(self) -> bool:
        """Return whether the peer may start this connection."""
        return self.state is not State.DISABLED and not self.held

    def next_timeout(self) -> float:
        """Return when the next try is due, or infinity."""
        return self.next_try_at

    # -- what the operator and the clock do -----------------------------------------------------
    def start(self) -> list[Order]:
        """Begin, as the configuration says."""
        if self.state is State.DISABLED:
            return []
        match self._initiation:
            case Initiation.ACTIVE:
                return [SetRoutes(self._routes), *self._try()]
            case Initiation.ON_DEMAND:
                self._routes = RouteState.TRAP
            case Initiation.PASSIVE:
                pass
        return [SetRoutes(self._routes)]

    def up(self) -> list[Order]:
        """Start now, whatever the state."""
        if self.state is State.DISABLED:
            return []
        if self._children:
            return [Ended(ok=True)]
        self.held = False
        if self._trying:
            return []
        self.tries = 0
        self._once = self._initiation is Initiation.PASSIVE
        return self._try()

    def down(self) -> list[Order]:
        """Delete all SAs and hold still until :meth:`up`."""
        self.held = True
        self.state = State.DOWN
        self.reason = diagnose(1, Code.ADMIN_DOWN)
        self.tries = 0
        self._children.clear()
        return [CloseAll(), *self._route(RouteState.BLOCKED), *self._stop_trying()]

    def acquired(self) -> list[Order]:
        """Start because a packet waits."""
        if self._routes is not RouteState.TRAP or self.next_try_at < NEVER:
            return []
        self._once = False  # a packet is reason enough to go on
        if self._trying:
            return []
        self.tries = 0
        return [Note("info", ("a packet for the remote networks starts it",)), *self._try()]

    def handle_timeout(self, now: float) -> list[Order]:
        """Try again if it is time."""
        if self.next_try_at > now:
            return []
        return self._try()

    # -- what happens to its SAs ----------------------------------------------------------------
    def handle(self, report: Report, now: float) -> list[Order]:
        """Take what an endpoint says of one of this connection's SAs."""
        match report:
            case Established():
                self._live[report.sa] = report
                if not (self._children or self.held):
                    self.state = State.CONNECTING_PHASE2
                return []
            case ChildEstablished():
                return self._on_child(report)
            case ChildClosed():
                self._children.pop(report.inbound_spi, None)
                return []
            case ReauthWanted():
                return self._on_reauth(report)
            case Failed():
                return self._on_failed(report, now)
            case Closed():
                return self._on_closed(report, now)
            case Moved() | Noted():
                return []

    def no_address(self, why: str, now: float) -> list[Order]:
        """Take it that the peer's name has no address, or that there is no way to it."""
        return self._on_failed(
            Failed(self.name, b"", True, diagnose(1, Code.PEER_NAME_UNRESOLVED, evidence=why)), now
        )

    def _on_child(self, child: ChildEstablished) -> list[Order]:
        if self.held:  # it crossed our taking down, and is being deleted
            return []
        self._children[child.inbound_spi] = child
        self._trying = self._once = False
        self.tries = 0
        self.next_try_at = NEVER
        self._proved_at = -NEVER
        self.state = State.CONNECTED
        return [*self._route(RouteState.ACTIVE), Ended(ok=True)]

    def renew(self) -> list[Order]:
        """Make the next SA while the present one still works."""
        if self._trying or self.held or not self._children:
            return []
        self._trying = True
        self.next_try_at = NEVER
        self.state = State.REKEYING
        return [Note("info", ("the SA nears its end: making the next one first",)), Try()]

    def _on_reauth(self, report: ReauthWanted) -> list[Order]:
        sa = self._live.get(report.sa)
        if sa is None or (self._initiation is Initiation.PASSIVE and not sa.initiator):
            return []
        return self.renew()

    def restart(self, now: float) -> list[Order]:
        """Start anew with new keys: the worker, and with it every child, is gone."""
        if not self._live or self.held:
            return []
        self._live.clear()
        self._childless.clear()
        self._children.clear()
        self._trying = False
        self.next_try_at = NEVER
        self.state = State.DOWN
        if self._initiation is Initiation.ACTIVE:
            return [CloseAll(), *self._route(RouteState.BLOCKED), *self._try()]
        return [CloseAll(), *self._after(Reason.DELETED, now)]

    def _on_failed(self, failed: Failed, now: float) -> list[Order]:
        diagnosis = failed.diagnosis
        has_child = any(child.sa == failed.sa for child in self._children.values())
        if failed.sa in self._live and not has_child:
            self._childless.add(failed.sa)
        if not failed.initiator:
            return self._on_peer_failed(diagnosis, now)
        note = Note("warning", diagnosis.lines(), str(diagnosis.code))
        if self.held:
            return [note]
        if diagnosis.certain or now - self._proved_at > _PROOF:
            self.reason = diagnosis
        if has_child:
            return [note]  # what follows is told by its Closed
        if not self._trying:
            return [note]
        self._trying = False
        if self._children:  # the next SA could not be made: the one we have serves on
            self.state = State.CONNECTED
            self.next_try_at = now + self._spread(self._plan.interval)
            return [note, Ended(ok=False, diagnosis=diagnosis)]
        return [note, *self._plan_next(diagnosis, now), Ended(ok=False, diagnosis=diagnosis)]

    def _on_peer_failed(self, diagnosis: Diagnosis, now: float) -> list[Order]:
        """Take it that the peer's try failed here.

        Anyone can make an unauthenticated one fail: it says nothing of a tunnel that is up, and a
        flood of them writes a line a second.
        """
        if self._children and not diagnosis.proven:
            return []
        if not self.held:
            self.reason = diagnosis
            if diagnosis.certain:
                self._proved_at = now
            if not (self._children or self._is_under_way):
                self.state = _failed_state(diagnosis)
        if now - self._noted_at < _NOTE_PAUSE:
            return []
        self._noted_at = now
        return [Note("warning", diagnosis.lines(), str(diagnosis.code))]

    def _plan_next(self, diagnosis: Diagnosis, now: float) -> list[Order]:
        self.tries += 1
        if self._once:
            self._once = False
            self.state = _failed_state(diagnosis)
            return []
        pause = self._plan.wait(self.tries)
        if self._plan.is_failed(self.tries):
            self.state = _failed_state(diagnosis)
            pause = self._spread(pause)
        else:
            stage1 = diagnosis.stage == 1
            self.state = State.CONNECTING_PHASE1 if stage1 else State.CONNECTING_PHASE2
        self.next_try_at = now + pause
        return []

    def _on_closed(self, closed: Closed, now: float) -> list[Order]:
        if self._live.pop(closed.sa, None) is None:
            return self._unannounced_end(closed, now)
        reason = Reason.FAILED if closed.sa in self._childless else closed.reason
        self._childless.discard(closed.sa)
        if self._children or self._live or self.held:
            return []
        return self._after(reason, now)

    def _unannounced_end(self, closed: Closed, now: float) -> list[Order]:
        """End a try whose SA closed without a Failed of its own; what we deleted was no try."""
        mine = closed.initiator and self._trying
        if not mine or closed.reason in (Reason.FAILED, Reason.DELETED):
            return []
        diagnosis = diagnose(1, Code.INTERNAL_ERROR, evidence=closed.reason.value)
        return self._on_failed(Failed(self.name, closed.sa, True, diagnosis), now)

    def _after(self, reason: Reason, now: float) -> list[Order]:
        """Go on after the last SA is gone, as reason, initiation and dpd.action have it."""
        if self._is_under_way and not self.state.is_up:
            return []  # it was a failed try's SA, and the next try is planned
        if reason in _REASONS:
            self.reason = diagnose(1, _REASONS[reason])
        if reason is Reason.DPD_TIMEOUT:
            return self._after_death()
        if self._trying:  # the next SA is being made
            self._once = self._initiation is Initiation.PASSIVE
            self.state = State.CONNECTING_PHASE1
            return self._route(self._waiting_routes)
        self.next_try_at = NEVER
        failed = reason is Reason.FAILED and self.reason is not None
        self.state = _failed_state(self.reason) if failed and self.reason else State.DOWN
        if self._initiation is Initiation.ON_DEMAND:
            self.state = self.state if failed else State.IDLE
            return self._route(RouteState.TRAP)
        if self._initiation is Initiation.ACTIVE:
            self.next_try_at = now if reason is Reason.LIFETIME else now + self._plan.pause
        return self._route(RouteState.BLOCKED)

    def _after_death(self) -> list[Order]:
        self.state = State.DOWN
        match self._dpd_action:
            case DpdAction.RESTART if self._trying:
                self.state = State.CONNECTING_PHASE1
                return self._route(self._waiting_routes)
            case DpdAction.RESTART if self._initiation is not Initiation.PASSIVE:
                self.tries = 0
                return [*self._route(self._waiting_routes), *self._try()]
            case DpdAction.HOLD:
                self.state = State.IDLE
                after = RouteState.TRAP
            case _:
                after = RouteState.BLOCKED
        ending: list[Order] = [CloseAll()] if self._trying else []
        return [*self._route(after), *ending, *self._stop_trying()]

    # -- tries ----------------------------------------------------------------------------------
    def _try(self) -> list[Order]:
        self.next_try_at = NEVER
        self._trying = True
        if not self._children:
            if not self._plan.is_failed(self.tries):
                self.state = State.CONNECTING_PHASE1
            return [*self._route(self._waiting_routes), Try()]
        return [Try()]

    def _stop_trying(self) -> list[Order]:
        was_trying = self._trying
        self._trying = self._once = False
        self.next_try_at = NEVER
        return [Ended(ok=False, diagnosis=self.reason)] if was_trying else []

    @property
    def _is_under_way(self) -> bool:
        return self._trying or self.next_try_at < NEVER

    @property
    def _waiting_routes(self) -> RouteState:
        trapped = self._initiation is Initiation.ON_DEMAND or self._routes is RouteState.TRAP
        return RouteState.TRAP if trapped else RouteState.BLOCKED

    def _route(self, state: RouteState) -> list[Order]:
        if state is self._routes:
            return []
        self._routes = state
        return [SetRoutes(state)]

    def _spread(self, seconds: float) -> float:
        draw = self._entropy.octets(1)[0] / 255
        return seconds * (1 - _JITTER + 2 * _JITTER * draw)


_REASONS: Final = {
    Reason.PEER_DELETED: Code.PEER_DELETED,
    Reason.LIFETIME: Code.LIFETIME,
}


def _failed_state(diagnosis: Diagnosis) -> State:
    return State.PHASE1_FAILED if diagnosis.stage == 1 else State.PHASE2_FAILED
