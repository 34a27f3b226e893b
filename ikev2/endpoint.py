"""All IKEv2 SAs of one process: SPI table, floods, stateless answers, timers (RFC 7296 2.6).

    datagram ─► header ─► SPI known? ─► IkeSa.handle_datagram
                              └─ no ─► IKE_SA_INIT request? ─► limits, cookie ─► new IkeSa
                                              └─ no ─► Dropped("no_sa")

Whatever escapes one SA closes that SA, and no other.
"""

import traceback
from collections.abc import Callable
from typing import Final

from ikecore.actions import Action, Broken, Dropped, Established, Failed, Reason, Send
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
    DatagramReceived,
    Event,
    Initiate,
    InstallFailed,
    PathChanged,
    ProbeWanted,
    Refused,
    RekeyIkeWanted,
    RekeyWanted,
    Unreachable,
)
from ikecore.profile import Limits
from ikecore.spipool import SpiPool
from ikecore.wire import Malformed
from ikev2 import life
from ikev2.candidates import Candidates
from ikev2.cookies import CookieJar
from ikev2.exchanges.informational import Probe, delete
from ikev2.exchanges.sa_init import InitiateInit
from ikev2.exchanges.sa_init_response import TOLD, Misfit, judge_request, respond
from ikev2.failures import version_mismatch
from ikev2.halfopen import HalfOpen, Verdict
from ikev2.handlers import HANDLERS
from ikev2.message import (
    Exchange,
    Header,
    Message,
    WrongVersion,
    build_init,
    parse_header,
    parse_init,
)
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from ikev2.rules import RuleBroken, check, unknown_critical
from ikev2.sa import IkeSa, Resources, State, Waiting
from ikev2.table import SaTable
from ikev2.uniqueness import reprieve, settle
from policy.path import Path
from suites.kex import BadPublicValue

_NO_SPI: Final = bytes(8)


class Endpoint:
    """Feed it events; carry out the actions it returns, in order."""

    def __init__(self, entropy: Entropy, spis: SpiPool, limits: Limits | None = None) -> None:
        self._limits = limits if limits is not None else Limits()
        self._resources = Resources(entropy, spis, self._limits, HANDLERS)
        self._entropy = entropy
        self._cookies = CookieJar(entropy, self._limits.cookie_lifetime)
        self._half_open = HalfOpen(self._limits)
        self._sas = SaTable(self._half_open)
        self._candidates = Candidates()

    @property
    def half_open(self) -> int:
        """Return how many peers are not authenticated yet."""
        return self._half_open.total

    def path_of(self, sa: bytes) -> Path | None:
        """Return where an SA's peer is now: it may have moved since it was established."""
        found = self._sas.get(sa)
        return None if found is None else found.path

    def knows(self, address: str) -> bool:
        """Return whether a peer of some connection may come from ``address``."""
        return self._candidates.knows(address)

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
                return self._tell(event.sa, lambda sa: _probe(sa, now), now)
            case CloseWanted():
                return self._tell(event.sa, lambda sa: delete(sa, Reason.DELETED, now), now)
            case CloseAllWanted():
                return self._close_all(event, now)
            case (
                ChildWanted()
                | RekeyWanted()
                | RekeyIkeWanted()
                | ChildCloseWanted()
                | ChildExpired()
                | AddressesChanged()
            ):
                return [Dropped("unexpected_request", type(event).__name__)]
            case ChildrenHeard():
                return self._on_heard(event, now)
            case PathChanged():
                return self._on_path_changed(event, now)
            case InstallFailed():
                return self._on_install_failed(event, now)
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

    def next_timeout(self) -> float | None:
        """Return when :meth:`handle_timeout` wants to be called, or None."""
        return self._sas.next_due()

    # -- datagrams ------------------------------------------------------------------------------
    def _on_datagram(self, event: DatagramReceived, now: float) -> list[Action]:
        try:
            header = parse_header(event.data)
        except WrongVersion as error:
            return self._on_version(error, event.path, len(event.data))
        except Malformed as error:
            return [Dropped("malformed", str(error))]
        ours = header.responder_spi if header.from_initiator else header.initiator_spi
        sa = self._sas.get(ours)
        if sa is not None and sa.initiator != header.from_initiator:
            return self._tell(
                ours, lambda sa: sa.handle_datagram(header, event.data, event.path, now), now
            )
        if (
            header.exchange == Exchange.IKE_SA_INIT
            and header.from_initiator
            and not header.response
            and header.responder_spi == _NO_SPI
            and header.initiator_spi != _NO_SPI
            and header.message_id == 0
        ):
            return self._guarded_init(header, event, now)
        return [Dropped("no_sa", f"exchange {header.exchange} for an IKE SPI nobody has")]

    def _on_version(self, error: WrongVersion, path: Path, size: int) -> list[Action]:
        told: list[Action] = [Dropped("version", f"major version {error.major}")]
        if error.major < 2:
            here = self._candidates.at(path)[:TOLD]
            mismatch = version_mismatch(error.major)
            return [*told, *(Failed(p.name, b"", False, mismatch) for p in here)]
        if error.header.response:
            return told
        answer = self._stateless(error.header, Notify(NotifyType.INVALID_MAJOR_VERSION), path)
        return [*told, answer] if len(answer.data) <= size else told

    def _stateless(self, header: Header, notify: Notify, path: Path) -> Send:
        """Return an answer outside any SA (section 2.21.1)."""
        back = Header(
            header.initiator_spi, header.responder_spi, header.exchange, header.message_id,
            from_initiator=False, response=True,
        )  # fmt: skip
        return Send(build_init(back, (notify,)), path)

    def _guarded_init(self, header: Header, event: DatagramReceived, now: float) -> list[Action]:
        try:
            return self._on_init(header, event, now)
        except Exception:
            return [Broken(b"", "", traceback.format_exc())]

    def _on_init(self, header: Header, event: DatagramReceived, now: float) -> list[Action]:
        path, address = event.path, event.path.remote[0]
        known = self._sas.of_init(header.initiator_spi, address)
        if known is not None and known.responses.is_repeat(event.data):
            return [Send(known.responses.response, path)]
        try:
            message = parse_init(event.data, header)
            check(message)
        except (Malformed, RuleBroken) as error:
            return [Dropped("malformed", str(error))]
        critical = unknown_critical(message)
        if critical is not None:
            refusal = Notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, bytes((critical,)))
            return [Dropped("critical"), self._stateless(header, refusal, path)]
        nonce = message.one(Nonce)
        octets = nonce.data if nonce is not None else b""
        proved = self._has_cookie(message, octets, address, now)
        if known is not None:
            waiting = known.waiting if proved else Waiting()
            return waiting.on_cookie(known, message, path)
        match self._half_open.judge(address, has_cookie=proved):
            case Verdict.DROP:
                return [Dropped(Verdict.DROP.value, address)]
            case Verdict.COOKIE:
                cookie = self._cookies.make(octets, address, header.initiator_spi, now)
                asked = self._stateless(header, Notify(NotifyType.COOKIE, cookie), path)
                return [Dropped("cookie_demanded"), asked]
            case Verdict.ACCEPT:
                return self._answer_init(message, path, now)

    def _has_cookie(self, message: Message, nonce: bytes, address: str, now: float) -> bool:
        cookie = message.notify(NotifyType.COOKIE)
        spi = message.header.initiator_spi
        return cookie is not None and self._cookies.is_good(cookie.data, nonce, address, spi, now)

    def _answer_init(self, message: Message, path: Path, now: float) -> list[Action]:
        fit = judge_request(message, self._candidates.at(path), path)
        if isinstance(fit, Misfit):
            return [*fit.told, self._stateless(message.header, fit.notify, path)]
        if len(self._sas) >= self._limits.ike_sas:
            return [Dropped("sa_limit")]
        spis = (message.header.initiator_spi, self._fresh_spi())
        sa = IkeSa(self._resources, spis, path, fit.candidates[0], now, initiator=False)
        sa.expires_at = now + self._limits.half_open_timeout
        try:
            answer = respond(sa, fit, message, now)
        except BadPublicValue as error:
            return [Dropped("public_value", str(error))]
        self._sas.add_responder(sa, path.remote[0])
        self._sas.schedule(sa)
        return answer

    def _fresh_spi(self) -> bytes:
        while (spi := self._resources.entropy.octets(8)) in self._sas or spi == _NO_SPI:
            pass
        return spi

    # -- other events ---------------------------------------------------------------------------
    def _initiate(self, event: Initiate, now: float) -> list[Action]:
        name = event.profile.name
        if len(self._sas) >= self._limits.ike_sas:
            return [Failed(name, b"", True, diagnose(1, Code.LIMIT_REACHED))]
        sa = IkeSa(
            self._resources,
            (self._fresh_spi(), _NO_SPI),
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
        self._candidates = Candidates(event.profiles)
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
        if sa is None or sa.nat_here or not sa.path.encapsulated:
            return []
        path = Path(sa.path.local, event.remote, encapsulated=True)
        return self._tell(sa.sa, lambda sa: sa.move(path) if path != sa.path else [], now)

    def _on_install_failed(self, event: InstallFailed, now: float) -> list[Action]:
        sa = self._sas.of_child(event.spi)
        if sa is None:
            return []
        failed = sa.fail(diagnose(2, Code.CHILD_INSTALL_FAILED))
        return self._tell(sa.sa, lambda sa: [failed, *delete(sa, Reason.FAILED, now)], now)

    def _on_unreachable(self, event: Unreachable) -> list[Action]:
        for sa in self._sas:
            if sa.path.remote[0] == event.remote:
                sa.icmp = event.why
        return []

    # -- bookkeeping ----------------------------------------------------------------------------
    def _tell(self, key: bytes, what: Callable[[IkeSa], list[Action]], now: float) -> list[Action]:
        """Let one SA act; whatever escapes it closes it, and it alone."""
        sa = self._sas.get(key)
        if sa is None:
            return [Dropped("no_sa")]
        try:
            actions = what(sa)
        except Exception:
            broken = Broken(key, sa.connection, traceback.format_exc())
            failed = sa.fail(diagnose(1, Code.INTERNAL_ERROR))
            actions = [broken, failed, *sa.close(Reason.INTERNAL_ERROR, now)]
        self._sas.note(sa, actions)
        if sa.state in (State.DELETING, State.CLOSED):
            reprieve(self._sas.mates(sa.connection))
        if not any(isinstance(action, Established) for action in actions):
            return actions
        return [*actions, *self._on_established(sa, now)]

    def _on_established(self, sa: IkeSa, now: float) -> list[Action]:
        mates = self._sas.mates(sa.connection)
        told = settle(sa, mates, now, initial_contact=sa.initial_contact)
        for mate in mates:
            mate.alone = False
            self._sas.note(mate, told)
        return told


def _probe(sa: IkeSa, now: float) -> list[Action]:
    """Ask whether the peer lives; a request that waits for its answer asks that already."""
    if sa.state is not State.ESTABLISHED or sa.queue:
        return [Dropped("no_probe", sa.state.value)]
    return sa.start(Probe(), now)
