"""All IKEv2 SAs of one process: SPI table, floods, stateless answers, timers (RFC 7296 2.6).

    datagram ─► header ─► SPI known? ─► IkeSa.handle_datagram
                              └─ no ─► IKE_SA_INIT request? ─► limits, cookie ─► new IkeSa
                                              └─ no ─► Dropped("no_sa")

Whatever escapes one SA closes that SA, and no other.
"""

from collections.abc import Callable
from dataclasses import replace

from ikecore.actions import (
    Action,
    ChildEstablished,
    Dropped,
    Established,
    Failed,
    Reason,
)
from ikecore.candidates import Candidates
from ikecore.diagnosis import Code, diagnose
from ikecore.entropy import Entropy
from ikecore.events import (
    AddressesChanged,
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
from ikecore.profile import Limits
from ikecore.spipool import SpiPool
from ikecore.wire import Malformed
from ikev2 import life
from ikev2.entrance import NO_SPI, Entrance
from ikev2.exchanges.informational import delete
from ikev2.exchanges.sa_init import InitiateInit
from ikev2.handlers import HANDLERS
from ikev2.message import (
    WrongVersion,
    parse_header,
)
from ikev2.mobike import follows_esp
from ikev2.roaming import addresses_changed, learn, resume
from ikev2.sa import IkeSa, Resources, State
from ikev2.standing import standing
from ikev2.uniqueness import remove_stale, reprieve, settle, thin_out
from ikev2.wanted import (
    expire,
    install_failed,
    probe,
    want_child,
    want_close,
    want_ike_rekey,
    want_rekey,
)


class Endpoint(Keeping[IkeSa]):
    """Feed it events; carry out the actions it returns, in order."""

    def __init__(self, entropy: Entropy, spis: SpiPool, limits: Limits | None = None) -> None:
        super().__init__(limits, standing, life.next_timeout)
        mates = self._sas.mates
        self._resources = Resources(entropy, spis, self._limits, HANDLERS, mates)
        self._entrance = Entrance(self._resources, self._sas, self._half_open)
        self._addresses: tuple[AddressesChanged, ...] = ()  # the last one told

    @property
    def remotes(self) -> frozenset[str]:
        """Return where peers are or may be: what routes have to be known for."""
        return frozenset(
            address for sa in self._sas for address in (sa.path.remote[0], *sa.mobility.peers)
        )

    def knows(self, address: str) -> bool:
        """Return whether a peer of some connection may come from ``address``."""
        return self._entrance.candidates.knows(address)

    # -- the three calls ------------------------------------------------------------------------
    def handle(self, event: Event, now: float) -> list[Action]:
        """Take one event; return what to do, in order.  No input raises."""
        match event:
            case DatagramReceived():
                return self._on_datagram(event, now)
            case Configured():
                return self._configure(event, now)
            case Initiate():
                return self._initiate(event, now)
            case Authorized():
                return self._tell(
                    event.sa, lambda sa: sa.waiting.authorized(sa, event.psk, now), now
                )
            case Refused():
                return self._tell(event.sa, lambda sa: sa.waiting.refused(sa, now), now)
            case ProbeWanted():
                return self._tell(event.sa, lambda sa: probe(sa, now), now)
            case CloseWanted():
                return self._tell(event.sa, lambda sa: delete(sa, Reason.DELETED, now), now)
            case ChildWanted():
                return self._tell(event.sa, lambda sa: want_child(sa, event, now), now)
            case RekeyIkeWanted():
                return self._tell(event.sa, lambda sa: want_ike_rekey(sa, event, now), now)
            case RekeyWanted():
                return self._of_child(event.spi, lambda sa: want_rekey(sa, event, now), now)
            case ChildCloseWanted():
                return self._of_child(event.spi, lambda sa: want_close(sa, event, now), now)
            case ChildExpired():
                return self._of_child(event.spi, lambda sa: expire(sa, event, now), now)
            case InstallFailed():
                return self._of_child(event.spi, lambda sa: install_failed(sa, event, now), now)
            case CloseAllWanted():
                return self._close_all(event, now)
            case Credentials() | UserAccepted() | Leased():
                return [Dropped("not_waiting", "IKEv2 asks for no user and no lease")]
            case AddressesChanged():
                return self._on_addresses(event, now)
            case ChildrenHeard():
                return self._on_heard(event, now)
            case PathChanged():
                return self._on_path_changed(event, now)
            case Unreachable():
                return self._on_unreachable(event)

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
            return self._entrance.on_version(error, event.path, len(event.data))
        except Malformed as error:
            return [Dropped("malformed", str(error))]
        ours = header.responder_spi if header.from_initiator else header.initiator_spi
        sa = self._sas.get(ours)
        if sa is not None and sa.initiator != header.from_initiator:
            return self._tell(
                ours, lambda sa: sa.handle_datagram(header, event.data, event.path, now), now
            )
        if self._entrance.leads_in(header):
            return self._entrance.take(header, event, now)
        return [Dropped("no_sa", f"exchange {header.exchange} for an IKE SPI nobody has")]

    # -- other events ---------------------------------------------------------------------------
    def _initiate(self, event: Initiate, now: float) -> list[Action]:
        name = event.profile.name
        if len(self._sas) >= self._limits.ike_sas:
            return [Failed(name, b"", True, diagnose(1, Code.LIMIT_REACHED))]
        sa = IkeSa(
            self._resources,
            (self._entrance.fresh_spi(), NO_SPI),
            event.path,
            event.profile,
            now,
            initiator=True,
        )
        mates = self._sas.mates(name)
        sa.alone = not mates
        for mate in mates:
            mate.alone = False
        self._sas.add_initiator(sa)
        return self._tell(sa.sa, lambda sa: sa.start(InitiateInit(sa), now), now)

    def _configure(self, event: Configured, now: float) -> list[Action]:
        """Take other connections; who is half-way into one that changed has to start anew."""
        self._entrance.candidates = Candidates(event.profiles)
        actions: list[Action] = []
        for sa in [sa for sa in self._sas if sa.state is State.INIT_ANSWERED]:
            actions += self._tell(
                sa.sa, lambda sa: sa.waiting.configured(sa, event.profiles, now), now
            )
        return actions

    def _close_all(self, event: CloseAllWanted, now: float) -> list[Action]:
        actions: list[Action] = []
        for mate in self._sas.mates(event.connection):
            actions += self._tell(mate.sa, lambda sa: delete(sa, Reason.DELETED, now), now)
        return actions

    def _on_heard(self, event: ChildrenHeard, now: float) -> list[Action]:
        for spi in event.spis:
            sa = self._sas.of_child(spi)
            if sa is not None:
                sa.heard_at = now
        return []

    def _on_path_changed(self, event: PathChanged, now: float) -> list[Action]:
        sa = self._sas.of_child(event.spi)
        if sa is None or not follows_esp(sa):
            return []
        path = replace(sa.path, remote=event.remote)
        return self._tell(sa.sa, lambda sa: sa.move(path) if path != sa.path else [], now)

    def _on_addresses(self, event: AddressesChanged, now: float) -> list[Action]:
        self._addresses = (event,)
        actions: list[Action] = []
        for one in list(self._sas):
            actions += self._tell(one.sa, lambda sa: addresses_changed(sa, event, now), now)
        return actions

    def _on_unreachable(self, event: Unreachable) -> list[Action]:
        for sa in self._sas.tried_at(event.remote):
            sa.icmp = event.why
        return []

    # -- bookkeeping ----------------------------------------------------------------------------
    def _tell(self, key: bytes, what: Callable[[IkeSa], list[Action]], now: float) -> list[Action]:
        """Let one SA act; whatever escapes it closes it, and it alone."""
        sa = self._sas.get(key)
        if sa is None:
            return [Dropped("no_sa")]
        for event in () if sa.mobility.is_told else self._addresses:
            learn(sa, event)
        actions = self._let_act(sa, what, now)
        self._sas.note(sa, actions)
        if sa.heirs:
            self._take_heirs(sa)
        told = self._settle(sa, actions, now)
        for up in actions:
            if isinstance(up, Established) and up.replaces:
                told += self._tell(up.sa, lambda heir: resume(heir, now), now)
        if sa.state in (State.DELETING, State.CLOSED):
            told += self._leave_to(self._sas.mates(sa.connection))
        return [*actions, *told]

    def _of_child(
        self, spi: int, what: Callable[[IkeSa], list[Action]], now: float
    ) -> list[Action]:
        sa = self._sas.of_child(spi)
        return [Dropped("no_sa")] if sa is None else self._tell(sa.sa, what, now)

    def _take_heirs(self, old: IkeSa) -> None:
        """Take over the SAs that came of rekeying one, and who owns the children now."""
        for heir in old.heirs:
            if heir.sa not in self._sas and heir.state is not State.CLOSED:
                self._sas.add_heir(heir)
            if heir.sa in self._sas:
                self._sas.own(heir)
                self._sas.note(heir, [])

    def _leave_to(self, mates: list[IkeSa]) -> list[Action]:
        """Let the other SAs of a connection go on without one that ends."""
        used = reprieve(mates)
        for mate in mates:
            self._sas.own(mate)
            self._sas.schedule(mate)
        return used

    def _settle(self, sa: IkeSa, actions: list[Action], now: float) -> list[Action]:
        """Decide which of several SAs with a peer stay, when one comes up or gets a child."""
        is_up = any(isinstance(one, Established) and not one.replaces for one in actions)
        has_child = any(isinstance(one, ChildEstablished) for one in actions)
        if not is_up and (sa.is_settled or not has_child):
            return []
        mates = self._sas.mates(sa.connection)
        told = [*remove_stale(sa, mates, now), *thin_out(sa, mates, now)] if is_up else []
        if has_child and not sa.is_settled:
            told += settle(sa, mates, now)
        for mate in mates:
            mate.alone = False
            self._sas.own(mate)
            self._sas.note(mate, told)
        return told
