"""The way in: the first message of phase 1, and what belongs to no SA (RFC 2408 section 5).

    message 1 ─► sane? ─► known already? ─► crowd ─► a connection's, in its mode? ─► half-open IkeSa

IKEv1 has no cookie exchange like IKEv2's: an address is only proved by message 3.  So when the
table is full, who has not come that far makes room, oldest first: a flood from forged addresses
does not keep anybody out.
"""

import traceback
from dataclasses import replace
from typing import Final

from ikecore.actions import Action, Broken, Dropped, Failed, Reason, Send
from ikecore.candidates import Candidates
from ikecore.diagnosis import Diagnosis
from ikecore.events import DatagramReceived
from ikecore.findings import identity_mismatch, ike_mismatch, version_mismatch
from ikecore.halfopen import HalfOpen, site
from ikecore.profile import Phase1Mode, Profile
from ikecore.proposals import Proposal
from ikecore.table import SaTable
from ikecore.wire import Malformed
from ikev1.exchanges.aggressive_response import RespondAggressive
from ikev1.exchanges.main_response import RespondMain
from ikev1.exchanges.phase1 import auth_method
from ikev1.failures import aggressive_is_off, other_method, other_mode
from ikev1.flight import Flight
from ikev1.flights import PHASE1
from ikev1.message import Exchange, Header, Message, WrongVersion, parse_clear
from ikev1.payloads.ident import Identification
from ikev1.payloads.sa import SecurityAssociation
from ikev1.payloads.types import DOI, SIT_IDENTITY_ONLY, NotifyType
from ikev1.phase1_offer import (
    Chosen1,
    choose_phase1,
    methods_of,
    ours_phase1,
    theirs_phase1,
)
from ikev1.ratelimit import RateLimit
from ikev1.refusal import refusal
from ikev1.registry import METHOD_NAMES, Method
from ikev1.rules import Place, RuleBroken, check
from ikev1.sa import IkeSa, Resources
from ikev1.state import State
from ikev1.tracing import trace_received
from policy.path import Path
from suites.exchange import BadPublicValue

NO_COOKIE: Final = bytes(8)
TOLD: Final = 8  # connections that hear of a stranger's failure: he may be any of many
_MODES: Final = {Exchange.MAIN: Phase1Mode.MAIN, Exchange.AGGRESSIVE: Phase1Mode.AGGRESSIVE}
_ANY_METHOD: Final = range(1 << 16)
_AGGRESSIVE_RATE: Final = 1.0  # answers a second to one address, each good for guessing the PSK
_AGGRESSIVE_BURST: Final = 10


class Entrance:
    """Judge who knocks; what comes in stands in the table then."""

    def __init__(self, resources: Resources, table: SaTable[IkeSa], half_open: HalfOpen) -> None:
        self.candidates = Candidates(major=1)
        self._resources = resources
        self._sas = table
        self._half_open = half_open
        self._aggressive = RateLimit(_AGGRESSIVE_RATE, _AGGRESSIVE_BURST)
        self._unproved: dict[bytes, str] = {}  # half-open, by our cookie, oldest first: from where

    @staticmethod
    def leads_in(header: Header) -> bool:
        """Tell whether a header is that of a first message."""
        return (
            header.exchange in _MODES
            and header.responder_cookie == NO_COOKIE
            and header.initiator_cookie != NO_COOKIE
            and header.message_id == PHASE1
            and not header.encrypted
        )

    def take(self, header: Header, event: DatagramReceived, now: float) -> list[Action]:
        """Take a first message."""
        try:
            return self._on_first(header, event, now)
        except Exception:
            return [Broken(b"", "", traceback.format_exc())]

    def fresh_cookie(self) -> bytes:
        """Return a cookie that no SA has."""
        while (cookie := self._resources.entropy.octets(8)) in self._sas or cookie == NO_COOKIE:
            pass
        return cookie

    def on_version(self, error: WrongVersion) -> list[Action]:
        """Say nothing to who speaks another version: it is another endpoint's."""
        return [Dropped("version", f"major version {error.major}")]

    def _on_first(self, header: Header, event: DatagramReceived, now: float) -> list[Action]:
        path, address = event.path, event.path.remote[0]
        known = self._sas.of_init(header.initiator_cookie, address)
        if known is not None:
            flight = known.flights.get(PHASE1)
            if header.exchange == Exchange.AGGRESSIVE and not self._aggressive.admits(address, now):
                return [Dropped("aggressive_rate", address)]
            if flight is None or not flight.is_repeat(event.data) or not flight.may_repeat():
                return [Dropped("repeat", "a first message under a cookie already used")]
            return [Send(datagram, path) for datagram in flight.sent]
        try:
            message = parse_clear(event.data, header)
            check(message, Place.MM1 if header.exchange == Exchange.MAIN else Place.AM1)
        except (Malformed, RuleBroken) as error:
            return [Dropped("malformed", str(error))]
        if not self._has_room(address, now):
            return [Dropped("half_open_limit", address)]
        offer = message.one(SecurityAssociation)
        if offer is None or (offer.doi, offer.situation) != (DOI, SIT_IDENTITY_ONLY):
            return [Dropped("doi", "another domain of interpretation, or situation")]
        return self._judge(message, offer, event, now)

    def _has_room(self, address: str, now: float) -> bool:
        """Make room for one more, if need be at the cost of who proved nothing, oldest first.

        An address has its share; but who forges a peer's address must not use that up.
        """
        while self._half_open.is_full_for(address):
            mine = site(address)
            oldest = next((key for key, where in self._unproved.items() if where == mine), b"")
            if not oldest:
                return False
            self._forget(oldest, now)
        while self._half_open.is_full():
            oldest = next(iter(self._unproved), b"")
            if not oldest:
                return False
            self._forget(oldest, now)
        return True

    def _forget(self, key: bytes, now: float) -> None:
        del self._unproved[key]
        sa = self._sas.get(key)
        if sa is not None and self._is_unproved(sa):
            sa.is_told = False
            self._sas.note(sa, sa.close(Reason.FAILED, now))
            self._sas.forget(sa)

    @staticmethod
    def _is_unproved(sa: IkeSa) -> bool:
        flight = sa.flights.get(PHASE1)
        first = flight is not None and flight.negotiation.place in (Place.MM3, Place.AM3)
        return sa.state is State.NEGOTIATING and first

    def _judge(
        self, message: Message, offer: SecurityAssociation, event: DatagramReceived, now: float
    ) -> list[Action]:
        path, mode = event.path, _MODES[Exchange(message.header.exchange)]
        here = self.candidates.at(path)
        if not here:
            elsewhere = self.candidates.elsewhere(path)[:TOLD]
            wrong = [version_mismatch(str(p.version), 1) for p in elsewhere]
            told = [Failed(p.name, b"", False, w) for p, w in zip(elsewhere, wrong, strict=True)]
            answer = [_no(message, NotifyType.INVALID_MAJOR_VERSION, path)] if elsewhere else []
            return [Dropped("no_connection", f"no IKEv1 for {path.remote[0]}"), *told, *answer]
        fitting = tuple(one for one in here if one.legacy.mode is mode)
        if not fitting:
            failed = [Failed(p.name, b"", False, other_mode((p,), mode)) for p in here[:TOLD]]
            return [*failed, _no(message, NotifyType.UNSUPPORTED_EXCHANGE_TYPE, path)]
        if mode is Phase1Mode.AGGRESSIVE:
            if not self._aggressive.admits(path.remote[0], now):
                return [Dropped("aggressive_rate", path.remote[0])]
            open_to = tuple(one for one in fitting if one.legacy.allow_aggressive_psk)
            if not open_to:
                off = aggressive_is_off()
                return [
                    *(Failed(p.name, b"", False, off) for p in fitting[:TOLD]),
                    _no(message, NotifyType.UNSUPPORTED_EXCHANGE_TYPE, path),
                ]
            named = self._named(message, open_to)
            if not named:
                return self._stranger(message, open_to)
            fitting = named
        return self._choose(message, offer, fitting, event, now)

    def _named(self, message: Message, fitting: tuple[Profile, ...]) -> tuple[Profile, ...]:
        """Return the connections whose peer has the identity that an aggressive peer shows."""
        ident = message.one(Identification)
        who = ident.identity() if ident is not None else None
        return tuple(one for one in fitting if who is not None and one.remote_id.matches(who))

    def _stranger(self, message: Message, fitting: tuple[Profile, ...]) -> list[Action]:
        ident = message.one(Identification)
        if ident is None:
            return [Dropped("malformed", "no ID payload")]
        wrong = identity_mismatch([one.remote_id for one in fitting], ident.identity())
        told = [Failed(p.name, b"", False, replace(wrong, proven=False)) for p in fitting[:TOLD]]
        return [Dropped("identity", str(ident.identity())), *told]

    def _choose(
        self,
        message: Message,
        offer: SecurityAssociation,
        fitting: tuple[Profile, ...],
        event: DatagramReceived,
        now: float,
    ) -> list[Action]:
        chosen: list[tuple[Profile, Chosen1]] = []
        judged: dict[tuple[tuple[Proposal, ...], Method], Chosen1 | None] = {}
        for one in fitting:  # of which there may be a thousand with the same proposals
            wanted = one.ike_proposals, auth_method(one, initiator=False)
            if wanted not in judged:
                ours, method = wanted
                judged[wanted] = choose_phase1(ours, offer, (method,), one.legacy.private)
            found = judged[wanted]
            if found is not None:
                chosen.append((one, found))
        if not chosen:
            wrong = _mismatch(fitting[:TOLD], offer, _MODES[Exchange(message.header.exchange)])
            told = [Failed(p.name, b"", False, wrong) for p in fitting[:TOLD]]
            return [
                *told,
                _no(message, NotifyType.NO_PROPOSAL_CHOSEN, event.path),
            ]
        if len(self._sas) >= self._resources.limits.ike_sas:
            return [Dropped("sa_limit")]
        suite = chosen[0][1].suite
        same = tuple(one for one, found in chosen if found.suite == suite)
        return self._let_in(message, same, chosen[0][1], event, now)

    def _let_in(
        self,
        message: Message,
        profiles: tuple[Profile, ...],
        chosen: Chosen1,
        event: DatagramReceived,
        now: float,
    ) -> list[Action]:
        spis = (message.header.initiator_cookie, self.fresh_cookie())
        sa = IkeSa(self._resources, spis, event.path, profiles[0], now, initiator=False)
        sa.expires_at = now + self._resources.limits.half_open_timeout
        is_main = message.header.exchange == Exchange.MAIN
        negotiation = (
            RespondMain(profiles, chosen) if is_main else RespondAggressive(profiles[0], chosen)
        )
        flight = Flight(PHASE1, negotiation, sa.profile.retry, now, ours=False)
        flight.look_at(event.data, b"")
        flight.take()
        sa.flights.add(flight)
        try:
            answer = negotiation.answer(sa, flight, message, now)
        except BadPublicValue as error:
            return [Dropped("public_value", str(error))]
        self._sas.add_responder(sa, event.path.remote[0])
        self._sas.schedule(sa)
        self._unproved[sa.sa] = site(event.path.remote[0])
        while len(self._unproved) > self._resources.limits.half_open:
            del self._unproved[next(iter(self._unproved))]
        return [trace_received(sa, message, event.path), *answer]


def _mismatch(
    fitting: tuple[Profile, ...], offer: SecurityAssociation, mode: Phase1Mode
) -> Diagnosis:
    private = fitting[0].legacy.private  # the gateway's, so the same for all
    if any(choose_phase1(one.ike_proposals, offer, _ANY_METHOD, private) for one in fitting):
        ours = [METHOD_NAMES[auth_method(one, initiator=False)] for one in fitting]
        return other_method(ours, methods_of(offer))
    mine = tuple(p for f in fitting for p in ours_phase1(f.ike_proposals, private))
    theirs = theirs_phase1(offer, private)
    return ike_mismatch(mine, theirs, f"the peer's {mode} mode proposals", proven=False)


def _no(message: Message, why: NotifyType, path: Path) -> Send:
    return refusal((message.header.initiator_cookie, NO_COOKIE), why, path)
