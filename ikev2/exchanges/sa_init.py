"""IKE_SA_INIT as its initiator (RFC 7296 section 1.2).

    HDR(SPIi, 0), [N(COOKIE)], SA, KE, Ni, N(NATD_S), N(NATD_D)  ──►
                       ◄── SA, KE, Nr, …   or   N(COOKIE)   or   N(INVALID_KE_PAYLOAD)

Everything in the answer is unauthenticated.  An error therefore ends the try only after a short
wait in which a real answer still wins, and a public value that fails its check is not answered.
"""

from dataclasses import replace
from typing import Final

from ikecore.actions import Action, Dropped, Reason
from ikecore.diagnosis import Code, Diagnosis, diagnose
from ikecore.findings import no_answer, proposals_text
from ikecore.proposals import TransformType, choose
from ikev2.exchange import Alone
from ikev2.exchanges.auth import ask_for_key
from ikev2.exchanges.keyed import Keyed, adopt
from ikev2.extensions import can_fragment, goes_childless, offered_in_init
from ikev2.failures import group_refused, refused_by_peer
from ikev2.keys import derive_ike_keys
from ikev2.message import Exchange, Message
from ikev2.nat import detection_payloads, judge
from ikev2.payloads.chain import Payload
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import OCTETS, Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.types import NotifyType, is_error
from ikev2.sa import IkeSa
from ikev2.ways import carried
from policy.path import Path
from suites.kex import GROUP_BY_ID, BadPublicValue, Group

_GRACE: Final = 1.0  # seconds in which a real answer still beats a forged refusal
_TURNS: Final = 4  # COOKIE and INVALID_KE_PAYLOAD answers taken in one try


class InitiateInit(Alone):
    """Our IKE_SA_INIT: private value, nonce, and what the peer has asked of us so far."""

    kind = Exchange.IKE_SA_INIT

    def __init__(self, sa: IkeSa) -> None:
        self._profile = sa.profile
        self._groups = _groups(sa)
        self._kex = self._groups[0].generate()
        self._nonce = sa.resources.entropy.octets(OCTETS)
        self._cookie: tuple[Notify, ...] = ()
        self._nat: tuple[Notify, ...] = ()
        if sa.profile.nat_traversal:
            self._nat = detection_payloads(
                sa.spis, sa.path, sa.resources.entropy, pretend=sa.profile.force_encap
            )
        self._regrouped = False
        self._turns = 0
        self._refusals: list[Diagnosis] = []

    def payloads(self, _sa: IkeSa, _now: float) -> tuple[Payload, ...]:
        """Return the offer; with a cookie, all else is as it was without (section 2.6)."""
        offer = tuple(
            replace(p, number=n) for n, p in enumerate(self._profile.ike_proposals, start=1)
        )
        return (
            *self._cookie,
            SecurityAssociation(offer),
            KeyExchangeData(self._kex.group.iana, self._kex.public),
            Nonce(self._nonce),
            *self._nat,
            *offered_in_init(self._profile),
        )

    def on_response(self, sa: IkeSa, message: Message, now: float) -> list[Action]:
        """Take the peer's choice, or do what it asks, or note that it refuses."""
        for notify in message.all(Notify):
            if notify.type == NotifyType.COOKIE:
                return self._with_cookie(sa, notify, now)
            if notify.type == NotifyType.INVALID_KE_PAYLOAD:
                return self._with_group(sa, notify, now)
            if is_error(notify.type):
                refusal = refused_by_peer(self._profile, notify.type, in_clear=True)
                return self._refused(sa, refusal, now)
        return self._accepted(sa, message, now)

    def on_silence(self, sa: IkeSa, now: float) -> list[Action]:
        """End the try with what is known."""
        failed = sa.fail(
            self._refusals[-1]
            if self._refusals
            else no_answer(f"IKE_SA_INIT to {sa.path.remote[0]} port {sa.path.remote[1]}", sa.icmp)
        )
        return [failed, *sa.close(Reason.FAILED, now)]

    def _with_cookie(self, sa: IkeSa, notify: Notify, now: float) -> list[Action]:
        if not 1 <= len(notify.data) <= 64:
            return [Dropped("malformed", f"cookie of {len(notify.data)} octets")]
        cookie = (Notify(NotifyType.COOKIE, notify.data),)
        if cookie == self._cookie:
            return [Dropped("repeat", "the cookie that was brought already")]
        self._cookie = cookie
        return self._again(sa, now)

    def _with_group(self, sa: IkeSa, notify: Notify, now: float) -> list[Action]:
        wanted = int.from_bytes(notify.data, "big") if len(notify.data) == 2 else 0
        if self._regrouped and wanted == self._kex.group.iana:
            return [Dropped("repeat", "the group that was taken already")]
        group = next((g for g in self._groups if g.iana == wanted), None)
        if group is None or group == self._kex.group:
            known = GROUP_BY_ID.get(wanted)
            text = known.name if known is not None else f"group {wanted}"
            return self._refused(sa, group_refused(self._profile, text), now)
        self._kex = group.generate()
        self._regrouped = True
        return self._again(sa, now)

    def _again(self, sa: IkeSa, now: float) -> list[Action]:
        """Send the request anew under message ID 0 (section 2.6)."""
        self._turns += 1
        if self._turns > _TURNS:
            return [Dropped("too_many_turns", "COOKIE and INVALID_KE_PAYLOAD without end")]
        return sa.send_anew(self, now)

    def _refused(self, sa: IkeSa, refusal: Diagnosis, now: float) -> list[Action]:
        self._refusals = [refusal]
        sa.requests.hurry(now + _GRACE)
        return []

    def _accepted(self, sa: IkeSa, message: Message, now: float) -> list[Action]:
        chosen, data, nonce = (
            message.one(SecurityAssociation),
            message.one(KeyExchangeData),
            message.one(Nonce),
        )
        if chosen is None or data is None or nonce is None or len(chosen.proposals) != 1:
            return [Dropped("malformed", "not one proposal with KE and nonce")]
        if not any(message.header.responder_spi):
            return [Dropped("malformed", "an IKE SPI of zero")]
        settled = choose(self._profile.ike_proposals, chosen.proposals)
        if settled is None or settled[0].group != self._kex.group:
            return [Dropped("proposal", f"the peer chose {proposals_text(chosen.proposals)}")]
        if data.group != self._kex.group.iana:
            return [Dropped("proposal", f"KE of group {data.group}")]
        try:
            shared = self._kex.shared(data.data)
        except BadPublicValue as error:
            return [Dropped("public_value", str(error))]
        request = next(flight.datagrams[0] for flight in sa.requests)
        sa.spis = (sa.spis[0], message.header.responder_spi)
        nat = judge(message, sa.spis, sa.path)
        nonces = (self._nonce, nonce.data)
        keys = derive_ike_keys(settled[0], shared, nonces, sa.spis, initiator=True)
        sa.requests.finish(0)
        keyed = Keyed(
            settled[0],
            keys,
            nonces,
            request,
            message.raw,
            nat,
            can_fragment(self._profile, message),
            goes_childless(self._profile, message),
        )
        actions = adopt(sa, keyed)
        if not self._profile.nat_traversal and nat.any:
            return [*actions, *_forbidden(sa, now)]
        floats = self._profile.force_encap or self._profile.mobike  # RFC 4555 section 3.3
        if nat.any or (floats and nat.told):
            local, remote = sa.path.local[0], sa.path.remote[0]
            port = self._profile.nat_port
            ends = Path((local, port), (remote, port), encapsulated=True)
            sa.path = carried(sa, ends)
        return [*actions, *ask_for_key(sa, keyed)]


def _groups(sa: IkeSa) -> list[Group]:
    """Return the groups we offer, in our order."""
    offered = [t.id for p in sa.profile.ike_proposals for t in p.of(TransformType.KE)]
    return [GROUP_BY_ID[iana] for iana in dict.fromkeys(offered)]


def _forbidden(sa: IkeSa, now: float) -> list[Action]:
    where = "this end" if sa.nat_here else "the peer"
    failed = sa.fail(
        diagnose(1, Code.NAT_FORBIDDEN, "nat_traversal = false", f"{where} is behind NAT")
    )
    return [failed, *sa.close(Reason.FAILED, now)]
