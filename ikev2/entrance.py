"""The way in: IKE_SA_INIT requests and what belongs to no SA (RFC 7296 sections 2.6, 2.21.1).

    request ─► sane? ─► known already? ─► crowd, cookie ─► a connection's? ─► half-open IkeSa

Every answer that makes no SA is computed from the request alone, so that a flood costs no memory.
"""

import traceback
from typing import Final

from ikecore.actions import Action, Broken, Dropped, Failed, Send
from ikecore.candidates import Candidates
from ikecore.events import DatagramReceived
from ikecore.findings import version_mismatch
from ikecore.halfopen import HalfOpen, Verdict
from ikecore.table import SaTable
from ikecore.wire import Malformed
from ikev2.cookies import CookieJar
from ikev2.exchange import Waiting
from ikev2.exchanges.sa_init_response import TOLD, Misfit, judge_request, respond
from ikev2.message import Exchange, Header, Message, WrongVersion, build_init, parse_init
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from ikev2.rules import RuleBroken, check, unknown_critical
from ikev2.sa import IkeSa, Resources
from policy.path import Path
from suites.kex import BadPublicValue

NO_SPI: Final = bytes(8)


class Entrance:
    """Judge who knocks; what comes in stands in the table then."""

    def __init__(self, resources: Resources, table: SaTable[IkeSa], half_open: HalfOpen) -> None:
        self.candidates = Candidates()
        self._resources = resources
        self._limits = resources.limits
        self._sas = table
        self._half_open = half_open
        self._cookies = CookieJar(resources.entropy, resources.limits.cookie_lifetime)

    @staticmethod
    def leads_in(header: Header) -> bool:
        """Tell whether a header is that of a first request."""
        return (
            header.exchange == Exchange.IKE_SA_INIT
            and header.from_initiator
            and not header.response
            and header.responder_spi == NO_SPI
            and header.initiator_spi != NO_SPI
            and header.message_id == 0
        )

    def take(self, header: Header, event: DatagramReceived, now: float) -> list[Action]:
        """Take a first request."""
        try:
            return self._on_init(header, event, now)
        except Exception:
            return [Broken(b"", "", traceback.format_exc())]

    def fresh_spi(self) -> bytes:
        """Return an IKE SPI that no SA has."""
        while (spi := self._resources.entropy.octets(8)) in self._sas or spi == NO_SPI:
            pass
        return spi

    def on_version(self, error: WrongVersion, path: Path, size: int) -> list[Action]:
        """Answer who speaks another version of IKE."""
        told: list[Action] = [Dropped("version", f"major version {error.major}")]
        if error.major < 2:
            here = self.candidates.at(path)[:TOLD]
            mismatch = version_mismatch("ikev2", error.major)
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

    def _on_init(self, header: Header, event: DatagramReceived, now: float) -> list[Action]:
        path, address = event.path, event.path.remote[0]
        known = self._sas.of_init(header.initiator_spi, address)
        if known is not None and known.responses.is_repeat(0, event.data):
            return [Send(known.responses.response(0)[0], path)]
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
        here = self.candidates.at(path)
        fit = judge_request(message, here, path)
        if isinstance(fit, Misfit):
            others = () if here else self.candidates.elsewhere(path)[:TOLD]
            wrong = ((p.name, version_mismatch(str(p.version), 2)) for p in others)
            told = [Failed(name, b"", False, why) for name, why in wrong]
            return [*fit.told, *told, self._stateless(message.header, fit.notify, path)]
        if len(self._sas) >= self._limits.ike_sas:
            return [Dropped("sa_limit")]
        spis = (message.header.initiator_spi, self.fresh_spi())
        sa = IkeSa(self._resources, spis, path, fit.candidates[0], now, initiator=False)
        sa.expires_at = now + self._limits.half_open_timeout
        try:
            answer = respond(sa, fit, message, now)
        except BadPublicValue as error:
            return [Dropped("public_value", str(error))]
        self._sas.add_responder(sa, path.remote[0])
        self._sas.schedule(sa)
        return answer
