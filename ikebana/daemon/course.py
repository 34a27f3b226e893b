"""What a connection has and does next: its state, routes, tries, and the moves between them.

:class:`~ikebana.daemon.connection.Connection` and
:class:`~ikebana.daemon.setbacks.Setbacks` decide on moves; this makes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ikebana.config.compile import Tries
from ikebana.config.connection import CloseAction, DpdAction, Initiation
from ikebana.control.view import ConnectionState as State
from ikebana.daemon.aftermath import Aftermath, after_delete
from ikebana.daemon.blame import Blame
from ikebana.daemon.children import Children, Wish
from ikebana.daemon.live import Live
from ikebana.daemon.orders import CloseAll, Ended, MakeChild, Order, RouteState, SetRoutes, Try
from ikebana.daemon.tries import AT_ONCE, Attempts
from ikecore.diagnosis import Diagnosis
from ikecore.entropy import Entropy
from ikecore.profile import ChildProfile
from ikecore.timetable import NEVER

_PATIENCE: Final = 60.0  # seconds after which a child nobody says anything of is asked for again


@dataclass(frozen=True, slots=True)
class Terms:
    """What the configuration says of a connection's life.

    ``is_childless``: its IKE_AUTH asks for no child where the peer can do without.
    """

    initiation: Initiation
    dpd_action: DpdAction
    close_action: CloseAction
    tries: Tries
    children: Sequence[ChildProfile]
    is_childless: bool = False


class Course:
    """The facts of one connection; each move returns what is to be done for it."""

    def __init__(self, terms: Terms, entropy: Entropy, *, enabled: bool) -> None:
        self.terms = terms
        self.state = State.IDLE if enabled else State.DISABLED
        self.held = False  # taken down by the operator
        self.trying = False  # an IKE SA of ours is being made
        self.once = False  # a passive connection was asked to start: no retries
        self.was_up = False  # since the last try began
        self.worst: Diagnosis | None = None  # the first failure since then
        self.routes = RouteState.BLOCKED
        self.trapped = False  # a packet starts what the peer deleted
        self.stale: set[int] = set()  # children whose keys died with the worker
        self.stale_until = NEVER
        self.ike = Attempts(terms.tries, entropy)
        self.kids = Children(terms.children, terms.tries, entropy)
        self.live = Live()
        self.blame = Blame()
        self.first = self.kids.wishes[0]  # the child that our IKE_AUTH brings

    @property
    def is_admitting(self) -> bool:
        """Return whether the connection may be up."""
        return self.state is not State.DISABLED and not self.held

    @property
    def is_under_way(self) -> bool:
        """Return whether something is being made, or will be."""
        return self.trying or self.ike.is_planned or self.kids.is_planned

    @property
    def may_start(self) -> bool:
        """Return whether a child that is missing is ours to make."""
        home = self.live.get(self.live.home)
        is_active = self.terms.initiation is Initiation.ACTIVE
        return is_active or (home is not None and home.initiator)

    @property
    def makes_children(self) -> bool:
        """Return whether children can be made now."""
        return bool(self.live.home) and not self.trying

    @property
    def waiting_routes(self) -> RouteState:
        """Return what the routes do until something is up."""
        on_demand = self.terms.initiation is Initiation.ON_DEMAND
        trapped = on_demand or self.routes is RouteState.TRAP
        return RouteState.TRAP if trapped else RouteState.BLOCKED

    def next_timeout(self) -> float:
        """Return when something is due, or infinity."""
        if not self.is_admitting:
            return NEVER
        at = min(self.ike.at, self.live.retires_at, self.stale_until)
        if self.kids.is_asked:
            return min(at, self.kids.asked_until)
        if self.makes_children or not self.is_busy_with_ike:
            return min(at, self.kids.next_at(self.live.renewed))
        return at

    @property
    def is_busy_with_ike(self) -> bool:
        """Return whether an IKE SA is being made, or will be."""
        return self.trying or self.ike.is_planned

    # -- moves ----------------------------------------------------------------------------------
    def try_(self) -> list[Order]:
        """Make an IKE SA; while children are up, one that takes the present one's place."""
        self.ike.rest()
        self.trying = True
        if self.kids.any_up:
            self.live.begin_renewal()
            for wish in self.kids.wishes:
                wish.tries.at = AT_ONCE if wish.spis else wish.tries.at
        else:
            self.was_up = False
        self.first = self.kids.first()
        self.expect()
        if self.kids.any_up:
            self.state = State.REKEYING
            return [Try(self.first.child)]
        if not (self.ike.has_failed or self.kids.has_failed):
            self.state = State.CONNECTING_PHASE1
        return [*self.route(self.waiting_routes), Try(self.first.child)]

    def make(self, now: float) -> list[Order]:
        """Ask for the next child that is due, one after another; bring the state up to date."""
        wish = self.kids.next_due(now, self.live.renewed) if self.makes_children else None
        orders: list[Order] = []
        if wish is not None:
            self.kids.ask(wish, now + _PATIENCE)
            orders.append(MakeChild(self.live.home, wish.child))
        self._end_renewal(now)
        self._show()
        return orders

    def _end_renewal(self, now: float) -> None:
        renewed = self.live.renewed
        if not renewed or self.kids.is_planned:
            return
        moved = all(self.kids.is_on(wish, renewed) for wish in self.kids.wishes if wish.spis)
        if moved:
            self.live.end_renewal(now)
        else:  # one could not be made there: it serves on where it is
            self.live.cancel_renewal()

    def _show(self) -> None:
        if not self.is_admitting:
            return
        if self.kids.any_up:
            whole = State.CONNECTED if self.kids.all_up else State.PARTIALLY_CONNECTED
            self.state = State.REKEYING if self.live.is_renewing or self.stale else whole
        elif self.live.home and self.kids.is_planned:
            failed = self.kids.has_failed
            self.state = State.PHASE2_FAILED if failed else State.CONNECTING_PHASE2

    def route(self, state: RouteState) -> list[Order]:
        """Let the routes do this."""
        if state is self.routes:
            return []
        self.routes = state
        return [SetRoutes(state)]

    def rest(self, after: Aftermath) -> None:
        """Wait as ``after`` says."""
        self.state = after.state
        self.trapped = after.routes is RouteState.TRAP
        self.ike.rest()
        self.kids.rest()

    def leave(self) -> None:
        """Take it that all there is will be deleted."""
        self.live.leave()
        self.kids.clear()
        self.stale.clear()
        self.stale_until = NEVER

    def anew(self) -> list[Order]:
        """Give up what there is and negotiate: keys could not be replaced."""
        self.leave()
        after = after_delete(CloseAction.RESTART, self.terms.initiation)
        self.rest(after)
        if not after.starts:
            return [CloseAll(), *self.route(after.routes)]
        self.kids.call(AT_ONCE)
        return [CloseAll(), *self.route(RouteState.BLOCKED), *self.try_()]

    # -- who waits for the end of a try ---------------------------------------------------------
    def expect(self) -> None:
        """Let somebody wait for the first tries of what is planned."""
        self.worst = None
        self.kids.await_planned()

    def settle(self, wish: Wish) -> list[Order]:
        """End the wait once everything planned is up or has had its first try."""
        was_awaited, wish.is_new = self.kids.is_awaited, False
        if not was_awaited or self.kids.is_awaited:
            return []
        self.once = False
        return [Ended(self.worst is None, self.worst)]

    def stop_trying(self) -> list[Order]:
        """Make no IKE SA any more, and tell who waited for one."""
        was_trying = self.trying or self.kids.is_awaited
        self.trying = self.once = False
        self.ike.rest()
        self.kids.await_none()
        return [Ended(ok=False, diagnosis=self.blame.reason)] if was_trying else []


def failed_state(diagnosis: Diagnosis) -> State:
    """Return the state that names the stage which failed."""
    return State.PHASE1_FAILED if diagnosis.stage == 1 else State.PHASE2_FAILED
