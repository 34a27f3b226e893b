"""IKE_AUTH with a pre-shared key as its responder (RFC 7296 sections 1.2 and 2.15).

The connection is found by the identities, among those whose addresses and IKE proposals fitted
IKE_SA_INIT; the key is asked for; the answer leaves when the worker has the child.
"""

from collections.abc import Sequence
from typing import Final

from ikecore.actions import Action, Authorize, Reason, Send
from ikecore.diagnosis import Code, Diagnosis, diagnose
from ikecore.findings import identity_mismatch, psk_mismatch
from ikecore.identities import Identity
from ikecore.profile import Childless, Profile
from ikev2 import life
from ikev2.children import Asked, Refusal, agree, answer_payloads, best_fit
from ikev2.exchange import Waiting
from ikev2.exchanges.keyed import Keyed
from ikev2.extensions import auth_notifies, take_notifies
from ikev2.failures import wrong_auth
from ikev2.heir import established
from ikev2.install import Made, install
from ikev2.keys import is_auth_good, psk_auth
from ikev2.message import Message, parse_header, parse_init
from ikev2.mobike import is_translated
from ikev2.payloads.auth import Authentication, AuthMethod
from ikev2.payloads.chain import Payload
from ikev2.payloads.ident import IdInitiator, IdResponder
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.types import NotifyType
from ikev2.sa import IkeSa, State
from ikev2.tracing import trace_received
from ikev2.transport import asked_behind_nat
from ikev2.uniqueness import keeps_another, replaces_another
from ikev2.ways import carried
from policy.path import Path
from suites.secret import Secret

_NO: Final = Notify(NotifyType.AUTHENTICATION_FAILED)


class AwaitAuth(Waiting):
    """A half-open SA's knowledge: what IKE_SA_INIT settled, and which connections it may be."""

    def __init__(self, keyed: Keyed, candidates: Sequence[Profile]) -> None:
        self._keyed = keyed
        self._candidates = candidates
        self._requests: tuple[bytes, ...] = (keyed.request,)

    def on_cookie(self, sa: IkeSa, message: Message, path: Path) -> list[Action]:
        """Take it that AUTH may speak of this request, and answer it as the first.

        We had asked for the cookie, then the crowd was gone and the first request came once more
        (section 2.6): the initiator cannot tell which of its two requests was answered.
        """
        first = parse_init(self._keyed.request, parse_header(self._keyed.request))
        for kind in (SecurityAssociation, KeyExchangeData, Nonce):
            if message.one(kind) != first.one(kind):
                return super().on_cookie(sa, message, path)
        self._requests = (self._keyed.request, message.raw)
        sa.responses.reword(0, message.raw)
        answer = sa.responses.response(0)
        return [trace_received(sa, message, path), *(Send(one, path) for one in answer)]

    def configured(self, sa: IkeSa, profiles: tuple[Profile, ...], now: float) -> list[Action]:
        """Forget the connections that are not what they were; without one left, end."""
        self._candidates = tuple(p for p in self._candidates if p in profiles)
        return [] if self._candidates else sa.close(Reason.RECONFIGURED, now)

    def on_request(self, sa: IkeSa, message: Message, now: float) -> list[Action]:
        """Find the connection, and ask for its key."""
        identity, auth = message.one(IdInitiator), message.one(Authentication)
        lacks_child = message.one(SecurityAssociation) is None
        if identity is None or auth is None:
            return refuse(sa, message, diagnose(1, Code.INVALID_SYNTAX), now)
        wanted = message.one(IdResponder)
        found = _select(self._candidates, identity.identity, wanted.identity if wanted else None)
        if isinstance(found, Diagnosis):
            sa.connection = self._candidates[0].name if len(self._candidates) == 1 else ""
            return refuse(sa, message, found, now)
        if lacks_child and found.childless is Childless.NEVER:
            return refuse(sa, message, diagnose(1, Code.INVALID_SYNTAX), now)
        sa.profile, sa.connection = found, found.name
        sa.waiting = RespondAuth(self._keyed, self._requests, message, identity, auth)
        return [
            sa.become(State.AUTHORIZING, f"IKE_AUTH from {identity.identity}"),
            Authorize(sa.sa, found.name, found.local_id, identity.identity),
        ]


def _select(
    candidates: Sequence[Profile], initiator: Identity, responder: Identity | None
) -> Profile | Diagnosis:
    known = [p for p in candidates if p.remote_id.matches(initiator)]
    if not known:
        return identity_mismatch([p.remote_id for p in candidates], initiator)
    ours = [p for p in known if responder is None or p.local_id.matches(responder)]
    if not ours and responder is not None:
        we_are = ", ".join(str(p.local_id) for p in known)
        return diagnose(
            1, Code.PEER_IDENTITY_MISMATCH, f"we are {we_are}", f"takes us for {responder}"
        )
    return ours[0]


class RespondAuth(Waiting):
    """The initiator's IKE_AUTH while its key is being fetched."""

    def __init__(
        self,
        keyed: Keyed,
        requests: tuple[bytes, ...],
        message: Message,
        identity: IdInitiator,
        auth: Authentication,
    ) -> None:
        self._keyed = keyed
        self._requests = requests  # AUTH signs one of them
        self._message = message
        self._identity = identity  # as it came: AUTH signs its octets
        self._auth = auth

    def authorized(self, sa: IkeSa, psk: Secret, now: float) -> list[Action]:
        """Check AUTH; answer with ours and the child, or with why not."""
        sa.waiting = Waiting()
        keyed, profile, message = self._keyed, sa.profile, self._message
        if not self._is_proven(psk):
            return refuse(sa, message, psk_mismatch(profile, wrong_auth(profile)), now)
        we = IdResponder(profile.local_id)
        ours = psk_auth(
            keyed.keys, psk, keyed.response, keyed.nonces[0], we.body(), initiator=False
        )
        sa.initial_contact = message.notify(NotifyType.INITIAL_CONTACT) is not None
        if keeps_another(sa):
            return refuse(sa, message, diagnose(1, Code.ANOTHER_STAYS), now)
        if profile.mobike and is_translated(message, sa.back):  # RFC 4555 section 3.9
            words = Notify(NotifyType.UNEXPECTED_NAT_DETECTED)
            found = "the peer allows no NAT, and there is one"
            return refuse(sa, message, diagnose(1, Code.NAT_FORBIDDEN, theirs=found), now, words)
        if keyed.nat.told:
            sa.path = carried(sa, sa.path)
        sa.peer = self._identity.identity
        life.begin(sa, now)
        take_notifies(sa, message, now)
        proof = Authentication(AuthMethod.SHARED_KEY, ours)
        head: tuple[Payload, ...] = (we, proof, *auth_notifies(sa))
        changed = sa.become(State.ESTABLISHED, "both ends authenticated")
        up: list[Action] = [changed, established(sa)]
        if message.one(SecurityAssociation) is None:
            return [*sa.answer(message.header, head, now), *up]
        asked = asked_behind_nat(sa, Asked.of(message))
        wanted = best_fit(profile, asked, ())
        agreed = agree(profile, wanted, asked, first=True)
        if isinstance(agreed, Refusal):
            answer = sa.answer(message.header, (*head, Notify(agreed.notify)), now)
            return [*answer, *up, sa.fail(agreed.diagnosis, wanted)]
        spi = sa.offer_spi(now)
        made = Made(sa.nonces, b"", False, sa.started_at)
        sa.waits = standby = replaces_another(sa, wanted)  # the peer has not got this child yet
        _, before, after = install(sa, agreed, made, wanted, spi, now, standby=standby)
        said = answer_payloads(agreed, spi)
        return [*before, *sa.answer(message.header, (*head, *said), now), *up, *after]

    def _is_proven(self, psk: Secret) -> bool:
        keyed, identity = self._keyed, self._identity.body()
        expected = [
            psk_auth(keyed.keys, psk, request, keyed.nonces[1], identity, initiator=True)
            for request in self._requests
        ]
        return self._auth.method == AuthMethod.SHARED_KEY and any(
            is_auth_good(one, self._auth.data) for one in expected
        )

    def refused(self, sa: IkeSa, now: float) -> list[Action]:
        """End: there is no key for this peer."""
        return refuse(sa, self._message, diagnose(1, Code.KEY_MISSING), now)


def refuse(
    sa: IkeSa,
    message: Message,
    diagnosis: Diagnosis,
    now: float,
    words: Notify = _NO,
) -> list[Action]:
    """Answer that authentication failed, and no more: a stranger learns nothing (2.21.2)."""
    answer = sa.answer(message.header, (words,), now)
    return [*answer, sa.fail(diagnosis), *sa.close(Reason.FAILED, now)]
