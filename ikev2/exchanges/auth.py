"""IKE_AUTH with a pre-shared key as its initiator (RFC 7296 sections 1.2 and 2.15).

    SK { IDi, [N(INITIAL_CONTACT)], IDr, AUTH, SA, TSi, TSr }  ──►
                                              ◄── SK { IDr, AUTH, SA, TSi, TSr }
                     stage 1 failed:          ◄── SK { N(AUTHENTICATION_FAILED) }
                     stage 2 failed:          ◄── SK { IDr, AUTH, N(TS_UNACCEPTABLE) }

Without its child the IKE SA stays: the child may be tried again on it.  Where both ends can do
without (RFC 6023), none is asked for here.  Three errors end the IKE SA also beside a good AUTH
(section 2.21.2); a strongSwan that insists on childless initiation says one of them.
"""

from dataclasses import replace
from typing import Final

from ikecore.actions import Action, Authorize, Reason
from ikecore.diagnosis import Code, Diagnosis, diagnose
from ikecore.findings import identity_mismatch, no_answer, psk_mismatch
from ikecore.profile import ChildProfile, Profile
from ikev2 import life
from ikev2.children import Answered, accepted, offer, selectors, wishes
from ikev2.exchange import Alone, Waiting
from ikev2.exchanges.create_child import SPLITS, pairs_of, refused_child
from ikev2.exchanges.delete_child import DeleteChild
from ikev2.exchanges.informational import delete
from ikev2.exchanges.keyed import Keyed
from ikev2.extensions import auth_notifies, take_notifies
from ikev2.failures import refused_by_peer, wrong_auth
from ikev2.heir import established
from ikev2.install import Made, install
from ikev2.keys import is_auth_good, psk_auth
from ikev2.message import Exchange, Message
from ikev2.payloads.auth import Authentication, AuthMethod
from ikev2.payloads.chain import Payload
from ikev2.payloads.ident import IdInitiator, IdResponder
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.types import NotifyType, is_error
from ikev2.sa import IkeSa, State
from ikev2.transport import answered_behind_nat
from suites.secret import Secret

_FATAL: Final = frozenset(
    (
        NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD,
        NotifyType.INVALID_SYNTAX,
        NotifyType.AUTHENTICATION_FAILED,
    )
)


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
        spi = 0 if self._keyed.childless else sa.offer_spi(now)
        return [changed, *sa.start(InitiateAuth(self._keyed, psk, spi), now)]

    def refused(self, sa: IkeSa, now: float) -> list[Action]:
        """Give up: there is no key for this peer."""
        return [sa.fail(diagnose(1, Code.KEY_MISSING)), *sa.close(Reason.FAILED, now)]


class InitiateAuth(Alone):
    """Our IKE_AUTH: proves who we are and offers the first child."""

    kind = Exchange.IKE_AUTH

    def __init__(self, keyed: Keyed, psk: Secret, inbound_spi: int) -> None:
        self._keyed = keyed
        self._psk = psk
        self._inbound_spi = inbound_spi

    def payloads(self, sa: IkeSa, _now: float) -> tuple[Payload, ...]:
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
            *auth_notifies(sa),
            *self._child(profile),
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
        if error is not None and error.type in _FATAL:
            return self._end(sa, refused_by_peer(profile, error.type), now)
        sa.peer = identity.identity
        life.begin(sa, now)
        take_notifies(sa, message, now)
        changed = sa.become(State.ESTABLISHED, "both ends authenticated")
        up: list[Action] = [changed, established(sa)]
        if self._keyed.childless:
            return up
        wanted = profile.children[0]
        if message.one(SecurityAssociation) is None:
            sa.take_back(self._inbound_spi, now)
            kind = error.type if error is not None else NotifyType.NO_PROPOSAL_CHOSEN
            return [*up, *_without(sa, wanted, kind, now)]
        answered = answered_behind_nat(sa, Answered.of(message))
        agreed = accepted(profile, wanted, offer(profile, 0, first=True), message, answered)
        if isinstance(agreed, Diagnosis):
            sa.take_back(self._inbound_spi, now)
            away = DeleteChild(profile.esp_proposals[0].protocol, self._inbound_spi)
            return [*up, sa.fail(agreed, wanted), *sa.start(away, now)]
        made = Made(sa.nonces, b"", True, sa.started_at)
        _, before, after = install(sa, agreed, made, wanted, self._inbound_spi, now)
        return [*before, *up, *after]

    def _child(self, profile: Profile) -> tuple[Payload, ...]:
        if self._keyed.childless:
            return ()
        offered = offer(profile, self._inbound_spi, first=True)
        wanted = selectors(profile.children[0])
        return (*wishes(profile), SecurityAssociation(offered), *wanted)

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
            return psk_mismatch(profile, wrong_auth(profile))
        return None

    def _refuse(self, sa: IkeSa, diagnosis: Diagnosis, now: float) -> list[Action]:
        """Tell the responder that we do not believe it (section 2.21.2)."""
        words = Notify(NotifyType.AUTHENTICATION_FAILED)
        return [sa.fail(diagnosis), *delete(sa, Reason.FAILED, now, words)]

    def _end(self, sa: IkeSa, diagnosis: Diagnosis, now: float) -> list[Action]:
        return [sa.fail(diagnosis), *sa.close(Reason.FAILED, now)]


def _without(sa: IkeSa, wanted: ChildProfile, kind: int, now: float) -> list[Action]:
    """Go on without the child: split it, or say why there is none."""
    if kind in SPLITS and len(pairs_of(wanted)) > 1:
        return refused_child(sa, wanted, kind, now)
    refused = refused_by_peer(sa.profile, kind, child=wanted)
    return [sa.fail(replace(refused, stage=2), wanted)]  # authentication was good
