"""One connection's life: tries, states, what its routes do; without I/O.

    idle ─► connecting_phase1 ─► connecting_phase2 ─► (partially_)connected ─► down ─► …
                 ▲   └─ refused or silent: 3 retries 2 s apart, then phaseN_failed
                 └──────────────────────────── and a try every 12 s, without end

It is told what happens to its IKE SAs and children, and says when to try, what to close, what the
routes do and whether packets may start it.  No SA's meaning is known here, only that it is there.
An IKE SA that is up stays when its children fail: they are tried again on it, each by itself.
"""

from typing import Final, TypeAlias

from ikebana.config.connection import Initiation
from ikebana.control.view import ConnectionState as State
from ikebana.daemon.course import Course, Terms
from ikebana.daemon.orders import (
    CloseAll,
    CloseSa,
    Ended,
    Note,
    Order,
    RekeyChild,
    RekeyIke,
    RouteState,
    SetRoutes,
)
from ikebana.daemon.setbacks import Setbacks
from ikebana.daemon.tries import AT_ONCE
from ikecore.actions import (
    ChildClosed,
    ChildEstablished,
    Closed,
    Established,
    Failed,
    Moved,
    Noted,
    ReauthWanted,
)
from ikecore.diagnosis import Code, Diagnosis, diagnose
from ikecore.entropy import Entropy
from ikecore.profile import ChildProfile
from ikecore.timetable import NEVER
from policy.flow import Flow

_GRACE: Final = 2.0  # seconds for the peer to make the children of an IKE SA that it began
_RENEWAL: Final = 30.0  # seconds for the peers to replace the keys that died with the worker

Report: TypeAlias = (
    Established | ChildEstablished | ChildClosed | Failed | Closed | Moved | Noted | ReauthWanted
)


class Connection:
    """Tell it what happens; carry out what it orders, in order."""

    def __init__(self, name: str, terms: Terms, entropy: Entropy, *, enabled: bool = True) -> None:
        self.name = name
        self._course = Course(terms, entropy, enabled=enabled)
        self._setbacks = Setbacks(self._course)

    # -- what can be asked ----------------------------------------------------------------------
    @property
    def state(self) -> State:
        """Return where the connection stands."""
        return self._course.state

    @property
    def held(self) -> bool:
        """Return whether the operator took it down."""
        return self._course.held

    @property
    def reason(self) -> Diagnosis | None:
        """Return why it last failed or ended."""
        return self._course.blame.reason

    @property
    def sas(self) -> tuple[Established, ...]:
        """Return the IKE SAs that are up, oldest first."""
        return self._course.live.sas

    @property
    def children(self) -> tuple[ChildEstablished, ...]:
        """Return the children that are up, oldest first."""
        return self._course.kids.up

    @property
    def mappings(self) -> tuple[int, int]:
        """Return how many of the wanted children are up, and how many are wanted."""
        return self._course.kids.count_up, len(self._course.kids.wishes)

    @property
    def wanted(self) -> tuple[tuple[ChildProfile, frozenset[int], bool], ...]:
        """Return each wanted child, the inbound SPIs that fulfil it, and whether it is being made.

        IKE_AUTH brings the first one along, and what follows on the same IKE SA is yet to come.
        """
        kids = self._course.kids
        return tuple(
            (
                wish.child,
                frozenset(wish.spis),
                kids.is_making(wish) or (self.trying and not wish.spis),
            )
            for wish in kids.wishes
        )

    @property
    def trying(self) -> bool:
        """Return whether an IKE SA of ours is being made."""
        return self._course.trying

    @property
    def turn(self) -> int:
        """Return how many IKE SAs in a row could not be made: addresses take turns."""
        return self._course.ike.failures

    @property
    def tries(self) -> int:
        """Return how often it failed in a row: the IKE SA, or the child that failed most."""
        return max(self._course.ike.failures, self._course.kids.failures)

    @property
    def next_try_at(self) -> float:
        """Return when the next try is due; infinity when none is, or one is under way."""
        course = self._course
        if course.trying or course.kids.is_asked:
            return NEVER
        return course.ike.at if course.ike.is_planned else course.kids.next_at()

    @property
    def admits_peer(self) -> bool:
        """Return whether the peer may start this connection."""
        return self._course.is_admitting

    @property
    def armed(self) -> bool:
        """Return whether a packet that no child carries starts something."""
        course = self._course
        if course.routes is RouteState.TRAP:
            return True
        demand = course.trapped or course.terms.initiation is Initiation.ON_DEMAND
        return demand and course.kids.any_up and not course.kids.all_up

    @property
    def holds_packets(self) -> bool:
        """Return whether a packet that no child carries waits: for a start, or for new keys.

        A dead worker's keys are replaced in a moment.  To refuse a packet meanwhile (ICMP) would
        end the host's connection that it begins.
        """
        return self.armed or bool(self._course.stale)

    def next_timeout(self) -> float:
        """Return when :meth:`handle_timeout` wants to be called, or infinity."""
        return self._course.next_timeout()

    # -- what the operator and the clock do -----------------------------------------------------
    def start(self) -> list[Order]:
        """Begin, as the configuration says."""
        course = self._course
        if not course.is_admitting:
            return []
        if course.terms.initiation is Initiation.ACTIVE:
            course.kids.call(AT_ONCE)
            return [SetRoutes(course.routes), *course.try_()]
        if course.terms.initiation is Initiation.ON_DEMAND:
            course.routes = RouteState.TRAP
        return [SetRoutes(course.routes)]

    def up(self, now: float) -> list[Order]:
        """Start now, whatever the state."""
        course = self._course
        if course.state is State.DISABLED:
            return []
        if course.kids.all_up:
            return [Ended(ok=True)]
        course.held = False
        course.kids.call(AT_ONCE)
        if course.trying:
            course.expect()
            return []
        course.ike.forget()
        course.kids.forget_failures()
        course.once = course.terms.initiation is Initiation.PASSIVE
        if not course.makes_children:
            return course.try_()
        course.expect()
        return course.make(now)

    def down(self) -> list[Order]:
        """Delete all SAs and hold still until :meth:`up`."""
        course = self._course
        if course.state is State.DISABLED:
            return []
        course.held = True
        course.state = State.DOWN
        course.blame.reason = diagnose(1, Code.ADMIN_DOWN)
        course.leave()
        course.ike.forget()
        course.kids.forget_failures()
        return [CloseAll(), *course.route(RouteState.BLOCKED), *course.stop_trying()]

    def clear(self) -> list[Order]:
        """Delete all SAs; the next :meth:`up` negotiates anew."""
        course = self._course
        if not course.is_admitting:
            return []
        course.leave()
        ended = course.stop_trying()
        course.state = State.CONNECTING_PHASE1
        return [CloseAll(), *course.route(course.waiting_routes), *ended]

    def rekey(self, why: str, *, ike: bool) -> list[Order]:
        """Replace the keys of all children, with ``ike`` those of the IKE SA too."""
        course = self._course
        wanted: list[Order] = [RekeyChild(child.inbound_spi, why) for child in course.kids.up]
        home = course.live.home
        return [*wanted, RekeyIke(home, why)] if ike and home else wanted

    def renew(self) -> list[Order]:
        """Make the next SA and its children while the present ones still work."""
        course = self._course
        if course.trying or course.live.is_renewing or not course.kids.any_up:
            return []
        why = "authenticating anew: the next SA is made before this one goes"
        return [Note("info", (why,)), *course.try_()]

    def acquired(self, flow: Flow, now: float) -> list[Order]:
        """Start because a packet waits."""
        course = self._course
        wish = course.kids.wish_for(flow)
        if not self.armed or wish.spis:
            return []
        course.once = False  # a packet is reason enough to go on
        if course.ike.is_planned or wish.tries.is_planned:
            return []
        wish.tries.forget()
        wish.tries.at = AT_ONCE
        if course.trying or course.kids.is_asked:
            return []
        told = Note("info", ("a packet for the remote networks starts it",))
        if course.makes_children:
            course.expect()
            return [told, *course.make(now)]
        course.ike.forget()
        return [told, *course.try_()]

    def restart(self, now: float) -> list[Order]:
        """Replace all keys: the worker is gone, and nobody knows how far it had come with them."""
        course = self._course
        if not course.kids.any_up:
            return []
        course.stale = {child.inbound_spi for child in course.kids.up}
        course.stale_until = now + _RENEWAL
        return [*self.rekey("worker restarted", ike=False), *course.make(now)]

    def handle_timeout(self, now: float) -> list[Order]:
        """Do what is due."""
        course = self._course
        if not course.is_admitting:
            return []
        orders: list[Order] = [CloseSa(sa) for sa in course.live.retire(now)]
        if course.stale_until <= now:
            return [*orders, *course.anew()]
        if course.kids.asked_until <= now:
            course.kids.give_up()
        if course.ike.at <= now:
            course.ike.rest()
            if not course.live.home or course.kids.any_up:
                return [*orders, *course.try_()]
        if course.makes_children:
            return [*orders, *course.make(now)]
        if not course.is_busy_with_ike and course.kids.next_at() <= now:
            orders += course.try_()
        return orders

    # -- what happens to its SAs ----------------------------------------------------------------
    def handle(self, report: Report, now: float) -> list[Order]:
        """Take what an endpoint says of one of this connection's SAs."""
        match report:
            case Established():
                return self._on_established(report, now)
            case ChildEstablished():
                return self._on_child(report, now)
            case ChildClosed():
                return self._setbacks.on_child_closed(report, now)
            case ReauthWanted():
                return self._on_reauth(report)
            case Failed():
                return self._setbacks.on_failed(report, now)
            case Closed():
                return self._setbacks.on_closed(report, now)
            case Moved() | Noted():
                return []

    def no_address(self, why: str, now: float) -> list[Order]:
        """Take it that the peer's name has no address, or that there is no way to it."""
        diagnosis = diagnose(1, Code.PEER_NAME_UNRESOLVED, evidence=why)
        return self._setbacks.on_failed(Failed(self.name, b"", True, diagnosis), now)

    def _on_established(self, report: Established, now: float) -> list[Order]:
        course = self._course
        if course.live.has(report.replaces):
            course.live.rekeyed(report)
            course.kids.move(report.replaces, report.sa)
            return []
        ours = report.initiator and course.trying
        course.live.add(report, ours=ours)
        if course.held:  # it crossed our taking down, and is being deleted
            return []
        if ours:
            course.trying = False
            # IKE_AUTH brings the first child: what came of it is told at once
            course.kids.ask(course.first, now + (0.0 if course.terms.is_childless else _GRACE))
        elif course.terms.initiation is Initiation.ACTIVE and not course.live.is_renewing:
            course.kids.call(now + _GRACE)
        if not course.kids.any_up:
            course.state = State.CONNECTING_PHASE2
        return course.make(now)

    def _on_child(self, child: ChildEstablished, now: float) -> list[Order]:
        course = self._course
        if course.held:
            return []
        # one that came up while all was held down is not known, and so not replaced
        is_renewed = any(one.inbound_spi == child.replaces for one in course.kids.up)
        wish = course.kids.add(child)
        course.stale.discard(child.replaces)
        course.stale_until = course.stale_until if course.stale else NEVER
        if is_renewed:
            return course.make(now)
        course.live.prosper(child.sa)
        course.was_up = True
        course.blame.forget_proof()
        if not course.live.is_older(child.sa):
            course.trying = False
            course.ike.forget()
        sa = course.live.get(child.sa)
        if sa is not None and not sa.initiator:
            course.kids.postpone(now + _GRACE)  # the next one may come by itself, too
        routes = course.route(RouteState.ACTIVE)
        return [*routes, *course.settle(wish), *course.make(now)]

    def _on_reauth(self, report: ReauthWanted) -> list[Order]:
        course = self._course
        sa = course.live.get(report.sa)
        is_passive = course.terms.initiation is Initiation.PASSIVE
        return [] if sa is None or (is_passive and not sa.initiator) else self.renew()
