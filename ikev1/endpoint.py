"""All ISAKMP SAs of one process: cookies, floods, timers (RFC 2408).

    datagram ─► header ─► cookies known? ─► IkeSa.handle_datagram
                               └─ no ─► message 1 of phase 1? ─► limits ─► new IkeSa
                                               └─ no ─► Dropped("no_sa")

Whatever escapes one SA closes that SA, and no other.
"""

from collections.abc import Callable
from dataclasses import replace

from ikecore.actions import Action, Closed, Dropped, Established, Failed, Reason
from ikecore.candidates import Candidates
from ikecore.diagnosis import Code, diagnose
from ikecore.entropy import Entropy
from ikecore.events import (
    AddressesChanged,
    AskedOf,
    Authorized,
    ChildCloseWanted,
    ChildExpired,
    ChildrenHeard,
    ChildWanted,
    CloseAllWanted,
    CloseWanted,
    Configured,
    Credentials,
    DatagramReceived,
    Event,
    Initiate,
    InstallFailed,
    Leased,
    PathChanged,
    ProbeWanted,
    Refused,
    RekeyIkeWanted,
    RekeyWanted,
    Unreachable,
    UserAccepted,
)
from ikecore.keeping import Keeping
from ikecore.profile import Limits, Phase1Mode
from ikecore.spipool import SpiPool
from ikecore.wire import Malformed
from ikev1 import children, life
from ikev1.entrance import NO_COOKIE, Entrance
from ikev1.exchanges.aggressive import InitiateAggressive
from ikev1.exchanges.informational import delete
from ikev1.exchanges.main import InitiateMain
from ikev1.flights import PHASE1
from ikev1.handlers import HANDLERS
from ikev1.install import home_of
from ikev1.liveness import probe
from ikev1.message import Header, WrongVersion, parse_header
from ikev1.sa import IkeSa, Resources
from ikev1.standing import standing
from ikev1.state import State


class Endpoint(Keeping[IkeSa]):
    """Feed it events; carry out the actions it returns, in order."""

    def __init__(self, entropy: Entropy, spis: SpiPool, limits: Limits | None = None) -> None:
        super().__init__(limits, standing, life.next_timeout)
        self._resources = Resources(entropy, spis, self._limits, HANDLERS, self._sas.mates)
        self._entrance = Entrance(self._resources, self._sas, self._half_open)

    # -- what can be asked ----------------------------------------------------------------------
    @property
    def remotes(self) -> frozenset[str]:
        """Return where peers are: what routes have to be known for."""
        return frozenset(sa.path.remote[0] for sa in self._sas)

    def knows(self, address: str) -> bool:
        """Tell whether a peer of some connection may come from ``address``."""
        return self._entrance.candidates.knows(address)

    # -- the three calls ------------------------------------------------------------------------
    def handle(self, event: Event, now: float) -> list[Action]:
        """Take one event; return what to do, in order.  No input raises."""
        match event:
            case DatagramReceived():
                return self._on_datagram(event, now)
            case Configured():
                self._entrance.candidates = Candidates(event.profiles, major=1)
                return []
            case Initiate():
                return self._initiate(event, now)
            case CloseAllWanted():
                return self._close_all(event, now)
            case ChildrenHeard():
                return self._on_heard(event, now)
            case PathChanged():
                return self._on_path_changed(event, now)
            case Unreachable():
                for sa in self._sas.tried_at(event.remote):
                    sa.hints.icmp = event.why
                return []
            case AddressesChanged():
                return []  # IKEv1 has no MOBIKE: dead peer detection finds out
            case RekeyWanted() | ChildCloseWanted() | ChildExpired() | InstallFailed():
                return self._on_child(event, now)
            case _:
                return self._on_sa(event, now)

    def _on_child(
        self, event: RekeyWanted | ChildCloseWanted | ChildExpired | InstallFailed, now: float
    ) -> list[Action]:
        sa = self._sas.of_child(event.spi)
        if sa is None:
            return [Dropped("no_sa")]
        match event:
            case RekeyWanted():
                return self._tell(sa.sa, lambda sa: children.want_rekey(sa, event, now), now)
            case ChildCloseWanted():
                return self._tell(sa.sa, lambda sa: children.want_close(sa, event, now), now)
            case ChildExpired():
                return self._tell(sa.sa, lambda sa: children.expire(sa, event, now), now)
            case InstallFailed():
                return self._tell(sa.sa, lambda sa: children.install_failed(sa, event, now), now)

    def _on_sa(self, event: AskedOf, now: float) -> list[Action]:
        def act(sa: IkeSa) -> list[Action]:
            match event:
                case Authorized():
                    return sa.waiting.authorized(sa, event.psk, now)
                case Refused():
                    return sa.waiting.refused(sa, now)
                case Credentials():
                    return sa.waiting.credentials(sa, event.user, event.password, now)
                case UserAccepted():
                    return sa.waiting.accepted(sa, now)
                case Leased():
                    return sa.waiting.leased(sa, event.lease, now)
                case ProbeWanted():
                    return probe(sa, now)
                case CloseWanted():
                    return delete(sa, Reason.DELETED, now)
                case ChildWanted():
                    return children.want_child(sa, event, now)
                case RekeyIkeWanted():
                    return self._want_heir(sa)

        return self._tell(event.sa, act, now)

    def handle_timeout(self, now: float) -> list[Action]:
        """Do what is due."""
        actions: list[Action] = []
        while (sa := self._sas.pop_due(now)) is not None:
            if sa.state is State.CLOSED and sa.expires_at <= now:
                self._sas.forget(sa)
            else:
                actions += self._tell(sa.sa, lambda sa: life.handle_timeout(sa, now), now)
        return actions

    # -- datagrams ------------------------------------------------------------------------------
    def _on_datagram(self, event: DatagramReceived, now: float) -> list[Action]:
        try:
            header = parse_header(event.data)
        except WrongVersion as error:
            return self._entrance.on_version(error)
        except Malformed as error:
            return [Dropped("malformed", str(error))]
        sa = self._of(header)
        if sa is not None:
            return self._tell(
                sa.sa, lambda sa: sa.handle_datagram(header, event.data, event.path, now), now
            )
        if self._entrance.leads_in(header):
            return self._entrance.take(header, event, now)
        return [Dropped("no_sa", f"exchange {header.exchange} for cookies nobody has")]

    def _of(self, header: Header) -> IkeSa | None:
        """Return the SA with both cookies; an initiator does not know the second at first."""
        mine = self._sas.get(header.initiator_cookie)
        if mine is not None and mine.initiator:
            known = (header.responder_cookie, NO_COOKIE)
            return mine if mine.spis[1] in known else None
        mine = self._sas.get(header.responder_cookie)
        if mine is None or mine.initiator or mine.spis[0] != header.initiator_cookie:
            return None
        return mine

    # -- other events ---------------------------------------------------------------------------
    def _initiate(self, event: Initiate, now: float) -> list[Action]:
        return self._begin(
            IkeSa(
                self._resources,
                (self._entrance.fresh_cookie(), NO_COOKIE),
                event.path,
                event.profile,
                now,
                initiator=True,
            ),
            now,
        )

    def _begin(self, sa: IkeSa, now: float) -> list[Action]:
        name = sa.profile.name
        if len(self._sas) >= self._limits.ike_sas:
            return [Failed(name, b"", True, diagnose(1, Code.LIMIT_REACHED))]
        mates = self._sas.mates(name)
        sa.alone = not mates
        for mate in mates:
            mate.alone = False
        self._sas.add_initiator(sa)
        aggressive = sa.profile.legacy.mode is Phase1Mode.AGGRESSIVE
        first = InitiateAggressive() if aggressive else InitiateMain()
        return self._tell(sa.sa, lambda sa: sa.begin(first, PHASE1, now), now)

    def _want_heir(self, sa: IkeSa) -> list[Action]:
        if sa.state is not State.ESTABLISHED:
            return [Dropped("not_wanted", sa.state.value)]
        sa.wants_heir = True
        return []

    def _make_heir(self, old: IkeSa, now: float) -> list[Action]:
        """Negotiate phase 1 anew while the present SA works: its children go over."""
        old.wants_heir = False
        mates = self._sas.mates(old.connection)
        if any(m.elder == old.sa and m.state is not State.CLOSED for m in mates):
            return []
        spis = (self._entrance.fresh_cookie(), NO_COOKIE)
        wanted = replace(old.profile, children=old.configured or old.profile.children)
        heir = IkeSa(self._resources, spis, old.path, wanted, now, initiator=True)
        heir.elder = old.sa
        heir.is_told = False
        return self._begin(heir, now)

    def _close_all(self, event: CloseAllWanted, now: float) -> list[Action]:
        actions: list[Action] = []
        for mate in self._sas.mates(event.connection):
            actions += self._tell(mate.sa, lambda sa: delete(sa, Reason.DELETED, now), now)
        return actions

    def _on_heard(self, event: ChildrenHeard, now: float) -> list[Action]:
        actions: list[Action] = []
        for spi in event.spis:
            sa = self._sas.of_child(spi)
            if sa is not None:
                actions += self._heard(sa, spi, now)
        return actions

    def _heard(self, sa: IkeSa, spi: int, now: float) -> list[Action]:
        sa.heard_at = now
        sa.liveness.answered()
        return self._tell(sa.sa, lambda sa: children.heard(sa, spi, now), now)

    def _on_path_changed(self, event: PathChanged, now: float) -> list[Action]:
        sa = self._sas.of_child(event.spi)
        if sa is None or sa.nat.here or not sa.nat.there:
            return []
        path = replace(sa.path, remote=event.remote)
        return self._tell(sa.sa, lambda sa: sa.move(path) if path != sa.path else [], now)

    # -- bookkeeping ----------------------------------------------------------------------------
    def _tell(self, key: bytes, what: Callable[[IkeSa], list[Action]], now: float) -> list[Action]:
        """Let one SA act; whatever escapes it closes it, and it alone."""
        sa = self._sas.get(key)
        if sa is None:
            return [Dropped("no_sa")]
        actions = self._let_act(sa, what, now)
        self._sas.note(sa, actions)
        if any(isinstance(action, Established | Closed) for action in actions):
            for mate in self._sas.mates(sa.connection):
                self._sas.own(mate)
                self._sas.note(mate, [])
        home = home_of(sa)
        if home is not sa:
            self._sas.own(home)
            self._sas.schedule(home)
        if sa.wants_heir:
            actions = [*actions, *self._make_heir(sa, now)]
        return actions
