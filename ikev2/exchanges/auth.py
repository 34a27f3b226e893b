"""IKE_AUTH with a pre-shared key as its initiator (RFC 7296 sections 1.2 and 2.15).

    SK { IDi, [N(INITIAL_CONTACT)], IDr, AUTH, SA, TSi, TSr }  ──►
                                              ◄── SK { IDr, AUTH, SA, TSi, TSr }
                     stage 1 failed:          ◄── SK { N(AUTHENTICATION_FAILED) }
                     stage 2 failed:          ◄── SK { IDr, AUTH, N(TS_UNACCEPTABLE) }

Without its child an IKE SA is no use here: it is deleted, and the next try starts anew.
"""

from ikecore.actions import Action, Authorize, Reason
from ikecore.diagnosis import Code, Diagnosis, diagnose
from ikecore.proposals import choose
from ikev2 import life
from ikev2.children import LOWEST_SPI, Agreed, install, offer, spi_of
from ikev2.exchanges.informational import delete
from ikev2.exchanges.keyed import Keyed, established
from ikev2.failures import (
    identity_mismatch,
    networks,
    no_answer,
    proposals_text,
    psk_mismatch,
    refused_by_peer,
    selectors_text,
)
from ikev2.keys import is_auth_good, psk_auth
from ikev2.message import Exchange, Message
from ikev2.payloads.auth import Authentication, AuthMethod
from ikev2.payloads.chain import Payload
from ikev2.payloads.ident import IdInitiator, IdResponder
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from ikev2.payloads.types import NotifyType, is_error
from ikev2.sa import IkeSa, State, Waiting
from policy.selectors import is_subset
from suites.secret import Secret


def ask_for_key(sa: IkeSa, keyed: Keyed) -> list[Action]:
    """Ask the outside for the pre-shared key; IKE_AUTH follows its answer."""
    sa.waiting = WaitForKey(keyed)
    profile = sa.profile
    question = Authorize(sa.sa, profile.name, profile.local_id, profile.remote_id)
    return [sa.become(State.AUTHORIZING, "IKE_SA_INIT answered"), question]


class WaitForKey(Waiting):
    """The initiator between the two exchanges."""

    def __init__(self, keyed: Keyed) -> None:
        self._keyed = keyed

    def authorized(self, sa: IkeSa, psk: Secret, now: float) -> list[Action]:
        """Send IKE_AUTH."""
        sa.waiting = Waiting()
        changed = sa.become(State.AUTH_SENT, "key given")
        spi = sa.offer_spi(now)
        return [changed, *sa.start(InitiateAuth(self._keyed, psk, spi), now)]

    def refused(self, sa: IkeSa, now: float) -> list[Action]:
        """Give up: there is no key for this peer."""
        return [sa.fail(diagnose(1, Code.KEY_MISSING)), *sa.close(Reason.FAILED, now)]


class InitiateAuth:
    """Our IKE_AUTH: proves who we are and offers the first child."""

    kind = Exchange.IKE_AUTH

    def __init__(self, keyed: Keyed, psk: Secret, inbound_spi: int) -> None:
        self._keyed = keyed
        self._psk = psk
        self._inbound_spi = inbound_spi

    def payloads(self, sa: IkeSa) -> tuple[Payload, ...]:
        """Return identity, AUTH, and the first child's offer."""
        profile, keyed = sa.profile, self._keyed
        identity = IdInitiator(profile.local_id)
        auth = psk_auth(
            keyed.keys, self._psk, keyed.request, keyed.nonces[1], identity.body(), initiator=True
        )
        contact = (Notify(NotifyType.INITIAL_CONTACT),) if sa.alone else ()
        return (
            identity,
            *contact,
            IdResponder(profile.remote_id),
            Authentication(AuthMethod.SHARED_KEY, auth),
            SecurityAssociation(offer(profile, self._inbound_spi)),
            SelectorsInitiator(profile.local_ts),
            SelectorsResponder(profile.remote_ts),
        )

    def on_response(self, sa: IkeSa, message: Message, now: float) -> list[Action]:
        """Check who answered, then take the child or tell why there is none."""
        profile = sa.profile
        identity, auth = message.one(IdResponder), message.one(Authentication)
        error = next((n for n in message.all(Notify) if is_error(n.type)), None)
        if identity is None or auth is None:
            kind = error.type if error is not None else NotifyType.INVALID_SYNTAX
            return self._end(sa, refused_by_peer(profile, kind), now)
        wrong = self._wrong(sa, identity, auth)
        if wrong is not None:
            return self._refuse(sa, wrong, now)
        life.begin(sa, now)
        up = established(sa, self._keyed.suite, identity.identity)
        actions: list[Action] = [
            sa.become(State.ESTABLISHED, "both ends authenticated"),
            up,
        ]
        agreed = _child(sa, message, error)
        if isinstance(agreed, Diagnosis):
            return [*actions, sa.fail(agreed), *delete(sa, Reason.FAILED, now)]
        before, after = install(sa, profile, self._keyed.keys, agreed, self._inbound_spi)
        return [*before, *actions, *after]

    def on_silence(self, sa: IkeSa, now: float) -> list[Action]:
        """End the try: IKE_SA_INIT was answered, IKE_AUTH is not."""
        waited = f"IKE_AUTH to {sa.path.remote[0]} port {sa.path.remote[1]} (IKE_SA_INIT was)"
        return self._end(sa, no_answer(waited, sa.icmp), now)

    def _wrong(self, sa: IkeSa, identity: IdResponder, auth: Authentication) -> Diagnosis | None:
        profile, keyed = sa.profile, self._keyed
        if not profile.remote_id.matches(identity.identity):
            return identity_mismatch((profile.remote_id,), identity.identity)
        expected = psk_auth(
            keyed.keys, self._psk, keyed.response, keyed.nonces[0], identity.body(), initiator=False
        )
        if auth.method != AuthMethod.SHARED_KEY or not is_auth_good(expected, auth.data):
            return psk_mismatch(profile)
        return None

    def _refuse(self, sa: IkeSa, diagnosis: Diagnosis, now: float) -> list[Action]:
        """Tell the responder that we do not believe it (section 2.21.2)."""
        words = Notify(NotifyType.AUTHENTICATION_FAILED)
        return [sa.fail(diagnosis), *delete(sa, Reason.FAILED, now, words)]

    def _end(self, sa: IkeSa, diagnosis: Diagnosis, now: float) -> list[Action]:
        return [sa.fail(diagnosis), *sa.close(Reason.FAILED, now)]


def _child(sa: IkeSa, message: Message, error: Notify | None) -> Agreed | Diagnosis:
    """Return the child the responder made, if it is within what we offered."""
    profile = sa.profile
    chosen = message.one(SecurityAssociation)
    tsi, tsr = message.one(SelectorsInitiator), message.one(SelectorsResponder)
    if chosen is None or tsi is None or tsr is None:
        kind = error.type if error is not None else NotifyType.NO_PROPOSAL_CHOSEN
        return refused_by_peer(profile, kind)
    mine = offer(profile, 0)
    settled = choose(mine, chosen.proposals) if len(chosen.proposals) == 1 else None
    if settled is None or spi_of(settled[1]) < LOWEST_SPI:
        theirs = proposals_text(chosen.proposals)
        return diagnose(2, Code.ESP_PROPOSAL_MISMATCH, proposals_text(mine), theirs)
    if not (
        is_subset(tsi.selectors, profile.local_ts)
        and is_subset(tsr.selectors, profile.remote_ts)
        and tsi.selectors
        and tsr.selectors
    ):
        theirs = f"{selectors_text(tsi.selectors)} === {selectors_text(tsr.selectors)}"
        return diagnose(2, Code.TS_MISMATCH, networks(profile), theirs)
    return Agreed(settled[0], spi_of(settled[1]), tsi.selectors, tsr.selectors)
