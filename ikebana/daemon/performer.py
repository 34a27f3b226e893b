"""Does what connections order: events for the endpoint, routes, policies, look-ups, log lines."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from ikebana.config.compile import GatewayPlan
from ikebana.daemon.briefing import Briefing
from ikebana.daemon.database import ike_ports, spd_of
from ikebana.daemon.journal import Journal
from ikebana.daemon.kernel import Host
from ikebana.daemon.orders import (
    CloseAll,
    CloseSa,
    Ended,
    MakeChild,
    Note,
    Order,
    RekeyChild,
    RekeyIke,
    RouteState,
    SetRoutes,
    Try,
)
from ikebana.daemon.peers import Peers, profile_of
from ikebana.daemon.roster import Roster
from ikebana.daemon.tunnels import Tunnel
from ikecore.events import (
    ChildWanted,
    CloseAllWanted,
    CloseWanted,
    Configured,
    Event,
    Initiate,
    RekeyIkeWanted,
    RekeyWanted,
)
from ikecore.profile import ChildProfile, Profile
from ikecore.timetable import Timetable
from policy.spd import Policy


class Performer:
    """Give it a tunnel and its orders; it does them in order and plans the tunnel's next time.

    ``event`` goes to the endpoint, ``watch`` to who watches; ``rearm`` is called when something
    was done that nobody waited for.
    """

    def __init__(
        self,
        plan: GatewayPlan,
        kernel: Host,
        journal: Journal,
        roster: Roster,
        peers: Peers,
        clock: Callable[[], float],
        event: Callable[[Event], None],
        watch: Callable[[str, Ended], None],
        rearm: Callable[[], None],
    ) -> None:
        self.times = Timetable[str]()
        self._plan = plan
        self._kernel = kernel
        self._journal = journal
        self._roster = roster
        self._peers = peers
        self._clock = clock
        self._event = event
        self._watch = watch
        self._rearm = rearm
        self._briefing = Briefing(kernel.to_worker)
        self._profiles: dict[str, Profile] = {}  # of those that a peer may start
        self.policies: tuple[Policy, ...] = ()  # the operator's own

    def perform(self, tunnel: Tunnel, orders: Iterable[Order]) -> None:
        """Do what a connection orders."""
        for order in orders:
            match order:
                case Try():
                    self._try(tunnel, order.first)
                case MakeChild():
                    self._make(tunnel, order)
                case RekeyChild():
                    self._event(RekeyWanted(order.spi, order.why))
                case RekeyIke():
                    self._event(RekeyIkeWanted(order.sa, order.why))
                case CloseSa():
                    self._event(CloseWanted(order.sa))
                case CloseAll():
                    self._event(CloseAllWanted(tunnel.name))
                case SetRoutes():
                    self.set_routes(tunnel, order.state)
                case Note():
                    self._journal.write(order.level, order.text, tunnel.name, order.code)
                case Ended():
                    self._watch(tunnel.name, order)
        self._briefing.arm(tunnel.name, armed=tunnel.core.holds_packets)
        self.times.plan(tunnel.name, tunnel.core.next_timeout())
        tunnel.note_reason(time.time())

    def set_routes(self, tunnel: Tunnel, state: RouteState) -> None:
        """Let a tunnel's routes do this from now on."""
        if state is tunnel.routes:
            return
        tunnel.routes = state
        if state is RouteState.TRAP:  # the worker shall know before the first packet gets there
            self._briefing.arm(tunnel.name, armed=True)
        self._kernel.set_routes(tunnel)

    def configure(self, changed: Iterable[Tunnel]) -> None:
        """Tell the endpoint which connections there are, after these may have changed."""
        for tunnel in changed:
            if tunnel.find_policy() and tunnel.plan.enabled:
                self.brief()
                self._kernel.begin_routes(tunnel)
            if tunnel.core.admits_peer:
                self._peers.watch(tunnel, partial(self._on_moved, tunnel))
            if tunnel.core.admits_peer and tunnel.is_ready:
                self._profiles[tunnel.name] = profile_of(tunnel, self._plan.nat_port)
            else:
                self._profiles.pop(tunnel.name, None)
        known = self._profiles
        names = (name for name in self._roster.by_name if name in known)
        self._event(Configured(tuple(known[name] for name in names)))

    def forget(self, tunnel: Tunnel) -> None:
        """Do nothing more for a tunnel."""
        self.times.cancel(tunnel.name)
        self._profiles.pop(tunnel.name, None)

    @property
    def spd(self) -> tuple[Policy, ...]:
        """Return the security policy database, in order."""
        return spd_of(self.policies, self._roster.by_name.values(), ike_ports(self._plan))

    def brief(self, *, anew: bool = False) -> None:
        """Tell the worker the policies; ``anew``: it is another one and knows nothing."""
        if anew:
            self._briefing.begin()
        enabled = [one for one in self._roster.by_name.values() if one.plan.enabled]
        armed = (one.name for one in enabled if one.core.holds_packets)
        self._briefing.tell(self.spd, armed)

    def _make(self, tunnel: Tunnel, order: MakeChild) -> None:
        """Ask for a child; one between the two ends themselves is made of their addresses."""
        sa = next((one for one in tunnel.core.sas if one.sa == order.sa), None)
        child = order.child
        if sa is not None and not tunnel.plan.children:
            remote = sa.path.remote[0]
            child = tunnel.plan.children_at(tunnel.local, frozenset((remote,)), remote)[0]
        self._event(ChildWanted(order.sa, child))

    def _try(self, tunnel: Tunnel, first: ChildProfile) -> None:
        """Negotiate; a host name is looked up anew each time."""

        def then(addresses: tuple[str, ...], why: str) -> None:
            if self._peers.learn(tunnel, addresses):
                self.configure((tunnel,))
            if tunnel.core.trying:  # it may have been taken down meanwhile
                self._initiate(tunnel, first, addresses, why)
            self._rearm()

        self._peers.find(tunnel, then)

    def _initiate(
        self, tunnel: Tunnel, first: ChildProfile, addresses: tuple[str, ...], why: str
    ) -> None:
        path = self._peers.path(tunnel, addresses, self._plan.port) if addresses else None
        if path is None:
            why = why or f"no route to {', '.join(addresses)}"
            self.perform(tunnel, tunnel.core.no_address(why, self._clock()))
            return
        profile = profile_of(tunnel, self._plan.nat_port, path.remote[0])
        self._event(Initiate(_beginning(profile, first), path))

    def _on_moved(self, tunnel: Tunnel) -> None:
        self.configure((tunnel,))
        self._rearm()


def _beginning(profile: Profile, first: ChildProfile) -> Profile:
    """Return the profile with this child before the others: IKE_AUTH brings the first."""
    if first not in profile.children or profile.children[0] == first:
        return profile
    others = (child for child in profile.children if child != first)
    return replace(profile, children=(first, *others))
